"""The plain path's programs in place: each rule's is its text, up to rounding, and what cannot be read so runs as it stands."""

import ast
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from optim_properties import PROPERTIES, gradients, tensors

from momentum_lib import ops, rule, rules
from momentum_lib.ops import maximum, sqrt
from momentum_lib.optim import Optimizer, _inplace, _plain, _step, muon_with_adamw
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


AS_IT_STANDS = ["agrees_with_torch", "looks_steps_and_reports_as_descend", "serves_a_rule_of_your_own"]
AS_IT_STANDS += ["computes_low_precision_in_float32", "follows_who_writes_the_parameters", "follows_who_writes_through_data"]


@pytest.mark.parametrize("name", AS_IT_STANDS)
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


@rule(m=0, family="momentum")
def a_share_of_a_product(theta, grad, m, *, lr):
    """A number times a product of two arrays, which has no number to join."""
    m = 0.5 * (m * grad)
    return theta - lr * m, m


@rule(m=0, family="momentum")
def a_far_look(theta, grad, m, *, lr):
    """Looks ahead by two operations, of which sixteen bits would round the first."""
    m = grad
    return theta - lr * m, m


@a_far_look.looks_at
def where_it_looks(theta, m, *, lr):
    return (theta + 200 * m) - 200 * theta


def test_where_a_rule_looks_is_rounded_once_for_a_parameter_of_sixteen_bits():
    p = torch.nn.Parameter(torch.tensor([1.015625, 1.5, -0.75], dtype=torch.bfloat16))
    optimizer = Optimizer([p], a_far_look, lr=0.0)
    theta = p.detach().float()
    p.grad = torch.tensor([1.0078125, 1.4921875, -0.74609375], dtype=torch.bfloat16)
    optimizer.step()
    exact = (theta + 200 * p.grad.float()) - 200 * theta
    twice = ((theta + 200 * p.grad.float()).bfloat16().float() - 200 * theta).bfloat16()
    assert torch.equal(p.detach(), exact.bfloat16()) and not torch.equal(exact.bfloat16(), twice)


def by_hand(name, theta, grad, m):
    """(theta, m) after a step of one of these, at a rate of 0.05."""
    if name == "a_share_of_a_product":
        return theta - 0.025 * m * grad, 0.5 * m * grad
    if name == "a_number_first":
        return theta - 0.05 * (3 / (2 - m) + 0.5 - grad), 2 - m
    if name == "the_larger":
        return theta - 0.05 * (grad.clamp(min=0.25) - theta.clamp(min=-0.5)), torch.where(m > grad, m, grad)
    return theta - 0.05 * (0.9 * m + 0.3 * grad), 0.9 * m + 0.3 * grad


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize("own", [a_number_first, the_larger, two_shares, a_share_of_a_product], ids=lambda own: own.name)
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

    class Several(torch.Tensor):
        """One that is several tensors, as torch asks."""

        def __tensor_flatten__(self):
            raise NotImplementedError

    own = away.as_subclass(Several)
    assert not able("heavy_ball", own, own, away) and not able("heavy_ball", away, away, own), "either has its own arithmetic"


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


# -- what a text becomes ---------------------------------------------------------------------------


def read(text, join=True):
    """The program of a few assignments to theta and m, separated by semicolons; b, k and lr are numbers."""
    parsed = lambda value: ast.parse(value, mode="eval").body
    assigned = [(name, parsed(value)) for name, value in (line.split(" = ") for line in text.split("; "))]
    return _inplace.make(assigned, [parsed("theta"), parsed("m")], ["theta", "grad", "m"], ["theta", "m"], join)


NUMBERS = {"b": 0.25, "k": 8.0}


def passes(program):
    """What a program does in its lines, with the numbers in their places: to one array after the other, and to lists."""
    numbers = program.numbers(NUMBERS, 1)
    shown = re.sub(r"\bk(\d+)\b", lambda found: f"{numbers[int(found[1])]:g}", program.text).replace("torch._foreach_", "each_")
    shown = shown.replace("torch.", "")
    bare = re.compile(r"def |pass$|.* = (arrays|numbers|scratch)$")
    lines = lambda text: [line.strip() for line in text.splitlines() if line.strip() and not bare.match(line.strip())]
    one, many = shown.split("def many")
    return "; ".join(lines(one)), "; ".join(lines(f"def {many}"))


