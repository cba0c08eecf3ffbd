"""What must hold of every optimiser made from a rule: functions of the class, run on the real one and on its mutants.

Each takes ``make(params, rule, **options)``, the class or the class with an engine chosen, and raises where it is wrong.
"""

import contextlib
import copy
import io
import pickle

import numpy as np
import pytest
import torch

from momentum_lib import descend, rule, rules, surfaces

PROPERTIES = {}


def prop(fn):
    PROPERTIES[fn.__name__] = fn
    return fn


def tensors(dtype=torch.float64, seed=0, shapes=((3, 4), (5,), (), "transposed", (0,))):
    """Parameters of several shapes: a matrix, a vector, a number, a transposed matrix, an empty one."""
    random = torch.Generator().manual_seed(seed)
    make = lambda *shape: torch.randn(shape, generator=random, dtype=torch.float64).to(dtype)
    return [torch.nn.Parameter(make(4, 3).T if shape == "transposed" else make(*shape)) for shape in shapes]


def gradients(params, steps, seed=1):
    """A stream of gradients, some entries and now and then whole steps exactly zero."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(steps, sum(p.numel() for p in params), generator=random, dtype=torch.float64)
    noise *= torch.rand(noise.shape, generator=random) > 0.3
    noise[5::17] = 0
    for row in noise:
        yield [x.reshape(p.shape) for x, p in zip(row.split([p.numel() for p in params]), params)]


def follow(optimizer, params, stream, change=None):
    """Run over a stream; each gradient also pulls to the origin, so that an error comes back. ``change``: step, rate."""
    for t, grads in enumerate(stream):
        if change and t == change[0]:
            for group in optimizer.param_groups:
                group["lr"] = change[1]
        for p, g in zip(params, grads):
            p.grad = (g + 0.1 * p.detach().double() * (g != 0)).to(p.dtype)
        optimizer.step()
    return [p.detach().clone() for p in params]


def assert_close(ours, theirs, tol):
    for a, b in zip(ours, theirs, strict=True):
        assert torch.isfinite(a).all()
        if a.numel():
            assert (a.detach() - b.detach()).abs().max() <= tol * max(1.0, float(b.detach().abs().max()))


@contextlib.contextmanager
def double_by_default():
    """torch's default dtype is float64 inside: NAdam keeps the product of its momenta in it, and float32 is worth 1e-9 a step."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def same(ours, theirs):
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def sample():
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    p.grad = torch.tensor([0.5, 0.25, -1.0])
    return p


# -- the numbers ----------------------------------------------------------------------------------


@prop
def agrees_with_torch(make):
    """SGD with momentum and L2, AdamW by decoupled decay, climbing: with zero gradients and a change of rate."""
    cases = [
        (
            "heavy_ball",
            {"weight_decay": 0.1, "decoupled_weight_decay": False},
            torch.optim.SGD,
            {"momentum": 0.9, "weight_decay": 0.1},
        ),
        ("adam", {"weight_decay": 0.1, "maximize": True}, torch.optim.AdamW, {"weight_decay": 0.1, "maximize": True}),
    ]
    for name, options, cls, theirs in cases:
        a, b = tensors(), tensors()
        follow(make(a, name, lr=0.02, **options), a, gradients(a, 60), (30, 0.007))
        follow(cls(b, lr=0.02, **theirs), b, gradients(b, 60), (30, 0.007))
        assert_close(a, b, 1e-12)


@prop
def goes_on_after_a_huge_gradient_as_torch_does(make):
    """One gradient whose square is no float32, then ones: the same steps as torch's, and nothing that stands still for ever."""
    theirs = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "rmsprop": torch.optim.RMSprop,
        "adagrad": torch.optim.Adagrad,
    }
    for huge in (1e19, -1e20, 3e20, 1e30):
        for name, cls in theirs.items():
            ends, squares = [], []
            for build in (lambda p, name=name: make([p], name, lr=0.1), lambda p, cls=cls: cls([p], lr=0.1)):
                p = torch.nn.Parameter(torch.tensor([0.5, -1.0]))
                optimizer, shown = build(p), []
                for t in range(40):
                    p.grad = torch.tensor([huge if t == 3 else 1.0, -1.0])
                    optimizer.step()
                    shown.append(p.detach().clone())
                ends.append(torch.stack(shown))
                kept = optimizer.state[p]
                squares.append(next(kept[key] for key in ("s", "exp_avg_sq", "square_avg", "sum") if key in kept))
            assert (ends[0] - ends[1]).abs().max() <= 2e-6, (name, huge)
            assert torch.allclose(squares[0], squares[1], rtol=1e-5), (name, huge)  # an infinity where torch has one


@prop
def looks_steps_and_reports_as_descend(make):
    """The parameters hold the look while training and the report inside ``reported()``, also after a change of rate."""
    f, steps = surfaces.ravine(kappa=20, angle=0.4), 40
    rates = np.where(np.arange(steps) < 15, 0.02, 0.01)
    for name in ("nesterov", "schedule_free", "polyak", "generalised_primal_averaging"):
        path = descend(rules.get(name), f, steps=steps, lr=rates)
        p = torch.tensor(f.start, dtype=torch.float64)
        optimizer = make([p], name, lr=0.02)
        for t in range(steps):
            if t == 15:
                optimizer.param_groups[0]["lr"] = 0.01
                optimizer.train()
            assert np.abs(p.numpy() - path.looks[t]).max() <= 1e-12
            p.grad = torch.tensor(f.gradient(p.numpy()))
            optimizer.step()
            shown = p.clone()
            with optimizer.reported():
                assert np.abs(p.numpy() - path.points[t + 1]).max() <= 1e-12
                with optimizer.reported():
                    pass
                assert np.abs(p.numpy() - path.points[t + 1]).max() <= 1e-12
                with pytest.raises(RuntimeError, match="reported point"):
                    optimizer.step()
            assert torch.equal(p, shown)


