"""Plots, with matplotlib: curves, boundaries, gradients, weights, and the loss around them."""

from micrograd.plots.curves import loss_curve as loss_curve
from micrograd.plots.figures import PlotError as PlotError
from micrograd.plots.figures import check_drawable as check_drawable
from micrograd.plots.figures import new_figure as new_figure
from micrograd.plots.landscape import loss_landscape as loss_landscape
from micrograd.plots.networks import gradient_flow as gradient_flow
from micrograd.plots.networks import weight_histograms as weight_histograms
from micrograd.plots.surface import decision_boundary as decision_boundary
from micrograd.plots.surface import fitted_curve as fitted_curve
