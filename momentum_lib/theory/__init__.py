"""Exact answers about momentum, one idea a file; NumPy only.

``linear``     the iteration matrix of a rule, its rate, regimes and stability edge
``best``       the best learning rate and momentum on curvatures in [mu, L]
``transient``  how far the error grows before it falls
``averages``   the moving average: weights, half-life, sample size, frequency response
``noise``      exact second moments under gradient noise, the noise ball, effective rates
``batch``      steps against batch size on the noisy quadratic
``streaming``  least squares on a stream of one-hot examples
"""

from .averages import frequency_response, half_life, sample_size, total_weight, weights
from .batch import BatchPoint, best_at_batch, noisy_quadratic, steps_to_loss
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
from .noise import (
    effective_rate,
    expected_loss,
    lr_at_effective_rate,
    mean_square,
    noise_ball,
    second_moments,
    small_rate_gap,
    stationary_covariance,
)
from .streaming import best_streaming, steps_per_efold, streaming_operator, streaming_rate
from .transient import Peak, norm_peak, power_norms, transient_peak