@prop
def computes_low_precision_in_float32(make):
    """bfloat16 and float16 parameters: the run in float32, rounded; small steps are not lost."""
    for dtype in (torch.bfloat16, torch.float16):
        for name in ("heavy_ball", "nesterov"):
            low, full = tensors(dtype), [torch.nn.Parameter(p.detach().float()) for p in tensors(dtype)]
            a, b = make(low, name, lr=1e-4), make(full, name, lr=1e-4)
            for grads in gradients(low, 40):
                for p, q, g in zip(low, full, grads):
                    p.grad = g.to(dtype)
                    q.grad = p.grad.float()
                a.step()
                b.step()
            assert_close([a.state[p]["theta"] for p in low], [b.state[q].get("theta", q.detach()) for q in full], 1e-6)
            assert same(low, [a.state[p]["theta"].to(dtype) for p in low]) or name == "nesterov"
            assert all(p.dtype == dtype and s.dtype == torch.float32 for p in low for k, s in a.state[p].items() if k != "step")


@prop
def leaves_gradients_alone(make):
    for options in (
        {},
        {"maximize": True},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": False},
        {"guard": 2},
    ):
        for dtype in (torch.float32, torch.bfloat16):
            params = tensors(dtype)
            optimizer = make(params, "heavy_ball", lr=0.1, **options)
            for grads in gradients(params, 3):
                mine = [g.to(dtype) for g in grads]
                for p, g in zip(params, mine):
                    p.grad = g
                before = [g.clone() for g in mine]
                optimizer.step()
                assert same(mine, before) and all(p.grad is g for p, g in zip(params, mine))


@prop
def none_is_skipped_and_zero_steps(make):
    """A None gradient leaves parameter and state alone; a zero gradient lets the momentum carry on."""
    a, b = sample(), sample()
    for options in ({}, {"weight_decay": 0.5}):
        optimizer = make([a, b], "adam", lr=0.1, **options)
        optimizer.step()
        kept, count = b.detach().clone(), optimizer.state[b]["step"]
        b.grad, a.grad = None, torch.zeros_like(a)
        moving = a.detach().clone()
        optimizer.step()
        assert torch.equal(b, kept) and optimizer.state[b]["step"] == count
        assert not torch.equal(a, moving) and optimizer.state[a]["step"] == count + 1
        b.grad = torch.ones_like(b)
        optimizer.step()
        assert not torch.equal(b, kept) and optimizer.state[b]["step"] == count + 1
        a, b = sample(), sample()
    only = make([sample()], "heavy_ball", lr=0.1)
    only.zero_grad()
    only.step()
    assert not only.state


@prop
def none_now_and_then_agrees_with_torch(make):
    """Gradients that come and go by parameter: every count and every slot keeps its own time."""
    a, b = tensors(), tensors()
    ours, theirs = make(a, "adam", lr=0.02), torch.optim.Adam(b, lr=0.02)
    away = np.random.default_rng(0).random((50, len(a))) < 0.15
    for t, grads in enumerate(gradients(a, 50)):
        for k, (p, q, g) in enumerate(zip(a, b, grads)):
            p.grad, q.grad = (None, None) if away[t, k] else (g.clone(), g.clone())
        ours.step()
        theirs.step()
    assert_close(a, b, 1e-12)


@prop
def trains_by_backward(make):
    """Gradients made by autograd, cleared either way, added up over two passes, a branch left out now and then: torch's run."""
    for set_to_none in (True, False):
        runs = []
        for build in (lambda p: make(p, "heavy_ball", lr=0.05), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)):
            torch.manual_seed(0)
            model = torch.nn.ModuleDict({k: torch.nn.Linear(4, 4) for k in ("trunk", "branch", "head")}).double()
            optimizer = build(model.parameters())
            for t, x in enumerate(torch.randn(30, 6, 4, dtype=torch.float64)):
                optimizer.zero_grad(set_to_none=set_to_none)
                for half in x.split(3):
                    hidden = model["trunk"](half).tanh()
                    model["head"](hidden + model["branch"](hidden) if t % 4 < 2 else hidden).square().mean().backward()
                left_out = model["branch"].weight.grad
                assert (left_out is None if set_to_none else not left_out.any()) or t % 4 < 2
                torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
            runs.append([p.detach().clone() for p in model.parameters()])
        assert_close(*runs, 1e-12)


# -- groups, schedules, closures --------------------------------------------------------------------


@prop
def groups_have_their_own_options(make):
    """Rates, rules and decay by group; an empty group; a group added later."""
    a, b, c = sample(), sample(), sample()
    optimizer = make(
        [{"params": [a], "lr": 0.5}, {"params": [b], "rule": "adam", "beta1": 0.5}, {"params": []}],
        "heavy_ball",
        lr=0.1,
        beta=0.8,
    )
    optimizer.add_param_group({"params": c, "weight_decay": 0.2})
    assert [set(g) & {"beta", "beta1"} for g in optimizer.param_groups] == [{"beta"}, {"beta1"}, {"beta"}, {"beta"}]
    for _ in range(3):
        optimizer.step()
    for p, name, hyper in (
        (a, "heavy_ball", {"lr": 0.5, "beta": 0.8}),
        (b, "adam", {"lr": 0.1, "beta1": 0.5}),
        (c, "heavy_ball", {"lr": 0.1, "beta": 0.8}),
    ):
        q = sample()
        theta, grad, state = q.detach(), q.grad, rules.get(name).init(q.detach())
        for t in range(1, 4):
            theta = theta * (1 - 0.1 * 0.2) if p is c else theta
            full = {**rules.get(name).hyper, **hyper}
            theta, state = rules.get(name).step(theta, grad, state, full, t)
        assert torch.allclose(p, theta, rtol=1e-6)


