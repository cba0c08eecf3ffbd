"""What makes a training step fast changes none of its numbers: norms, rotary positions, one product for three."""

import pytest
import torch
import torch.nn.functional as F

from momentum_lib.train import data, device, model, short_loop, stacked


@pytest.mark.parametrize("runs", [1, 3])
def test_the_norm_and_its_gradient_are_torchs(runs):
    """Norms in few passes, of several runs stacked and of one model: values and both gradients in float64."""
    torch.manual_seed(0)
    x, weight, grad = torch.randn(runs, 7, 6).double(), torch.rand(runs, 1, 6).double() + 0.5, torch.randn(runs, 7, 6).double()
    ours = [t.clone().requires_grad_() for t in (x, weight)]
    theirs = [t.clone().requires_grad_() for t in (x, weight)]
    found = stacked.Scaled.apply(*ours, 1e-6)
    expected = torch.stack([F.rms_norm(a, (6,), w[0], 1e-6) for a, w in zip(*theirs)])
    found.backward(grad)
    expected.backward(grad)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-12, atol=1e-12)
    for k in range(runs):
        norm, one = model.RMSNorm(6, eps=1e-6).double(), x[k].clone().requires_grad_()
        norm.weight.data.copy_(weight[k, 0])
        out = norm(one)
        out.backward(grad[k])
        torch.testing.assert_close(out, expected[k], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(one.grad, theirs[0].grad[k], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(norm.weight.grad, theirs[1].grad[k, 0], rtol=1e-12, atol=1e-12)


def test_the_norm_is_torchs_module():
    norm, plain = model.make_norm(model.size("nano")), torch.nn.RMSNorm(64, eps=1e-6)
    x = torch.randn(2, 5, 64)
    torch.testing.assert_close(norm(x), plain(x))
    assert isinstance(norm, torch.nn.RMSNorm) and norm(x.bfloat16()).shape == x.shape


@pytest.mark.parametrize("compiling", [False, True])
def test_turning_and_turning_back(compiling, monkeypatch):
    """Queries and keys against the textbook's two products, the gradient by autograd of those; values are left as they are."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: compiling)
    angle = torch.rand(6, 6, dtype=torch.float64)
    cos, sin = angle[:5].cos(), angle[:5].sin()
    qkv, grads = torch.randn(2, 5, 3 * 3 * 12).double().requires_grad_(), torch.randn(3, 2, 5, 3, 12).double()
    q, k, v = qkv.view(2, 5, 3, 3, 12).permute(2, 0, 3, 1, 4)
    plain = torch.stack((model.rotate(q, cos, sin), model.rotate(k, cos, sin), v)).transpose(2, 3)
    table = model.turns(angle.cos(), angle.sin(), 3)
    turned = torch.stack(model.queries_keys_values(qkv, 3, table))
    torch.testing.assert_close(turned, plain, rtol=1e-12, atol=1e-12)
    (found,), (expected,) = (torch.autograd.grad(out, qkv, grads) for out in (turned, plain))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model.rotate(turned[0].transpose(1, 2), cos, -sin), q, rtol=1e-12, atol=1e-12)
    for given in (table.float(), table.bfloat16()):
        low = torch.stack(model.queries_keys_values(qkv.bfloat16(), 3, given))
        assert low.dtype == torch.bfloat16 and (low.double() - turned).abs().max() < 2**-6 * turned.abs().max()


def test_pairs_lie_side_by_side_and_first_weights_are_those_of_the_records(monkeypatch):
    """Queries and keys drawn with their pairs half a head apart, which is another model once they are neighbours."""
    rows = torch.arange(8.0)[:, None].expand(8, 8)
    assert model.as_neighbours(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    models, put = [], model.as_neighbours
    for change in (put, lambda weight, heads: weight):
        monkeypatch.setattr(model, "as_neighbours", change)
        torch.manual_seed(0)
        models.append(dict(model.GPT(model.size("pico", heads=4)).named_parameters()))
    for name, drawn in models[1].items():
        turned = name.endswith(("query.weight", "key.weight"))
        assert torch.equal(models[0][name], put(drawn, 4) if turned else drawn), name


def test_the_measured_peak_by_hand():
    """Four products of two side^3 operations each; the fastest counts, by the clock that is given."""
    times = iter([0, 4, 10, 12, 20, 23, 30, 33])
    assert device.measured_peak(torch.device("cpu"), clock=lambda: next(times)) == 2 * 1024**3 / 2


def test_the_short_loop_is_the_same_training():
    """A yardstick that is shorter because it does less: our model with its weights, torch's AdamW, the same windows."""
    corpus, config = data.corpus(), model.size("pico", layers=2, heads=2, norm="layer", positions="learned")
    torch.manual_seed(1)  # small matrices, whose spread is known to a tenth in most draws
    step = short_loop.loop(config, 3, "cpu", corpus)
    own = dict(zip(step.__code__.co_freevars, (cell.cell_contents for cell in step.__closure__)))
    theirs = own["model"].state_dict()
    assert all(theirs[name].std() == pytest.approx(0.01, rel=0.1) for name in theirs if theirs[name].ndim == 2)
    names = {"tokens": "embedding", "places": "positions", "first": "norm_attention", "second": "norm_forward"}
    state = {}
    for name, value in theirs.items():
        *place, last, kind = name.split(".")
        if last == "qkv":
            parts = zip(("query", "key", "value"), value.chunk(3))
            state |= {".".join((*place, "attention", part, kind)): rows.clone() for part, rows in parts}
        else:
            inner = ("attention", "out") if last == "out" else (names.get(last, last),)
            state[".".join((*place, *inner, kind))] = value.clone()
    ours = model.GPT(config)
    ours.load_state_dict(state, strict=False)
    assert ours.state_dict().keys() == state.keys()
    optimizer, text = torch.optim.AdamW(ours.parameters(), lr=1e-3), torch.from_numpy(corpus.train.copy()).long()
    for seed in range(3):
        torch.manual_seed(seed)
        found = step()
        torch.manual_seed(seed)
        starts = torch.randint(len(text) - config.context, (3,)).tolist()
        windows = torch.stack([text[i : i + config.context + 1] for i in starts])
        loss = ours(windows[:, :-1], windows[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(ours.parameters(), 1.0)
        optimizer.step()
        assert found.dtype == torch.float32 and float(found.detach()) == pytest.approx(float(loss.detach()), abs=1e-6)
    assert all(p.grad is None for p in own["model"].parameters())