PASSES = {  # the text -> each pass over the memory of one array, and of lists of them
    # a product or a quotient with a number joins the sum that alone reads it
    "m = b * m + grad": ("add(grad, m, alpha=0.25, out=m)", "each_mul_(m, 0.25); each_add_(m, grad)"),
    "m = grad + b * m": ("add(grad, m, alpha=0.25, out=m)", "each_mul_(m, 0.25); each_add_(m, grad)"),
    "m = grad - b * m": ("add(grad, m, alpha=-0.25, out=m)", "each_mul_(m, -0.25); each_add_(m, grad)"),
    "m = b * m - grad": ("if 0.25 != 1: m.mul_(0.25); m.sub_(grad)", "each_mul_(m, 0.25); each_sub_(m, grad)"),
    "m = b * m + k * grad": (
        "if 0.25 != 1: m.mul_(0.25); m.add_(grad, alpha=8)", "each_mul_(m, 0.25); each_add_(m, grad, alpha=8)",
    ),
    "m = m + grad / k": ("m.add_(grad, alpha=0.125)", "each_add_(m, grad, alpha=0.125)"),
    "m = m - grad / k": ("m.add_(grad, alpha=-0.125)", "each_add_(m, grad, alpha=-0.125)"),
    # so does the product or the quotient of two arrays, with its number
    "m = m + grad * theta": (
        "m.addcmul_(grad, theta, value=1)", "_p = each_mul(grad, 1); each_mul_(_p, theta); each_add_(m, _p)",
    ),
    "m = m - b * grad * theta": (
        "m.addcmul_(grad, theta, value=-0.25)", "_p = each_mul(grad, -0.25); each_mul_(_p, theta); each_add_(m, _p)",
    ),
    "m = m + b * grad / theta": ("m.addcdiv_(grad, theta, value=0.25)", "each_addcdiv_(m, grad, theta, value=0.25)"),
    "m = m - grad / theta": ("m.addcdiv_(grad, theta, value=-1)", "each_addcdiv_(m, grad, theta, value=-1)"),
    "m = b * grad + theta * grad": (
        "mul(grad, 0.25, out=m); m.addcmul_(theta, grad, value=1)",
        "each_copy_(m, each_mul(grad, 0.25)); _p = each_mul(theta, 1); each_mul_(_p, grad); each_add_(m, _p)",
    ),
    # but not what a second one reads
    "s = b * grad; m = m + s; theta = theta - s": (
        "mul(grad, 0.25, out=_0); m.add_(_0); theta.sub_(_0)",
        "_0 = each_mul(grad, 0.25); each_add_(m, _0); each_sub_(theta, _0)",
    ),
    "s = grad / k; m = m + s; theta = theta - s": (
        "div(grad, 8, out=_0); m.add_(_0); theta.sub_(_0)", "_0 = each_div(grad, 8); each_add_(m, _0); each_sub_(theta, _0)",
    ),
    "s = grad * grad; m = m + s; theta = theta - s": (
        "mul(grad, grad, out=_0); m.add_(_0); theta.sub_(_0)",
        "_0 = each_mul(grad, grad); each_add_(m, _0); each_sub_(theta, _0)",
    ),
    # a weighted mean is one pass, whichever of its forms is written
    "m = b * m + (1 - b) * grad": ("m.lerp_(grad, 0.75)", "each_lerp_(m, grad, 0.75)"),
    "m = (1 - b) * grad + b * m": ("lerp(grad, m, 0.25, out=m)", "each_copy_(m, each_lerp(grad, m, 0.25))"),
    "m = m + (grad - m) / k": ("m.lerp_(grad, 0.125)", "each_lerp_(m, grad, 0.125)"),
    # and what only looks like one is none
    "m = b * m + (1 - k) * grad": (
        "if 0.25 != 1: m.mul_(0.25); m.add_(grad, alpha=-7)", "each_mul_(m, 0.25); each_add_(m, grad, alpha=-7)",
    ),
    "m = (m + b) + (1 - b) * grad": (
        "m.add_(0.25); m.add_(grad, alpha=0.75)", "each_add_(m, 0.25); each_add_(m, grad, alpha=0.75)",
    ),
    "m = b * m + grad / (1 - b)": (
        "div(grad, 0.75, out=_0); add(_0, m, alpha=0.25, out=m)",
        "_0 = each_div(grad, 0.75); each_mul_(m, 0.25); each_add_(m, _0)",
    ),
    "m = b * m - (1 - b) * grad": (
        "if 0.25 != 1: m.mul_(0.25); m.add_(grad, alpha=-0.75)", "each_mul_(m, 0.25); each_add_(m, grad, alpha=-0.75)",
    ),
    "m = m + (grad - theta) / k": (
        "sub(grad, theta, out=_0); m.add_(_0, alpha=0.125)", "_0 = each_sub(grad, theta); each_add_(m, _0, alpha=0.125)",
    ),
    "m = m + (grad - 2) / k": (
        "add(grad, -2, out=_0); m.add_(_0, alpha=0.125)", "_0 = each_add(grad, -2); each_add_(m, _0, alpha=0.125)",
    ),
    "m = m + (grad + m) / k": (
        "add(grad, m, out=_0); m.add_(_0, alpha=0.125)", "_0 = each_add(grad, m); each_add_(m, _0, alpha=0.125)",
    ),
    "m = m + (grad - m) / theta": (
        "sub(grad, m, out=_0); m.addcdiv_(_0, theta, value=1)", "_0 = each_sub(grad, m); each_addcdiv_(m, _0, theta, value=1)",
    ),
    "s = grad - m; m = m + s / k; theta = theta - s": (
        "sub(grad, m, out=_0); m.add_(_0, alpha=0.125); theta.sub_(_0)",
        "_0 = each_sub(grad, m); each_add_(m, _0, alpha=0.125); each_sub_(theta, _0)",
    ),
    "s = b * m; m = s + (1 - b) * grad; theta = theta + s": (
        "if 0.25 != 1: m.mul_(0.25); add(m, grad, alpha=0.75, out=_0); theta.add_(m); m.copy_(_0)",
        "each_mul_(m, 0.25); _0 = each_add(m, grad, alpha=0.75); each_add_(theta, m); each_copy_(m, _0)",
    ),
    # numbers join numbers
    "m = k * (3 * m)": ("if 24 != 1: m.mul_(24)", "each_mul_(m, 24)"),
    "m = m / 2 / k": ("m.div_(16)", "each_div_(m, 16)"),
    "m = k * (m / 2)": ("if 4 != 1: m.mul_(4)", "each_mul_(m, 4)"),
    "m = 4 * m / k": ("if 0.5 != 1: m.mul_(0.5)", "each_mul_(m, 0.5)"),
    "m = k * (m + 2)": ("m.add_(2); if 8 != 1: m.mul_(8)", "each_add_(m, 2); each_mul_(m, 8)"),
    "s = 2 * m; m = k * s; theta = theta * s": (
        "if 2 != 1: m.mul_(2); mul(m, 8, out=_0); theta.mul_(m); m.copy_(_0)",
        "each_mul_(m, 2); _0 = each_mul(m, 8); each_mul_(theta, m); each_copy_(m, _0)",
    ),
    # a number on either side
    "m = 2 - m": ("m.neg_(); m.add_(2)", "each_neg_(m); each_add_(m, 2)"),
    "m = m - 2": ("m.add_(-2)", "each_add_(m, -2)"),
    "m = 2 / m": ("m.reciprocal_(); if 2 != 1: m.mul_(2)", "each_reciprocal_(m); each_mul_(m, 2)"),
    "m = m / 2": ("m.div_(2)", "each_div_(m, 2)"),
    "m = -m": ("m.neg_()", "each_neg_(m)"),
    "m = m ** 2": ("m.mul_(m)", "each_mul_(m, m)"),
    "m = m ** 3": ("m.pow_(3)", "each_pow_(m, 3)"),
    "m = maximum(m, 2)": ("m.clamp_(min=2)", "each_maximum_(m, 2)"),
    "m = maximum(2, grad)": ("clamp(grad, min=2, out=m)", "each_copy_(m, each_maximum(grad, 2))"),
    "m = maximum(m, grad)": ("maximum(m, grad, out=m)", "each_maximum_(m, grad)"),
    # each value takes over memory that nobody reads any more; the other way round a sum or a product is in place, too
    "m = grad - m": ("sub(grad, m, out=m)", "each_copy_(m, each_sub(grad, m))"),
    "m = grad + m": ("add(grad, m, out=m)", "each_add_(m, grad)"),
    "m = grad * m": ("mul(grad, m, out=m)", "each_mul_(m, grad)"),
    "m = grad / m": ("div(grad, m, out=m)", "each_copy_(m, each_div(grad, m))"),
    "m = sqrt(absolute(m)) + sign(grad)": (
        "m.abs_(); m.sqrt_(); sign(grad, out=_0); m.add_(_0)",
        "each_abs_(m); each_sqrt_(m); _0 = each_sign(grad); each_add_(m, _0)",
    ),
    "m = grad": ("m.copy_(grad)", "each_copy_(m, grad)"),
    "m = theta; theta = theta - b * grad": (
        "add(theta, grad, alpha=-0.25, out=_0); m.copy_(theta); theta.copy_(_0)",
        "_0 = each_add(theta, grad, alpha=-0.25); each_copy_(m, theta); each_copy_(theta, _0)",
    ),
    "s = grad + 1; theta = theta * s; s = grad - 1; m = m * s": (
        "add(grad, 1, out=_0); theta.mul_(_0); add(grad, -1, out=_0); m.mul_(_0)",
        "_0 = each_add(grad, 1); each_mul_(theta, _0); _0 = each_add(grad, -1); each_mul_(m, _0)",
    ),
    "unread = grad + theta; m = m + 1": ("m.add_(1)", "each_add_(m, 1)"),
}  # fmt: skip