@prop
def follows_schedules(make):
    """Schedulers of torch, a momentum changed by hand, a rate held in a tensor."""
    lrs = torch.optim.lr_scheduler
    for schedule in (
        lambda o: lrs.StepLR(o, 3, 0.5),
        lambda o: lrs.CosineAnnealingLR(o, 20),
        lambda o: lrs.OneCycleLR(o, 0.1, total_steps=30, cycle_momentum=False),
        lambda o: lrs.LinearLR(o, total_iters=10),
    ):
        for rate in (0.05, torch.tensor(0.05, dtype=torch.float64)):
            a, b = tensors(), tensors()
            ours, theirs = make(a, "heavy_ball", lr=rate), torch.optim.SGD(b, lr=0.05, momentum=0.9)
            ours_schedule, their_schedule = schedule(ours), schedule(theirs)
            for t, grads in enumerate(gradients(a, 25)):
                ours.param_groups[0]["beta"] = theirs.param_groups[0]["momentum"] = 0.9 - 0.01 * t
                for p, q, g in zip(a, b, grads):
                    p.grad, q.grad = g.clone(), g.clone()
                ours.step()
                theirs.step()
                ours_schedule.step()
                their_schedule.step()
            assert_close(a, b, 1e-12)


@prop
def cycles_momentum_as_torch_does(make):
    """OneCycleLR and CyclicLR turn the momentum against the rate, whatever the rule calls it."""
    lrs = torch.optim.lr_scheduler
    one = lambda o: lrs.OneCycleLR(o, 0.05, total_steps=30)
    cyclic = lambda o: lrs.CyclicLR(o, 0.001, 0.05, step_size_up=7, base_momentum=0.7, max_momentum=0.95)
    for schedule in (one, cyclic):
        for name, cls, theirs in (
            ("heavy_ball", torch.optim.SGD, {"momentum": 0.9}),
            ("nesterov_torch", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
            ("adam", torch.optim.Adam, {}),
            ("adamw", torch.optim.AdamW, {}),
            ("nadam", torch.optim.NAdam, {}),
        ):
            a, b = tensors(), tensors()
            ours, torchs = make(a, name, lr=0.01), cls(b, lr=0.01, **theirs)
            pair = schedule(ours), schedule(torchs)
            seen = set()
            for grads in gradients(a, 25):
                for p, q, g in zip(a, b, grads):
                    p.grad, q.grad = g.clone(), g.clone()
                with double_by_default():
                    ours.step()
                    torchs.step()
                for one_of in pair:
                    one_of.step()
                (group,), (other,) = ours.param_groups, torchs.param_groups
                assert group["momentum"] == (other["betas"][0] if "betas" in other else other["momentum"])
                seen.add(group["beta1" if "betas" in other else "beta"])
            assert len(seen) > 10
            assert_close(a, b, 1e-12)


@prop
def groups_answer_to_torchs_names(make):
    """``momentum`` and ``betas`` are other names of the rule's own numbers, in every group by its own rule."""
    a, b, c, d = (sample() for _ in range(4))
    optimizer = make([{"params": [a]}, {"params": [b], "rule": "adam"}, {"params": [c], "rule": "lion"}], "heavy_ball", lr=0.1)
    first, second, third = optimizer.param_groups
    torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=10)
    assert (first["beta"], second["beta1"], third["beta2"]) == (0.95, 0.95, 0.95) and second["beta2"] == 0.999
    second["betas"] = (0.8, 0.9)
    assert (second["beta1"], second["beta2"], second["momentum"], second.get("betas")) == (0.8, 0.9, 0.8, (0.8, 0.9))
    assert "momentum" in first and "betas" not in first and not {"momentum", "betas"} & {*first, *second, *third}
    first.update(momentum=0.5)
    assert first.setdefault("momentum", 0.1) == first["beta"] == 0.5
    first["momentum"] = 2.0
    with pytest.raises(ValueError, match="beta is 2"):
        optimizer.step()
    first["momentum"] = 0.5
    twin = copy.deepcopy(optimizer)
    twin.param_groups[0]["momentum"] = 0.6
    assert twin.param_groups[0]["beta"] == 0.6 and first["beta"] == 0.5
    twin.load_state_dict(through_a_file(optimizer.state_dict()))
    twin.param_groups[0]["momentum"] = 0.4
    assert twin.param_groups[0]["beta"] == 0.4
    for name in ("gradient_descent", "adagrad", "rmsprop"):
        with pytest.raises(ValueError, match="cycle_momentum"):
            torch.optim.lr_scheduler.OneCycleLR(make([d], name, lr=0.1), 0.1, total_steps=10)


@prop
def calls_its_closure(make):
    """The closure runs once, with gradients on, before the step; its value comes back."""
    p, calls = torch.nn.Parameter(torch.tensor([3.0])), []
    optimizer = make([p], "gradient_descent", lr=0.1)

    def closure():
        calls.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss.detach()

    assert float(optimizer.step(closure)) == 9.0 and calls == [True]
    assert torch.allclose(p, torch.tensor([2.4])) and optimizer.step() is None


@prop
def clears_gradients_both_ways(make):
    p = sample()
    grad = p.grad
    optimizer = make([p], "heavy_ball", lr=0.1)
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is not None and not p.grad.any() and (p.grad is not grad or not grad.any())
    optimizer.zero_grad()
    assert p.grad is None


# -- saving ------------------------------------------------------------------------------------------


