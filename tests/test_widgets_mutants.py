"""Live figures broken on purpose, in Python and in the browser's text: the test named beside each must notice.

A mutant is one place of a module changed: a wrong sign, a missing factor, another regime, swapped axes, the misprinted
2 sqrt(beta).  Python's module is run anew (`mutants.Swap`); the browser's stands, changed, among the right ones in a copy of
their folder, and Node imports it.  What only a browser draws is held by tests/browser.
"""

import itertools
import shutil
import sys
from unittest.mock import patch

import pytest
import test_predict as guess
import test_widgets_basin as basin
import test_widgets_curves as curves
import test_widgets_disc as disc
import test_widgets_ingredients as parts
import test_widgets_kernel as kernel
import test_widgets_noise_ball as ball
import test_widgets_phase as phase
import test_widgets_ribbon as ribbon
import test_widgets_roller as roller
import test_widgets_stage as stage
import test_widgets_velocity as velocity
from mutants import NOTICED, Swap, run
from syntax import JavaScript

from momentum_lib.widgets import FIGURES, bundle

PACKAGE = "momentum_lib.widgets"
TESTS = (basin, curves, disc, kernel, parts, ball, phase, ribbon, roller, stage, velocity)
# (where, right text, wrong text, what is wrong, the test that must fail, its arguments; JS stands for the browser's module)
JS = object()
PYTHON = [
    ("disc", "(60 if averaged else 6) / kappa", "(60 if averaged else 6) * kappa",
     "the axis of another unit", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "heavy_ball", 9)),
    ("disc", "best.lr / (1 - best.beta)", "best.lr * (1 - best.beta)",
     "the average's rate the wrong way round", disc.test_best_setting_has_the_rate_it_says, ("averaged_momentum",)),
    ("disc",
     "theory.rate(all_rules.get(rule), ends, lr=rates[None, :], **hyper).max",
     "theory.rate(all_rules.get(rule), ends, lr=rates[None, :], **hyper).min",
     "a map of the fastest direction", disc.test_map_predicts_the_steps_of_the_rate, ("heavy_ball",)),
    ("disc",
     "theory.rate(all_rules.get(rule), ends, lr=rates[None, :], **hyper).max(axis=0)",
     "2 * theory.rate(all_rules.get(rule), ends, lr=rates[None, :], **hyper).max(axis=0)",
     "a map of the misprinted rate 2 sqrt(beta)", disc.test_map_predicts_the_steps_of_the_rate, ("heavy_ball",)),
    ("disc", "np.log(GOAL) / np.log(rate)", "np.log(rate) / np.log(GOAL)",
     "steps upside down", disc.test_map_predicts_the_steps_of_the_rate, ("gradient_descent",)),
    ("disc", "rate < 1", "rate < 2",
     "steps where the rule diverges", disc.test_map_predicts_the_steps_of_the_rate, ("nesterov",)),
    ("disc", "momenta[:, None]", "momenta[None, :]",
     "momentum along the rate's axis", disc.test_map_predicts_the_steps_of_the_rate, ("heavy_ball",)),
    ("disc", "np.abs(values).max()", "2 * np.abs(values).max()",
     "the misprinted rate 2 sqrt(beta)", disc.test_the_two_distances, ()),
    ("disc", "np.abs(values)", "np.abs(values.real)",
     "the real part for the modulus", disc.test_the_two_distances, ()),
    ("disc", "np.abs(values).max", "np.abs(values).min",
     "the fastest direction's rate", disc.test_the_outermost_eigenvalue_is_the_rate, ()),
    ("disc", "np.argmax", "np.argmin",
     "the nearest point for the farthest", disc.test_numbers_meet_the_theory, ()),
    ("disc", "np.arange(DIRECTIONS)", "-np.arange(DIRECTIONS)",
     "curvatures below 1", disc.test_numbers_meet_the_theory, ()),
    ("disc", "self.path(BUDGET)", "self.path(BUDGET // 20)",
     "a run that stops short", disc.test_numbers_meet_the_theory, ()),
    ("disc",
     'chart.plot(np.clip(self.lr, *rate_range(self.rule, self.kappa)), height, "o", clip_on=False, **ring)',
     'chart.plot(height, np.clip(self.lr, *rate_range(self.rule, self.kappa)), "o", clip_on=False, **ring)',
     "the setting with its axes swapped", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc",
     'chart.plot(best.lr, best.beta, "D", markersize=6, markerfacecolor="none", markeredgecolor=INK, clip_on=False)',
     'chart.plot(best.beta, best.lr, "D", markersize=6, markerfacecolor="none", markeredgecolor=INK, clip_on=False)',
     "the best setting with its axes swapped", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc", "np.ma.maximum(shown, low)", "np.ma.maximum(shown.T, low)",
     "the map's cells transposed", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc",
     'disc.plot(values.real.ravel(), values.imag.ravel(), "o", color=look["color"], markersize=4)',
     'disc.plot(values.imag.ravel(), values.real.ravel(), "o", color=look["color"], markersize=4)',
     "the plane with its axes swapped", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc", 'found["rate"] * np.array([turn.real, turn.imag])', 'found["rate"] ** 2 * np.array([turn.real, turn.imag])',
     "a circle at beta, not at its root", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc", 'np.arange(self.steps + 1) * np.log(found["rate"])', 'np.arange(self.steps + 1) * np.log(found["rate"]) / 2',
     "a prediction that falls half as fast", disc.test_the_picture_is_drawn_where_its_numbers_say, ("nesterov",)),
    ("disc", '((0, "flat"), (-1, "steep"))', '((-1, "flat"), (0, "steep"))',
     "flat and steep exchanged", disc.test_the_picture_is_drawn_where_its_numbers_say, ("nesterov",)),
    ("phase", "friction**2 / 4", "friction**2 / 2",
     "the oscillator's frequency", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "-friction * t / 2", "-friction * t",
     "a swing that fades twice as fast", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "np.exp(-friction * t / 2)", "np.exp(friction * t / 2)",
     "a swing that grows", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "w0 + friction * x0 / 2", "w0 - friction * x0 / 2",
     "a sign in the position", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "w0 * c - (curvature * x0 + friction * w0 / 2) * s", "w0 * c + (curvature * x0 + friction * w0 / 2) * s",
     "a sign in the velocity", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "np.cos(root * t) if gap >= 0 else np.cosh(root * t)", "np.cos(root * t) if gap < 9 else np.cosh(root * t)",
     "an over-damped ball that swings", phase.test_closed_form_solves_the_equation, (1.0, 7.0)),
    ("phase.flow", "-friction", "friction",
     "friction that pushes", phase.test_runge_kutta_meets_the_closed_form, (0.5,)),
    ("phase",
     "x + dt / 6 * (w + 2 * w2 + 2 * w3 + w4), w + dt / 6 * (a1 + 2 * a2 + 2 * a3 + a4)",
     "x + dt / 6 * (w + 2 * w2 + 2 * w3 + w4), w + dt / 6 * (a1 + a2 + a3 + a4)",
     "weights of no method", phase.test_runge_kutta_meets_the_closed_form, (0.5,)),
    ("phase", "w3 = w + dt / 2 * a2\na3 = pull(x + dt / 2 * w2, w3)", "w3 = w + dt / 2 * a2\na3 = pull(x + dt * w2, w3)",
     "a half step that is whole", phase.test_runge_kutta_meets_the_closed_form, (0.5,)),
    ("phase", "1 - friction * h", "1 + friction * h",
     "a momentum above 1", phase.test_the_dots_are_heavy_ball, ()),
    ("phase.ball", "h**2", "h",
     "the time step for its square", phase.test_the_dots_are_heavy_ball, ()),
    ("phase", "(x, -h * v)", "(x, h * v)",
     "the velocity's sign", phase.test_the_dots_are_heavy_ball, ()),
    ("phase", "-float(start[1])", "float(start[1])",
     "a start that moves backwards", phase.test_the_dots_settle_on_the_curve, ()),
    ("phase", "4 * curvature", "2 * curvature",
     "the edge without its factor", phase.test_edge_is_the_rules_own, (0.5, 1.0)),
    ("phase", "math.sqrt(friction**2 + 4 * curvature) - friction", "math.sqrt(friction**2 + 4 * curvature) + friction",
     "a sign in the edge", phase.test_edge_is_the_rules_own, (0.5, 1.0)),
    ("phase", "2 * math.sqrt(self.curvature)", "math.sqrt(self.curvature)",
     "critical damping at half the friction", phase.test_regimes, (2, "critically")),
    ("phase", "ratio < 1", "ratio > 1",
     "swings called creeping", phase.test_regimes, (0.5, "under-damped")),
    ("phase", "path[:, 1] ** 2 / 2 + self.height(path[:, 0])", "path[:, 1] ** 2 + self.height(path[:, 0])",
     "kinetic energy of a mass of 2", phase.test_the_energy_bound_and_the_rises, ()),
    ("phase", '"kinetic": fine[:, 1] ** 2 / 2', '"kinetic": fine[:, 1] ** 2',
     "the curve's kinetic energy of a mass of 2", phase.test_energy_of_the_ball_only_goes_down, ("bowl",)),
    ("phase", "np.diff(energies) > 1e-12 * (1 + energies[0])", "np.diff(energies) < -1e-12 * (1 + energies[0])",
     "falls counted as rises", phase.test_the_energy_bound_and_the_rises, ()),
    ("phase", "path[:, 0] - curve[:, 0]", "path[:, 1] - curve[:, 1]",
     "the gap of the velocities", phase.test_the_gap_is_one_of_position, ()),
    ("phase", 'found["fine"].T', 'found["fine"].T[::-1]',
     "the plane with its axes swapped", phase.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("phase", "path.T", "path.T[::-1]",
     "the dots with their axes swapped", phase.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("phase", "-self.friction * w - slope", "-self.friction * w + slope",
     "a flow away from the minimum", phase.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("phase",
     'energy.plot(t, found["energies"], ".", color=dots, markersize=4)',
     'energy.plot(t, found["path"][:, 0], ".", color=dots, markersize=4)',
     "positions for energies", phase.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("noise_ball", "curvature * theta + sigma * noise", "curvature * theta + noise",
     "noise of another size", ball.test_a_walker_is_a_run_of_the_rule_on_a_noisy_bowl, ()),
    ("noise_ball", "[1.0, kappa]", "[kappa, 1.0]",
     "the two curvatures exchanged", ball.test_a_walker_is_a_run_of_the_rule_on_a_noisy_bowl, ()),
    ("noise_ball", "self.rate * (1 - beta)", "self.rate / (1 - beta)",
     "the effective rate the wrong way round", ball.test_result_15_in_the_figure, ()),
    ("noise_ball", "theory.sample_size", "theory.total_weight",
     "total weight for sample size", ball.test_result_15_in_the_figure, ()),
    ("noise_ball", "(settled**2).mean", "np.abs(settled).mean",
     "the mean distance for the variance", ball.test_what_is_measured_is_what_the_theory_says, ("rate", 0.02, 0.5)),
    ("noise_ball", "(settled**2 / exact).sum(axis=-1) <= 4", "(settled**2 / exact).sum(axis=-1) <= 2",
     "an ellipse of another size", ball.test_what_is_measured_is_what_the_theory_says, ("rate", 0.02, 0.5)),
    ("noise_ball",
     "theory.noise_ball(self._lr(hold, GRID), GRID, 1.0, self.sigma)",
     "theory.noise_ball(self._lr(hold, GRID), GRID, 1.0, 1.0)",
     "curves that take no notice of the noise", ball.test_curves_of_the_second_picture, ()),
    ("noise_ball", 'np.sqrt(found["exact"])', 'found["exact"]',
     "an ellipse of variances", ball.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("noise_ball", 'found["cloud"].T', 'found["cloud"].T[::-1]',
     "the swarm with its axes swapped", ball.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("roller", "2 * lr", "lr",
     "kinetic energy of a mass of 2", roller.test_the_books_balance, ("ripples", 0.6)),
    ("roller", "1 - beta**2", "1 - beta",
     "friction of the velocity, not of its square", roller.test_the_books_balance, ("ripples", 0.6)),
    ("roller", "kinetic[:-1]", "kinetic[1:]",
     "friction a step late", roller.test_the_books_balance, ("ripples", 0.6)),
    ("roller.books", "potential + kinetic", "potential - kinetic",
     "a sign in the books", roller.test_the_books_balance, ("ripples", 0.6)),
    ("roller", "float(slope(landscape, x))", "-float(slope(landscape, x))",
     "a ball that climbs", roller.test_the_path_is_descends, ("ripples",)),
    ("roller", "valleys if found[k] < 0 else ridges", "ridges if found[k] < 0 else valleys",
     "valleys called ridges", roller.test_valleys_and_ridges, ("ripples", 5, 4)),
    ("roller", "lambda bottom: abs(bottom - long[-1])", "lambda bottom: -abs(bottom - long[-1])",
     "the farthest valley", roller.test_words_carry_the_numbers, ()),
    ("roller",
     'hill.plot(found["path"], found["potential"], ".", color=blue, markersize=5, alpha=0.7)',
     'hill.plot(found["potential"], found["path"], ".", color=blue, markersize=5, alpha=0.7)',
     "the hill with its axes swapped", roller.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("roller", "floor = floor + found[name]", "floor = found[name]",
     "energies side by side, not stacked", roller.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("basin",
     'height.plot(path, surfaces.lessard.value(path[None]), "o", **dots)',
     'height.plot(surfaces.lessard.value(path[None]), path, "o", **dots)',
     "the hill with its axes swapped", basin.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("basin", 'fall.plot(path, np.arange(len(path)), "o", **dots)', 'fall.plot(np.arange(len(path)), path, "o", **dots)',
     "the fall with its axes swapped", basin.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("basin",
     'field.plot([self.lr], [self.beta], "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)',
     'field.plot([self.beta], [self.lr], "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.6)',
     "the setting with its axes swapped", basin.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("basin._paint", "codes > 0", "codes == 0",
     "rest painted as a cycle", basin.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("ingredients", "np.sqrt(1 - beta2**t)", "1 - beta2**t",
     "s's correction without its root", parts.test_every_recipe_is_its_lines, (parts.ADAM | {"correct_s": False},)),
    ("ingredients",
     'rate / start_m if parts["correct_m"] else np.full(steps, rate)',
     'rate * start_m if parts["correct_m"] else np.full(steps, rate)',
     "m's correction the wrong way round", parts.test_every_recipe_is_its_lines, (parts.ADAM | {"ruler": False},)),
    ("ingredients", "scale = bare_m / bare_s", "scale = bare_m * bare_s",
     "s's correction taken out twice", parts.test_every_recipe_is_its_lines, (parts.ADAM | {"correct_s": False},)),
    ("ingredients",
     'weight_decay / scale if parts["decay"] else np.zeros(steps)',
     'weight_decay + 0 * scale if parts["decay"] else np.zeros(steps)',
     "a decay that grows with the schedule",
     parts.test_every_recipe_is_its_lines, (parts.ADAM | {"correct_m": False, "decay": True},)),
    ("ingredients", 'beta1 if parts["momentum"] else 0.0', "beta1",
     "a switch that does nothing", parts.test_every_recipe_is_its_lines, (parts.ADAM | {"momentum": False},)),
    ("ingredients", "float(v) / (self.lr if self.ruler else 1)", "float(v)",
     "the first step in another unit", parts.test_the_first_step_of_each_correction, ()),
    ("ingredients._moved", "self.surface", "'ravine'",
     "a surface that begins like another", parts.test_a_surface_brings_its_own_beginning, ("rosenbrock",)),
    ("basin", "(np.abs(x) <= TOL) & (np.abs(before) <= TOL)", "(np.abs(x) <= 1e3 * TOL) & (np.abs(before) <= 1e3 * TOL)",
     "rest a thousand times too early", basin.test_rest_or_cycle_as_exact_fractions_say, ("3",)),
    ("basin", "(np.abs(x) <= TOL) & (np.abs(before) <= TOL)", "(np.abs(x) <= 1.0) & (np.abs(before) <= 10.0)",
     "a point of the cycle called rest", basin.test_the_cycle_is_the_exact_one, ()),
    ("basin", "np.roll(track, -1 - t % len(track), axis=0)", "np.roll(track, 23 - t % len(track), axis=0)",
     "the last points out of order", basin.test_periods_are_those_of_a_longer_run, ()),
    ("basin", "gap <= TOL", "gap <= CLOSE",
     "a slow flip called six points", basin.test_a_slow_flip_is_not_called_a_longer_cycle, ()),
    ("basin", "x[keep], bound[keep], runs[keep], track[:, keep]", "x[keep], bound[keep], runs[: keep.sum()], track[:, keep]",
     "runs that take another's place", basin.test_many_runs_at_once_end_as_single_ones, ()),
    ("basin", "rule.look(x, *state, **now)", "x",
     "Nesterov that does not look ahead", basin.test_divergence_is_seen_where_descend_sees_it, ()),
    ("velocity", "np.arange(self.step + 1)[:, None]", "np.arange(self.step + 1)[::-1, None]",
     "the oldest gradient the strongest", velocity.test_the_terms_add_up_to_the_step, (0.8, 8)),
    ("velocity", "terms[GHOSTS + 1 :].sum(0, keepdims=True)", "terms[GHOSTS + 1 :].mean(0, keepdims=True)",
     "a mean for the sum of all that is older", velocity.test_the_terms_add_up_to_the_step, (0.97, 24)),
    ("velocity", "AXES @ terms.T", "AXES[::-1] @ terms.T",
     "along and across exchanged", velocity.test_along_the_valley_they_add_and_across_it_they_cancel, ()),
    ("stage", "{\"beta\": self.beta}", "{\"beta\": self.beta / 2}",
     "half the memory", stage.test_it_opens_with_the_zigzag_and_the_ball_that_runs_along_the_floor, ()),
    ("stage", "plain / ball", "ball / plain",
     "nearer for farther", stage.test_it_opens_with_the_zigzag_and_the_ball_that_runs_along_the_floor, ()),
    ("ribbon", "self.beta ** (age / self.tokens)", "self.beta ** age",
     "tokens taken for steps", ribbon.test_half_of_a_gradient_counts_at_the_ring, ()),
    ("ribbon.picture", "math.sqrt(start * end)", "start + end",
     "a piece lit as its far end and more", ribbon.test_the_picture_is_lit_as_far_as_it_counts, ()),
    ("ribbon", "zip(cuts, [*cuts[1:], last])", "zip(cuts, [*cuts[1:], last / 2])",
     "a gap between two units", ribbon.test_the_pieces_fill_the_ribbon_without_a_gap, ()),
    ("kernel", "self.share + (self.end - self.share) * self.progress", "self.end + (self.share - self.end) * self.progress",
     "a run backwards", kernel.test_an_ageing_memorys_share_moves_from_its_first_to_its_last, ()),
    ("kernel", "aged = share * theory.weight_at(k, old)", "aged = theory.weight_at(k, old)",
     "the old average without its share", kernel.test_weights_and_numbers_are_the_theorys, ("first",)),
    ("kernel", "(1 - share) * theory.weight_at(k, young) + aged", "theory.weight_at(k, young) + aged",
     "weights that do not add up to 1", kernel.test_weights_and_numbers_are_the_theorys, ("nesterov",)),
    ("kernel",
     '{"newest": theory.age_at_newest, "edge": theory.age_at_edge, "noise": theory.age_at_noise}',
     '{"newest": theory.age_at_newest, "edge": theory.age_at_noise, "noise": theory.age_at_edge}',
     "edge and noise exchanged", kernel.test_the_one_beside_it_has_one_number_in_common, ()),
    ("kernel.picture", "ratio = mine / other if other else 1.0", "ratio = other / mine if other else 1.0",
     "ratios upside down", kernel.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("kernel",
     'weights.bar(k, found["weights"] - found["aged"], width=0.72, bottom=found["aged"], color=blue)',
     'weights.bar(k, found["weights"] - found["aged"], width=0.72, color=blue)',
     "bars that are not stacked", kernel.test_the_picture_is_drawn_where_its_numbers_say, ()),
]  # fmt: skip

BROWSER = [
    ("linear", "[[a, b], [c, d]]", "[[a, c], [b, d]]",
     "the matrix transposed", disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "heavy_ball")),
    ("linear", "rule.lookAt(0, UNIT, hyper)", "0",
     "Nesterov that does not look ahead", disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "nesterov")),
    ("linear", "curvature * rule.lookAt(1, REST, hyper)", "-curvature * rule.lookAt(1, REST, hyper)",
     "climbs", disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "gradient_descent")),
    ("linear.eigenvalues", "((a - d) / 2) ** 2 + b * c", "((a - d) / 2) ** 2 - b * c",
     "a sign in the characteristic polynomial",
     disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "heavy_ball")),
    ("linear", "half < 0 ? half - root : half + root", "half < 0 ? half + root : half - root",
     "the smaller root first", disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "heavy_ball")),
    ("linear", "Math.sqrt(half * half - gap)", "2 * Math.sqrt(half * half - gap)",
     "the misprinted rate 2 sqrt(beta)", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("linear", "Math.sqrt(half * half - gap)", "Math.abs(half)",
     "the real part for the modulus", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("linear", "Math.abs(half) + Math.sqrt(gap)", "Math.abs(half) - Math.sqrt(gap)",
     "the inner of two real roots", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("disc",
     "Math.max(most, radius(iterationMatrix(rule, c, hyper)))",
     "Math.min(most || 9, radius(iterationMatrix(rule, c, hyper)))",
     "the fastest direction's rate", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("disc", "rho >= 1", "rho >= 2",
     "steps where the rule diverges", disc.test_predicted_steps_in_the_browser, (JS,)),
    ("generated/theory", "Math.log(tol) / Math.log(rate)", "Math.log(rate) / Math.log(tol)",
     "steps upside down", disc.test_predicted_steps_in_the_browser, (JS,)),
    ("disc", "averaged ? 60 : 6", "averaged ? 6 : 60",
     "the two axes exchanged", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "heavy_ball", 9)),
    ("generated/theory", "4 / square(Math.sqrt(L) + Math.sqrt(mu))", "2 / square(Math.sqrt(L) + Math.sqrt(mu))",
     "half of heavy ball's rate", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "heavy_ball", 9)),
    ("generated/theory", "beta: root * root", "beta: root",
     "heavy ball's momentum not squared", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "heavy_ball", 9)),
    ("generated/theory", "rate: 1 - 2 / q", "rate: 1 - 1 / q",
     "the standard Nesterov's rate", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "nesterov", 9)),
    ("generated/theory.effectiveRate", "lr / (1 - beta)", "lr / (1 + beta)",
     "the average's unit", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "averaged_momentum", 9)),
    ("generated/theory.settingOfPair", "square(1 - x)", "square(1 + x)",
     "the distance from -1", disc.test_a_dragged_eigenvalue_lands_where_it_was_put, (JS, "heavy_ball")),
    ("generated/theory", "x * x + y * y", "Math.hypot(x, y)",
     "the modulus for its square", disc.test_a_dragged_eigenvalue_lands_where_it_was_put, (JS, "heavy_ball")),
    ("generated/theory", "ahead ? size / (1 - product) : size", "size",
     "heavy ball's way back for Nesterov", disc.test_a_dragged_eigenvalue_lands_where_it_was_put, (JS, "nesterov")),
    ("generated/theory", "(1 + beta) * x - beta", "(1 + beta) * x + beta",
     "a sign left of zero", disc.test_left_of_zero_nesterov_has_real_eigenvalues, (JS,)),
    ("disc", "Math.sqrt(sum / spectrum.length)", "sum / spectrum.length",
     "the mean square for its root", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("disc", "divergedAt: n < BUDGET ? n + 1 : 0", "divergedAt: 0",
     "a divergence kept quiet", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("disc", "k / (n - 1)", "k / n",
     "the steepest direction left out", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("generated/theory", "1 - friction * h", "1 + friction * h",
     "a momentum above 1", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("generated/theory.settingOfBall", "h * h", "h",
     "the time step for its square", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("phase", "[-w0 / h]", "[w0 / h]",
     "a start that moves backwards", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("phase", "-h * state[0]", "h * state[0]",
     "the velocity's sign", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("phase", "out[2 * k] = x; out[2 * k + 1] = -h * state[0];", "out[2 * k + 1] = x; out[2 * k] = -h * state[0];",
     "position and velocity exchanged", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("generated/theory", "curvature - half * half", "curvature - 2 * half * half",
     "the oscillator's frequency", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("generated/theory",
     "gap > 0 ? fade * Math.cos(w * t) : (plus + minus) / 2",
     "gap < 9 ? fade * Math.cos(w * t) : (plus + minus) / 2",
     "an over-damped ball that swings", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 5.0, 0.3)),
    ("generated/theory", "push * c - half * x - start * gap * s", "push * c - half * x + start * gap * s",
     "a sign in the velocity", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("phase.curve", "-friction", "friction",
     "friction that pushes", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "double_well", 0.3, 0.3)),
    ("phase",
     "x += (dt / 6) * (w + 2 * w2 + 2 * w3 + w4); w += (dt / 6) * (a1 + 2 * a2 + 2 * a3 + a4);",
     "x += (dt / 6) * (w + w2 + w3 + w4); w += (dt / 6) * (a1 + 2 * a2 + 2 * a3 + a4);",
     "weights of no method", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "double_well", 0.3, 0.3)),
    ("generated/theory", "2 * Math.sqrt(curvature)", "Math.sqrt(curvature)",
     "critical damping at half the friction", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 2.0, 0.3)),
    ("phase", "ratio < 1", "ratio > 1",
     "swings called creeping", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("generated/theory", "friction * friction + 4 * curvature", "friction * friction + 2 * curvature",
     "the edge without its factor", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("generated/theory.kineticEnergy", "2 * lr", "lr",
     "kinetic energy of a mass of 2", phase.test_energy_grid_and_rises_in_the_browser, (JS,)),
    ("phase",
     "energies[k] > energies[k - 1] + 1e-12 * (1 + energies[0])",
     "energies[k] < energies[k - 1] - 1e-12 * (1 + energies[0])",
     "falls counted as rises", phase.test_energy_grid_and_rises_in_the_browser, (JS,)),
    ("phase", "Math.floor(time / h + 1e-9)", "Math.ceil(time / h + 1e-9)",
     "a dot beyond the end", phase.test_energy_grid_and_rises_in_the_browser, (JS,)),
    ("phase", "h / FINE - 1e-9", "h / FINE / 2",
     "a curve of half the points", phase.test_energy_grid_and_rises_in_the_browser, (JS,)),
    ("phase", "curvature: 25", "curvature: 24",
     "another function than Lessard's", phase.test_potentials_say_the_same_in_the_browser, (JS,)),
    ("generated/theory.lrAtEffectiveRate", "effective * (1 - beta)", "effective / (1 - beta)",
     "the effective rate the wrong way round", ball.test_measuring_is_the_same_in_the_browser, (JS,)),
    ("generated/theory", "lr * (sigma * sigma) * (1 + kept)", "lr * (sigma * sigma)",
     "the noise ball without 1 + beta", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.1, 0.9, 1.0, 1.0)),
    ("generated/theory", "2 * (1 + beta) - steep * product", "2 * (1 + beta) + steep * product",
     "a sign in the noise ball", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.1, 0.9, 1.0, 1.0)),
    ("linear", "(a * d + b * c) * xv", "(a * d - b * c) * xv",
     "a sign in the second moments", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.1, 0.9, 1.0, 1.0)),
    ("linear", "(a * d + b * c) * xv", "a * d * xv",
     "a mixed term counted once", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.1, 0.9, 1.0, 1.0)),
    ("linear.meanSquares", "const noise = sigma * sigma", "const noise = sigma",
     "sigma not squared", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.2, 0.0, 4.0, 0.5)),
    ("noise_ball", "curvatures[first % 2]", "curvatures[1 - (first % 2)]",
     "the two axes exchanged", ball.test_the_swarm_is_the_same_in_the_browser_bit_for_bit, (JS, 0.1, 0.9, 4.0, 1.0)),
    ("noise_ball", "a / exact[0] + b / exact[1] <= 4", "a / exact[0] + b / exact[1] <= 2",
     "an ellipse of another size", ball.test_measuring_is_the_same_in_the_browser, (JS,)),
    ("noise_ball", "xx += a; yy += b;", "xx += a; yy += a;",
     "one axis measured twice", ball.test_measuring_is_the_same_in_the_browser, (JS,)),
    ("generated/theory.kineticEnergy", "2 * lr", "lr",
     "kinetic energy of a mass of 2", roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("generated/theory.frictionShare", "beta * beta", "beta",
     "friction of the velocity, not of its square",
     roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("roller", "p + kinetic[k] + friction[k]", "p + kinetic[k] - friction[k]",
     "a sign in the books", roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("roller.roll", "slope(landscape, x)", "-slope(landscape, x)",
     "a ball that climbs", roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("roller", "found[k] < 0 ? valleys : ridges", "found[k] < 0 ? ridges : valleys",
     "valleys called ridges", roller.test_landscapes_say_the_same_in_the_browser, (JS,)),
    ("roller", "Math.abs(b - end) < Math.abs(a - end)", "Math.abs(b - end) > Math.abs(a - end)",
     "the farthest valley", roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("roller", "entered > 0 && long[entered - 1] > low", "entered > 0",
     "a valley with one side", roller.test_a_valley_has_two_sides, (JS,)),
    ("generated/theory.momentumEdge", "1 + 2 * beta", "1 + beta",
     "Nesterov's edge without its factor",
     basin.test_trace_and_strip_are_the_same_in_the_browser, (JS, "nesterov", 1 / 9, 4 / 9)),
    ("generated/theory.momentumEdge", "2 * (1 + beta)", "2 * (1 - beta)",
     "a sign in the edge", basin.test_trace_and_strip_are_the_same_in_the_browser, (JS, "heavy_ball", 1 / 9, 4 / 9)),
    ("basin", "[...last.slice(first), ...last.slice(0, first)]", "[...last.slice(0, first), ...last.slice(first)]",
     "the cycle from another point", basin.test_a_cycle_starts_with_its_largest_point, (JS, -3.3)),
    ("basin", "points[t + code]", "points[t + 1]",
     "a cycle that never settles", basin.test_trace_and_strip_are_the_same_in_the_browser, (JS, "heavy_ball", 1 / 9, 4 / 9)),
    ("curve", "low + ((high - low) * (k + 0.5)) / n", "low + ((high - low) * k) / n",
     "cells from their left ends", basin.test_map_is_the_same_in_the_browser, (JS,)),
    ("basin", "MAP.betas[j]", "MAP.betas[47 - j]",
     "the map upside down", basin.test_map_is_the_same_in_the_browser, (JS,)),
    ("basin", "bottom - ((bottom - top) * j) / ny", "top + ((bottom - top) * j) / ny",
     "rows from above", basin.test_cells_cover_what_they_should, (JS,)),
    ("ingredients", "Math.sqrt(1 - beta2 ** t)", "1 - beta2 ** t",
     "s's correction without its root", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients.lr", "rate / startM(t)", "rate * startM(t)",
     "m's correction the wrong way round", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients", "bareM(t) / bareS(t)", "bareM(t) * bareS(t)",
     "s's correction taken out twice", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients", "parts.momentum ? given : 0", "given",
     "a switch that does nothing", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients.weight_decay", "weight_decay / scale(t)", "weight_decay",
     "a decay that grows with the schedule", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients", 'correct_m ? "s " : correct_s ? "m " : ""', 'correct_m ? "m " : correct_s ? "s " : ""',
     "names exchanged", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("stage", "plain / ball", "ball / plain",
     "nearer for farther", stage.test_the_browser_says_the_same, (JS,)),
    ("stage", "hundred < 9.5 ? 1 : 2", "hundred < 9.5 ? 2 : 1",
     "digits the wrong way round", stage.test_the_browser_says_the_same, (JS,)),
    ("ribbon", "cuts[k + 1] ?? last", "cuts[k + 1] ?? 2 * last",
     "pieces that overlap", ribbon.test_pieces_amounts_and_trainings_are_the_same_in_the_browser, (JS,)),
    ("ribbon", "halfLife(a.beta, a.tokens) - halfLife(b.beta, b.tokens)", "halfLife(b.beta, b.tokens) - halfLife(a.beta, a.tokens)",
     "the longest memory first", ribbon.test_pieces_amounts_and_trainings_are_the_same_in_the_browser, (JS,)),
    ("predict/truth", 'gradients === "ones" || k % 2 === 0', 'gradients === "ones" || k % 3 === 0',
     "gradients that turn too seldom", guess.test_the_browser_runs_what_the_library_runs, (JS, guess.CURVES[3])),
    ("predict/truth", "a < 0.8 * b", "a < 0.08 * b",
     "far too low called close", guess.test_a_drawn_curve_is_measured_and_compared, (JS,)),
    ("kernel", "share + (end - share) * progress", "end + (share - end) * progress",
     "a run backwards", kernel.test_the_same_in_the_browser, (JS, "ageing")),
    ("kernel", "(1 - share) * weightAt(k, young) + share * weightAt(k, old)", "share * weightAt(k, young) + (1 - share) * weightAt(k, old)",
     "shares exchanged", kernel.test_the_same_in_the_browser, (JS, "lion")),
    ("kernel", "Math.max(0, ageAtEdge(edge))", "Math.max(0, ageAtNoise(edge))",
     "an edge taken for noise", kernel.test_the_same_in_the_browser, (JS, "lion")),
    ("kernel", "Math.max(0, ageAtNewest(newest))", "Math.max(0, ageAtNoise(newest))",
     "a weight taken for noise", kernel.test_the_same_in_the_browser, (JS, "nesterov")),
    ("kernel", "facts(0, one, one)", "facts(0, one / 2, one)",
     "the average beside it of another age", kernel.test_the_same_in_the_browser, (JS, "first")),
    ("kernel", "allTold(beside).slice(1)", "allTold(beside).slice(0, 3)",
     "the other's mean age for its newest weight", kernel.test_words_in_the_browser, (JS,)),
]  # fmt: skip


def text_of(where):
    """The text of the browser's module in which a mutant is."""
    return bundle.path_of(where.partition(".")[0]).read_text("utf-8")


@pytest.fixture(scope="module")
def browser(node):
    """Every module of the browser that has a mutant, and every mutant's two texts, read by one call of Node."""
    return JavaScript(node, [text_of(mutant[0]) for mutant in BROWSER], [text for mutant in BROWSER for text in mutant[1:3]])


@pytest.fixture(scope="module")
def browser_module(evaluate, browser, tmp_path_factory):
    """A function: a test, and a mutant's place and texts or none -> what evaluates expressions over the modules of that test,
    as its ``js`` does.
    """
    root, count = tmp_path_factory.mktemp("mutants"), itertools.count()

    def load(test, where="", right="", wrong=""):
        folder = root / str(next(count))
        shutil.copytree(bundle.JS, folder)
        place = lambda module: folder / bundle.path_of(module).relative_to(bundle.JS)
        if where:
            mutant = browser.mutant(text_of(where), where, right, wrong)
            place(where.partition(".")[0]).write_text(mutant, "utf-8")
        paths = {alias: place(module) for alias, module in sys.modules[test.__module__].MODULES.items()}
        return lambda expression, before="": evaluate(paths, expression, before)

    return load


def name_of(mutant):
    return f"{mutant[0]}: {mutant[3]}"


@pytest.mark.parametrize("mutant", PYTHON, ids=name_of)
def test_a_broken_figure_is_noticed(mutant, browser_module):
    """Python's side: what the figure computes and the static picture that it draws."""
    where, right, wrong, _, test, arguments = mutant
    arguments = [browser_module(test) if value is JS else value for value in arguments]
    with patch.dict(FIGURES), Swap(PACKAGE, where, right, wrong, users=TESTS), pytest.raises(NOTICED):
        run(test, arguments)


@pytest.mark.parametrize("mutant", BROWSER, ids=name_of)
def test_a_broken_figure_in_the_browser_is_noticed(mutant, browser_module):
    """The browser's side, as far as it is arithmetic."""
    where, right, wrong, _, test, arguments = mutant
    broken = browser_module(test, where, right, wrong)
    with pytest.raises(NOTICED):
        run(test, [broken if value is JS else value for value in arguments])


def test_the_right_figures_are_back(browser_module):
    """A swap that leaves something broken; a copy of the browser's modules that would fail unchanged, too."""
    names = {mutant[0].partition(".")[0] for mutant in PYTHON}
    before = {name: dict(vars(sys.modules[f"{PACKAGE}.{name}"])) for name in names}
    registered = dict(FIGURES)
    for where, right, wrong, _, _, _ in PYTHON:
        with patch.dict(FIGURES), Swap(PACKAGE, where, right, wrong, users=TESTS):
            assert FIGURES != registered
    assert FIGURES == registered
    for name, held in before.items():
        now = vars(sys.modules[f"{PACKAGE}.{name}"])
        assert now.keys() == held.keys() and all(now[key] is held[key] for key in held), name
    for _, _, _, _, test, arguments in {mutant[4]: mutant for mutant in BROWSER}.values():
        copy = browser_module(test)
        run(test, [copy if value is JS else value for value in arguments])
