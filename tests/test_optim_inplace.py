"""The plain path's programs in place: each rule's is its text, up to rounding, and what cannot be read so runs as it stands."""

import numpy as np
import pytest
import torch
from optim_properties import PROPERTIES, gradients, tensors

from momentum_lib import ops, rule, rules
from momentum_lib.ops import maximum
from momentum_lib.optim import Optimizer, _inplace, _plain, muon_with_adamw
from momentum_lib.optim._step import BLOCK, Way, advance

READ = [name for name, found in rules.RULES.items() if not found.sides and name != "dampened_momentum"]
WAYS = {"plain": (None, False), "decoupled": ("decoupled", False), "coupled, climbing": ("coupled", True)}


def takes(found, way):
    """Whether the optimiser decays for this rule: not one that decays by itself, nor by a share of a rate that it lacks."""
    decay, _ = WAYS[way]
    return not decay or not ("weight_decay" in found.hyper or (decay == "decoupled" and "lr" not in found.hyper))


CASES = [(name, way) for name in READ for way in WAYS if takes(rules.get(name), way)]


def numbers_of(found):
    """A value for each hyper-parameter, none at the end of its range."""
    return {name: 0.05 if value is None else value or 0.1 for name, value in found.hyper.items()} | {"weight_decay": 0.3}


def arrays_of(found, shape, seed=0):
    random = torch.Generator().manual_seed(seed)
    make = lambda: torch.randn(shape, generator=random, dtype=torch.float64)
    return make(), make(), [make().abs() + 0.1 for _ in found.slots]


