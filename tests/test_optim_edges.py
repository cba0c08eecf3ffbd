"""What the optimiser refuses and says, option by option."""

import ast
import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from momentum_lib import rule, rules
from momentum_lib.ops import absolute, sign, sqrt
from momentum_lib.optim import Optimizer, _checks, _inplace, _order, _plain
from momentum_lib.optim._state import arrival, close
from momentum_lib.optim._step import Way


@rule()
def without_lr(theta, grad, *, pace=0.1):
    """Gradient descent under another name of its rate."""
    return theta - pace * grad


def test_a_decoupled_decay_needs_a_rate_to_be_decoupled_by():
    """A decay by lr where there is none: refused; through the gradient, or none at all, is fine."""
    p = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    with pytest.raises(ValueError, match="without_lr has no lr. Pass decoupled_weight_decay=False, or weight_decay=0"):
        Optimizer([p], without_lr, weight_decay=0.1)
    optimizer = Optimizer([p], without_lr, weight_decay=0.5, decoupled_weight_decay=False)
    p.grad = torch.ones_like(p)
    optimizer.step()
    assert p.tolist() == pytest.approx([1 - 0.1 * 1.5] * 2)
    Optimizer([torch.nn.Parameter(torch.ones(2))], without_lr, weight_decay=0.0)


@pytest.mark.parametrize("given", [0.25, 1, torch.tensor(0.25), torch.tensor([0.25], requires_grad=True)])
def test_a_hyper_parameter_is_a_float_whatever_it_was_given_as(given):
    number = _checks.plain_number("lr", given)
    assert type(number) is float and number == (given if isinstance(given, (int, float)) else 0.25)


@pytest.mark.parametrize("given", [1.5, 2, np.float64(1.5), np.array([1.5]), torch.tensor(1.5), torch.tensor([2])], ids=repr)
def test_a_number_out_of_its_range_is_told_in_one_way(given):
    """Whatever it was given as, and without a way out that only descend has."""
    with pytest.raises(ValueError) as told:
        _checks.plain_number("beta", given)
    number = given.item() if hasattr(given, "item") else given
    assert str(told.value) == f"beta is {number:g}; allowed: a number in [0, 1)."


@pytest.mark.parametrize("given", [[0.1], (0.1,), np.array([0.1, 0.2]), np.ones((1, 1)), np.empty(0)], ids=repr)
def test_a_hyper_parameter_is_one_number(given):
    with pytest.raises(ValueError, match="lr is .*; allowed: one number. For a schedule use torch.optim.lr_scheduler"):
        _checks.plain_number("lr", given)
    assert _checks.plain_number("lr", np.array([0.25])) == _checks.plain_number("lr", np.array(0.25)) == 0.25


def test_a_parameter_without_a_name_is_told_by_its_place_and_shape():
    group = {"params": [torch.zeros(2), torch.zeros(3, 4)]}
    assert _checks.where_from(group, 1, 1) == "parameter 1 of group 1 (shape (3, 4), no name given)"
    assert _checks.where_from({**group, "param_names": ["a", "b"]}, 1, 0) == "parameter 'a'"


def test_a_gradient_is_dense_and_real():
    """A complex gradient that a step would cut to its real part."""
    sparse, wrong = torch.eye(2).to_sparse(), torch.zeros(2, dtype=torch.complex64)
    with pytest.raises(RuntimeError, match="p has a sparse gradient .*sparse=False"):
        _checks.check_gradient(SimpleNamespace(grad=sparse), "p")
    with pytest.raises(RuntimeError, match=r"p has a complex gradient \(torch.complex64\); allowed: real ones"):
        _checks.check_gradient(SimpleNamespace(grad=wrong), "p")
    _checks.check_gradient(SimpleNamespace(grad=torch.zeros(2)), "p")


BAD_PARAMETERS = {
    "complex": (torch.zeros(2, dtype=torch.complex64), "is complex .*view_as_real"),
    "whole numbers": (torch.zeros(2, dtype=torch.int64), "has dtype torch.int64; allowed: a floating dtype"),
    "eight bits": (
        torch.zeros(2).to(torch.float8_e4m3fn),
        "float8_e4m3fn, in which torch cannot compute; allowed: torch.float16",
    ),
    "sparse": (torch.eye(2).to_sparse(), "is sparse .*to_dense"),
}


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_a_parameter_is_dense_real_and_floating(case):
    p, message = BAD_PARAMETERS[case]
    with pytest.raises(TypeError, match=message):
        _checks.check_parameter(rules.heavy_ball, p, "p")