def through_a_file(thing):
    file = io.BytesIO()
    torch.save(thing, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@prop
def resumes_bit_for_bit(make):
    """Saved, rebuilt and loaded at random steps: model first or optimiser first, the run is the unbroken one's."""
    random = np.random.default_rng(0)
    for name, dtype in (
        ("nesterov", torch.float32),
        ("adam", torch.bfloat16),
        ("schedule_free", torch.float32),
        ("polyak", torch.float32),
        ("nadam", torch.bfloat16),
        ("two_memory_momentum", torch.float32),
    ):
        cuts = set(random.integers(1, 20, 3).tolist())
        whole, broken = tensors(dtype), tensors(dtype)
        a, b = make(whole, name, lr=0.01), make(broken, name, lr=0.01)
        schedules = [torch.optim.lr_scheduler.ExponentialLR(o, 0.9) for o in (a, b)]
        for t, grads in enumerate(gradients(whole, 20)):
            if t in cuts:
                saved = through_a_file({"model": broken, "optimizer": b.state_dict(), "schedule": schedules[1].state_dict()})
                broken = tensors(dtype, seed=9)
                b = make(broken, name, lr=0.5)
                schedules[1] = torch.optim.lr_scheduler.ExponentialLR(b, 0.9)
                for first in (t % 2, 1 - t % 2):
                    if first:
                        b.load_state_dict(saved["optimizer"])
                    else:
                        with torch.no_grad():
                            for p, q in zip(broken, saved["model"]):
                                p.copy_(q)
                schedules[1].load_state_dict(saved["schedule"])
            for p, q, g in zip(whole, broken, grads):
                p.grad, q.grad = g.to(dtype), g.to(dtype)
            a.step()
            b.step()
            schedules[0].step()
            schedules[1].step()
            assert same(whole, broken)


@prop
def tells_which_of_two_points_was_saved(make):
    """Model and optimiser saved on different sides of ``reported()``: refused, then mended by ``train()``; alike: bit for bit."""
    for name, dtype in (("schedule_free", torch.float32), ("nesterov", torch.float64), ("schedule_free", torch.bfloat16)):
        params = tensors(dtype)
        optimizer = make(params, name, lr=0.25)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        for grads in gradients(params, 6):
            for p, g in zip(params, grads):
                p.grad = g.to(dtype)
            optimizer.step()
            schedule.step()  # the rate has moved on since the parameters were written
        outside = through_a_file({"model": params, "optimizer": optimizer.state_dict()})
        with optimizer.reported():
            inside = through_a_file({"model": params, "optimizer": optimizer.state_dict()})
        assert not same(inside["model"], outside["model"])

        def resumed(model, state, first, name=name, dtype=dtype):
            again = tensors(dtype, seed=9)
            other = make(again, name, lr=0.5)
            for what in (first, "optimizer"):
                if what == "optimizer":
                    other.load_state_dict(state["optimizer"])
                else:
                    for p, q in zip(again, model["model"]):
                        p.data.copy_(q)
            for p in again:
                p.grad = torch.ones_like(p)
            return other, again

        wanted, expected = resumed(outside, outside, "model")
        wanted.train()
        start = [p.detach().clone() for p in expected]
        wanted.step()
        for model, state in ((inside, outside), (inside, inside), (outside, inside)):
            for mend in (False, True):
                other, again = resumed(model, state, "model")
                if not mend:
                    with pytest.raises(RuntimeError, match="train\\(\\)"):
                        other.step()
                other.train()
                assert same(start, again), (name, dtype)
                other.step()
                assert same(expected, again), (name, dtype)
        other, again = resumed(inside, outside, "optimizer")
        for p, q in zip(again, outside["model"]):
            p.data.copy_(q)
        again[0].data[0, 0] = 5.0  # written after loading
        other.step()
        with other.reported():
            assert (again[0][0, 0] - 5).abs() < 0.5


@prop
def saves_plain_things_under_stable_names(make):
    p = sample()
    optimizer = make([("weight", p)], "adam", lr=0.1, weight_decay=0.01)
    optimizer.step()
    saved = optimizer.state_dict()
    assert set(saved) == {"state", "param_groups", "momentum_lib"}
    assert set(saved["state"]) == {0} and set(saved["state"][0]) == {"step", "m", "s"} and saved["state"][0]["step"] == 1
    (group,) = saved["param_groups"]
    assert group == {
        **{"rule": "adam", "lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01, "params": [0]},
        **{"decoupled_weight_decay": True, "maximize": False, "param_names": ["weight"]},
    }
    assert saved["momentum_lib"] == {"skipped": 0, "skipped_in_a_row": 0, "reported": False}


@prop
def loads_across_dtypes(make):
    """A float32 run goes on in bfloat16 and back; the state stays in float32 and keeps the parameter's layout."""
    for first, second in ((torch.float32, torch.bfloat16), (torch.bfloat16, torch.float32), (torch.float64, torch.float32)):
        a = tensors(first)
        one = make(a, "adam", lr=0.01)
        follow(one, a, gradients(a, 5))
        b = [torch.nn.Parameter(p.detach().to(second)) for p in a]
        other = make(b, "adam", lr=0.01)
        other.load_state_dict(through_a_file(one.state_dict()))
        for p, q in zip(a, b):
            assert other.state[q]["m"].dtype == torch.float32 and other.state[q]["m"].stride() == q.stride()
            assert torch.equal(other.state[q]["m"], one.state[p]["m"].float()) and other.state[q]["step"] == 5
        before = [p.detach().clone() for p in b]
        follow(other, b, gradients(b, 3))
        assert not same(before[:1], b[:1]) and other.state[b[0]]["step"] == 8


@prop
def refuses_a_foreign_state(make):
    """Another optimiser's, rule's, model's or a damaged state: one line, and nothing is changed."""
    p, q = sample(), sample()
    optimizer = make([("weight", p)], "heavy_ball", lr=0.1, beta=0.8)
    optimizer.step()
    good = optimizer.state_dict()
    sgd = torch.optim.SGD([q], lr=0.1, momentum=0.9)
    sgd.step()

    def changed(**entry):
        bad = copy.deepcopy(good)
        bad["state"][0].update(entry)
        return bad

    def group(**options):
        bad = copy.deepcopy(good)
        bad["param_groups"][0].update(options)
        return bad

    short = copy.deepcopy(good)
    del short["state"][0]["v"]
    lacking = copy.deepcopy(good)
    del lacking["param_groups"][0]["beta"]
    stray = copy.deepcopy(good)
    stray["state"][7] = stray["state"][0]
    for bad, says in (
        (sgd.state_dict(), "names no rule"),
        (make([sample()], "adam", lr=0.1).state_dict(), "saved with the rule 'adam'"),
        (make([sample(), sample()], "heavy_ball", lr=0.1).state_dict(), "2 parameter"),
        (
            make([{"params": [sample()]}, {"params": [sample()]}], "heavy_ball", lr=0.1).state_dict(),
            "different number of parameter groups",
        ),
        ({"weight": p}, "no optimiser's state"),
        ([1, 2], "no optimiser's state"),
        (changed(v=torch.zeros(4)), "'weight': the saved v is"),
        (changed(v="gone"), "'weight': the saved v is str"),
        (changed(v=torch.zeros(3, dtype=torch.int64)), "'weight': the saved v is"),
        (changed(step=-1), "saved step is -1"),
        (changed(extra=torch.zeros(3)), "heavy_ball keeps"),
        (short, "heavy_ball keeps"),
        (lacking, "lacks 'beta'"),
        (stray, "belongs to no parameter"),
        (group(lr=float("nan")), "lr is nan"),
        (group(lr=None), "needs lr"),
        (group(beta=1.5), "beta is 1.5"),
        (group(maximize="no"), "maximize"),
        ({**good, "momentum_lib": {"hyper": {0: {"beta": 0.5}}}}, "'weight': the saved hyper is"),
        ({**good, "momentum_lib": {"hyper": {0: {"lr": 1.0, "beta": float("nan")}}}}, "'weight': the saved beta is nan"),
    ):
        before = through_a_file(optimizer.state_dict())
        with pytest.raises(ValueError, match=says) as error:
            optimizer.load_state_dict(bad)
        assert "\n" not in str(error.value)
        after = optimizer.state_dict()
        assert after["param_groups"] == before["param_groups"] and torch.equal(after["state"][0]["v"], before["state"][0]["v"])


@prop
def copies_and_pickles(make):
    """A deep copy and a pickled copy, with their model, go on like the original, and apart from it."""
    model = torch.nn.Linear(3, 2)
    optimizer = make(model.named_parameters(), "nesterov", lr=0.1, weight_decay=0.1)
    follow(optimizer, list(model.parameters()), gradients(list(model.parameters()), 3))
    pair = (model, optimizer)
    for other, twin in (copy.deepcopy(pair), pickle.loads(pickle.dumps(pair))):
        assert twin.param_groups[0]["params"][0] is other.weight
        expected = copy.deepcopy(pair)
        params = list(other.parameters())
        moved = follow(twin, params, gradients(params, 4, seed=3))
        again = list(expected[0].parameters())
        assert same(moved, follow(expected[1], again, gradients(again, 4, seed=3)))
        assert not torch.equal(other.weight, model.weight)


@prop
def follows_who_writes_the_parameters(make):
    """New weights loaded in mid-run are where the run goes on, for a rule that looks ahead and in bfloat16, too."""
    for name, dtype in (("nesterov", torch.float32), ("heavy_ball", torch.bfloat16), ("heavy_ball", torch.float32)):
        p = torch.nn.Parameter(torch.ones(4, dtype=dtype))
        optimizer = make([p], name, lr=0.25, beta=0.5)
        p.grad = torch.ones(4, dtype=dtype)
        optimizer.step()
        with torch.no_grad():
            p.fill_(-3.0)
        p.grad = torch.zeros(4, dtype=dtype)
        optimizer.step()  # v = .5, so the point goes from -3 to -3.125
        with optimizer.reported():
            assert torch.equal(p.detach().float(), torch.full((4,), -3.125)), (name, dtype, p)


@prop
def follows_who_writes_through_data(make):
    """A mask and a clip through ``.data`` after every step, which no version counts: they stay, and the rest keeps its digits."""
    mask = torch.arange(24).reshape(4, 6) % 3 == 0
    for name, dtype in (("heavy_ball", torch.bfloat16), ("nesterov", torch.float32), ("nesterov", torch.bfloat16)):
        p = torch.nn.Parameter(torch.linspace(-1, 1, 24).reshape(4, 6).to(dtype))
        optimizer = make([p], name, lr=2**-10, beta=0.5)
        theta, v = p.detach().float().clone(), torch.zeros(4, 6)
        ahead = 2**-10 * 0.5 if name == "nesterov" else 0.0
        for t in range(12):
            g = torch.full((4, 6), 1.0 if t < 8 else -1.0, dtype=dtype)
            p.grad = g
            optimizer.step()
            v = 0.5 * v + g.float()
            theta = theta - 2**-10 * v
            shown = (theta - ahead * v).to(dtype)
            assert torch.equal(p.detach(), shown), (name, dtype, t)
            wanted = shown.masked_fill(mask, 0.0).clamp(-0.5, 0.5)
            theta = torch.where(wanted == shown, theta, wanted.float())
            p.data[mask] = 0.0
            p.data.clamp_(-0.5, 0.5)
            if t == 5:
                with optimizer.reported():  # also looked at before the next step
                    assert torch.equal(p.detach(), theta.to(dtype))
                assert torch.equal(p.detach(), (theta - ahead * v).to(dtype))
    assert not torch.equal(theta, theta.to(torch.bfloat16).float())


@prop
def follows_a_state_that_was_put_in_place(make):
    """Momentum that is cleared, replaced or dropped between steps, and a gradient whose memory is exchanged."""
    for change in (
        lambda state: state["v"].zero_(),
        lambda state: state.update(v=torch.zeros_like(state["v"])),
        lambda state: setattr(state["v"], "data", torch.zeros_like(state["v"])),
        lambda state: state.clear(),
    ):
        a, b = tensors(shapes=((3, 4), (5,))), tensors(shapes=((3, 4), (5,)))
        ours, theirs = make(a, "heavy_ball", lr=0.1), torch.optim.SGD(b, lr=0.1, momentum=0.9)
        for t in range(6):
            for params in (a, b):
                loss = sum((p * p).sum() for p in params)
                for p in params:
                    p.grad = None
                loss.backward()
                for p in params:
                    p.grad.data = p.grad.data * 0.5
            ours.step()
            theirs.step()
            if t == 2:
                for p, q in zip(a, b):
                    change(ours.state[p])
                    theirs.state[q]["momentum_buffer"].zero_()
        assert_close(a, b, 1e-12)


@prop
def keeps_what_a_person_holds(make):
    """A gradient kept beyond its step, and every window onto a parameter, are what they are with torch."""
    for hold in (lambda g: g, lambda g: g.detach(), lambda g: g[:]):
        ours, theirs = lambda p: make(p, "heavy_ball", lr=0.05), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)
        assert_close(_held_on_to(ours, hold), _held_on_to(theirs, hold), 1e-12)


def _held_on_to(build, hold):
    """The parameters after twelve steps of a run in which gradients are held so, and parameters are looked at."""
    torch.manual_seed(0)
    array = np.linspace(-1, 1, 16).reshape(4, 4)
    model = torch.nn.ModuleDict({k: torch.nn.Linear(4, 4) for k in ("trunk", "head", "side")}).double()
    model["head"].weight = torch.nn.Parameter(torch.from_numpy(array))
    model["side"].share_memory()
    early = model["trunk"].state_dict()
    optimizer = build(model.parameters())
    held, windows = [], []
    for t, x in enumerate(torch.randn(12, 6, 4, dtype=torch.float64)):
        grads, before = [], []
        for part in ("head", "side"):  # gradient surgery: two losses, their gradients held and put together
            optimizer.zero_grad()
            hidden = model["trunk"](x).tanh()
            (model[part](hidden).square().mean() + 0.1 * model["head" if part == "side" else "side"](hidden).mean()).backward()
            grads.append([hold(p.grad) for p in model.parameters()])
            before.append([g.clone() for g in grads[-1]])
        assert all(same(row, kept) for row, kept in zip(grads, before))
        for p, g, h in zip(model.parameters(), *grads):
            p.grad = g - 0.5 * h if t % 3 else g
        held.append(hold(model["trunk"].weight.grad) if t % 2 else model["trunk"].weight.grad.detach().numpy())
        windows.append((held[-1], np.array(held[-1])))
        optimizer.step()
        if t == 5:
            late = model["side"].weight.detach().numpy()
    assert all(np.array_equal(np.asarray(held), copied) for held, copied in windows)
    assert torch.equal(early["weight"], model["trunk"].weight) and torch.equal(early["bias"], model["trunk"].bias)
    assert np.array_equal(array, model["head"].weight.detach().numpy())
    assert np.array_equal(late, model["side"].weight.detach().numpy()) and model["side"].weight.is_shared()
    return [p.detach().clone() for p in model.parameters()]


@prop
def windows_opened_later_stay_open(make):
    """What is held from the second step on (a state_dict, an array, shared memory, the optimiser's state) sees later steps."""
    p, q = (torch.nn.Parameter(torch.ones(4, 4, dtype=torch.float64)) for _ in range(2))
    optimizer = make([p, q], "heavy_ball", lr=0.1)

    def step():
        for x in (p, q):
            x.grad = torch.ones_like(x)
        optimizer.step()

    step()
    window, alias, slot = p.detach().numpy(), p.data, optimizer.state[p]["v"]
    saved = optimizer.state_dict()["state"][0]
    step()
    p.share_memory_()
    inside = p.data
    q.grad, p.grad = None, torch.ones_like(p)
    optimizer.step()  # the two part, and buffers are cut anew
    for _ in range(9):
        step()
    assert torch.equal(p, inside) and p.is_shared() and torch.equal(saved["v"], optimizer.state[p]["v"])
    assert torch.equal(slot, optimizer.state[p]["v"]) and torch.equal(alias, p)
    v = theta = 1.0
    for _ in range(11):
        theta, v = theta - 0.1 * v, 0.9 * v + 1
    assert torch.allclose(p, torch.full_like(p, theta - 0.1 * v)), (p[0, 0], theta)
    assert window.shape == (4, 4)


@prop
def steps_inside_the_backward_pass(make):
    """A hook that steps and clears as soon as a gradient is there, one optimiser for each parameter: torch's run."""
    runs = []
    for build in (lambda p: make(p, "heavy_ball", lr=0.05), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).double()
        optimizers = {p: build([p]) for p in model.parameters()}

        def hook(p, optimizers=optimizers):
            optimizers[p].step()
            optimizers[p].zero_grad()

        for p in model.parameters():
            p.register_post_accumulate_grad_hook(hook)
        for x in torch.randn(12, 6, 4, dtype=torch.float64):
            model(x).square().mean().backward()
        assert all(p.grad is None for p in model.parameters())
        runs.append([p.detach().clone() for p in model.parameters()])
    assert_close(*runs, 1e-12)


@prop
def is_left_out_of_a_compiled_graph(make):
    """``torch.compile`` of the step and of a whole training step, with a schedule: torch's numbers, and no compilation a rate."""
    for rule_name, cls, options in (
        ("heavy_ball", torch.optim.SGD, {"momentum": 0.9}),
        ("nesterov_torch", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    ):
        a, b = (torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2))
        ours, theirs = make([a], rule_name, lr=1.0), cls([b], lr=1.0, **options)
        schedules = [torch.optim.lr_scheduler.ExponentialLR(o, 0.5) for o in (ours, theirs)]

        @torch.compile(backend="eager")
        def train_step(p, optimizer):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()

        torch._dynamo.utils.counters.clear()
        for _ in range(12):
            train_step(a, ours)
            theirs.zero_grad()
            (b * b).sum().backward()
            theirs.step()
            for schedule in schedules:
                schedule.step()
        assert_close([a], [b], 1e-12)
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 6
    p = torch.nn.Parameter(torch.zeros(1))
    p.grad = torch.ones(1)
    optimizer = make([p], "nesterov", lr=1.0, beta=0.0)
    step, lengths = torch.compile(optimizer.step, backend="eager"), []
    for rate in (1.0, 0.5, 0.25, 0.125):
        optimizer.param_groups[0]["lr"] = rate
        before = p.detach().clone()
        step()
        lengths.append(float((before - p).detach()))
    assert lengths == [1.0, 0.5, 0.25, 0.125]
    show = torch.compile(lambda: optimizer.eval() or optimizer.train(), backend="eager")
    show()


# -- the guard ------------------------------------------------------------------------------------------


@prop
def guards_against_non_finite_gradients(make):
    """A bad step changes nothing and is counted; a good one resets the row; the third in a row stops the run."""
    for bad in (float("nan"), float("inf"), -float("inf")):
        p, q = sample(), sample()
        optimizer = make([{"params": [("first", p)]}, {"params": [("second", q)], "rule": "adam"}], "heavy_ball", lr=0.1, guard=3)
        good = p.grad.clone()
        for wrong, skipped in ((True, 1), (True, 2), (False, 2), (True, 3), (True, 4)):
            q.grad = good.clone()
            if wrong:
                q.grad[1] = bad
            before = [p.detach().clone(), q.detach().clone()]
            optimizer.step()
            assert same(before, [p, q]) == wrong and optimizer.skipped == skipped
        assert optimizer.state[p]["step"] == 1
        again = make([{"params": [("first", p)]}, {"params": [("second", q)], "rule": "adam"}], "heavy_ball", lr=0.1, guard=3)
        again.load_state_dict(optimizer.state_dict())
        with pytest.raises(FloatingPointError, match="3 step.*'second'"):
            again.step()
        assert same(before, [p, q])
    p.grad = torch.full_like(p, 3e38)  # large, and finite
    q.grad = good
    again.step()
    assert again.skipped == 5 and again.state[p]["step"] == 2
    free = make([sample()], "heavy_ball", lr=0.1)
    (r,) = free.param_groups[0]["params"]
    r.grad[0] = float("nan")
    free.step()
    assert r[0].isnan() and not r[1].isnan() and free.skipped == 0  # without a guard, as torch does it


# -- what is refused -----------------------------------------------------------------------------------------


@prop
def refuses_bad_options(make):
    """As torch refuses them, NaN and infinity too; in the constructor, in a group, and when a schedule brings them."""
    nan, inf = float("nan"), float("inf")
    for options, kind in (
        ({"lr": -0.1}, ValueError),
        ({"lr": nan}, ValueError),
        ({"lr": inf}, ValueError),
        ({"lr": torch.tensor([0.1, 0.2])}, ValueError),
        ({"lr": torch.tensor(nan)}, ValueError),
        ({"lr": [0.1]}, ValueError),
        ({"lr": "0.1"}, TypeError),
        ({"lr": None}, TypeError),
        ({"lr": True}, TypeError),
        ({"lr": 0.1, "beta": 1.0}, ValueError),
        ({"lr": 0.1, "beta": -0.5}, ValueError),
        ({"lr": 0.1, "beta": nan}, ValueError),
        ({"lr": 0.1, "weight_decay": -1}, ValueError),
        ({"lr": 0.1, "weight_decay": inf}, ValueError),
        ({"lr": 0.1, "maximize": 1}, TypeError),
        ({"lr": 0.1, "decoupled_weight_decay": None, "maximize": "yes"}, TypeError),
        ({"lr": 0.1, "betta": 0.5}, TypeError),
        ({"lr": 0.1, "momentum": 0.9}, TypeError),
        ({"lr": 0.1, "guard": 0}, ValueError),
        ({"lr": 0.1, "guard": True}, ValueError),
        ({"lr": 0.1, "compiled": "yes"}, ValueError),
    ):
        with pytest.raises(kind):
            make([sample()], "heavy_ball", **options)
        if not {"guard", "compiled"} & set(options):
            with pytest.raises(kind):
                make([{"params": [sample()], **options}], "heavy_ball", **({} if options["lr"] is None else {"lr": 0.1}))
    with pytest.raises(TypeError, match="needs lr"):
        make([sample()], "heavy_ball")
    assert make([{"params": [sample()], "lr": 0.1}], "heavy_ball").param_groups[0]["lr"] == 0.1
    with pytest.raises(LookupError, match="Did you mean 'heavy_ball'"):
        make([sample()], "heavy_bal", lr=0.1)
    with pytest.raises(ValueError, match="second time"):
        make([sample()], "adamw", lr=0.1, decoupled_weight_decay=False)
    p = sample()
    optimizer = make([p], "heavy_ball", lr=0.1)
    for name, value in (("lr", nan), ("lr", -1.0), ("beta", 1.0), ("weight_decay", -0.1), ("lr", torch.tensor(inf))):
        optimizer.step()
        before, good = p.detach().clone(), optimizer.param_groups[0][name]
        optimizer.param_groups[0][name] = value
        with pytest.raises(ValueError, match=name):
            optimizer.step()
        assert torch.equal(p, before)
        optimizer.param_groups[0][name] = good


@prop
def refuses_what_it_cannot_move(make):
    """Sparse and complex gradients, whole-number parameters, vectors for a matrix rule: by name, before anything moves."""
    p, q = sample(), sample()
    optimizer = make([("first", p), ("embed.weight", q)], "heavy_ball", lr=0.1)
    optimizer.step()
    before = p.detach().clone()
    q.grad = torch.ones(3).to_sparse()
    with pytest.raises(RuntimeError, match="'embed.weight' has a sparse gradient"):
        optimizer.step()
    assert torch.equal(p, before)
    with pytest.raises(RuntimeError, match="parameter 0 of group 0.*sparse"):
        r = sample()
        r.grad = torch.ones(3).to_sparse()
        make([r], "heavy_ball", lr=0.1).step()
    for bad, says in (
        (torch.nn.Parameter(torch.ones(2, dtype=torch.complex64)), "'weight' is complex"),
        (torch.ones(2, dtype=torch.int64), "'weight' has dtype torch.int64"),
        (torch.ones(2).to_sparse(), "'weight' is sparse"),
    ):
        with pytest.raises(TypeError, match=says):
            make([("weight", bad)], "heavy_ball", lr=0.1)
    with pytest.raises(ValueError, match="'bias' has shape \\(3,\\); muon moves matrices only"):
        make([("bias", sample())], "muon", lr=0.1)
    with pytest.raises(ValueError, match="'bias' has shape"):
        optimizer.add_param_group({"params": [("bias", sample())], "rule": "muon"})
    assert len(optimizer.param_groups) == 1


@prop
def moves_matrices_by_a_matrix_rule(make):
    """Muon beside an elementwise rule, a wide and a tall matrix: each steps as the rule does by itself."""
    random = torch.Generator().manual_seed(0)
    wide, tall, bias = (torch.nn.Parameter(torch.randn(*s, generator=random)) for s in ((3, 5), (6, 2), (4,)))
    expected = [wide.detach().clone(), tall.detach().clone()]
    optimizer = make(
        [{"params": [wide, tall]}, {"params": [bias], "rule": "adamw", "lr": 0.001}], "muon", lr=0.02, weight_decay=0.1
    )
    slots = [torch.zeros_like(p) for p in expected]
    for _ in range(3):
        for p in (wide, tall, bias):
            p.grad = torch.randn(p.shape, generator=random)
        optimizer.step()
        for k, p in enumerate((wide, tall)):
            expected[k], slots[k] = rules.muon(expected[k], p.grad, slots[k], lr=0.02, weight_decay=0.1)
    assert_close([wide, tall], expected, 1e-6)


@prop
def keeps_slots_as_wide_as_a_side(make):
    """Squares of a matrix's sides beside it: stepped as the rule does, in float32 where the parameter has fewer digits, saved,
    loaded, copied, and refused in another shape."""
    random = torch.Generator().manual_seed(0)
    for dtype in (torch.float64, torch.bfloat16):
        wide, tall, bias = (
            torch.nn.Parameter(torch.randn(*s, generator=random, dtype=torch.float64).to(dtype)) for s in ((3, 5), (6, 2), (4,))
        )
        build = lambda w, t, b: make(
            [{"params": [w, t], "weight_decay": 0.1}, {"params": [b], "rule": "heavy_ball"}], "shampoo", lr=0.02
        )
        optimizer, work = build(wide, tall, bias), torch.float64 if dtype == torch.float64 else torch.float32
        expected = [p.detach().to(work, copy=True) for p in (wide, tall)]
        slots = [rules.shampoo.init(p) for p in expected]
        for t in range(1, 5):
            for p in (wide, tall, bias):
                p.grad = torch.randn(p.shape, generator=random, dtype=torch.float64).to(dtype)
            optimizer.step()
            for k, p in enumerate((wide, tall)):
                shrunk = expected[k] * (1 - 0.02 * 0.1)
                expected[k], *slots[k] = rules.shampoo(shrunk, p.grad.to(work), *slots[k], lr=0.02, t=t)
        for p, theta, kept in zip((wide, tall), expected, slots, strict=True):
            assert_close([optimizer.state[p].get("theta", p)], [theta], 1e-6)
            assert_close([optimizer.state[p][name] for name in ("m", "left", "right")], kept, 1e-6)
            assert [optimizer.state[p][name].dtype for name in ("m", "left", "right")] == [work] * 3
        copies = [torch.nn.Parameter(p.detach().clone()) for p in (wide, tall, bias)]
        again = build(*copies)
        again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        for p, q in zip((wide, tall, bias), copies, strict=True):
            q.grad = p.grad = torch.ones_like(p)
        optimizer.step()
        again.step()
        assert same((wide, tall, bias), copies)
        saved = copy.deepcopy(optimizer.state_dict())
        saved["state"][0]["left"] = torch.zeros(3, 5)
        before = again.state[copies[0]]["left"].clone()
        with pytest.raises(
            ValueError, match=r"the saved left is \(3, 5\); the parameter has shape \(3, 5\), and left with it \(3, 3"
        ):
            again.load_state_dict(saved)
        assert torch.equal(again.state[copies[0]]["left"], before)


@prop
def serves_a_rule_of_your_own(make):
    """A rule defined by the user, passed as it is, saved by its name."""

    @rule(a=0, b="theta", family="momentum")
    def swapping(theta, grad, a, b, *, lr):
        """Two slots that change places: what one held, the other gets."""
        return theta - lr * (grad + a), b, a

    p = sample()
    optimizer = make([p], swapping, lr=0.5)
    theta, state = p.detach().clone(), swapping.init(p.detach())
    for _ in range(4):
        theta, state = swapping.step(theta, p.grad, state, {"lr": 0.5})
        optimizer.step()
    assert same([p, optimizer.state[p]["a"], optimizer.state[p]["b"]], [theta, *state])
    again = make([p], swapping, lr=0.5)
    again.load_state_dict(optimizer.state_dict())
    assert torch.equal(again.state[p]["b"], state[1])