@pytest.mark.parametrize("text", PASSES)
def test_a_text_becomes_these_passes_and_its_own_numbers(text):
    """A pass more over a model's memory for the same numbers; a pass less for others."""
    program = read(text)
    assert passes(program) == PASSES[text]
    random = torch.Generator().manual_seed(0)
    start = [torch.rand(6, generator=random, dtype=torch.float64) + 0.5 for _ in range(3)]
    helpers = {name: getattr(ops, name) for name in ("sqrt", "absolute", "sign", "maximum")}
    wanted = dict(zip(("theta", "grad", "m"), start)) | NUMBERS | helpers
    exec(text, wanted)
    for lists, made in ((False, program), (True, program), (False, read(text, join=False))):
        theta, grad, m = (array.clone() for array in start)
        numbers = made.numbers(NUMBERS, 1)
        if lists:
            made.many([[theta], [grad], [m]], (), numbers)
        else:
            made.one([theta, grad, m], [torch.full_like(theta, float("nan")) for _ in range(made.scratch)], numbers)
        torch.testing.assert_close((theta, m), (wanted["theta"], wanted["m"]), rtol=1e-14, atol=1e-14)
        assert torch.equal(grad, start[1])


COMPUTED = {  # what stands where a number does -> its value for b = 0.25, k = 8, at step 3
    "b + k": 8.25, "b - k": -7.75, "b * k": 2.0, "k / b": 32.0, "b ** 2": 0.0625, "-b": -0.25, "-(b - k)": 7.75,
    "1 - b ** t": 0.984375, "sqrt(4 * k / 2)": 4.0, "sign(b - k)": -1.0, "absolute(b - k)": 7.75, "maximum(b, k)": 8.0,
    "exp(b - 0.25)": 1.0,    "cos(b - 0.25)": 1.0, "sin(b - 0.25) + 3": 3.0, "rows(m)": 6.0, "columns(grad)": 4.0,
    **{f"where({b} {sign} k, 2, 3)": 2.0 if holds else 3.0 for sign, row in {
        "<": (1, 0, 0), "<=": (1, 1, 0), ">": (0, 0, 1), ">=": (0, 1, 1), "==": (0, 1, 0),
    }.items() for b, holds in zip((7, 8, 9), row)},
}  # fmt: skip


