"""Live figures broken on purpose, in Python and in the browser's text: the test named beside each must notice.

A mutant is one piece of text replaced by another: a wrong sign, a missing factor, another regime, swapped axes, the misprinted
2 sqrt(beta).  Python's module is run anew (`mutants.Swap`); the browser's stands, changed, beside the right ones in a copy of
their folder, and Node imports it.  What only a browser draws is held by tests/browser.
"""

import itertools
import shutil
import sys
from unittest.mock import patch

import pytest
import test_widgets_basin as basin
import test_widgets_disc as disc
import test_widgets_ingredients as parts
import test_widgets_noise_ball as ball
import test_widgets_phase as phase
import test_widgets_roller as roller
from mutants import NOTICED, Swap, replace_once, run

from momentum_lib.widgets import FIGURES, bundle

TESTS = (basin, disc, parts, ball, phase, roller)
# (module, right text, wrong text, what is wrong, the test that must fail, its arguments; JS stands for the browser's module)
JS = object()
PYTHON = [
    ("disc", "(60 if averaged else 6) / kappa", "(60 if averaged else 6) * kappa",
     "the axis of another unit", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "heavy_ball", 9)),
    ("disc", "lr=best.lr / (1 - best.beta)", "lr=best.lr * (1 - best.beta)",
     "the average's rate the wrong way round", disc.test_best_setting_has_the_rate_it_says, ("averaged_momentum",)),
    ("disc", "**hyper).max(axis=0)", "**hyper).min(axis=0)",
     "a map of the fastest direction", disc.test_map_predicts_the_steps_of_the_rate, ("heavy_ball",)),
    ("disc", "theory.rate(all_rules.get(rule), ends,", "2 * theory.rate(all_rules.get(rule), ends,",
     "a map of the misprinted rate 2 sqrt(beta)", disc.test_map_predicts_the_steps_of_the_rate, ("heavy_ball",)),
    ("disc", "np.log(GOAL) / np.log(rate), np.nan", "np.log(rate) / np.log(GOAL), np.nan",
     "steps upside down", disc.test_map_predicts_the_steps_of_the_rate, ("gradient_descent",)),
    ("disc", "np.where(rate < 1,", "np.where(rate < 2,",
     "steps where the rule diverges", disc.test_map_predicts_the_steps_of_the_rate, ("nesterov",)),
    ("disc", '{"beta": momenta[:, None]} if remembers(rule) else {}', '{"beta": momenta[None, :]} if remembers(rule) else {}',
     "momentum along the rate's axis", disc.test_map_predicts_the_steps_of_the_rate, ("heavy_ball",)),
    ("disc", 'float(np.abs(values).max())', 'float(2 * np.abs(values).max())',
     "the misprinted rate 2 sqrt(beta)", disc.test_the_two_distances, ()),
    ("disc", 'float(np.abs(values).max())', 'float(np.abs(values.real).max())',
     "the real part for the modulus", disc.test_the_two_distances, ()),
    ("disc", 'float(np.abs(values).max())', 'float(np.abs(values).min())',
     "the fastest direction's rate", disc.test_the_outermost_eigenvalue_is_the_rate, ()),
    ("disc", "int(np.argmax(errors))", "int(np.argmin(errors))",
     "the nearest point for the farthest", disc.test_numbers_meet_the_theory, ()),
    ("disc", "self.kappa ** (np.arange(DIRECTIONS)", "self.kappa ** (-np.arange(DIRECTIONS)",
     "curvatures below 1", disc.test_numbers_meet_the_theory, ()),
    ("disc", "long = self.path(BUDGET)", "long = self.path(BUDGET // 20)",
     "a run that stops short", disc.test_numbers_meet_the_theory, ()),
    ("disc", "chart.plot(np.clip(self.lr, *rate_range(self.rule, self.kappa)), height,", "chart.plot(height, np.clip(self.lr, *rate_range(self.rule, self.kappa)),",
     "the setting with its axes swapped", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc", "chart.plot(best.lr, best.beta,", "chart.plot(best.beta, best.lr,",
     "the best setting with its axes swapped", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc", "np.ma.maximum(shown, low),\n            cmap", "np.ma.maximum(shown.T, low),\n            cmap",
     "the map's cells transposed", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc", "values.real.ravel(), values.imag.ravel()", "values.imag.ravel(), values.real.ravel()",
     "the plane with its axes swapped", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc", 'found["rate"] * np.array([turn.real', 'found["rate"] ** 2 * np.array([turn.real',
     "a circle at beta, not at its root", disc.test_the_picture_is_drawn_where_its_numbers_say, ("heavy_ball",)),
    ("disc", 'np.arange(self.steps + 1) * np.log(found["rate"])', 'np.arange(self.steps + 1) * np.log(found["rate"]) / 2',
     "a prediction that falls half as fast", disc.test_the_picture_is_drawn_where_its_numbers_say, ("nesterov",)),
    ("disc", "((0, \"flat\"), (-1, \"steep\"))", "((-1, \"flat\"), (0, \"steep\"))",
     "flat and steep exchanged", disc.test_the_picture_is_drawn_where_its_numbers_say, ("nesterov",)),
    ("phase", "gap = curvature - friction**2 / 4", "gap = curvature - friction**2 / 2",
     "the oscillator's frequency", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "fade = np.exp(-friction * t / 2)", "fade = np.exp(-friction * t)",
     "a swing that fades twice as fast", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "fade = np.exp(-friction * t / 2)", "fade = np.exp(friction * t / 2)",
     "a swing that grows", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "(w0 + friction * x0 / 2) * s", "(w0 - friction * x0 / 2) * s",
     "a sign in the position", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "w0 * c - (curvature * x0", "w0 * c + (curvature * x0",
     "a sign in the velocity", phase.test_closed_form_solves_the_equation, (1.0, 0.3)),
    ("phase", "c = np.cos(root * t) if gap >= 0", "c = np.cos(root * t) if gap < 9",
     "an over-damped ball that swings", phase.test_closed_form_solves_the_equation, (1.0, 7.0)),
    ("phase", "return -friction * w - gradient(x)", "return friction * w - gradient(x)",
     "friction that pushes", phase.test_runge_kutta_meets_the_closed_form, (0.5,)),
    ("phase", "(a1 + 2 * a2 + 2 * a3 + a4)", "(a1 + a2 + a3 + a4)",
     "weights of no method", phase.test_runge_kutta_meets_the_closed_form, (0.5,)),
    ("phase", "x + dt / 2 * w2, w3", "x + dt * w2, w3",
     "a half step that is whole", phase.test_runge_kutta_meets_the_closed_form, (0.5,)),
    ("phase", 'hyper = {"lr": h**2, "beta": 1 - friction * h}', 'hyper = {"lr": h**2, "beta": 1 + friction * h}',
     "a momentum above 1", phase.test_the_dots_are_heavy_ball, ()),
    ("phase", 'hyper = {"lr": h**2, "beta": 1 - friction * h}', 'hyper = {"lr": h, "beta": 1 - friction * h}',
     "the time step for its square", phase.test_the_dots_are_heavy_ball, ()),
    ("phase", "rows.append((x, -h * v))", "rows.append((x, h * v))",
     "the velocity's sign", phase.test_the_dots_are_heavy_ball, ()),
    ("phase", "-float(start[1]) / h", "float(start[1]) / h",
     "a start that moves backwards", phase.test_the_dots_settle_on_the_curve, ()),
    ("phase", "friction**2 + 4 * curvature", "friction**2 + 2 * curvature",
     "the edge without its factor", phase.test_edge_is_the_rules_own, (0.5, 1.0)),
    ("phase", "4 * curvature) - friction)", "4 * curvature) + friction)",
     "a sign in the edge", phase.test_edge_is_the_rules_own, (0.5, 1.0)),
    ("phase", 'self.friction / (2 * math.sqrt(self.curvature))', 'self.friction / math.sqrt(self.curvature)',
     "critical damping at half the friction", phase.test_regimes, (2, "critically")),
    ("phase", 'if ratio < 1 else', 'if ratio > 1 else',
     "swings called creeping", phase.test_regimes, (0.5, "under-damped")),
    ("phase", 'energies = path[:, 1] ** 2 / 2', 'energies = path[:, 1] ** 2',
     "kinetic energy of a mass of 2", phase.test_the_energy_bound_and_the_rises, ()),
    ("phase", 'fine[:, 1] ** 2 / 2', 'fine[:, 1] ** 2',
     "the curve's kinetic energy of a mass of 2", phase.test_energy_of_the_ball_only_goes_down, ("bowl",)),
    ("phase", "np.diff(energies) > 1e-12", "np.diff(energies) < -1e-12",
     "falls counted as rises", phase.test_the_energy_bound_and_the_rises, ()),
    ("phase", "np.abs(path[:, 0] - curve[:, 0])", "np.abs(path[:, 1] - curve[:, 1])",
     "the gap of the velocities", phase.test_the_gap_is_one_of_position, ()),
    ("phase", 'plane.plot(*found["fine"].T,', 'plane.plot(*found["fine"].T[::-1],',
     "the plane with its axes swapped", phase.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("phase", "plane.plot(*path.T,", "plane.plot(*path.T[::-1],",
     "the dots with their axes swapped", phase.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("phase", "-self.friction * w - slope, color", "-self.friction * w + slope, color",
     "a flow away from the minimum", phase.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("phase", 'energy.plot(t, found["energies"]', 'energy.plot(t, path[:, 0]',
     "positions for energies", phase.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("noise_ball", "+ sigma * noise, state", "+ noise, state",
     "noise of another size", ball.test_a_walker_is_a_run_of_the_rule_on_a_noisy_bowl, ()),
    ("noise_ball", "np.array([1.0, kappa]), {", "np.array([kappa, 1.0]), {",
     "the two curvatures exchanged", ball.test_a_walker_is_a_run_of_the_rule_on_a_noisy_bowl, ()),
    ("noise_ball", "self.rate * (1 - beta) if hold", "self.rate / (1 - beta) if hold",
     "the effective rate the wrong way round", ball.test_result_15_in_the_figure, ()),
    ("noise_ball", '"average": 1 / theory.sample_size(beta)', '"average": 1 / theory.total_weight(beta)',
     "total weight for sample size", ball.test_result_15_in_the_figure, ()),
    ("noise_ball", "(settled**2).mean(axis=(0, 1))", "np.abs(settled).mean(axis=(0, 1))",
     "the mean distance for the variance", ball.test_what_is_measured_is_what_the_theory_says, ("rate", 0.02, 0.5)),
    ("noise_ball", "settled**2 / exact).sum(axis=-1) <= 4", "settled**2 / exact).sum(axis=-1) <= 2",
     "an ellipse of another size", ball.test_what_is_measured_is_what_the_theory_says, ("rate", 0.02, 0.5)),
    ("noise_ball", "theory.noise_ball(self._lr(hold, GRID), GRID, 1.0, self.sigma)", "theory.noise_ball(self._lr(hold, GRID), GRID, 1.0, 1.0)",
     "curves that take no notice of the noise", ball.test_curves_of_the_second_picture, ()),
    ("noise_ball", "2 * np.sqrt(found[\"exact\"])[:, None]", "2 * found[\"exact\"][:, None]",
     "an ellipse of variances", ball.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("noise_ball", "plane.plot(*found[\"cloud\"].T,", "plane.plot(*found[\"cloud\"].T[::-1],",
     "the swarm with its axes swapped", ball.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("roller", "moves**2 / (2 * lr)", "moves**2 / lr",
     "kinetic energy of a mass of 2", roller.test_the_books_balance, ("ripples", 0.6)),
    ("roller", "(1 - beta**2) * kinetic[:-1]", "(1 - beta) * kinetic[:-1]",
     "friction of the velocity, not of its square", roller.test_the_books_balance, ("ripples", 0.6)),
    ("roller", "(1 - beta**2) * kinetic[:-1]", "(1 - beta**2) * kinetic[1:]",
     "friction a step late", roller.test_the_books_balance, ("ripples", 0.6)),
    ("roller", "potential + kinetic + friction - potential[0]", "potential - kinetic + friction - potential[0]",
     "a sign in the books", roller.test_the_books_balance, ("ripples", 0.6)),
    ("roller", "float(slope(landscape, x)), state", "-float(slope(landscape, x)), state",
     "a ball that climbs", roller.test_the_path_is_descends, ("ripples",)),
    ("roller", "(valleys if found[k] < 0 else ridges).append(float((a", "(ridges if found[k] < 0 else valleys).append(float((a",
     "valleys called ridges", roller.test_valleys_and_ridges, ("ripples", 5, 4)),
    ("roller", "key=lambda bottom: abs(bottom - long[-1])", "key=lambda bottom: -abs(bottom - long[-1])",
     "the farthest valley", roller.test_words_carry_the_numbers, ()),
    ("roller", 'hill.plot(found["path"], found["potential"], "."', 'hill.plot(found["potential"], found["path"], "."',
     "the hill with its axes swapped", roller.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("roller", "floor = floor + found[name]", "floor = found[name]",
     "energies side by side, not stacked", roller.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("basin", "height.plot(path, surfaces.lessard.value(path[None])", "height.plot(surfaces.lessard.value(path[None]), path",
     "the hill with its axes swapped", basin.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("basin", "fall.plot(path, np.arange(len(path)), \"o\"", "fall.plot(np.arange(len(path)), path, \"o\"",
     "the fall with its axes swapped", basin.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("basin", "field.plot([self.lr], [self.beta]", "field.plot([self.beta], [self.lr]",
     "the setting with its axes swapped", basin.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("basin", "(codes > 0, {\"facecolor\": colour", "(codes == 0, {\"facecolor\": colour",
     "rest painted as a cycle", basin.test_the_picture_is_drawn_where_its_numbers_say, ()),
    ("ingredients", "np.sqrt(1 - beta2**t)", "(1 - beta2**t)",
     "s's correction without its root", parts.test_every_recipe_is_its_lines, (parts.ADAM | {"correct_s": False},)),
    ("ingredients", "rate / start_m if", "rate * start_m if",
     "m's correction the wrong way round", parts.test_every_recipe_is_its_lines, (parts.ADAM | {"ruler": False},)),
    ("ingredients", "scale = bare_m / bare_s", "scale = bare_m * bare_s",
     "s's correction taken out twice", parts.test_every_recipe_is_its_lines, (parts.ADAM | {"correct_s": False},)),
    ("ingredients", "weight_decay / scale if", "weight_decay + 0 * scale if",
     "a decay that grows with the schedule", parts.test_every_recipe_is_its_lines, (parts.ADAM | {"correct_m": False, "decay": True},)),
    ("ingredients", 'beta1 if parts["momentum"] else 0.0', "beta1",
     "a switch that does nothing", parts.test_every_recipe_is_its_lines, (parts.ADAM | {"momentum": False},)),
    ("ingredients", "float(v) / (self.lr if self.ruler else 1)", "float(v)",
     "the first step in another unit", parts.test_the_first_step_of_each_correction, ()),
    ("ingredients", "for name, value in FIELDS[self.surface]", "for name, value in FIELDS['ravine']",
     "a surface that begins like another", parts.test_a_surface_brings_its_own_beginning, ("rosenbrock",)),
]  # fmt: skip

BROWSER = [
    ("linear", "    [a, b],\n    [c, d],\n  ];", "    [a, c],\n    [b, d],\n  ];",
     "the matrix transposed", disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "heavy_ball")),
    ("linear", "curvature * rule.lookAt(0, UNIT, hyper)", "curvature * 0",
     "Nesterov that does not look ahead", disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "nesterov")),
    ("linear", "rule.step(1, curvature * rule", "rule.step(1, -curvature * rule",
     "climbs", disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "gradient_descent")),
    ("linear", "gap = ((a - d) / 2) ** 2 + b * c,\n    root", "gap = ((a - d) / 2) ** 2 - b * c,\n    root",
     "a sign in the characteristic polynomial", disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "heavy_ball")),
    ("linear", "half < 0 ? half - root : half + root", "half < 0 ? half + root : half - root",
     "the smaller root first", disc.test_matrix_and_eigenvalues_in_the_browser_are_the_theorys, (JS, "heavy_ball")),
    ("linear", "Math.sqrt(half * half - gap)", "2 * Math.sqrt(half * half - gap)",
     "the misprinted rate 2 sqrt(beta)", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("linear", "Math.sqrt(half * half - gap)", "Math.abs(half)",
     "the real part for the modulus", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("linear", "Math.abs(half) + Math.sqrt(gap)", "Math.abs(half) - Math.sqrt(gap)",
     "the inner of two real roots", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("disc", "most = Math.max(most, radius", "most = Math.min(most || 9, radius",
     "the fastest direction's rate", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("disc", "rho >= 1 ? NaN", "rho >= 2 ? NaN",
     "steps where the rule diverges", disc.test_predicted_steps_in_the_browser, (JS,)),
    ("generated/theory", "Math.log(tol) / Math.log(rate)", "Math.log(rate) / Math.log(tol)",
     "steps upside down", disc.test_predicted_steps_in_the_browser, (JS,)),
    ("disc", "(averaged ? 60 : 6) / kappa", "(averaged ? 6 : 60) / kappa",
     "the two axes exchanged", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "heavy_ball", 9)),
    ("generated/theory", "lr: 4 / square(", "lr: 2 / square(",
     "half of heavy ball's rate", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "heavy_ball", 9)),
    ("generated/theory", "beta: (root * root)", "beta: root",
     "heavy ball's momentum not squared", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "heavy_ball", 9)),
    ("generated/theory", "rate: 1 - 2 / q", "rate: 1 - 1 / q",
     "the standard Nesterov's rate", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "nesterov", 9)),
    ("disc", "lr: effectiveRate(best.lr, best.beta)", "lr: lrAtEffectiveRate(best.lr, best.beta)",
     "the average's unit", disc.test_best_setting_and_axis_are_the_same_in_the_browser, (JS, "averaged_momentum", 9)),
    ("generated/theory", "product = square(1 - x) + (y * y)", "product = square(1 + x) + (y * y)",
     "the distance from -1", disc.test_a_dragged_eigenvalue_lands_where_it_was_put, (JS, "heavy_ball")),
    ("generated/theory", "size = (x * x) + (y * y)", "size = Math.hypot(x, y)",
     "the modulus for its square", disc.test_a_dragged_eigenvalue_lands_where_it_was_put, (JS, "heavy_ball")),
    ("generated/theory", "(ahead ? size / (1 - product) : size)", "size",
     "heavy ball's way back for Nesterov", disc.test_a_dragged_eigenvalue_lands_where_it_was_put, (JS, "nesterov")),
    ("generated/theory", "((1 + beta) * x - beta)", "((1 + beta) * x + beta)",
     "a sign left of zero", disc.test_left_of_zero_nesterov_has_real_eigenvalues, (JS,)),
    ("disc", "errors[t] = Math.sqrt(sum / runs.length)", "errors[t] = sum / runs.length",
     "the mean square for its root", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("disc", "divergedAt: n < BUDGET ? n + 1 : 0", "divergedAt: 0",
     "a divergence kept quiet", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("disc", "kappa ** (k / (n - 1))", "kappa ** (k / n)",
     "the steepest direction left out", disc.test_rate_and_run_in_the_browser_are_pythons, (JS, "heavy_ball")),
    ("generated/theory", "1 - friction * h]", "1 + friction * h]",
     "a momentum above 1", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("generated/theory", "return [(h * h),", "return [h,",
     "the time step for its square", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("phase", "state = [-w0 / h]", "state = [w0 / h]",
     "a start that moves backwards", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("phase", "out[2 * k + 1] = -h * state[0]", "out[2 * k + 1] = h * state[0]",
     "the velocity's sign", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("phase", "out[2 * k] = x;\n    out[2 * k + 1] = -h", "out[2 * k + 1] = x;\n    out[2 * k] = -h",
     "position and velocity exchanged", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("generated/theory", "gap = curvature - (half * half)", "gap = curvature - 2 * (half * half)",
     "the oscillator's frequency", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("generated/theory", "const c = (gap > 0 ?", "const c = (gap > -9 ?",
     "an over-damped ball that swings", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 5.0, 0.3)),
    ("generated/theory", "push * c - half * x", "push * c + half * x",
     "a sign in the velocity", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("phase", "-friction * speed - slope(potential, at)", "friction * speed - slope(potential, at)",
     "friction that pushes", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "double_well", 0.3, 0.3)),
    ("phase", "x += (dt / 6) * (w + 2 * w2 + 2 * w3 + w4)", "x += (dt / 6) * (w + w2 + w3 + w4)",
     "weights of no method", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "double_well", 0.3, 0.3)),
    ("generated/theory", "return 2 * Math.sqrt(curvature)", "return Math.sqrt(curvature)",
     "critical damping at half the friction", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 2.0, 0.3)),
    ("phase", 'ratio < 1\n        ? "swings', 'ratio > 1\n        ? "swings',
     "swings called creeping", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("generated/theory", "(friction * friction) + 4 * curvature", "(friction * friction) + 2 * curvature",
     "the edge without its factor", phase.test_curve_and_dots_are_the_same_in_the_browser, (JS, "bowl", 0.3, 0.3)),
    ("phase", "kineticEnergy(w, 1) + height", "2 * kineticEnergy(w, 1) + height",
     "kinetic energy of a mass of 2", phase.test_energy_grid_and_rises_in_the_browser, (JS,)),
    ("phase", "if (energies[k] > energies[k - 1] + 1e-12", "if (energies[k] < energies[k - 1] - 1e-12",
     "falls counted as rises", phase.test_energy_grid_and_rises_in_the_browser, (JS,)),
    ("phase", "Math.floor(time / h + 1e-9)", "Math.ceil(time / h + 1e-9)",
     "a dot beyond the end", phase.test_energy_grid_and_rises_in_the_browser, (JS,)),
    ("phase", "m: Math.ceil(h / FINE - 1e-9)", "m: Math.ceil(h / FINE / 2)",
     "a curve of half the points", phase.test_energy_grid_and_rises_in_the_browser, (JS,)),
    ("phase", "curvature: 25,\n", "curvature: 24,\n",
     "another function than Lessard's", phase.test_potentials_say_the_same_in_the_browser, (JS,)),
    ("noise_ball", "lrAtEffectiveRate(rate, beta) : rate", "rate / (1 - beta) : rate",
     "the effective rate the wrong way round", ball.test_measuring_is_the_same_in_the_browser, (JS,)),
    ("generated/theory", "(sigma * sigma) * (1 + kept) /", "(sigma * sigma) /",
     "the noise ball without 1 + beta", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.1, 0.9, 1.0, 1.0)),
    ("generated/theory", "- steep * product", "+ steep * product",
     "a sign in the noise ball", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.1, 0.9, 1.0, 1.0)),
    ("linear", "a * a * xx + 2 * a * b * xv", "a * a * xx - 2 * a * b * xv",
     "a sign in the second moments", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.1, 0.9, 1.0, 1.0)),
    ("linear", "2 * a * b * xv", "a * b * xv",
     "a mixed term counted once", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.1, 0.9, 1.0, 1.0)),
    ("linear", "noise = sigma * sigma", "noise = sigma",
     "sigma not squared", ball.test_closed_form_and_recursion_are_the_theorys, (JS, 0.2, 0.0, 4.0, 0.5)),
    ("noise_ball", "curvatures[first % 2]", "curvatures[1 - (first % 2)]",
     "the two axes exchanged", ball.test_the_swarm_is_the_same_in_the_browser_bit_for_bit, (JS, 0.1, 0.9, 4.0, 1.0)),
    ("noise_ball", "b / exact[1] <= 4", "b / exact[1] <= 2",
     "an ellipse of another size", ball.test_measuring_is_the_same_in_the_browser, (JS,)),
    ("noise_ball", "yy += b;", "yy += a;",
     "one axis measured twice", ball.test_measuring_is_the_same_in_the_browser, (JS,)),
    ("generated/theory", "(step * step) / (2 * lr)", "(step * step) / lr",
     "kinetic energy of a mass of 2", roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("generated/theory", "return 1 - (beta * beta)", "return 1 - beta",
     "friction of the velocity, not of its square", roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("roller", "p + kinetic[k] + friction[k] - potential[0]", "p + kinetic[k] - friction[k] - potential[0]",
     "a sign in the books", roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("roller", "step(x, slope(landscape, x), t", "step(x, -slope(landscape, x), t",
     "a ball that climbs", roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("roller", "(found[k] < 0 ? valleys : ridges).push((a", "(found[k] < 0 ? ridges : valleys).push((a",
     "valleys called ridges", roller.test_landscapes_say_the_same_in_the_browser, (JS,)),
    ("roller", "Math.abs(b - end) < Math.abs(a - end)", "Math.abs(b - end) > Math.abs(a - end)",
     "the farthest valley", roller.test_path_books_and_rest_are_the_same_in_the_browser, (JS, "ripples", 0.8)),
    ("roller", "long[entered - 1] > low && long[entered - 1] < high", "long[entered - 1] < high",
     "a valley with one side", roller.test_a_valley_has_two_sides, (JS,)),
    ("generated/theory", "const steep = (ahead ? 1 + 2 * beta : 1.0);\n  const unit", "const steep = (ahead ? 1 + beta : 1.0);\n  const unit",
     "Nesterov's edge without its factor", basin.test_trace_and_strip_are_the_same_in_the_browser, (JS, "nesterov", 1 / 9, 4 / 9)),
    ("generated/theory", "return 2 * (1 + beta) /", "return 2 * (1 - beta) /",
     "a sign in the edge", basin.test_trace_and_strip_are_the_same_in_the_browser, (JS, "heavy_ball", 1 / 9, 4 / 9)),
    ("basin", "[...last.slice(first), ...last.slice(0, first)]", "[...last.slice(0, first), ...last.slice(first)]",
     "the cycle from another point", basin.test_a_cycle_starts_with_its_largest_point, (JS, -3.3)),
    ("basin", "points[t + code] - points[t]) > TOL", "points[t + 1] - points[t]) > TOL",
     "a cycle that never settles", basin.test_trace_and_strip_are_the_same_in_the_browser, (JS, "heavy_ball", 1 / 9, 4 / 9)),
    ("curve", "low + ((high - low) * (k + 0.5)) / n", "low + ((high - low) * k) / n",
     "cells from their left ends", basin.test_map_is_the_same_in_the_browser, (JS,)),
    ("basin", "fill(MAP.betas[j])", "fill(MAP.betas[47 - j])",
     "the map upside down", basin.test_map_is_the_same_in_the_browser, (JS,)),
    ("basin", "(bottom - ((bottom - top) * j) / ny)", "(top + ((bottom - top) * j) / ny)",
     "rows from above", basin.test_cells_cover_what_they_should, (JS,)),
    ("ingredients", "Math.sqrt(1 - beta2 ** t)", "(1 - beta2 ** t)",
     "s's correction without its root", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients", "rate / startM(t)", "rate * startM(t)",
     "m's correction the wrong way round", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients", "bareM(t) / bareS(t)", "bareM(t) * bareS(t)",
     "s's correction taken out twice", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients", "parts.momentum ? given : 0", "given",
     "a switch that does nothing", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients", "weight_decay / scale(t)", "weight_decay",
     "a decay that grows with the schedule", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
    ("ingredients", 'correct_m ? "s " : correct_s ? "m " : ""', 'correct_m ? "m " : correct_s ? "s " : ""',
     "names exchanged", parts.test_recipes_and_names_are_the_same_in_the_browser, (JS,)),
]  # fmt: skip


@pytest.fixture(scope="module")
def browser_module(evaluate, tmp_path_factory):
    """A function: a test, and a mutation of a module or none -> what evaluates expressions over that test's modules, as its ``js`` does."""
    root, count = tmp_path_factory.mktemp("mutants"), itertools.count()

    def load(test, name="", right="", wrong=""):
        folder = root / str(next(count))
        shutil.copytree(bundle.JS, folder)
        place = lambda module: folder / bundle.path_of(module).relative_to(bundle.JS)
        if name:
            place(name).write_text(replace_once(place(name).read_text("utf-8"), right, wrong, name), "utf-8")
        paths = {alias: place(module) for alias, module in sys.modules[test.__module__].MODULES.items()}
        return lambda expression, before="": evaluate(paths, expression, before)

    return load


def name_of(mutant):
    return f"{mutant[0]}: {mutant[3]}"


@pytest.mark.parametrize("mutant", PYTHON, ids=name_of)
def test_a_broken_figure_is_noticed(mutant, browser_module):
    """Python's side: what the figure computes and the static picture that it draws."""
    module, right, wrong, _, test, arguments = mutant
    arguments = [browser_module(test) if value is JS else value for value in arguments]
    swap = Swap(sys.modules[f"momentum_lib.widgets.{module}"], right, wrong, users=TESTS)
    with patch.dict(FIGURES), swap, pytest.raises(NOTICED):
        run(test, arguments)


@pytest.mark.parametrize("mutant", BROWSER, ids=name_of)
def test_a_broken_figure_in_the_browser_is_noticed(mutant, browser_module):
    """The browser's side, as far as it is arithmetic."""
    module, right, wrong, _, test, arguments = mutant
    broken = browser_module(test, module, right, wrong)
    with pytest.raises(NOTICED):
        run(test, [broken if value is JS else value for value in arguments])


def test_the_right_figures_are_back(browser_module):
    """A swap that leaves something broken; a copy of the browser's modules that would fail unchanged, too."""
    before = {name: dict(vars(sys.modules[f"momentum_lib.widgets.{name}"])) for name in {mutant[0] for mutant in PYTHON}}
    registered = dict(FIGURES)
    for module, right, wrong, _, _, _ in PYTHON:
        with patch.dict(FIGURES), Swap(sys.modules[f"momentum_lib.widgets.{module}"], right, wrong, users=TESTS):
            assert FIGURES != registered
    assert FIGURES == registered
    for name, held in before.items():
        now = vars(sys.modules[f"momentum_lib.widgets.{name}"])
        assert now.keys() == held.keys() and all(now[key] is held[key] for key in held), name
    for _, _, _, _, test, arguments in {mutant[4]: mutant for mutant in BROWSER}.values():
        copy = browser_module(test)
        run(test, [copy if value is JS else value for value in arguments])