def test_a_matrix_rule_moves_matrices():
    for shape in ((3,), (2, 3, 4), ()):
        with pytest.raises(ValueError, match="muon moves matrices only.*matrices_with_adamw sorts a whole model"):
            _checks.check_parameter(rules.muon, torch.zeros(shape), "p")
    _checks.check_parameter(rules.muon, torch.zeros(2, 3), "p")


# -- the order of a step's arithmetic ------------------------------------------------------------------


@rule(s=0, family="adaptive")
def root_of_an_older_sum(theta, grad, s, *, lr, beta2=0.9, t):
    """A quotient by name, of which a part is then given anew: its root is that of the old values."""
    old = s / (1 - beta2**t)
    s = beta2 * s + grad * grad * (1 - beta2)
    half = s / 4
    return theta - lr * grad / (sqrt(old) + sqrt(half) + sqrt(s / (1 - beta2**t)) + 1), s


@rule(s=0, family="adaptive")
def squares_of_arrays(theta, grad, s, *, lr, beta2=0.9, t):
    """An array times a square, and a root of a slot over an array: they stay as they are."""
    weight = theta + 2
    size = 1 - weight**2
    s = beta2 * s + weight * grad**2
    return theta - lr * sqrt(s / (1 - size**2)) * weight**2, s


@rule(s=0, family="adaptive")
def signs_beside_a_root(theta, grad, s, *, lr, beta2=0.9, t):
    """Other functions in a text that is written anew, and a root of what is no quotient."""
    s = beta2 * s + (1 - beta2) * grad**2
    return theta - lr * sign(grad) * absolute(theta) / (sqrt(s / (1 - beta2**t)) + sqrt(theta + 1)), s


@rule(s=0, family="adaptive")
def a_sum_that_is_corrected_itself(theta, grad, s, *, lr, beta2=0.9, t):
    """A slot that gets its own quotient: the root is of what it is then."""
    s = beta2 * s + (1 - beta2) * grad**2
    s = s / (1 - beta2**t)
    half = s / 2
    return theta - lr * grad / (sqrt(s) + sqrt(half) + 1), s


REORDERED = [root_of_an_older_sum, squares_of_arrays, signs_beside_a_root, a_sum_that_is_corrected_itself]