@pytest.mark.parametrize("text", COMPUTED)
def test_what_holds_no_array_is_computed_once_a_step(text):
    program = read(f"m = m * ({text})")
    assert program.numbers({**NUMBERS, "_rows": 6, "_columns": 4}, 3) == (COMPUTED[text],) and program.scratch == 0


@pytest.mark.parametrize(
    "text",
    [
        "m ** grad", "2 ** m", "m % 2", "m @ grad", "m if b else grad", "m[0]", "tangent(m)", "tangent(b) * m", "rows(b) * m",
        "b", "2", "where(m > b, 2, 3) * m", "where(b > m, 2, 3) * m", "where(b > k, m, 3)", "where(b > k, 2, m)",
    ],
)  # fmt: skip
def test_what_no_program_is_made_of_runs_as_it_stands(text):
    """An array that chooses or is raised to, a function that is not known, a number where a slot belongs."""
    with pytest.raises(_inplace.Unreadable):
        read(f"m = {text}")
    with pytest.raises(_inplace.Unreadable):
        read(f"m = m + 1; theta = {text}")


# -- the plain path's own memory ---------------------------------------------------------------------


def test_scratch_is_made_once_and_cut_for_whoever_needs_less():
    """Memory that is taken anew at every parameter, or that two of them would share at one time."""
    plain = _plain.Plain(Way(rules.heavy_ball), {"lr": 0.1, "beta": 0.9, "weight_decay": 0.0})
    like = lambda *shape, dtype=torch.float64: torch.empty(shape, dtype=dtype)
    starts = lambda spaces: [space.data_ptr() for space in spaces]
    assert plain.space(0, like(3)) == []
    two = plain.space(2, like(4, 6))
    assert [tuple(space.shape) for space in two] == [(4, 6)] * 2 and len(set(starts(two))) == 2
    assert plain.space(2, like(4, 6)) is two, "asked for again"
    assert starts(plain.space(1, like(24))) == starts(two)[:1] and starts(plain.space(2, like(2, 3))) == starts(two), "cut"
    single = plain.space(1, like(4, dtype=torch.float32))
    assert single[0].dtype == torch.float32 and starts(plain.space(2, like(4, 6))) == starts(two), "each dtype has its own"
    three = plain.space(3, like(5))
    assert len(set(starts(three))) == 3 and starts(plain.space(2, like(5))) == starts(three)[:2], "one more"
    larger = plain.space(1, like(30))
    assert larger[0].shape == (30,) and len(set(starts(plain.space(3, like(30))))) == 3, "as many as were needed before"
    assert starts(plain.space(1, like(5))) == starts(plain.space(1, like(30))) == starts(larger)
    turned = plain.space(2, like(4, 6).T)
    assert [space.stride() for space in turned] == [(1, 6)] * 2 and not set(starts(turned)) & set(
        starts(plain.space(3, like(30)))
    )


