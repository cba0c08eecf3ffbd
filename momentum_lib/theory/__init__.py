"""Exact answers about momentum, one idea a file; NumPy only.

``linear``     the iteration matrix of a rule, its rate, regimes and stability edge
``best``       the best learning rate and momentum on curvatures in [mu, L]
``transient``  how far the error grows before it falls
``averages``   the moving average: weights, half-life, sample size, frequency response
"""

from .averages import frequency_response, half_life, sample_size, total_weight, weights
from .best import Setting, best_gradient_descent, best_heavy_ball, best_nesterov, best_setting, standard_nesterov
from .linear import (
    LinearForm,
    critical_beta,
    eigenvalues,
    iteration_matrix,
    linear_form,
    rate,
    regime,
    stability_edge,
    trajectory,
)
from .transient import Peak, norm_peak, power_norms, transient_peak