@pytest.mark.parametrize(("name", "way"), CASES)
def test_the_program_is_the_text(name, way):
    """One array and lists of them, at the third step, against the text run as it stands: to 1e-12; the gradient is left alone."""
    found = rules.get(name)
    decay, climb = WAYS[way]
    way, values = Way(found, decay, climb), numbers_of(found)
    theta, grad, slots = arrays_of(found, (6, 4))
    kept, shown = grad.clone(), theta + 0.1 if found.look_fn else theta
    expected, state = theta.clone(), [slot.clone() for slot in slots]
    looked = shown.clone() if found.look_fn else expected
    advance(way, looked, expected, grad, state, values, 3)
    for lists in (False, True) if not found.matrix else (False,):
        point, own = theta.clone(), [slot.clone() for slot in slots]
        program = _inplace.step_of(way)
        given = [point, grad, *own, *([shown] if decay == "coupled" and found.look_fn else [])]
        numbers = program.numbers({**values, "_rows": 6.0, "_columns": 4.0}, 3)
        if lists:
            program.many([[array] for array in given], (), numbers)
        else:
            program.one(given, [torch.full_like(theta, float("nan")) for _ in range(program.scratch)], numbers)
        for a, b in zip((point, *own), (expected, *state), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    assert torch.equal(grad, kept)


def test_a_program_needs_little_room():
    """What the text makes ten arrays for takes one or two; heavy ball and Schedule-Free take none."""
    scratch = {name: _inplace.step_of(Way(rules.get(name))).scratch for name in READ}
    assert max(scratch.values()) == 2 and scratch["adamw"] == 1
    assert scratch["heavy_ball"] == scratch["schedule_free"] == scratch["gradient_descent"] == 0


@rule(a=0, b=0, family="momentum")
def swapping(theta, grad, a, b, *, lr):
    """Two memories that change places; a program would write one over the other."""
    return theta - lr * (grad + a), b + 0 * grad, a


@rule(a="theta", b="theta", family="momentum")
def trading(theta, grad, a, b, *, lr):
    """Two memories that change places as they are."""
    return theta - lr * (grad + a), b, a


def test_values_that_change_places():
    """Where a copy can be kept they do, and where none can the text runs as it stands."""
    assert _inplace.step_of(Way(trading)) is None
    assert _inplace.step_of(Way(rules.dampened_momentum)) is None and _inplace.step_of(Way(rules.soap)) is None
    program = _inplace.step_of(Way(swapping))
    theta, grad, (a, b) = arrays_of(swapping, (5,))
    wanted = theta - 0.1 * (grad + a), b.clone(), a.clone()
    program.one([theta, grad, a, b], [torch.empty_like(a) for _ in range(program.scratch)], program.numbers({"lr": 0.1}, 1))
    for found, expected in zip((theta, a, b), wanted, strict=True):
        torch.testing.assert_close(found, expected)
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = Optimizer([p], trading, lr=0.1)
    p.grad = torch.ones(3)
    optimizer.step()
    assert torch.allclose(p, torch.full((3,), 0.8))


@pytest.mark.parametrize("name", ["agrees_with_torch", "looks_steps_and_reports_as_descend", "serves_a_rule_of_your_own"])
def test_the_text_as_it_stands_has_the_same_properties(name, monkeypatch):
    """The way of whatever no program can be made of, which tensors of several and hyper-parameters on an accelerator take."""
    monkeypatch.setattr(_inplace, "step_of", lambda way: None)
    monkeypatch.setattr(_inplace, "look_of", lambda rule, join: None)
    PROPERTIES[name](Optimizer)


@pytest.mark.parametrize("name", ["adamw", "nesterov"])
def test_blocks_are_the_whole(name):
    """A tensor of several blocks, and one that cannot be cut, step as their parts do."""
    flat = torch.randn(BLOCK + 37, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = torch.nn.Parameter(flat.clone())
    turned = torch.nn.Parameter(flat[: BLOCK + 36].view(-1, 4).clone().T)
    parts = [torch.nn.Parameter(part.clone()) for part in flat.split(1000)]
    for params in ([whole], [turned], parts):
        optimizer = Optimizer(params, name, lr=0.01)
        for _ in range(3):
            for p in params:
                p.grad = p.detach() - 1
            optimizer.step()
    torch.testing.assert_close(whole.detach(), torch.cat([p.detach() for p in parts]), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(turned.detach().T.reshape(-1), whole.detach()[:-1], rtol=1e-13, atol=1e-13)


def test_a_last_digit_is_rounding_where_a_rule_looks_ahead():
    """Another order of operations shows another last digit: the point behind stays; what is written moves it."""
    for change, moves in ((1 + 2**-22, False), (1.01, True)):
        p = torch.nn.Parameter(torch.ones(8))
        optimizer = Optimizer([p], "schedule_free", lr=0.5)
        for _ in range(3):
            p.grad = torch.full((8,), 0.1)
            optimizer.step()
        point, z = optimizer.state[p]["theta"].clone(), optimizer.state[p]["z"].clone()
        p.data.mul_(change)
        from_here = p.detach().clone() if moves else point
        p.grad = torch.zeros(8)
        optimizer.step()
        torch.testing.assert_close(optimizer.state[p]["theta"], from_here + (z - from_here) / 5, rtol=1e-6, atol=0)


def test_small_matrices_move_as_one_stack_and_as_each_alone():
    """Muon on matrices of one shape: the same as each in an optimiser of its own; counts and shapes are kept apart."""
    a = tensors(shapes=((3, 4), (3, 4), (4, 3), (3, 4)))
    b = tensors(shapes=((3, 4), (3, 4), (4, 3), (3, 4)))
    ours, alone = Optimizer(a, "muon", lr=0.1), [Optimizer([p], "muon", lr=0.1) for p in b]
    for t, grads in enumerate(gradients(a, 6)):
        for k, (p, q, g) in enumerate(zip(a, b, grads)):
            p.grad, q.grad = (None, None) if k == t == 1 else (g.clone(), g.clone())
        ours.step()
        for optimizer in alone:
            optimizer.step()
    for p, q in zip(a, b, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-12)
    assert [ours.state[p]["step"] for p in a] == [6, 5, 6, 6]


@pytest.mark.parametrize("rule", ["muon", "muon_plain"])
def test_muon_in_sixteen_bits_is_torchs(rule):
    """``products="bfloat16"``: torch.optim.Muon's step, to a few hundredths; float32 by default, which the text says."""
    random = torch.Generator().manual_seed(0)
    start = torch.randn(48, 32, generator=random)
    runs = {}
    for name, build in {
        "torch": lambda p: torch.optim.Muon([p], lr=0.1, weight_decay=0.0, momentum=0.95, nesterov=rule == "muon"),
        "bfloat16": lambda p: Optimizer([p], rule, lr=0.1, products="bfloat16"),
        "as given": lambda p: Optimizer([p], rule, lr=0.1),
    }.items():
        p = torch.nn.Parameter(start.clone())
        optimizer = build(p)
        p.grad = torch.randn(48, 32, generator=torch.Generator().manual_seed(1))
        optimizer.step()
        runs[name] = p.detach() - start
    exact = Optimizer([torch.nn.Parameter(start.double())], rule, lr=0.1)
    (p,) = exact.param_groups[0]["params"]
    p.grad = torch.randn(48, 32, generator=torch.Generator().manual_seed(1)).double()
    exact.step()
    moved = (p.detach() - start.double()).float()
    apart = {name: float((run - moved).norm() / moved.norm()) for name, run in runs.items()}
    assert apart["as given"] < 1e-5 < 1e-3 < apart["bfloat16"] < 0.03 and apart["torch"] < 0.03
    with pytest.raises(ValueError, match="products is 'float8'; allowed: 'as given' or 'bfloat16'"):
        Optimizer([p], "muon", lr=0.1, products="float8")
    assert ops.orthogonal(torch.zeros(2, 3, 4)).eq(0).all()


@pytest.mark.parametrize("shape", [(4, 4), (3, 8), (8, 3), (2, 5, 3), (2, 3, 4, 6), (2, 2, 6, 4)])
def test_tensors_are_made_orthogonal_as_arrays_are_and_are_left_as_they_were(shape):
    """Memory that is used again while somebody still needs what was in it; a square of 1e200 or 1e-200."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for size in (1.0, 1e200, 1e-200):
        given = size * x
        before = given.clone()
        torch.testing.assert_close(ops.orthogonal(given), torch.from_numpy(ops.orthogonal(given.numpy())), rtol=0, atol=1e-12)
        with ops.products_in("bfloat16"):
            found = ops.orthogonal(given)
        exact = ops.orthogonal(given)
        assert torch.equal(given, before) and found.dtype == given.dtype
        assert (found - exact).norm() < 0.03 * found.norm()
        other = torch.full_like(given, float("nan"))
        assert ops.orthogonal(given, out=other) is other and torch.equal(given, before)
        torch.testing.assert_close(other, exact, rtol=0, atol=1e-14)
        arrays = given.numpy(), np.zeros(shape)
        assert ops.orthogonal(arrays[0], out=arrays[1]) is arrays[1] and (arrays[1] == ops.orthogonal(arrays[0])).all()
        torch.testing.assert_close(ops.orthogonal(given, out=given), exact, rtol=0, atol=1e-14)
    turned = x.mT.contiguous().mT  # columns lie side by side
    torch.testing.assert_close(ops.orthogonal(turned), ops.orthogonal(x), rtol=0, atol=1e-12)


def test_the_products_dtype_goes_with_a_recipe_and_a_copy():
    import copy

    model = torch.nn.ModuleList([torch.nn.Embedding(5, 4), torch.nn.Linear(4, 6), torch.nn.Linear(4, 5)])
    optimizer = copy.deepcopy(muon_with_adamw(model, not_hidden=("2",), products="bfloat16"))
    assert optimizer._products == "bfloat16"


@pytest.mark.parametrize("name", ["heavy_ball", "adamw", "muon"])
def test_an_accelerators_code_path_runs_on_fake_tensors(name):
    """No GPU is here: the path of a CUDA tensor, with every shape, dtype and device checked and nothing computed."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    seen = []
    with FakeTensorMode():
        params = [torch.nn.Parameter(torch.empty(4, 6, device="cuda")) for _ in range(3)]
        optimizer = Optimizer(params, name, lr=0.1)
        original = _plain.Plain.move_together
        for _ in range(2):
            for p in params:
                p.grad = torch.empty_like(p)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(_plain.Plain, "move_together", lambda self, some: (seen.append(len(some)), original(self, some)))
                optimizer.step()
        assert all(
            value.device.type == "cuda" for p in params for value in optimizer.state[p].values() if hasattr(value, "device")
        )
    assert seen == [3, 3]


def test_many_tensors_go_in_portions(monkeypatch):
    monkeypatch.setattr(_plain, "LISTED", 10)
    sizes = [4, 5, 2, 30, 1, 9]
    portions = [[a.numel() for (a,) in some] for some in _plain.portions([(torch.empty(n),) for n in sizes])]
    assert portions == [[4, 5], [2], [30], [1, 9]]


@rule(m=0, family="momentum")
def sum_of_sums(theta, grad, m, *, lr, beta=0.9):
    """A sum whose second term is a sum with a number of its own, which is no quotient by that number."""
    m = beta * m + grad
    return theta - (m + lr * grad), m


def test_a_sum_of_sums_is_its_text():
    way, values = Way(sum_of_sums), {"lr": 0.05, "beta": 0.8, "weight_decay": 0.0}
    theta, grad, slots = arrays_of(sum_of_sums, (5,))
    expected = theta - (0.8 * slots[0] + grad + 0.05 * grad)
    program = _inplace.step_of(way)
    program.one([theta, grad, *slots], [torch.empty_like(theta) for _ in range(program.scratch)], program.numbers(values, 1))
    torch.testing.assert_close(theta, expected, rtol=1e-12, atol=1e-12)


@rule(m=0, family="momentum")
def a_number_first(theta, grad, m, *, lr):
    """A number from which an array is taken, and one that is divided by an array."""
    m = 2 - m
    return theta - lr * (3 / m + (0.5 - grad)), m


@rule(m=0, family="momentum")
def the_larger(theta, grad, m, *, lr):
    """The larger of two arrays, and of an array and a number on either side."""
    m = maximum(m, grad)
    return theta - lr * (maximum(grad, 0.25) - maximum(-0.5, theta)), m


@rule(m=0, family="momentum")
def two_shares(theta, grad, m, *, lr):
    """A sum of two products that is no mean."""
    m = 0.9 * m + 0.3 * grad
    return theta - lr * m, m


def by_hand(name, theta, grad, m):
    """(theta, m) after a step of one of these, at a rate of 0.05."""
    if name == "a_number_first":
        return theta - 0.05 * (3 / (2 - m) + 0.5 - grad), 2 - m
    if name == "the_larger":
        return theta - 0.05 * (grad.clamp(min=0.25) - theta.clamp(min=-0.5)), torch.where(m > grad, m, grad)
    return theta - 0.05 * (0.9 * m + 0.3 * grad), 0.9 * m + 0.3 * grad


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("own", [a_number_first, the_larger, two_shares], ids=lambda own: own.name)
def test_what_no_rule_of_the_library_says_is_its_text(own, lists):
    """A difference the other way round, a name that a program does not know, scratch for a sum that lies in its own memory."""
    theta, grad, (m,) = arrays_of(own, (40,))
    expected = by_hand(own.name, theta, grad, m)
    program = _inplace.step_of(Way(own))
    numbers = program.numbers({"lr": 0.05, "weight_decay": 0.0}, 1)
    if lists:
        program.many([[theta], [grad], [m]], (), numbers)
    else:
        program.one([theta, grad, m], [torch.full_like(theta, float("nan")) for _ in range(program.scratch)], numbers)
    torch.testing.assert_close((theta, m), expected, rtol=1e-12, atol=1e-12)
    assert own is not two_shares or program.scratch == 0


def test_what_moves_together_by_hand():
    """On a CPU small matrices alone; elsewhere (a device without memory stands for it) all but what has to run as it stands."""
    able = lambda name, *given: _plain.Plain(Way(rules.get(name)), {"lr": 0.1}).together(*given)
    small, large = torch.zeros(128, 128), torch.zeros(128, 129)
    assert able("muon", small, small, small) and not able("muon", large, large, large)
    assert not able("heavy_ball", small, small, small) and not able("soap", small, small, small)
    away = torch.empty(200, 200, device="meta")
    assert able("heavy_ball", away, away, away) and able("muon", away, away, away) and able("soap", away, away, away)
    assert not able("dampened_momentum", away, away, away), "its text has to run as it stands"
    assert not able("muon", away, torch.empty_like(away), away) and not able("heavy_ball", away, away, away.half())


def test_two_arrays_with_the_same_memory_may_be_different():
    one = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    turned = one.clone().t()
    assert not _plain.same(one, turned) and not _plain.same(turned, one)
    assert _plain.same(turned, turned.contiguous()) and _plain.same(one, one.clone())


class Apart(torch.Tensor):
    """A tensor that computes in its own way, and not into another, as one that is several tensors does."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if "out" in (kwargs or {}):
            raise TypeError(f"{func.__name__} into an Apart")
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("rule", ["adamw", "nesterov", "schedule_free"])
@pytest.mark.parametrize("kinds", [(Apart, Apart), (torch.Tensor, Apart), (Apart, torch.Tensor)])
def test_a_tensor_that_is_not_torchs_own_moves_by_the_rules_text(rule, kinds):
    """A parameter or a gradient of another kind, whose memory or whose ``out=`` is not what it seems."""
    random, found = torch.Generator().manual_seed(0), []
    start, *grads = torch.randn(4, 6, generator=random, dtype=torch.float64)
    for kind, of in (kinds, (torch.Tensor, torch.Tensor)):
        p = torch.nn.Parameter(start.clone().as_subclass(kind))
        optimizer = Optimizer([p], rule, lr=0.1)
        for grad in grads:
            p.grad = grad.clone().as_subclass(of)
            optimizer.step()
        found.append(p.detach().as_subclass(torch.Tensor))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)