def test_numbers_are_computed_once_a_step_and_shape():
    """Two matrices of a shape share them, a vector's rule asks for no shape; a number that divides by zero runs as it stands."""
    asked = []
    plain = _plain.Plain(Way(rules.muon), {name: 0.5 for name in rules.muon.hyper} | {"weight_decay": 0.0})
    plain.program = SimpleNamespace(numbers=lambda values, t: asked.append((values.get("_rows"), values.get("_columns"), t)) or t)
    assert [plain.numbers(*given) for given in ((3, (2, 5)), (3, (2, 5)), (3, (5, 2)), (4, (2, 5)))] == [3, 3, 3, 4]
    assert asked == [(2.0, 5.0, 3), (5.0, 2.0, 3), (2.0, 5.0, 4)]
    plain.way, asked[:] = Way(rules.heavy_ball), []
    assert plain.numbers(5, (2, 5)) == plain.numbers(5, (7,)) == 5 and asked == [(None, None, 5)]

    def none(values, t):
        asked.append(t)
        raise ZeroDivisionError

    plain.program, asked[:] = SimpleNamespace(numbers=none), []
    assert plain.numbers(6) is plain.numbers(6) is None and asked == [6]
    plain.program = None
    assert plain.numbers(5) is None
    ahead = _plain.Plain(Way(rules.nesterov), {"lr": 0.1, "beta": 0.9, "weight_decay": 0.0})
    assert ahead.numbers(1) is not None
    ahead.look = None
    assert ahead.numbers(2) is None


