"""Pictures, with matplotlib: the loss curve, the decision boundary, the fitted curve."""

from micrograd.draw.curves import loss_curve as loss_curve
from micrograd.draw.figures import PlotError as PlotError
from micrograd.draw.figures import check_drawable as check_drawable
from micrograd.draw.figures import new_figure as new_figure
from micrograd.draw.surface import decision_boundary as decision_boundary
from micrograd.draw.surface import fitted_curve as fitted_curve
