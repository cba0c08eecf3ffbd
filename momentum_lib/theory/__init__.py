"""Exact answers about momentum, one idea a file; NumPy only.

Each number that a function takes has its range (``momentum_lib.ranges``): one outside raises ValueError, what is no number
TypeError, and both say what is allowed.

``linear``     the iteration matrix of a rule, its rate, regimes and stability edge
``best``       the best learning rate and momentum on curvatures in [mu, L]
``transient``  how far the error grows before it falls
``asynchrony`` the momentum of workers in random order, the delay of workers in turn
``averages``   the moving average: weights, half-life, sample size, frequency response
``floors``     Chebyshev's iteration, conjugate gradients, lower bounds and worst functions
``noise``      exact second moments under gradient noise, the noise ball, effective rates
``river``      how fast along a valley, at a given loss across it
``batch``      steps against batch size on the noisy quadratic
``streaming``  least squares on a stream of one-hot examples
``flow``       the limits of small steps: a ball with friction, its energy, Nesterov's 3/t
``memory``     the shape of a memory: weights, mean age, noise and edge of a mixture of averages
``steepest``   steepest descent under a norm: gradient, sign, U V'
``orthogonal`` Newton-Schulz on singular values, and the best polynomials for it
``restart``    adaptive restart; how soon a saddle is left
``cycles``     convex functions on which heavy ball goes round for ever
``closed``     what makes an answer in closed form serve the live figures, too
"""

from .asynchrony import (
    asynchronous_matrix,
    asynchronous_mean,
    asynchronous_rate,
    asynchronous_spread,
    asynchronous_square,
    asynchronous_step,
    asynchrony_beta,
    asynchrony_setting,
    fit_momentum,
    simulate_workers,
    spread_matrix,
    turn_matrix,
)
from .averages import beta_at_half_life, frequency_response, half_life, sample_size, total_weight, wave_delay, wave_gain, weights
from .batch import BatchPoint, best_at_batch, noisy_quadratic, steps_to_loss
from .best import Setting, best_gradient_descent, best_heavy_ball, best_nesterov, best_setting, standard_nesterov
from .cycles import CyclingFunction, cycling_function, exact_run, lessard_cycle, lessard_gradient
from .floors import (
    Schedule,
    WorstFunction,
    chebyshev_floor,
    chebyshev_schedule,
    conjugate_gradients,
    distance_floor,
    lower_bound,
    lower_bound_strongly_convex,
    nesterov_bound,
    nesterov_schedule,
    worst_function,
)
from .flow import (
    Energy,
    Roll,
    ball_with_friction,
    bessel_j1,
    critical_friction,
    energy,
    energy_edge,
    friction,
    friction_share,
    kinetic_energy,
    longest_step,
    nesterov_flow,
    roll,
    roll_energy,
    setting_of_ball,
)
from .linear import (
    LinearForm,
    circle_of_pairs,
    critical_beta,
    critical_rate,
    eigenvalues,
    flipping_rate,
    iteration_matrix,
    linear_form,
    momentum_edge,
    rate,
    rate_of_eigenvalue,
    regime,
    setting_of_pair,
    stability_edge,
    steps_at_rate,
    trajectory,
)
from .memory import (
    age_at_edge,
    age_at_newest,
    age_at_noise,
    ageing_weights,
    beta_at_mean_age,
    kept_noise,
    kept_zigzag,
    kernel_weights,
    lion_mixture,
    mean_age,
    mixture_age,
    mixture_edge,
    mixture_matrix,
    nesterov_mixture,
    newest_weight,
    two_memories,
    weight_at,
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
from .orthogonal import POLYNOMIALS, best_quintic, best_quintics, newton_schulz, odd_quintic
from .restart import escape_steps, restarted_nesterov
from .river import lr_at_hill_loss, noise_over_hill, river_gain
from .steepest import NORMS, dual_size, size, steepest
from .streaming import best_streaming, steps_per_efold, streaming_operator, streaming_rate
from .transient import Peak, norm_peak, power_norms, transient_peak