@pytest.mark.parametrize("own", REORDERED, ids=lambda own: own.name)
def test_the_order_that_stays_in_range_is_the_same_step(own):
    """Numbers of any size but the largest: what the rule itself says, whatever its names stand for at the time."""
    theta, grad, s = torch.rand(3, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    hyper = {"lr": 0.1, "beta2": 0.9}
    for t in (1, 2, 30):
        new, (after,) = _order.step(own, theta, grad, (s,), hyper, t)
        right, (kept,) = own.step(theta, grad, (s,), hyper, t)
        assert torch.allclose(new, right, rtol=1e-14, atol=0, equal_nan=True) and torch.allclose(after, kept, rtol=1e-14, atol=0)


def test_a_large_gradient_leaves_no_infinity_and_a_rule_of_another_kind_steps_itself():
    """1e20 in float32: its square is none, a thousandth of its square is one."""
    theta, s = torch.zeros(2), torch.zeros(2)
    hyper = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    grad = torch.tensor([1e20, 1.0])
    new, (_, after) = _order.step(rules.adam, theta, grad, (s, s), hyper, 1)
    assert after.isfinite().all() and new.isfinite().all()
    plain = rules.adam.step(theta, grad, (s, s), hyper, 1)
    assert plain[1][1][0].isinf() and torch.allclose(new[1], plain[0][1]), "as the text stands"

    class Other(type(rules.adam)):
        def step(self, theta, grad, slots, hyper, t):
            return theta + t, slots

    other = Other(rules.heavy_ball.fn, {"v": 0}, family="momentum", title=None, same_as=None)
    assert _order.step(other, theta, grad, (s,), hyper, 5)[0].tolist() == [5.0, 5.0]
    assert _inplace.step_of(Way(other)) is None and _inplace.step_of(Way(rules.shampoo)) is None
    p = torch.nn.Parameter(torch.zeros(2))
    optimizer = Optimizer([p], other, lr=0.1)
    for t in (1, 3):
        p.grad = torch.ones(2)
        optimizer.step()
        assert p.tolist() == [t, t]


def test_only_texts_with_such_a_square_are_written_anew():
    """A rule without one, a matrix rule's helpers, a function of a closure and one without text: itself."""
    for found in rules.RULES.values():
        if not found.matrix:
            anew = _order.in_range(found.fn, tuple(found.slots)) is not found.fn
            assert anew == (found.name in ("rmsprop", "adam", "adamw", "nadam", "ademamix")), found.name
    assert _order.in_range(squares_of_arrays.fn, ("s",)) is squares_of_arrays.fn
    assert _order.in_range(root_of_an_older_sum.fn, ("s",)) is not root_of_an_older_sum.fn
    made = {"sqrt": sqrt}
    exec("def typed(theta, grad, s, *, lr):\n    s = s + 2 * grad**2\n    return theta - lr * grad / sqrt(s), s", made)
    assert _order.in_range(made["typed"], ("s",)) is made["typed"]  # no file has its text

    def over(factor):
        def closed(theta, grad, s, *, lr):
            s = s + factor * grad**2
            return theta - lr * grad / sqrt(s), s

        return closed

    closed = over(0.5)
    assert _order.in_range(closed, ("s",)) is closed


NOTED = []


def noting(theta, grad, s, *, lr):
    NOTED.append(lr)
    s = s + 2 * grad**2
    return theta - lr * grad / sqrt(s), s


def choosing(theta, grad, s, *, lr):
    if lr > 0:
        s = s + 2 * grad**2
    return theta - lr * grad / sqrt(s), s


@pytest.mark.parametrize("own", [noting, choosing])
def test_a_text_that_is_more_than_arithmetic_stays_as_it_is(own):
    """A line that only does something left out; an error about a statement that is no assignment."""
    assert _order.in_range(own, ("s",)) is own


# -- damaged files and wrong kinds -----------------------------------------------------------------------

DAMAGED = {  # what is wrong in a saved state -> how it became so, what is said
    "groups are none": (lambda saved: saved.update(param_groups=None), "param_groups and state are"),
    "state is a list": (lambda saved: saved.update(state=[]), "param_groups and state are"),
    "a group is a number": (lambda saved: saved.update(param_groups=[5]), "the saved group is 5"),
    "params are a number": (lambda saved: saved["param_groups"][0].update(params=5), "a dict whose params are a list"),
    "no header": (lambda saved: saved.update(momentum_lib=None), "the saved momentum_lib is None"),
    "hyper is a list": (lambda saved: saved["momentum_lib"].update(hyper=[1]), "allowed: what state_dict"),
    "a count in words": (lambda saved: saved["momentum_lib"].update(skipped="x"), "the saved skipped is 'x'"),
    "a count below zero": (lambda saved: saved["momentum_lib"].update(skipped=-3), "a whole number >= 0"),
    "a count that is true": (lambda saved: saved["momentum_lib"].update(skipped=True), "the saved skipped is True"),
    "a row of a half": (lambda saved: saved["momentum_lib"].update(skipped_in_a_row=1.5), "skipped_in_a_row is 1.5"),
    "reported in words": (lambda saved: saved["momentum_lib"].update(reported="no"), "the saved reported is 'no'"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_state_is_refused_and_changes_nothing(case):
    """A raw error of Python's, or a count that is no number and is found out weeks later."""
    p = torch.nn.Parameter(torch.ones(2))
    optimizer = Optimizer([p], "nesterov", lr=0.1, guard=3)
    p.grad = torch.ones(2)
    optimizer.step()
    saved = optimizer.state_dict()
    damage, says = DAMAGED[case]
    damage(saved)
    with pytest.raises(ValueError, match=says):
        optimizer.load_state_dict(saved)
    assert optimizer.skipped == 0 and optimizer.state[p]["step"] == 1 and not optimizer._reported


@pytest.mark.parametrize("given", [None, ["adam"], torch.optim.Adam, 7], ids=repr)
def test_a_rule_is_a_rule_or_its_name(given):
    with pytest.raises(TypeError, match="allowed: a Rule, or the name of one"):
        Optimizer([torch.nn.Parameter(torch.ones(2))], given, lr=0.1)


@rule(step=0, family="momentum")
def counting(theta, grad, step, *, lr):
    """A rule whose slot has the name of the optimiser's own count."""
    return theta - lr * grad, step + 1


def test_a_name_means_one_rule_and_no_slot_is_called_as_what_stands_beside_it():
    """The state of one kept as another's; a slot that is written over the count."""

    def other():
        @rule(family="momentum")
        def without_lr(theta, grad, *, pace=0.1):
            """Another rule of the same name."""
            return theta - 2 * pace * grad

        return without_lr

    p, q = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    with pytest.raises(ValueError, match="two different rules are called 'without_lr' here; rename one of the functions"):
        Optimizer([{"params": [p]}, {"params": [q], "rule": other()}], without_lr)
    Optimizer([{"params": [p]}, {"params": [q], "rule": without_lr}], without_lr)
    with pytest.raises(ValueError, match="counting calls a slot 'step' or 'theta', which the state keeps beside the slots"):
        Optimizer([p], counting, lr=0.1)


def test_the_engine_of_an_optimiser_that_compiles_nothing_is_plain():
    assert Optimizer([torch.nn.Parameter(torch.ones(2))], "adam", lr=0.1).engine == "plain"


@pytest.mark.parametrize("name", ["nesterov", "schedule_free"])
def test_a_parameter_that_comes_back_in_fewer_digits_costs_the_point_none(name):
    """Weights saved in sixteen bits beside a whole state: the run goes on from the state's point, and not from its rounding."""
    torch.manual_seed(0)
    p = torch.nn.Parameter(torch.rand(6, dtype=torch.float64))
    first = Optimizer([p], name, lr=0.1)
    for _ in range(3):
        p.grad = torch.rand(6, dtype=torch.float64)
        first.step()
    q = torch.nn.Parameter(p.detach().to(torch.bfloat16).to(torch.float64))
    second = Optimizer([q], name, lr=0.1)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for parameter, optimizer in ((p, first), (q, second)):
        parameter.grad = torch.ones(6, dtype=torch.float64)
        optimizer.step()
    torch.testing.assert_close(second.state[q]["theta"], first.state[p]["theta"], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(q, p, rtol=1e-12, atol=1e-12)


def test_a_rule_that_looks_ahead_may_take_anothers_place_and_be_looked_at_at_once():
    """Heavy ball's memory under Nesterov's rule, an evaluation before its first step: both points are made of the parameter."""
    p = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = Optimizer([p], "heavy_ball", lr=0.1, beta=0.5)
    p.grad = torch.ones_like(p)
    optimizer.step()
    optimizer.param_groups[0]["rule"] = "nesterov"
    with optimizer.reported():
        assert p.tolist() == pytest.approx([0.9] * 3)
    assert p.tolist() == pytest.approx([0.9 - 0.1 * 0.5] * 3)
    optimizer.step()
    with optimizer.reported():
        assert p.tolist() == pytest.approx([0.9 - 0.1 * 1.5] * 3)


def test_a_saved_state_without_a_point_is_gone_on_from_where_the_parameter_is():
    """A rule that looks ahead and a file that holds its slots alone: looked at, and stepped, without an error of Python's."""
    for look in (True, False):
        p = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
        optimizer = Optimizer([p], "nesterov", lr=0.1, beta=0.5)
        p.grad = torch.ones_like(p)
        optimizer.step()
        saved = copy.deepcopy(optimizer.state_dict())
        del saved["state"][0]["theta"], saved["momentum_lib"]["hyper"]
        p.data.fill_(2.0)
        optimizer.load_state_dict(saved)
        if look:
            with optimizer.reported():
                assert p.tolist() == [2.0] * 3
            assert p.tolist() == pytest.approx([2 - 0.1 * 0.5 * 1] * 3)
        optimizer.step()
        assert optimizer.state[p]["theta"].tolist() == pytest.approx([2 - 0.1 * 1.5] * 3)


@pytest.mark.parametrize("given", [5, (0.9,), (0.9, 0.99, 0.999), 0.9], ids=repr)
def test_betas_are_a_pair(given):
    optimizer = Optimizer([torch.nn.Parameter(torch.ones(2))], "adam", lr=0.1)
    with pytest.raises(ValueError, match="allowed: a pair, beta1 and beta2 of adam"):
        optimizer.param_groups[0]["betas"] = given
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)


# -- which of a rule's two points a parameter holds that was saved without its state ---------------


def _points():
    expected = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    return expected, expected * 1.5


def test_a_parameter_that_is_mostly_the_other_point_is_that_one():
    expected, other = _points()
    for p in (other.clone(), torch.tensor([1.5, 3.0, 9.0, 9.0], dtype=torch.float64)):
        assert arrival(p, expected, other) == "other"
    assert arrival(torch.tensor([1.5, 9.0, 9.0, 9.0], dtype=torch.float64), expected, other) == "exact"


def _before_and_after_loading(rule, saved=lambda state: state):
    """A parameter after three steps with its optimiser, and the same loaded from what was saved of them."""
    p = torch.nn.Parameter(torch.linspace(1, 2, 8, dtype=torch.float64))
    first = Optimizer([p], rule, lr=0.1)
    for k in range(3):
        p.grad = torch.cos(torch.arange(8) + k).double()
        first.step()
    q = torch.nn.Parameter(p.detach().clone())
    second = Optimizer([q], rule, lr=0.1)
    second.load_state_dict(saved(first.state_dict()))
    return (p, first), (q, second)


@pytest.mark.parametrize("rule", ["schedule_free", "generalised_primal_averaging", "nesterov"])
def test_a_loaded_parameter_is_looked_at_once(rule):
    """What somebody writes after that counts, though it is so little that on arrival it would have passed for rounding."""
    (p, first), (q, second) = _before_and_after_loading(rule)
    held = []
    for parameter, optimizer in ((p, first), (q, second)):
        with optimizer.reported():
            before = parameter.detach().clone()
        with torch.no_grad():
            parameter.mul_(1 + 2**-9)
        with optimizer.reported():
            held.append(parameter.detach().clone())
        assert (held[-1] - before).abs().max() > 1e-4
    assert torch.equal(*held) and torch.equal(p, q)


@pytest.mark.parametrize("rule", ["schedule_free", "nesterov"])
def test_a_loaded_parameter_is_looked_at_once_by_a_step_too(rule):
    """What somebody writes after the first step counts, however little it is."""
    (p, first), (q, second) = _before_and_after_loading(rule, copy.deepcopy)
    for parameter, optimizer in ((p, first), (q, second)):
        parameter.grad = torch.ones(8, dtype=torch.float64)
        optimizer.step()
        parameter.data.mul_(1 + 2**-9)
        optimizer.step()
    assert torch.equal(p, q) and torch.equal(first.state[p]["theta"], second.state[q]["theta"])


def test_a_parameter_saved_in_sixteen_bits_is_known_by_the_nearer_point():
    expected = torch.tensor([1.001, 2.003, 3.007, 4.009], dtype=torch.float64)
    both = lambda point: arrival(point.to(torch.bfloat16).to(torch.float64), expected, expected * (1 + 2**-10))
    assert both(expected) == "rounded"  # both points are within the rounding, and neither is nearer by far
    apart = lambda point: arrival(point.to(torch.bfloat16).to(torch.float64), expected, expected * 1.5)
    assert apart(expected) == "rounded" and apart(expected * 1.5) == "other"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_way_through_sixteen_bits_is_a_hundredth_of_each_coordinate_and_a_few_digits_of_the_largest(sign, dtype):
    """2^-7 of a coordinate, and, for one at zero, sixteen units in the last digit of the largest."""
    point = torch.tensor([-1.0, 4.0, 0.0], dtype=dtype)
    eps = torch.finfo(dtype).eps
    for place, off, found in ((0, 2**-7, True), (0, 1.01 * 2**-7, False), (1, 2**-5, True), (1, 1.01 * 2**-5, False),
                              (2, 16 * 4 * eps, True), (2, 16.5 * 4 * eps, False)):  # fmt: skip
        p = point.clone()
        p[place] += sign * off
        assert close(p, point) is found, (place, off)
    assert close(point.double(), point) and close(point.requires_grad_(), point)


def test_the_nearer_point_is_the_one_that_is_four_times_as_near():
    """Both within the rounding of sixteen bits, and neither met exactly."""
    expected, other = torch.full((4,), 1.0, dtype=torch.float64), torch.full((4,), 1 + 5 * 2**-10, dtype=torch.float64)
    for fifths, found in ((0.5, "rounded"), (2.5, "rounded"), (4, "rounded"), (4.1, "other"), (4.9, "other")):
        assert arrival(expected + fifths * 2**-10, expected, other) == found, fifths
    some = torch.where(torch.tensor([True, True, False, False]), expected, 9.0)
    assert arrival(some, expected, other) == "exact" and arrival(torch.where(some == 1, other, 9.0), expected, other) == "other"
    mixed = torch.where(torch.tensor([True, True, True, False]), expected, other)
    assert arrival(mixed, expected, other) == "other", "one coordinate of the other point, and all others of this one"


def test_a_parameter_near_the_other_point_and_neither_of_them_is_somebody_elses():
    expected, other = _points()
    far = other * 1.1  # five times nearer to the other point, and no rounding of it
    assert 4 * (far - other).abs().max() < (far - expected).abs().max()
    assert arrival(far, expected, other) == "exact"
    assert arrival(expected.clone(), expected, other) == "exact"
    half = torch.tensor([1.0, 2.0, 9.0, 9.0], dtype=torch.float64)
    assert arrival(half, expected, other) == "exact" and arrival(torch.full_like(half, 50.0), expected, other) == "exact"


def test_the_square_of_a_name_alone_is_a_square():
    """(a + b)**2 written out would be computed twice."""
    read = lambda text: _order._squared(ast.parse(text, mode="eval").body)
    assert read("grad**2").id == read("grad * grad").id == "grad"
    for text in ("(a + b)**2", "(a + b) * c", "a * b", "grad**3", "grad + grad", "grad", "2**grad"):
        assert read(text) is None, text


def test_a_word_of_ones_own_beside_a_group_is_no_misspelling():
    """A group may hold more than its options; what is one letter from one of them is refused."""
    _checks.check_names(rules.heavy_ball, ["lr", "weight", "better", "label"], "")
    for name, meant in (("weight_decai", "weight_decay"), ("betas", "beta"), ("maximise", "maximize")):
        with pytest.raises(TypeError, match=f"group 0: heavy_ball: .*'{meant}'"):
            _checks.check_names(rules.heavy_ball, [name], "group 0: ")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda saved: {"weight": 1, "bias": 2}, "it needs 'state' and 'param_groups'; got ['bias', 'weight']."),
        (lambda saved: 5, "it needs 'state' and 'param_groups'; got int."),
        (
            lambda saved: saved["state"][0].pop("v") is None or saved,
            "the saved state has ['step']; heavy_ball keeps ['step', 'v'].",
        ),
        (lambda saved: saved["state"].update({0: 7}) or saved, "the saved state has int; heavy_ball keeps ['step', 'v']."),
        (lambda saved: saved.update(param_groups={}) or saved, "the saved param_groups and state are ['dict', 'dict']; allowed"),
    ],
)
def test_what_a_foreign_state_holds_is_told_in_order(damage, says):
    p = torch.nn.Parameter(torch.ones(2))
    optimizer = Optimizer([p], "heavy_ball", lr=0.1)
    p.grad = torch.ones(2)
    optimizer.step()
    with pytest.raises(ValueError) as refused:
        optimizer.load_state_dict(damage(copy.deepcopy(optimizer.state_dict())))
    assert says in str(refused.value)


