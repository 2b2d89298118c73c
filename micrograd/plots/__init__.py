"""Pictures, with matplotlib: the loss curve, the decision boundary, the fitted curve."""

from micrograd.plots.curves import loss_curve as loss_curve
from micrograd.plots.figures import PlotError as PlotError
from micrograd.plots.figures import check_drawable as check_drawable
from micrograd.plots.figures import new_figure as new_figure
from micrograd.plots.surface import decision_boundary as decision_boundary
from micrograd.plots.surface import fitted_curve as fitted_curve
