"""Theory broken on purpose: a wrong sign, a missing factor, a misprint. The test named beside each must notice.

A mutant is one place of one file of ``momentum_lib/theory`` changed.  The file is run anew with the wrong
text, every name that held one of its functions gets the wrong one, and the test is called; afterwards everything is put back.
"""

from pathlib import Path

import pytest
import test_theory as old
import test_theory_closed as closed
import test_theory_floors as floors
import test_theory_linear as linear
import test_theory_noise as noise
from mutants import NOTICED, Swap, run

import momentum_lib.theory as theory

FOLDER = Path(theory.__file__).parent

# (where, right text, wrong text, what is wrong, the test that must fail, its arguments)
MUTANTS = [
    ("linear",
     "np.abs(eigenvalues(rule, curvature, **hyper)).max(axis=-1)[()]",
     "2 * np.abs(eigenvalues(rule, curvature, **hyper)).max(axis=-1)[()]",
     "the misprinted rate 2 sqrt(beta)", old.test_heavy_balls_rate_is_the_roots_modulus, ()),
    ("linear.rate", "eigenvalues(rule, curvature, **hyper)", "eigenvalues(rule, curvature, **hyper).real",
     "the real part for the modulus", old.test_heavy_balls_rate_is_the_roots_modulus, ()),
    ("linear", "np.abs(eigenvalues(rule, curvature, **hyper)).max", "np.abs(eigenvalues(rule, curvature, **hyper)).min",
     "the fastest eigenvalue for the slowest", old.test_heavy_balls_rate_is_the_roots_modulus, ()),
    ("linear",
     "form.carry + curvature * (form.kick[..., :, None] * form.look[..., None, :])",
     "form.carry - curvature * (form.kick[..., :, None] * form.look[..., None, :])",
     "climbs", linear.test_a_trajectory_is_the_run, ("heavy_ball", 0.3)),
    ("linear", "form.kick[..., :, None] * form.look[..., None, :]", "form.look[..., :, None] * form.kick[..., None, :]",
     "the gradient's matrix transposed", linear.test_a_trajectory_is_the_run, ("heavy_ball", 0.3)),
    ("linear", "(rule.look, rule.read)", "(rule.read, rule.read)",
     "Nesterov that does not look ahead", linear.test_a_trajectory_is_the_run, ("nesterov", 4.0)),
    ("linear", "first if t == 1 else later", "later",
     "a first step like the others", linear.test_a_trajectory_is_the_run, ("dampened_momentum", 0.3)),
    ("linear", "((a - d) / 2) ** 2 + b * c", "((a - d) / 2) ** 2 - b * c",
     "a sign in the characteristic polynomial", linear.test_eigenvalues_solve_the_characteristic_polynomial, ("heavy_ball",)),
    ("linear", "size >= 1", "size > 1.5",
     "diverging runs called ripples", linear.test_regimes_of_arrays_and_at_critical_damping, ()),
    ("linear", "(np.abs(values.imag) <= slack) & (values.real >= -slack)", "np.abs(values.imag) <= slack",
     "flips called monotone", linear.test_regimes_are_what_runs_do, ("gradient_descent",)),
    ("linear", "1e-7", "1e-15",
     "critical damping called a swing", linear.test_regimes_of_arrays_and_at_critical_damping, ()),
    ("linear", "(1 - np.sqrt(product)) ** 2", "1 - np.sqrt(product)",
     "critical momentum not squared", old.test_critical_damping, ()),
    ("best", "4 / (np.sqrt(L) + np.sqrt(mu)) ** 2", "2 / (np.sqrt(L) + np.sqrt(mu)) ** 2",
     "half of heavy ball's rate", old.test_the_printed_settings, ()),
    ("best", "root**2", "root",
     "heavy ball's momentum not squared", old.test_the_printed_settings, ()),
    ("best", "3 * L + mu", "3 * L - mu",
     "a sign in the tuned Nesterov", linear.test_the_search_finds_the_closed_form, ("nesterov", 1.0, 100.0)),
    ("best", "float(1 - 1 / root)", "float(1 - 1 / root) ** 2",
     "the rate of f for that of the point", linear.test_result_3_standard_and_tuned_nesterov, ()),
    ("best", "(root - 1) / (root + 1)", "((root - 1) / (root + 1)) ** 2",
     "heavy ball's momentum in Nesterov's method", linear.test_result_3_standard_and_tuned_nesterov, ()),
    ("linear", "2 * (1 + beta)", "2 * (1 - beta)",
     "a sign in the edge", closed.test_the_edge, ("heavy_ball", 0.3)),
    ("linear", "1 + 2 * beta", "1 + beta",
     "the look-ahead's edge too far out", closed.test_the_edge, ("nesterov", 0.3)),
    ("linear.momentum_edge", "steep * unit", "steep",
     "the average's edge in the sum's unit", closed.test_the_edge, ("averaged_momentum", 0.9)),
    ("linear", "(1 - beta) / (1 + beta)", "1 - np.sqrt(beta)",
     "heavy ball's critical rate for Nesterov's", closed.test_critical_rates_are_where_the_pair_meets, ("nesterov",)),
    ("linear", "1 + np.sqrt(beta)", "1 + beta",
     "the root of beta forgotten", closed.test_critical_rates_are_where_the_pair_meets, ("heavy_ball",)),
    ("linear", "np.where(ahead, size / (1 - product), size)", "size",
     "heavy ball's pair for Nesterov's", closed.test_the_setting_of_a_pair_has_that_pair, ("nesterov",)),
    ("linear", "(1 + beta) * x", "(1 - beta) * x",
     "a sign in the rate of an eigenvalue", closed.test_the_setting_of_a_pair_has_that_pair, ("nesterov",)),
    ("linear", "np.where(ahead, inner, 0.0)", "np.where(ahead, 0.0, 0.0)",
     "Nesterov's pairs around 0", closed.test_pairs_lie_on_their_circle, ("nesterov",)),
    ("averages", "4 * beta", "2 * beta",
     "a factor in the gain", closed.test_gain_and_delay_are_the_response, (0.5,)),
    ("averages", "np.where(omega == np.pi, 0.0, late)", "late * 2",
     "a lag twice as long", closed.test_gain_and_delay_are_the_response, (0.5,)),
    ("averages", "0.5 ** (1 / steps)", "0.5**steps",
     "a half-life upside down", closed.test_steps_and_half_lives, ()),
    ("flow", "4 * curvature", "2 * curvature",
     "the longest step too short", closed.test_the_ball_as_a_setting, ()),
    ("flow.setting_of_ball", "h**2", "h",
     "the pace for the rate", closed.test_the_ball_as_a_setting, ()),
    ("flow", "1 - beta**2", "1 - beta",
     "the velocity's share for the energy's", closed.test_energy_of_a_step, ()),
    ("closed", "float(answer)", "answer",
     "NumPy's numbers for plain ones", closed.test_a_closed_form_takes_numbers_lists_and_arrays, ()),
    ("transient.transient_peak", "errors.max", "errors.min",
     "the smallest error for the largest", linear.test_the_flat_direction_has_no_peak_and_a_whole_spectrum_has_one, ()),
    ("transient", "matrix @ power", "matrix * power",
     "powers entry by entry", linear.test_a_start_reaches_the_norm, ()),
    ("transient", "np.linalg.norm(powers, 2, axis=(1, 2))", "np.linalg.norm(powers, axis=(1, 2))",
     "the Frobenius norm", linear.test_a_start_reaches_the_norm, ()),
    ("averages", "1 + beta", "1",
     "total weight for sample size", old.test_result_16, ()),
    ("floors", "c**2 * w[-1] / 4", "c**2 * w[-1] / 2",
     "a factor in Chebyshev's recurrence", floors.test_chebyshevs_worst_error_is_the_polynomials, (5,)),
    ("floors", "c**2 / 2", "c**2 / 4",
     "Chebyshev's second step like the later ones", floors.test_chebyshevs_worst_error_is_the_polynomials, (5,)),
    ("floors", "2 * r**k", "r**k",
     "a floor too low by two", floors.test_chebyshevs_worst_error_is_the_polynomials, (5,)),
    ("floors", "(size / before) ** 2", "size / before",
     "conjugate gradients' ratio not squared", floors.test_conjugate_gradients_is_the_best_polynomial, ()),
    ("floors", "ratio * lr / lrs[-1]", "ratio",
     "its momentum in other units", floors.test_conjugate_gradients_is_heavy_ball_with_its_own_settings, ()),
    ("floors", "32 * _count(L, k) ** 2", "16 * _count(L, k) ** 2",
     "a lower bound twice too high", floors.test_result_9_conjugate_gradients_touches_the_bound, (100, 1.00747)),
    ("floors", "self.L / 8", "self.L / 4",
     "the worst function's curvature doubled", floors.test_the_worst_function_is_a_chain_below_L, ()),
    ("floors", "(t - 1) / (t + 2)", "t / (t + 3)",
     "Nesterov's schedule a step early", floors.test_result_12_restart, (1e3, 801, 889, 455)),
    ("flow", "np.sqrt(np.asarray(lr, dtype=float))", "np.asarray(lr, dtype=float)",
     "friction without the root", floors.test_heavy_ball_follows_the_ball_with_friction, ()),
    ("flow", "curvature - half**2", "curvature - 2 * half**2",
     "the oscillator's frequency", floors.test_the_closed_form_of_the_ball_is_what_runge_kutta_rolls, (1, 0.2)),
    ("flow", "-surface.gradient(x) - rub(t) * v", "-surface.gradient(x) + rub(t) * v",
     "friction that pushes", floors.test_the_closed_form_of_the_ball_is_what_runge_kutta_rolls, (1, 0.2)),
    ("flow", "2 * bessel_j1(safe)", "bessel_j1(safe)",
     "a factor in Nesterov's flow", floors.test_result_11_nesterov_follows_its_equation, ()),
    ("flow", "np.sqrt(curvature) * t", "curvature * t",
     "the root of the curvature forgotten", floors.test_result_11_nesterov_follows_its_equation, ()),
    ("flow.bessel_j1", "-term", "term",
     "the series of the modified Bessel function", floors.test_bessel_j1_is_the_tables, ()),
    ("flow", "s - flat[part][:, None] * np.sin(s)", "2 * s - flat[part][:, None] * np.sin(s)",
     "J2 for J1", floors.test_bessel_j1_is_the_tables, ()),
    ("flow", "beta * (moves**2).sum(axis=1) / (2 * lr)", "(moves**2).sum(axis=1) / (2 * lr * beta + 1e-9)",
     "kinetic energy of another mass", floors.test_energy_only_falls, ()),
    ("flow", "2 * (1 - np.asarray(beta, dtype=float))", "2 * (1 + np.asarray(beta, dtype=float))",
     "the stability edge for the energy's", floors.test_energy_only_falls, ()),
    ("restart", "grad @ (moved - theta) > 0", "grad @ (moved - theta) < 0",
     "restarts when all is well", floors.test_restart_restarts_when_it_should, ()),
    ("restart", "values[-1]", "values[0]",
     "compares with the first value", floors.test_restart_restarts_when_it_should, ()),
    ("restart", "abs(form.report @ z) >= goal", "abs(form.report @ z) >= goal / 2",
     "half of the way out", floors.test_result_30_momentum_leaves_a_saddle_sooner, (0.0, 13823)),
    ("cycles", "-lr", "lr",
     "a sign in the cycle's equations", floors.test_result_13_lessards_cycle_is_exact, ()),
    ("cycles", "(2, 1, 24)", "(2, 1, 23)",
     "another function than Lessard's", floors.test_lessards_gradient_is_the_surfaces, ()),
    ("cycles", "u / (L - mu)", "u / L",
     "a polygon of the wrong size", floors.test_result_14_a_function_on_which_the_tuned_heavy_ball_cycles, (100, None)),
    ("cycles", "np.clip", "lambda z, *_: z",
     "projects onto lines, not sides", floors.test_the_nearest_point_of_the_polygon, ()),
    ("cycles.gradient", "self.L - self.mu", "self.L",
     "a curvature above L", floors.test_result_14_a_function_on_which_the_tuned_heavy_ball_cycles, (25, None)),
    ("noise", "_sigma(sigma)[..., None, None] ** 2", "_sigma(sigma)[..., None, None]",
     "sigma not squared", noise.test_moments_are_the_mean_over_every_coin, ("heavy_ball", 0.7)),
    ("noise", "form.kick[..., :, None] * form.kick[..., None, :]", "np.abs(form.kick[..., :, None] * form.kick[..., None, :])",
     "the noise's correlation of point and state lost", noise.test_moments_are_the_mean_over_every_coin, ("heavy_ball", 0.7)),
    ("noise", "np.swapaxes(matrix, -1, -2)", "matrix",
     "a transpose forgotten", noise.test_moments_are_the_mean_over_every_coin, ("heavy_ball", 0.7)),
    ("noise", "first if t == 1 else later", "later",
     "a first step like the others", noise.test_moments_are_the_mean_over_every_coin, ("dampened_momentum", 0.7)),
    ("noise", "np.eye(k * k) - kron", "np.eye(k * k) + kron",
     "a sign in the Lyapunov equation", noise.test_the_stationary_covariance_is_where_the_moments_end, ("nesterov",)),
    ("noise", "lr * sigma**2 * (1 + kept)", "lr * sigma**2",
     "the noise ball without 1 + beta", noise.test_result_15_the_noise_ball, ("1/10", "9/10", "1", "1")),
    ("noise", "2 * (1 + beta) - steep * product", "2 * (1 + beta) + steep * product",
     "a sign in the noise ball", noise.test_result_15_the_noise_ball, ("1/10", "9/10", "1", "1")),
    ("noise", "return effective * (1 - beta)", "return effective / (1 - beta)",
     "effective rates the wrong way round", noise.test_result_15_printed_values, ()),
    ("noise",
     "mean_square(rule, curvature, steps, sigma=sigma, start=start, **hyper) @ curvature / 2",
     "mean_square(rule, curvature, steps, sigma=sigma, start=start, **hyper) @ curvature",
     "a loss without its half", noise.test_expected_loss_adds_the_directions_up, ()),
    ("noise", "np.hypot(mean - plain_mean, spread - plain_spread)", "np.hypot(mean - plain_mean, spread)",
     "the gap of one law for that of two", noise.test_result_21_the_gap_vanishes_with_the_rate, ()),
    ("noise", "np.where(ahead, beta * (1 - product), beta)", "np.where(ahead, beta, beta)",
     "heavy ball's memory in the look-ahead", noise.test_the_noise_ball_of_the_look_ahead, (0.1, 0.9)),
    ("floors", "2 * (_count(L, k) - 1)", "_count(L, k) - 1",
     "the rate of the point for that of f", floors.test_the_strongly_convex_bound_is_the_chains, ()),
    ("batch", "np.sqrt(curvatures / batch)", "np.sqrt(curvatures) / batch",
     "noise that falls like the batch",
     noise.test_result_22_steps_by_powers_are_steps_by_recursion, (1024, 2.54, 0.1116, 0.97618)),
    ("batch", "later.report[:, None] * later.report / 2", "later.report[:, None] * later.report",
     "a loss without its half", noise.test_result_22_steps_by_powers_are_steps_by_recursion, (1024, 2.54, 0.1116, 0.97618)),
    ("batch", "done + 2**k", "done + k",
     "powers miscounted", noise.test_result_22_steps_by_powers_are_steps_by_recursion, (1024, 2.54, 0.1116, 0.97618)),
    ("streaming", "((p, 1.0), (1 - p, 0.0))", "((p, 0.0), (1 - p, 1.0))",
     "shown and hidden swapped", noise.test_the_streaming_map_is_the_mean_over_every_sequence, ("heavy_ball",)),
    ("streaming", "(1 - p, 0.0)", "(1 - p, 1.0)",
     "every direction always shown", noise.test_result_20_momentum_gains_nothing_on_a_stream, ()),
    ("streaming", "-1 / np.log(rate)", "-2 / np.log(rate)",
     "steps per e-fold of the point, not of its square", noise.test_result_20_momentum_gains_nothing_on_a_stream, ()),
]  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant[0]}: {mutant[3]}")
def test_a_broken_theory_is_noticed(mutant):
    """A mutant that the test meant for it lets pass."""
    where, right, wrong, _, test, arguments = mutant
    with Swap("momentum_lib.theory", where, right, wrong), pytest.raises(NOTICED):
        run(test, arguments)


def test_the_right_theory_is_back_and_passes():
    """A swap that leaves something broken, or tests that would fail whatever the theory says."""
    for test, arguments in dict.fromkeys((mutant[4], mutant[5]) for mutant in MUTANTS):
        run(test, arguments)


def test_every_file_has_its_mutants():
    """A file of the theory that nobody tries to break."""
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert {mutant[0].partition(".")[0] for mutant in MUTANTS} == files and len(MUTANTS) >= 60
