"""What the optimiser refuses and says, option by option."""

from types import SimpleNamespace

import pytest
import torch

from momentum_lib import rule, rules
from momentum_lib.optim import Optimizer, _checks


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
    "sparse": (torch.eye(2).to_sparse(), "is sparse .*to_dense"),
}


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_a_parameter_is_dense_real_and_floating(case):
    p, message = BAD_PARAMETERS[case]
    with pytest.raises(TypeError, match=message):
        _checks.check_parameter(rules.heavy_ball, p, "p")


def test_a_matrix_rule_moves_matrices():
    for shape in ((3,), (2, 3, 4), ()):
        with pytest.raises(ValueError, match="muon moves matrices only"):
            _checks.check_parameter(rules.muon, torch.zeros(shape), "p")
    _checks.check_parameter(rules.muon, torch.zeros(2, 3), "p")
