"""The small networks broken on purpose: the test named beside each must notice."""

import numpy as np
import pytest
import test_networks as good
import test_widgets_digits as digits
from mutants import NOTICED, Swap, run

import momentum_lib.networks  # noqa: F401  (the package whose modules are changed)

PACKAGE = "momentum_lib.networks"
TABLE = [
    ("digits_table.falling", "np.arange(steps) / steps", "np.arange(1, steps + 1) / steps",
     "a rate that is zero in the last step", digits.test_what_is_learnt_is_one_training_of_all_steps, ()),
    ("digits_table.held_out_losses", "net.loss(run.theta, data.held_out)", "net.loss(run.theta, data.train)",
     "rates chosen by what is learnt", digits.test_a_whole_side_is_searched_anew, ()),
    ("digits_table.rows", "order[LEARNT + HELD_OUT :]", "order[LEARNT:]",
     "shown digits among those that the rates were chosen by",
     digits.test_the_digits_are_scikit_learns_and_the_held_out_ones_are_not_among_them, ()),
]  # fmt: skip
# (where, right text, wrong text, what is wrong, the test that must fail, its arguments)
MUTANTS = [
    ("net.start", "np.sqrt(shape[1])", "shape[1]",
     "a start that is too small", good.test_the_parameters_are_one_vector_and_its_layers_are_views, ()),
    ("net._pass", "1 - before**2", "1 - before",
     "the slope of another function than tanh", good.test_loss_gradient_and_hessian_are_torchs, ("curve",)),
    ("net._pass", "d.sum(axis=-2)", "d.mean(axis=-2)",
     "a bias that learns less with more rows", good.test_loss_gradient_and_hessian_are_torchs, ("classes",)),
    ("net._hessian_at", "2 * back * a[k] * slopes[k]", "back * a[k] * slopes[k]",
     "tanh's second derivative", good.test_loss_gradient_and_hessian_are_torchs, ("curve",)),
    ("net._hessian_at", "matrix + _t(d) @ slopes[k]", "matrix - _t(d) @ slopes[k]",
     "a sign in the Hessian product", good.test_loss_gradient_and_hessian_are_torchs, ("squared classes",)),
    ("net._bend", "slope - (p * slope).sum(axis=-1, keepdims=True)", "slope",
     "the softmax's Hessian without its second part", good.test_loss_gradient_and_hessian_are_torchs, ("classes",)),
    ("net._loss_and_slope", "((z - y) ** 2).sum(axis=-1).mean(axis=-1) / 2", "((z - y) ** 2).sum(axis=-1).mean(axis=-1)",
     "the squared loss twice", good.test_loss_gradient_and_hessian_are_torchs, ("curve",)),
    ("sharpness.largest_eigenvalues", "found[done, -1]", "found[done, 0]",
     "the smallest eigenvalue", good.test_the_largest_eigenvalue_is_not_the_largest_in_size, ()),
    ("sharpness.largest_eigenvalues", "rest * np.abs(turns[:, -1, -1]) <= tol * size", "rest <= 1e9 * tol * size",
     "it stops too soon", good.test_the_sharpness_is_the_whole_hessians, ("curve",)),
    ("net._sharpnesses", "theta[which]", "theta[: len(which)]",
     "another network's Hessian once a first one is done", good.test_many_networks_are_as_sharp_as_each_alone, ()),
    ("training.edge", "momentum_edge(lr, beta, **form(rule))", "momentum_edge(lr, beta)",
     "heavy ball's edge for every rule", good.test_the_edge_is_the_iteration_matrixs, ("nesterov",)),
    ("training.train", "before + t + 1", "t + 1",
     "a count of steps that starts again", good.test_a_training_goes_on_where_another_ended, (good.rules.adam,)),
    ("training.train", "data.take(order[t])", "data.take(order[0])",
     "one batch for ever", good.test_training_in_batches_is_torchs, ()),
    ("training._now", "min(t, len(value) - 1)", "0",
     "a schedule that stays at its first value",
     good.test_training_is_descend_on_the_loss, ("heavy_ball", {"lr": np.linspace(0.1, 0.01, 40)})),
    ("training._orders", "np.array([made[s] for s in seeds.ravel()])", "np.array([made[seeds.ravel()[0]] for s in seeds.ravel()])",
     "one order for all networks", good.test_a_grid_of_rates_and_seeds_is_its_single_runs, ()),
    ("training._blocks", "b[..., None]", "b[..., None, :]",
     "a bias as a row", good.test_a_matrix_rule_moves_each_layer_by_itself, ()),
    ("data.batches", "np.argsort(draw_noise(rows * epochs, seed).reshape(epochs, rows), axis=1, kind=\"stable\")",
     "np.argsort(draw_noise(rows * epochs, seed).reshape(epochs, rows), axis=0, kind=\"stable\")",
     "an order of epochs for an order of rows", good.test_every_epoch_has_each_row_once_in_an_order_of_its_own, ()),
]  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant[0]}: {mutant[3]}")
def test_a_broken_network_is_noticed(mutant):
    where, right, wrong, _, test, arguments = mutant
    with Swap(PACKAGE, where, right, wrong, users=[good]), pytest.raises(NOTICED):
        run(test, arguments)


@pytest.mark.parametrize("mutant", TABLE, ids=lambda mutant: f"{mutant[0]}: {mutant[3]}")
def test_a_broken_table_of_the_digits_is_noticed(mutant):
    """What the live figure of the digits rests on: it is no figure, so test_widgets_mutants.py has no place for it."""
    where, right, wrong, _, test, arguments = mutant
    with Swap("momentum_lib.widgets", where, right, wrong, users=[digits]), pytest.raises(NOTICED):
        run(test, arguments)


def test_the_right_networks_are_back():
    for _, _, _, _, test, arguments in {mutant[4]: mutant for mutant in MUTANTS + TABLE}.values():
        run(test, arguments)