@pytest.mark.parametrize(("units", "written"), [(0, False), (1, False), (4, False), (5, True), (40, True)])
def test_a_look_may_differ_from_itself_by_four_units_in_the_last_digit(units, written):
    found = torch.ones(3, dtype=torch.float64)
    plain = _plain.Plain(Way(rules.nesterov), {"lr": 0.5, "beta": 0.5, "weight_decay": 0.0})
    theta, hyper = found.clone(), {"lr": 0.5, "beta": 0.5}
    shown = theta + units * torch.finfo(torch.float64).eps
    plain._follow(shown, theta, [torch.zeros(3, dtype=torch.float64)], hyper)
    assert torch.equal(theta, shown if written else found)


def test_sizes_that_decide_what_is_done_at_once():
    """A block that fits a cache, and a call that fits an accelerator's memory (a device without memory stands for it)."""
    for size, pieces in ((2**18, 1), (2**18 + 1, 2), (2**19, 2)):
        flat = torch.empty(size, dtype=torch.float16)
        assert len(list(_step.pieces(rules.heavy_ball, (flat, flat)))) == pieces
    large = [(torch.empty(size, device="meta"),) for size in (2**25, 2**25, 1, 2**26)]
    assert [len(some) for some in _plain.portions(large)] == [2, 1, 1]


def step_by_step(found, members, values):
    """What each (theta, grad, slots, t) becomes by the rule's own text, one after the other."""
    hyper = {name: values[name] for name in found.hyper}
    return [
        (new, *after) for new, after in (found.step(theta, grad, tuple(slots), hyper, t) for theta, grad, slots, t in members)
    ]