def test_a_number_in_a_tensor_is_kept_as_it_was():
    """A schedule that writes into it in place: what a parameter was looked from by stays known."""
    optimizer = Optimizer([torch.nn.Parameter(torch.ones(2))], "nesterov", lr=0.1)
    way, values = optimizer._way(0)
    first = optimizer._kept(way, values)
    assert first is optimizer._kept(way, values) and first == {"lr": 0.1, "beta": 0.9}
    rate = torch.tensor(0.5)
    values = {**values, "lr": rate}
    kept = optimizer._kept(way, values)
    rate.fill_(0.25)
    assert float(kept["lr"]) == 0.5 and float(optimizer._kept(way, values)["lr"]) == 0.25


def test_a_parameter_moves_by_its_program_and_not_by_the_text(monkeypatch):
    """Temporaries as large as the model, for the same numbers."""

    def text(*given):
        raise AssertionError("the text was run")

    monkeypatch.setattr(_plain, "advance", text)
    for name in ("heavy_ball", "adamw", "nesterov"):
        p = torch.nn.Parameter(torch.ones(3))
        optimizer = Optimizer([p], name, lr=0.1)
        p.grad = torch.ones(3)
        optimizer.step()
        assert p[0] < 1


@pytest.mark.parametrize("name", ["adam", "heavy_ball", "nesterov", "muon"])
def test_a_model_that_was_converted_is_told_what_its_state_is(name):
    """torch's words about an ``end`` that nobody gave; sixteen bits, whose state is wider, go on."""
    p = torch.nn.Parameter(torch.ones(2, 2))
    optimizer = Optimizer([("weight", p)], name, lr=0.1)
    p.grad = torch.ones(2, 2)
    optimizer.step()
    for dtype in (torch.bfloat16, torch.float32):
        p.data, p.grad = p.data.to(dtype), None
        p.grad = torch.ones(2, 2, dtype=dtype)
        optimizer.step()
    p.data, p.grad, before = p.data.double(), None, p.data.double()
    p.grad = torch.ones(2, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"'weight' is torch.float64 now, and its \w+ is the torch.float32 .* new optimiser"):
        optimizer.step()
    assert torch.equal(p, before)
    del optimizer.state[p]
    optimizer.step()
    assert optimizer.state[p]["step"] == 1 and p.dtype == torch.float64


