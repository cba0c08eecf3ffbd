"""Flat buffers without a compiler: which parameters lie in them, when they are cut, whose memory they leave alone.

The compiled program is replaced by the plain step over the same buffers, so that each decision is seen and costs nothing.
"""

import copy
import warnings
from types import SimpleNamespace

import pytest
import torch

from momentum_lib import rule, rules
from momentum_lib.optim import Optimizer, _flat, _inplace, _program, _step
from momentum_lib.optim._step import Way, advance, followed, keeps_point, pieces


@pytest.fixture(autouse=True)
def interpreted(monkeypatch):
    """Every buffer that is stepped, as (how many numbers, the step number)."""
    ran = []

    def program(way, dtype, device):
        def run(shown, theta, grad, slots, values, t, before):
            ran.append((shown.numel(), t))
            named = None if before is None else dict(before)
            advance(way, shown if keeps_point(way.rule, dtype) else theta, theta, grad, slots, values, t, named)

        return run

    monkeypatch.setattr(_flat, "missing", lambda device: None)
    monkeypatch.setattr(_flat, "program", program)
    return ran


def made(*shapes, dtype=torch.float64, seed=0):
    random = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=random, dtype=torch.float64).to(dtype)) for shape in shapes]


def stepped(optimizer, params, steps=1, missing=()):
    for _ in range(steps):
        for k, p in enumerate(params):
            p.grad = None if k in missing else torch.ones_like(p)
        optimizer.step()


def home(tensor):
    return tensor.untyped_storage().data_ptr()


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")  # the cycle that it warns of is broken below
def test_a_gradient_that_is_to_be_derived_again_stays_autograds():
    """A gradient that moved into the buffer and left its graph behind: no second derivative, or one of nothing."""
    params = made((20,), (3, 4))
    optimizer = Optimizer(params, "heavy_ball", lr=0.1, compiled=True)
    stepped(optimizer, params, 2)
    optimizer.zero_grad()
    sum((p**3).sum() for p in params).backward(create_graph=True)
    for p in params:
        (second,) = torch.autograd.grad(p.grad.sum(), p)
        torch.testing.assert_close(second, 6 * p.detach())
        p.grad = None


