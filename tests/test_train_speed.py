"""What makes a training step fast changes none of its numbers: norms, rotary positions, one product for three."""

import pytest
import torch
import torch.nn.functional as F

from momentum_lib.train import device, model


@pytest.mark.parametrize("runs", [1, 3])
def test_the_norm_and_its_gradient_are_torchs(runs):
    """RMSNorm in few passes, one model's and several stacked: values and both gradients in float64."""
    torch.manual_seed(0)
    x, weight, grad = torch.randn(runs, 7, 6).double(), torch.rand(runs, 1, 6).double() + 0.5, torch.randn(runs, 7, 6).double()
    ours = [t.clone().requires_grad_() for t in (x, weight)]
    theirs = [t.clone().requires_grad_() for t in (x, weight)]
    model.Scaled.apply(*ours, 1e-6).backward(grad)
    torch.stack([F.rms_norm(a, (6,), w[0], 1e-6) for a, w in zip(*theirs)]).backward(grad)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-12, atol=1e-12)


def test_the_norm_is_torchs_module():
    norm, plain = model.make_norm(model.size("nano")), torch.nn.RMSNorm(64, eps=1e-6)
    x = torch.randn(2, 5, 64)
    torch.testing.assert_close(norm(x), plain(x))
    assert isinstance(norm, torch.nn.RMSNorm) and norm(x.bfloat16()).shape == x.shape


def test_turning_and_turning_back():
    """The rotary turn against the textbook's two products, its gradient by autograd of those, and queries and keys at once."""
    angle = torch.rand(5, 6, dtype=torch.float64)
    cos, sin = angle.cos(), angle.sin()
    x, grad = torch.randn(2, 3, 2, 5, 12).double().requires_grad_(), torch.randn(2, 3, 2, 5, 12).double()
    a, b = x.chunk(2, -1)
    plain = torch.cat((a * cos - b * sin, a * sin + b * cos), -1)
    (expected,) = torch.autograd.grad(plain, x, grad)
    turned = model.rotate(x, cos, sin)
    (found,) = torch.autograd.grad(turned, x, grad)
    torch.testing.assert_close(turned, plain, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model.rotate(turned, cos, -sin), x, rtol=1e-12, atol=1e-12)


def test_the_measured_peak_by_hand():
    """Four products of two side^3 operations each; the fastest counts, by the clock that is given."""
    times = iter([0, 4, 10, 12, 20, 23, 30, 33])
    assert device.measured_peak(torch.device("cpu"), clock=lambda: next(times)) == 2 * 1024**3 / 2