def test_parameters_that_are_none_are_refused_in_words():
    optimizer = Optimizer([torch.nn.Parameter(torch.ones(2))], "adam", lr=0.1)
    groups = {
        r"a group of \[\] without 'params'": {},
        r"\['lr'\] without": {"lr": 1.0},
        "None": {"params": None},
        "3": {"params": 3},
    }
    for told, group in groups.items():
        with pytest.raises(TypeError, match=f"{told}.*allowed: a dict whose 'params' are"):
            optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 1
    for params in (None, 3):
        with pytest.raises(TypeError, match=f"params is {params}; allowed: several tensors"):
            Optimizer(params, "adam", lr=0.1)
    for compiled in ("yes", 1, np.array([True]), None):
        with pytest.raises(ValueError, match="compiled is .*; allowed: True, False or 'auto'"):
            Optimizer([torch.nn.Parameter(torch.ones(2))], "adam", lr=0.1, compiled=compiled)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", ["adam", "heavy_ball", "nesterov", "schedule_free"])
def test_a_parameter_of_another_shape_is_refused_before_anything_moves(name, compiled):
    """Once the memory behind it was written over, and another parameter had moved."""
    first, second = (torch.nn.Parameter(torch.ones(3, 2, dtype=torch.float64)) for _ in range(2))
    optimizer = Optimizer([first, second], name, lr=0.1, compiled=compiled)
    for p in (first, second):
        p.grad = torch.ones_like(p)
    optimizer.step()
    behind, before = torch.full((8,), 7.0, dtype=torch.float64), first.detach().clone()
    second.data = behind[:2]
    second.grad = torch.ones(2, dtype=torch.float64)
    why = r"parameter 1 of group 0 .* has the shape \(2,\) now, and its \w+ is of the shape \(3, 2\)"
    with pytest.raises(ValueError, match=why):
        optimizer.step()
    assert behind.tolist() == [7.0] * 8 and torch.equal(first, before)
    del optimizer.state[second]
    optimizer.step()
    assert behind[2:].tolist() == [7.0] * 6 and not torch.equal(first, before) and optimizer.state[second]["step"] == 1