@pytest.mark.parametrize("name", ["heavy_ball", "adamw", "dampened_momentum", "muon", "shampoo"])
def test_several_that_move_together_move_as_each_by_itself(name):
    """As on an accelerator, here on a processor: lists and stacks, by a program or by the text; shapes and steps of their own."""
    found = rules.get(name)
    values, members, kept = numbers_of(found), [], []
    for seed, (shape, t) in enumerate((((3, 4), 1), ((3, 4), 1), ((3, 4), 2), ((5, 2), 1))):
        theta, grad, slots = arrays_of(found, shape, seed)
        if found.sides:
            slots = [
                array + torch.eye(len(array), dtype=array.dtype) if k else array for k, array in enumerate(found.init(theta))
            ]
        members.append((theta, grad, slots, t))
        kept.append(grad.clone())
    wanted = step_by_step(
        found, [(theta.clone(), grad, [s.clone() for s in slots], t) for theta, grad, slots, t in members], values
    )
    _plain.Plain(Way(found), values).move_together(members)
    for (theta, grad, slots, _), expected, before in zip(members, wanted, kept, strict=True):
        torch.testing.assert_close((theta, *slots), expected, rtol=1e-10, atol=1e-12)
        assert torch.equal(grad, before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("climb", [False, True])
def test_a_penalty_is_measured_where_a_rule_looks(dtype, climb):
    """Nesterov's rule with a coupled decay, by hand: the penalty's gradient belongs to the point that the parameter shows."""
    p = torch.nn.Parameter(torch.linspace(1, 2, 4, dtype=torch.float64).to(dtype))
    optimizer = Optimizer([p], "nesterov", lr=0.25, beta=0.5, weight_decay=0.5, decoupled_weight_decay=False, maximize=climb)
    theta, v = p.detach().double(), torch.zeros(4, dtype=torch.float64)
    for _ in range(4):
        p.grad = torch.ones_like(p)
        v = 0.5 * v + (-1 if climb else 1) + 0.5 * p.detach().double()
        theta = theta - 0.25 * v
        optimizer.step()
        torch.testing.assert_close(optimizer.state[p]["theta"].double(), theta, rtol=1e-6, atol=1e-6)


def test_a_look_by_numbers_that_are_not_read_is_the_rules_own():
    plain = _plain.Plain(Way(rules.nesterov), {"lr": 0.5, "beta": 0.5, "weight_decay": 0.0})
    v = torch.ones(3, dtype=torch.float64)
    for before in ({"lr": 0.5, "beta": 0.5}, {"lr": torch.tensor(0.5, dtype=torch.float64), "beta": 0.5}):
        theta, shown = torch.ones(3, dtype=torch.float64), torch.tensor([0.75, 5.0, 0.75], dtype=torch.float64)
        plain._follow(shown, theta, [v], before)
        assert theta.tolist() == [1.0, 5.0, 1.0] and (plain._look_numbers(before) is None) == isinstance(
            before["lr"], torch.Tensor
        )
    theta = torch.ones(3, dtype=torch.float64)
    plain._follow(torch.full_like(theta, 9.0), theta, [v], None)
    assert theta.tolist() == [1.0] * 3, "nobody knows where it looked"


def scaled_by(factor):
    """A rule that reads a name of the function around it."""

    @rule(s=0, family="adaptive")
    def scaled(theta, grad, s, *, lr):
        """A sum of squares, times a number from outside."""
        s = s + factor * grad**2
        return theta - lr * grad / (sqrt(s) + 1), s

    return scaled


def test_a_rule_that_reads_what_its_text_does_not_show_runs_as_it_stands():
    """Two that differ in that alone, one after the other."""
    for factor in (1.0, 4.0):
        own = scaled_by(factor)
        assert _inplace.step_of(Way(own)) is None
        p = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
        optimizer = Optimizer([p], own, lr=0.5)
        p.grad = torch.full_like(p, 2.0)
        optimizer.step()
        assert p.tolist() == pytest.approx([1 - 1 / ((4 * factor) ** 0.5 + 1)] * 2)


def test_a_look_by_a_program_is_a_processors_alone(monkeypatch):
    """Elsewhere (a device without memory stands for it), and by numbers that are not read, the rule looks itself."""
    asked = []
    of = _inplace.look_of
    monkeypatch.setattr(_inplace, "look_of", lambda rule, join: asked.append(join) or of(rule, join))
    theta, v = torch.ones(2, 3, dtype=torch.float64).unbind()
    hyper = {"lr": 0.5, "beta": 0.5}
    assert _plain.look(rules.nesterov, theta, [v], hyper).tolist() == [0.75] * 3 and asked.pop() is True
    away = torch.empty(3, device="meta")
    assert _plain.look(rules.nesterov, away, [away], hyper).device.type == "meta" and asked == []
    held = _plain.look(rules.nesterov, theta, [v], {"lr": torch.tensor(0.5, dtype=torch.float64), "beta": 0.5})
    assert held.tolist() == [0.75] * 3 and theta.tolist() == [1.0] * 3


@pytest.mark.parametrize("name", ["lr", "beta"])
def test_one_number_that_is_not_read_is_enough_to_run_the_text(name):
    """It lives on an accelerator (a device without memory stands for it): a program would have to wait for it."""
    away = {"lr": 0.5, "beta": 0.5} | {name: torch.empty((), device="meta")}
    plain = _plain.Plain(Way(rules.nesterov), {**away, "weight_decay": 0.0})
    assert plain.program is None and plain.look is not None and plain._look_numbers(away) is None
    assert _plain.Plain(Way(rules.nesterov), {"lr": 0.5, "beta": 0.5, "weight_decay": 0.0}).program is not None
    v = torch.ones(3, dtype=torch.float64)
    given = {"lr": 0.5, "beta": 0.5} | {name: torch.tensor(0.5, dtype=torch.float64)}
    assert _plain.look(rules.nesterov, v, [v], given).tolist() == [0.75] * 3