def test_each_parameter_starts_at_a_multiple_of_sixteen(interpreted):
    params = made((3,), (16,), (2, 9))
    optimizer = Optimizer(params, "heavy_ball", lr=0.1, compiled=True)
    assert optimizer.engine == "plain: no step was taken yet"
    stepped(optimizer, params)
    assert interpreted == [(16 + 16 + 32, 1)] and optimizer.engine == "compiled"
    starts = [(p.data_ptr() - params[0].data_ptr()) // 8 for p in params]
    assert starts == [0, 16, 32] and len({home(p) for p in params}) == 1
    assert len({home(optimizer.state[p]["v"]) for p in params}) == 1 != home(params[0])


def test_what_does_not_fit_steps_the_plain_way(interpreted):
    """An empty tensor, one with holes, a subclass and a matrix rule's: all take the step, none lies in a buffer."""

    class Mine(torch.Tensor):
        pass

    whole, empty = made((4,), (0,))
    gaps = torch.zeros(6, dtype=torch.float64)[::2].requires_grad_()
    mine = torch.ones(3, dtype=torch.float64).as_subclass(Mine)
    (matrix,) = made((2, 3))
    groups = [{"params": [whole, empty, gaps, mine]}, {"params": [matrix], "rule": "muon"}]
    before = [p.detach().clone() for p in (whole, gaps, mine, matrix)]
    optimizer = Optimizer(groups, "heavy_ball", lr=0.1, compiled=True)
    stepped(optimizer, [whole, empty, gaps, mine, matrix])
    assert interpreted == [(16, 1)]
    for p, old in zip((whole, gaps, mine), before):
        assert torch.allclose(p.detach(), old - 0.1)
    assert not torch.equal(matrix.detach(), before[-1])


def test_why_nothing_is_compiled_is_said(interpreted):
    params = made((4,))
    window = params[0].detach().numpy()
    optimizer = Optimizer(params, "heavy_ball", lr=0.1, compiled=True)
    stepped(optimizer, params)
    why = "others look at the parameters' memory (a state_dict, an array, a process), so it stays where it is"
    assert optimizer.engine == f"plain: {why}" and interpreted == [] and window.base is not None


def test_auto_compiles_from_its_size_on(monkeypatch, interpreted):
    monkeypatch.setattr(_flat, "AUTO", 10)
    for size, engine in ((9, "plain: fewer than 10 numbers, which compiling is not worth"), (10, "compiled")):
        params = made((size - 4,), (4,))
        optimizer = Optimizer(params, "heavy_ball", lr=0.1, compiled="auto")
        stepped(optimizer, params)
        assert optimizer.engine == engine
    assert len(interpreted) == 1
    params = made((9,))
    optimizer = Optimizer(params, "heavy_ball", lr=0.1, compiled=True)
    stepped(optimizer, params)
    assert optimizer.engine == "compiled", "asked for, whatever the size"


@pytest.mark.parametrize("name", ["heavy_ball", "adam"])
def test_counts_that_part_share_a_buffer_only_where_no_step_number_is_asked(name, interpreted):
    """heavy_ball has no step number: what was left out for a step comes back into the one buffer; Adam needs two."""
    a, plain = made((3,), (5,)), made((3,), (5,))
    ours, theirs = Optimizer(a, name, lr=0.1, compiled=True), Optimizer(plain, name, lr=0.1)
    for optimizer, params in ((ours, a), (theirs, plain)):
        stepped(optimizer, params, 2)
        stepped(optimizer, params, 1, missing=[1])
        optimizer.load_state_dict(optimizer.state_dict())  # all buffers are given up
        stepped(optimizer, params, 3)
    for p, q in zip(a, plain):
        assert torch.allclose(p, q, rtol=1e-12) and ours.state[p]["step"] == theirs.state[q]["step"]
    assert [ours.state[p]["step"] for p in a] == [6, 5] and ours.engine == "compiled"
    last = [size for size, _ in interpreted if size][3:]
    assert last == ([32] * 3 if name == "heavy_ball" else [16, 16] * 3)


@pytest.mark.parametrize("moved", ["a parameter", "its memory"])
def test_one_of_three_that_moved_away_is_stepped_where_it_is(moved):
    """Weights put in by another tensor, a state replaced: the buffer that holds the others alone is no place for it."""
    a, b = made((3,), (5,), (2,)), made((3,), (5,), (2,))
    ours, theirs = Optimizer(a, "heavy_ball", lr=0.1, compiled=True), Optimizer(b, "heavy_ball", lr=0.1)
    for optimizer, params in ((ours, a), (theirs, b)):
        stepped(optimizer, params, 2)
        if moved == "a parameter":
            params[1].data = torch.full((5,), 2.0, dtype=torch.float64)
        else:
            optimizer.state[params[1]]["v"] = torch.full((5,), 3.0, dtype=torch.float64)
        stepped(optimizer, params, 2)
    for p, q in zip(a, b):
        assert torch.allclose(p, q, rtol=1e-12) and torch.allclose(ours.state[p]["v"], theirs.state[q]["v"], rtol=1e-12)


def test_a_parameter_that_missed_a_change_of_the_rate_looks_from_where_it_looked():
    """Nesterov's point ahead follows the rate: one of two in a buffer still shows the point of the rate before.

    The third comes a step later, so that no new buffers are due when the second is missing.
    """
    a, b = made((3,), (5,), (2,)), made((3,), (5,), (2,))
    ours, theirs = Optimizer(a, "nesterov", lr=0.1, compiled=True), Optimizer(b, "nesterov", lr=0.1)
    for optimizer, params in ((ours, a), (theirs, b)):
        stepped(optimizer, params, 1, missing=[2])
        stepped(optimizer, params, 1)
        optimizer.param_groups[0]["lr"] = 0.02
        stepped(optimizer, params, 1, missing=[1])
        stepped(optimizer, params, 1)
        params[1].data[0] += 1.0  # a write: what is shown is compared with where the rule looked from
        stepped(optimizer, params, 2)
    for p, q in zip(a, b):
        assert torch.allclose(p, q, rtol=1e-12)


def test_buffers_are_cut_at_ever_longer_intervals():
    """Cutting copies everything: at the first step and the second, then at the fourth, the eighth, the sixteenth."""
    flats = _flat.Flats(True)
    assert [k for k in range(1, 40) if flats._due(0)] == [1, 2, 4, 8, 16, 32]
    assert flats._due(1), "each group has a clock of its own"


def test_steps_that_need_no_cutting_make_the_next_one_no_later(interpreted):
    params = made((3,), (5,))
    optimizer = Optimizer(params, "heavy_ball", lr=0.1, compiled=True)
    stepped(optimizer, params, 20)
    stepped(optimizer, params, 1, missing=[1])
    assert interpreted[-1] == (16, 21) and len(interpreted) == 21


@pytest.mark.parametrize("paged", [("cpu",), ()])
def test_a_fresh_gradient_moves_into_the_buffer_and_one_that_is_held_stays_its_holders(paged, monkeypatch):
    """In the buffer a step copies nothing; what a person holds keeps its numbers; one that lies in another's bucket stays."""
    monkeypatch.setattr(_flat, "PAGED", paged)
    p, q = made((4,), (4,))
    optimizer = Optimizer([p, q], "heavy_ball", lr=0.1, compiled=True)

    def backward():
        optimizer.zero_grad()
        (p.square().sum() + 3 * q.sum()).backward()

    backward()
    optimizer.step()
    backward()
    assert home(p.grad) == home(q.grad), "fresh gradients lie side by side"
    assert torch.equal(p.grad, 2 * p.detach()) and torch.equal(q.grad, torch.full_like(q, 3.0))
    for _ in range(3):
        optimizer.step()
        backward()
        assert home(p.grad) == home(q.grad), "as long as nobody holds a part of it"
    bucket = torch.zeros(8, dtype=torch.float64)  # as DistributedDataParallel keeps gradients
    p.grad, q.grad = bucket[:4], bucket[4:]
    (p.sum() + q.sum()).backward()
    assert home(p.grad) == home(q.grad) == home(bucket) and torch.equal(bucket, torch.ones_like(bucket))
    optimizer.step()
    assert torch.equal(bucket, torch.ones_like(bucket)) and home(p.grad) == home(bucket)
    backward()
    held = [p.grad, p.grad.clone()]
    optimizer.step()
    backward()
    optimizer.step()
    assert torch.equal(*held)


@pytest.mark.parametrize("paged", [("cpu",), ()])
def test_a_window_onto_a_gradient_keeps_one_buffer_and_no_more(paged, monkeypatch):
    """Gradients looked at for ever (``p.grad.detach()`` in a list): after the first, they stay where autograd puts them."""
    monkeypatch.setattr(_flat, "PAGED", paged)
    p, q = made((4,), (4,))
    optimizer, windows = Optimizer([p, q], "heavy_ball", lr=0.1, compiled=True), []
    for t in range(4):
        optimizer.zero_grad()
        (p.square().sum() + 3 * q.sum()).backward()
        windows.append((p.grad.detach(), p.grad.clone()))
        assert (home(p.grad) == home(q.grad)) == (t == 1), "cut at the first step, held since the second"
        optimizer.step()
    assert all(torch.equal(*pair) for pair in windows)


@pytest.mark.parametrize("paged", [("cpu",), ()])
def test_a_parameter_that_autograd_leaves_alone_may_lie_in_a_buffer(paged, monkeypatch):
    """Frozen, with a gradient that somebody computes by hand."""
    monkeypatch.setattr(_flat, "PAGED", paged)
    params = made((4,), (3,))
    params[1].requires_grad_(False)
    optimizer = Optimizer(params, "heavy_ball", lr=0.1, compiled=True)
    before = params[1].clone()
    stepped(optimizer, params, 2)
    assert optimizer.engine == "compiled" and torch.allclose(params[1], before - 0.1 * (1 + 1.9))


@pytest.mark.parametrize("paged", [("cpu",), ()])
def test_no_gradient_no_buffer(paged, monkeypatch):
    """Set to None, an accelerator's gradients leave their memory to the next forward pass, as with torch; a CPU's stays."""
    from torch.multiprocessing.reductions import StorageWeakRef

    monkeypatch.setattr(_flat, "PAGED", paged)
    p, q = made((4,), (4,))
    optimizer = Optimizer([p, q], "heavy_ball", lr=0.1, compiled=True)
    stepped(optimizer, [p, q])
    memory = StorageWeakRef(p.grad.untyped_storage())
    assert home(p.grad) == home(q.grad), "gradients that were there when the buffers were cut move in, too"
    p.grad = None
    assert not memory.expired()
    optimizer.zero_grad()
    assert memory.expired() == (not paged)


def test_a_large_group_is_cut_into_shares(monkeypatch, interpreted):
    """Eight shares of about one size, none smaller than what is worth a call: no more than a share lies in memory twice."""
    params = made(*[(10,)] * 40)
    assert list(_flat.shares(params)) == [params], "a CPU takes memory as it is filled"
    monkeypatch.setattr(_flat, "PAGED", ())
    for least, sizes in ((10, [50] * 8), (120, [120] * 3 + [40]), (1000, [400])):
        monkeypatch.setattr(_flat, "AUTO", least)
        assert [sum(p.numel() for p in share) for share in _flat.shares(params)] == sizes
    monkeypatch.setattr(_flat, "AUTO", 10)
    optimizer = Optimizer(params, "adam", lr=0.1, compiled=True)
    stepped(optimizer, params, 2)
    assert interpreted == [(80, t) for t in (1, 2) for _ in range(8)]


def test_equal_hyper_parameters_are_one_place_in_a_list():
    """Parameters cut apart that were shown by the same numbers, kept in two dicts."""
    shown_by = []
    given = [{"lr": 0.1}, {"lr": 0.1}, None, {"lr": 0.2}, None, {"lr": 0.1}, {"lr": 0.2, "beta": 0.9}]
    assert [_flat.index_of(each, shown_by) for each in given] == [0, 0, 1, 2, 1, 0, 3]
    assert shown_by == [{"lr": 0.1}, None, {"lr": 0.2}, {"lr": 0.2, "beta": 0.9}]


def test_what_was_freed_is_given_back_after_every_share(monkeypatch):
    """Eight times for tensors of one size, not for each tensor; a machine whose library cannot do it goes without."""
    tensors, trimmed, got = [torch.zeros(3) for _ in range(32)], [], []
    monkeypatch.setattr(_flat, "ctypes", SimpleNamespace(CDLL=lambda name: SimpleNamespace(malloc_trim=trimmed.append)))
    for tensor in _flat.relieved(tensors):
        got.append((tensor, len(trimmed)))
    assert [tensor is other for (tensor, _), other in zip(got, tensors, strict=True)] == [True] * 32
    assert [count for _, count in got] == [k // 4 for k in range(32)] and trimmed == [0] * 8
    monkeypatch.setattr(_flat, "ctypes", SimpleNamespace(CDLL=lambda name: SimpleNamespace()))
    assert len(list(_flat.relieved(tensors))) == 32 and trimmed == [0] * 8


def test_numbers_on_an_accelerator_stay_there_and_those_of_the_host_serve_again():
    """A step that waits until a number has come from the accelerator (a device without memory stands for it: none can)."""
    met = []
    prologue = lambda lr, t: met.append({(x.device.type, x.dtype) for x in (lr, t)}) or (lr * t, t)
    own = SimpleNamespace(dtype=torch.float32, prologue=prologue, _last=(None, None))
    make = lambda given, device: _program.Program._numbers(own, given, torch.device(device))
    away = make([torch.tensor(0.1, device="meta"), 3.0], "meta")
    assert (away.device.type, away.dtype, away.shape) == ("meta", torch.float32, (3,)) and own._last == (None, None)
    assert make([0.1, torch.tensor(3, device="meta")], "meta").device.type == "meta" and own._last == (None, None)
    assert met == [{("meta", torch.float64)}] * 2, "both there, and with all their digits"
    here = make([0.5, 3.0], "cpu")
    assert here.tolist() == [1.5, 3.0, 0.0] and here.dtype == torch.float32 and here[2].signbit()
    assert make([0.5, 3.0], "cpu") is here and make([0.5, 4.0], "cpu").tolist() == [2.0, 4.0, 0.0]
    assert make([torch.tensor(0.5, dtype=torch.float64), 4.0], "cpu").tolist() == [2.0, 4.0, 0.0]
    assert met[2:] == [{("cpu", torch.float64)}] * 3


@pytest.mark.parametrize("name", ["lr", "beta", "weight_decay"])
def test_a_hyper_parameter_on_an_accelerator_is_checked_without_being_read(name):
    """A step that waits for a number only to see whether it is zero (a device without memory stands for it: none can be read)."""
    optimizer = Optimizer(made((3,)), "heavy_ball", lr=0.1)
    optimizer.param_groups[0][name] = torch.ones(1, device="meta")
    for _ in range(2):
        way, values = optimizer._way(0)
        assert values[name].device.type == "meta" and values[name].shape == ()
        assert way.decay == ("decoupled" if name == "weight_decay" else None)
    optimizer.param_groups[0][name] = torch.ones(2, device="meta")
    with pytest.raises(ValueError, match=f"Tensor {name} must be 1-element; it has shape .2,.. Give one number"):
        optimizer._way(0)


def test_parameters_let_go_have_no_hooks_left():
    """A hook more at every load: a run of many rounds that grows slower and holds old buffers for ever."""
    params = made((4,), (3,))
    optimizer = Optimizer(params, "heavy_ball", lr=0.1, compiled=True)
    for _ in range(4):
        stepped(optimizer, params, 2)
        optimizer.load_state_dict(optimizer.state_dict())
        assert all(not p._post_accumulate_grad_hooks for p in params), "until buffers are cut again"
    stepped(optimizer, params)
    assert optimizer.engine == "compiled" and all(len(p._post_accumulate_grad_hooks) == 1 for p in params)
    twin = copy.deepcopy(optimizer)
    assert twin._flats.wanted is True and twin.engine == "plain: no step was taken yet"


def test_a_step_between_forward_and_backward_is_noticed_as_with_torch():
    """Autograd counts versions; a write into a buffer that it does not hear of gives a wrong gradient without a word."""
    for build in (lambda p: Optimizer(p, "heavy_ball", lr=0.1, compiled=True), lambda p: torch.optim.SGD(p, lr=0.1)):
        params = made((4,))
        optimizer = build(params)
        stepped(optimizer, params)
        loss = params[0].square().sum()
        stepped(optimizer, params)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


@pytest.mark.parametrize("name", ["nesterov", "adam", "schedule_free"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_buffers_give_the_plain_paths_numbers_through_a_reload(name, dtype):
    """Slots, point and gradient gathered from state that is there already, and a gradient that is missing now and then."""
    a, b = made((3, 4), (5,), dtype=dtype), made((3, 4), (5,), dtype=dtype)
    ours, theirs = Optimizer(a, name, lr=0.1, compiled=True), Optimizer(b, name, lr=0.1)
    for t in range(9):
        for k, (p, q) in enumerate(zip(a, b)):
            p.grad = q.grad = None if t == 5 and k else torch.full_like(p, 0.5 + 0.1 * t)
        ours.step(), theirs.step()
        if t == 3:
            ours.load_state_dict(copy.deepcopy(ours.state_dict()))
    for p, q in zip(a, b):
        same = [(p.detach(), q.detach()), *((ours.state[p][key], theirs.state[q][key]) for key in rules.get(name).slots)]
        for one, other in same:  # but for the last digit: a processor may round the ends of an array otherwise than its middle
            tol = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.02}[one.dtype]
            assert one.dtype == other.dtype and torch.allclose(one, other, rtol=tol, atol=tol)


# -- the step itself -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adam", "nesterov"])
def test_a_large_tensor_is_cut_into_blocks_and_steps_the_same(name, monkeypatch):
    whole, cut, turned = made((6, 7)), made((6, 7)), [torch.nn.Parameter(made((6, 7))[0].detach().T.contiguous().T)]
    runs = []
    for params, block in ((whole, 2**17), (cut, 5), (turned, 5)):
        monkeypatch.setattr(_step, "BLOCK", block)
        optimizer = Optimizer(params, name, lr=0.1, weight_decay=0.1)
        stepped(optimizer, params, 3)
        runs.append(params[0].detach().clone())
    for other in runs[1:]:
        assert torch.allclose(runs[0], other, rtol=1e-14, atol=1e-14)
    flat = torch.arange(12.0).reshape(3, 4)
    blocks = list(pieces(rules.heavy_ball, (flat, flat, flat + 100)))
    assert [len(a) for a, *_ in blocks] == [5, 5, 2] and all(torch.equal(a + 100, b) for a, _, b in blocks)
    assert [len(a) for a, _ in pieces(rules.nesterov, (flat, flat + 100))] == [5, 5, 2], "the same where the point is apart"
    for found, whole in ((rules.muon, flat), (rules.heavy_ball, flat.T), (rules.heavy_ball, flat[:1])):
        assert len(list(pieces(found, (whole, whole)))) == 1


def test_a_coordinate_that_somebody_wrote_is_where_the_run_goes_on():
    """By hand: exact, within a slack, in sixteen bits, and with what is known of the last look."""
    way, theta = Way(rules.heavy_ball), torch.tensor([1.0, 2.0, 3.0])
    shown = torch.tensor([1.0, 2.0 + 1e-6, 5.0])
    assert followed(way, shown, theta, [], None).tolist() == shown.tolist()
    assert followed(way, shown, theta, [], None, slack=1e-5).tolist() == [1.0, 2.0, 5.0]
    low = Way(rules.heavy_ball)
    point = torch.tensor([1.001, 2.0, 3.0])
    written = torch.tensor([1.001, 2.5, 3.0]).bfloat16()
    assert followed(low, written, point, [], None).tolist() == [point[0].item(), 2.5, 3.0]
    ahead, v, hyper = Way(rules.nesterov), torch.tensor([1.0, 1.0, 0.0]), {"lr": 0.1, "beta": 0.5}
    look = rules.nesterov.look(theta, v, **hyper)
    seen = torch.where(torch.tensor([True, False, True]), look, 9.0)
    assert followed(ahead, seen, theta, [v], hyper).tolist() == [1.0, 9.0, 3.0]
    assert followed(ahead, seen, theta, [v], None) is theta
    assert followed(ahead, seen, theta, [v], {**hyper, "known": torch.tensor(0.0)}).tolist() == theta.tolist()
    assert followed(ahead, seen, theta, [v], {**hyper, "known": torch.tensor(1.0)}).tolist() == [1.0, 9.0, 3.0]


def test_why_nothing_can_be_compiled(monkeypatch):
    from torch._inductor import cpp_builder, exc

    found = []
    monkeypatch.setattr(_program.importlib.util, "find_spec", lambda name: found.append(name) or len(found) > 1 or None)
    assert _program.missing(torch.device("cuda")) == "triton is not installed" and _program.missing(torch.device("cuda")) is None
    assert found == ["triton", "triton"]
    assert _program.missing(torch.device("mps")) == "nothing is compiled for mps"
    assert _program.missing(torch.device("meta")) == "nothing is compiled for meta"

    def none():
        raise exc.InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    assert "no C++ compiler was found" in _program.missing(torch.device("cpu"))


# -- groups, states, numbers -----------------------------------------------------------------------


def test_a_group_is_a_dict_with_two_more_names():
    """update, setdefault, get and copies go through torch's names as item access does; other names are a dict's own."""
    optimizer = Optimizer(made((3,)), "adam", lr=0.1)
    with pytest.raises(TypeError, match="a parameter group is a dict with 'params'; got list"):
        optimizer.add_param_group(made((3,)))
    (group,) = optimizer.param_groups
    group.update([("momentum", 0.7)], note="mine")
    assert (group["beta1"], group["note"], group.get("momentum"), group.get("nothing"), group.get("nothing", 5)) == (
        0.7, "mine", 0.7, None, 5,
    )  # fmt: skip
    assert group.setdefault("note", "other") == "mine" and group.setdefault("fresh", 3) == group["fresh"] == 3
    assert "nothing" not in group and group.rule is rules.adam and "momentum" not in list(group)
    with pytest.raises(KeyError, match="nothing"):
        group["nothing"]
    plain = Optimizer(made((3,)), "gradient_descent", lr=0.1).param_groups[0]
    with pytest.raises(KeyError, match="momentum"):
        plain["momentum"]
    plain["momentum"] = 0.5  # a name that the rule leaves free
    assert plain["momentum"] == 0.5 and dict(plain)["momentum"] == 0.5
    rms = Optimizer(made((3,)), "rmsprop", lr=0.1).param_groups[0]
    assert "betas" not in rms
    with pytest.raises(ValueError, match="betas is 3"):
        group.update(betas=3)


def test_a_saved_step_is_a_whole_number_and_a_state_may_have_no_names():
    p = made((3,))[0]
    optimizer = Optimizer([("new name", p)], "nesterov", lr=0.1, guard=2)
    stepped(optimizer, [p])
    saved = optimizer.state_dict()
    for bad in (True, 1.0, "1", -1, None):
        wrong = copy.deepcopy(saved)
        wrong["state"][0]["step"] = bad
        with pytest.raises(ValueError, match=f"'new name': the saved step is {bad!r}; allowed: a whole number >= 0"):
            optimizer.load_state_dict(wrong)
    old = copy.deepcopy(saved)
    old["param_groups"][0]["param_names"] = ["old name"]
    old["state"][0]["step"] = 0
    old["momentum_lib"]["hyper"][99] = {"lr": 1.0}  # of a parameter that is not there: belongs to no state
    optimizer.load_state_dict(old)
    assert optimizer.param_groups[0]["param_names"] == ["old name"] and optimizer.state[p]["step"] == 0  # as torch has it
    del old["param_groups"][0]["param_names"]
    optimizer.load_state_dict(old)
    assert optimizer.param_groups[0]["param_names"] == ["old name"], "where the file has none, what was there"
    short = copy.deepcopy(saved)
    short["param_groups"][0]["params"] = [0, 1]
    with pytest.raises(ValueError, match="group 0: the saved group has 2 parameter.s., this optimiser's 1"):
        optimizer.load_state_dict(short)


def test_a_guard_reads_every_group_and_an_empty_gradient_is_finite():
    p, empty = made((3,), (0,))
    optimizer = Optimizer([{"params": [p]}, {"params": [empty]}], "heavy_ball", lr=0.1, guard=1)
    stepped(optimizer, [p, empty])
    assert optimizer.skipped == 0 and optimizer.state[p]["step"] == 1
    p.grad = torch.tensor([1.0, float("nan"), 1.0], dtype=torch.float64)
    with pytest.raises(FloatingPointError, match="1 step.s. in a row.*parameter 0 of group 0 .shape .3,"):
        optimizer.step()
    assert optimizer.state_dict()["momentum_lib"]["skipped_in_a_row"] == 1
    for compiled in (False, True):
        largest = made((3,), dtype=torch.float32)
        optimizer = Optimizer(largest, "heavy_ball", lr=0.0, guard=1, compiled=compiled)
        largest[0].grad = torch.full((3,), 3e38)
        optimizer.step()
        assert optimizer.skipped == 0, "three large numbers are finite, their sum is not"


def test_before_its_first_step_a_rule_reports_where_the_parameters_are():
    p = made((3,))[0]
    before = p.detach().clone()
    optimizer = Optimizer([p], "schedule_free", lr=0.1)
    with optimizer.reported():
        assert torch.equal(p, before)
    assert not optimizer.state and optimizer.state_dict()["momentum_lib"] == {
        "skipped": 0, "skipped_in_a_row": 0, "reported": False,
    }  # fmt: skip
    optimizer.eval()
    assert optimizer.state_dict()["momentum_lib"]["reported"] is True
    with optimizer.reported():
        pass
    assert optimizer._reported, "what was on before the block stays on after it"
    optimizer.train()
    stepped(optimizer, [p])
    assert set(optimizer.state_dict()["momentum_lib"]["hyper"]) == {0}


def test_a_parameter_without_a_state_is_no_arrival():
    """Loaded beside one that had never had a gradient, which then gets its first; and one that gets none just now."""
    for missing in (0, 1):
        params = made((3,), (3,))
        optimizer = Optimizer(params, "schedule_free", lr=0.1)
        stepped(optimizer, params, 2, missing=[1])
        with optimizer.reported():
            shown = params[0].detach().clone()
        optimizer.load_state_dict(optimizer.state_dict())
        params[0].data.copy_(shown)  # the other point of the rule
        if missing == 0:
            stepped(optimizer, params, missing=[0])
            assert optimizer.state[params[1]]["step"] == 1, "the one that is wrong is not asked for"
        with pytest.raises(RuntimeError, match="hold the point that schedule_free reports"):
            stepped(optimizer, params)
        optimizer.train()
        stepped(optimizer, params)
        assert optimizer.state[params[0]]["step"] == 3


def test_options_that_are_changed_between_steps_are_checked_before_anything_moves():
    p = made((3,))[0]
    optimizer = Optimizer([p], "heavy_ball", lr=0.1)
    stepped(optimizer, [p])
    before = p.detach().clone()
    (group,) = optimizer.param_groups
    for name, value, kind, words in (
        ("maximize", "no", TypeError, "group 0: maximize is 'no'"),
        ("decoupled_weight_decay", 1, TypeError, "group 0: decoupled_weight_decay is 1"),
        ("lr", None, TypeError, "group 0: heavy_ball needs lr"),
    ):
        good, group[name] = group[name], value
        with pytest.raises(kind, match=words):
            optimizer.step()
        group[name] = good
        assert torch.equal(p, before)
    for name, words in (("beta", "needs beta"), ("maximize", "maximize is None"), ("weight_decay", "weight_decay is None")):
        good = group.pop(name)
        with pytest.raises(TypeError, match=words):
            optimizer.step()
        group[name] = good
    del group["rule"]
    with pytest.raises(TypeError, match="rule is None; allowed: a Rule, or the name of one"):
        optimizer.step()
    group["rule"] = "heavy_ball"
    assert torch.equal(p, before)
    stepped(optimizer, [p])
    assert optimizer.state[p]["step"] == 2


@pytest.mark.parametrize("compiled", [False, True])
def test_a_rule_that_takes_anothers_place_in_mid_run(compiled):
    """One with the same memory goes on with it; one with another is refused before anything moves, or begins anew."""
    p = made((3,))[0]
    begin = p.detach().clone()
    optimizer = Optimizer([p], "heavy_ball", lr=0.1, beta=0.5, compiled=compiled)
    stepped(optimizer, [p])
    (group,) = optimizer.param_groups
    group["rule"] = "nesterov_torch"
    stepped(optimizer, [p])
    assert torch.allclose(p.detach(), begin - 0.1 - 0.1 * (1 + 0.5 * 1.5))
    before = p.detach().clone()
    group.update(rule="adam", beta1=0.9, beta2=0.99, eps=1e-8)
    with pytest.raises(ValueError, match="the rule is now adam, which keeps m, s, and the state so far holds v. Build a new"):
        stepped(optimizer, [p])
    assert torch.equal(p, before)
    optimizer.state.clear()
    stepped(optimizer, [p])
    assert torch.allclose(p.detach(), before - 0.1) and set(optimizer.state[p]) == {"step", "m", "s"}


@rule(mean="theta", family="averaged")
def with_a_mean(theta, grad, mean, *, lr):
    """Gradient descent that reports a fading mean of its points and looks from the point itself."""
    theta = theta - lr * grad
    return theta, (mean + theta) / 2


@with_a_mean.reports
def _(theta, mean, *, lr):
    return mean


def test_what_was_written_before_a_look_at_the_reported_point_is_still_there_after_it():
    """Weights put in between the last step and an evaluation, of a rule that looks from its own point and reports another."""
    p = made((4,))[0]
    optimizer = Optimizer([p], with_a_mean, lr=0.1)
    stepped(optimizer, [p], 3)
    p.data[1:3] = 5.0
    before = p.detach().clone()
    with optimizer.reported():
        assert torch.equal(p, optimizer.state[p]["mean"]) and not torch.equal(p, before)
        p.data[0] = 7.0  # into the reported point: there the run goes on from it, too
    assert torch.equal(p[1:], before[1:]) and p[0] == 7.0


@pytest.mark.parametrize("compiled", [False, True])
def test_a_rule_that_only_reports_another_point_keeps_its_own_from_the_first_step(compiled):
    """A point that is first kept at an evaluation: what was saved before it has none, and cannot be gone on from."""
    (p,), (q,) = made((4,)), made((4,), seed=1)
    before = p.detach().clone()
    optimizer, second = (Optimizer([each], with_a_mean, lr=0.1, compiled=compiled) for each in (p, q))
    stepped(optimizer, [p], 2)
    assert torch.equal(optimizer.state[p]["theta"], p)
    q.data.copy_(p)
    second.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    stepped(second, [q], 2)
    with second.reported():
        assert torch.equal(q, second.state[q]["mean"])
    stepped(second, [q])
    torch.testing.assert_close(q.detach(), before - 0.5)


def test_a_state_that_one_of_several_has_lost_leaves_their_buffer(interpreted):
    """The point of one of two taken out of the state: it goes on from its parameter, and the buffer is no place for both."""
    params = made((3,), (4,))
    optimizer = Optimizer(params, "nesterov", lr=0.1, beta=0.5, compiled=True)
    stepped(optimizer, params, 2)
    del optimizer.state[params[1]]["theta"]
    shown, v = params[1].detach().clone(), optimizer.state[params[1]]["v"].clone()
    stepped(optimizer, params)
    torch.testing.assert_close(optimizer.state[params[1]]["theta"], shown - 0.1 * (0.5 * v + 1))
    assert optimizer.state[params[0]]["step"] == optimizer.state[params[1]]["step"] == 3


def test_between_the_parameters_places_lie_zeros(monkeypatch):
    """What memory held before: a NaN there is no error of a run, and slow to compute with."""
    dirty = lambda total, dtype, device: torch.full((total,), float("nan"), dtype=dtype, device=device)
    monkeypatch.setattr(_flat.torch, "empty", dirty)
    found = _flat.room(10, [(2, 4), (7, 10)], torch.device("cpu"), torch.float32)
    assert found.isnan().tolist() == [True, True, False, False, True, True, True, False, False, False]
    assert found[2:4].eq(0).all() and found[7:].eq(0).all() and found.dtype == torch.float32


def test_a_compiled_step_gets_its_numbers_in_their_order():
    """The hyper-parameters, those by which the rule looked, whether they are known, and the count."""
    called = []
    own = SimpleNamespace(names=["lr", "beta"], earlier=["lr"], apart=True, _numbers=lambda given, device: (given, device.type))
    own.body = lambda *given: called.append(given)
    call = lambda *given: _program.Program.__call__(own, *given)
    shown, theta, grad, slot = torch.zeros(4, 2).unbind()
    values, before = {"beta": 0.5, "lr": 0.25, "more": 9.0}, {"lr": 0.125, "beta": 0.75}
    for given, numbers in (
        ((before,), [0.25, 0.5, 0.125, 1.0, 7]),
        ((None,), [0.25, 0.5, 0.25, 0.0, 7]),
        ((), [0.25, 0.5, 0.25, 0.0, 7]),
    ):
        call(shown, theta, grad, [slot], values, 7, *given)
        assert called[-1][:4] == (shown, theta, grad, slot) and called[-1][4:] == ((numbers, "cpu"),)
    own.earlier, own.apart = [], False
    call(theta, theta, grad, [], values, 7, before)
    assert len(called[-1]) == 3 and called[-1][0] is theta and called[-1][2] == ([0.25, 0.5, 7], "cpu")


def test_a_step_asks_for_the_decay_only_where_it_decays():
    """A number more in every program, and a schedule of a decay that there is not."""
    assert Way(rules.heavy_ball).numbers == ["lr", "beta"] and Way(rules.heavy_ball, maximize=True).numbers == ["lr", "beta"]
    for decay in ("coupled", "decoupled"):
        assert Way(rules.heavy_ball, decay).numbers == ["lr", "beta", "weight_decay"]
    assert Way(rules.heavy_ball).hyper({"lr": 1, "beta": 2, "weight_decay": 3}) == {"lr": 1, "beta": 2}


def test_an_accelerators_look_may_round_otherwise():
    """Four units in the last digit, one where a sixteen-bit number has so few; a processor computes it as it was."""
    slacks = lambda name, dtype, device: [
        number for node in _program._trace(Way(rules.get(name)), dtype, device)[0].graph.nodes for number in node.args
        if isinstance(number, float)
    ]  # fmt: skip
    for dtype, units in ((torch.float32, 4), (torch.float64, 4), (torch.bfloat16, 1), (torch.float16, 1)):
        assert slacks("nesterov", dtype, "meta") == [units * torch.finfo(dtype).eps]
        assert slacks("nesterov", dtype, "cpu") == slacks("heavy_ball", dtype, "meta") == []


def test_a_step_that_the_guard_leaves_out_returns_its_loss():
    p = made((3,))[0]
    optimizer = Optimizer([p], "heavy_ball", lr=0.1, guard=2)
    p.grad = torch.full((3,), float("nan"), dtype=torch.float64)
    assert optimizer.step(lambda: 2.5) == 2.5 and optimizer.skipped == 1
    p.grad = torch.ones(3, dtype=torch.float64)
    assert optimizer.step(lambda: 3.5) == 3.5 and optimizer.skipped == 1


@rule(a=0, b=0, family="momentum")
def forgetful(theta, grad, a, b, *, lr):
    """A rule that returns one value too few."""
    return theta - lr * grad, a


@pytest.mark.parametrize("text", [False, True])
def test_a_rule_that_returns_too_little_moves_nothing_quietly(text, monkeypatch):
    if text:
        monkeypatch.setattr(_inplace, "step_of", lambda way: None)
    p = made((3,))[0]
    optimizer = Optimizer([p], forgetful, lr=0.1)
    with pytest.raises(ValueError):
        stepped(optimizer, [p])


def test_one_that_comes_later_has_a_count_and_a_buffer_of_its_own(interpreted):
    """Adam's correction belongs to a parameter's own count: its first gradient comes with the other's second."""
    params = made((3,), (20,))
    optimizer = Optimizer(params, "adam", lr=0.1, compiled=True)
    stepped(optimizer, params, 1, missing=[1])
    stepped(optimizer, params)
    assert sorted(interpreted) == [(16, 1), (16, 2), (32, 1)]


@pytest.mark.parametrize("wanted", [False, True, "auto"])
def test_where_a_rule_looks_is_written_in_one_way_by_each_optimiser(wanted, monkeypatch):
    """The plain path beside a compiled one rounds as the text does, which the compiler was given."""
    joined, of = [], _inplace.look_of
    monkeypatch.setattr(_inplace, "look_of", lambda rule, join: joined.append(join) or of(rule, join))
    monkeypatch.setattr(_flat, "missing", lambda device: "nothing is")
    params = made((3,))
    optimizer = Optimizer(params, "nesterov", lr=0.1, compiled=wanted)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stepped(optimizer, params, 2)
    assert set(joined) == {not wanted} and len(caught) == (wanted is True)
