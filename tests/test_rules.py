"""A table of rules crossed with properties.

Each property is a plain function of one rule that raises AssertionError, so that
``test_mutants`` can run the very same functions on rules that are wrong on purpose.
"""

import dataclasses
import functools
import importlib
import inspect
import warnings

import numpy as np
import pytest
import torch
from optim_properties import double_by_default

from momentum_lib import descend, gaps, looks, rules, surfaces, sweep, theory
from momentum_lib.core import FAMILIES, SIDES, check_hyper, slot_shape
from momentum_lib.core import rule as a_rule
from momentum_lib.notation import LOOKS
from momentum_lib.ops import eigenvectors, orthogonal, root, transpose
from momentum_lib.optim import Optimizer

# -- the settings under which each rule is compared -------------------------------------------

SETTINGS = {
    "gradient_descent": [{}],
    "polyak": [{"beta": 0.9}, {"beta": 0.3}, {"beta": 0.0}],
    "classical_momentum": [{"beta": 0.9}, {"beta": 0.3}, {"beta": 0.0}],
    "heavy_ball": [{"beta": 0.9}, {"beta": 0.3}, {"beta": 0.0}],
    "dampened_momentum": [{"beta": 0.9, "dampening": d} for d in (0.0, 0.9, 1.0)] + [{"beta": 0.5, "dampening": 0.3}],
    "averaged_momentum": [{"beta": 0.9}, {"beta": 0.3}, {"beta": 0.0}],
    "nesterov_lerp": [{"beta": 0.95}, {"beta": 0.3}, {"beta": 0.0}],
    "nesterov": [{"beta": 0.9}, {"beta": 0.3}, {"beta": 0.0}],
    "nesterov_torch": [{"beta": 0.9}, {"beta": 0.3}],
    "adagrad": [{"eps": 1e-10}, {"eps": 1e-2}],
    "rmsprop": [{"beta2": 0.99, "eps": 1e-8}, {"beta2": 0.7, "eps": 1e-2}],
    "adam": [{"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}, {"beta1": 0.5, "beta2": 0.8, "eps": 1e-2}],
    "adamw": [
        {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
        {"beta1": 0.5, "beta2": 0.8, "eps": 1e-2, "weight_decay": 0.5},
    ],
    "nadam": [
        {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum_decay": 0.004},
        {"beta1": 0.5, "beta2": 0.8, "eps": 1e-2, "momentum_decay": 0.5},
        {"beta1": 0.9, "beta2": 0.99, "eps": 1e-3, "momentum_decay": 0.0},
    ],
    "signum": [{"beta": 0.9}, {"beta": 0.3}, {"beta": 0.0}],
    "lion": [{"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}, {"beta1": 0.5, "beta2": 0.8, "weight_decay": 0.5}],
    "muon": [{"beta": 0.95, "weight_decay": 0.0, "rms": 0.0}, {"beta": 0.5, "weight_decay": 0.5, "rms": 0.2}],
    "muon_plain": [{"beta": 0.95, "weight_decay": 0.0, "rms": 0.0}, {"beta": 0.5, "weight_decay": 0.5, "rms": 0.2}],
    "shampoo": [{"beta": 0.9, "beta2": 0.95, "eps": 1e-12}, {"beta": 0.3, "beta2": 0.8, "eps": 1e-2}],
    "soap": [
        {"beta1": 0.95, "beta2": 0.95, "eps": 1e-4},  # at 1e-8 one step of its sixth divides by 2e-4, and rounding grows by that
        {"beta1": 0.3, "beta2": 0.8, "eps": 1e-2},
        {"beta1": 0.9, "beta2": 0.7, "eps": 1e-8},
    ],
    "schedule_free": [{"beta": 0.9}, {"beta": 0.3}, {"beta": 0.0}],
    "generalised_primal_averaging": [{"mu_x": 0.9, "mu_y": 0.7}, {"mu_x": 0.3, "mu_y": 1.0}, {"mu_x": 0.99, "mu_y": 0.0}],
    "qhm": [{"beta": 0.999, "nu": 0.7}, {"beta": 0.9, "nu": 1.0}, {"beta": 0.3, "nu": 0.3}, {"beta": 0.9, "nu": 0.0}],
    "two_memory_momentum": [
        {"beta1": 0.75, "beta2": 0.9722, "nu": 0.5},
        {"beta1": 0.3, "beta2": 0.9, "nu": 0.2},
        {"beta1": 0.0, "beta2": 0.5, "nu": 1.0},
    ],
    "ademamix": [
        {"beta1": 0.9, "beta2": 0.999, "beta3": 0.9999, "alpha": 5.0, "eps": 1e-8, "weight_decay": 0.0},
        {"beta1": 0.5, "beta2": 0.8, "beta3": 0.95, "alpha": 2.0, "eps": 1e-2, "weight_decay": 0.5},
    ],
}


def settings(rule):
    """The settings under which a rule is compared: its row of SETTINGS, else its own defaults, and other values beside them."""
    if rule.name in SETTINGS:
        return SETTINGS[rule.name]
    own = {name: value for name, value in rule.hyper.items() if name != "lr"}
    return [own, {name: 0.3 if name.startswith("beta") else (value or 0.1) / 2 for name, value in own.items()}] if own else [own]


LR = 0.05
ONES = np.ones(3)
STEPS, DROP = 1000, 500  # the rate falls tenfold after step 500
DIM = 8
MATRIX = (4, 2)  # a matrix rule meets the same eight numbers as a tall matrix


@functools.cache
def _trial():
    """Curvatures, masks and offsets of a gradient g_t(x) = mask_t * (c x + b_t).

    Some coordinates are zero at some steps, one coordinate always, and some whole steps are
    zero, among them (for half the coordinates) the first.
    """
    rng = np.random.default_rng(1964)
    curvature = np.geomspace(0.1, 1.0, DIM)
    mask = (rng.random((STEPS, DIM)) < 0.7).astype(float)
    mask[rng.random(STEPS) < 0.1] = 0
    mask[0] = np.arange(DIM) % 2
    mask[:, 3] = 0
    offset = rng.standard_normal((STEPS, DIM))
    return curvature, mask, offset, rng.standard_normal(DIM)


def _gradient(x, t):
    curvature, mask, offset, _ = _trial()
    return (mask[t - 1] * (curvature * x.ravel() + offset[t - 1])).reshape(x.shape)


def _lr(t):
    return LR if t <= DROP else LR / 10


# -- references that are not ours -----------------------------------------------------------------


class KerasSGD:
    """SGD by the formula in Keras' documentation: velocity = momentum * velocity - rate * g; w = w + velocity."""

    def __init__(self, lr, momentum=0.0):
        self.learning_rate, self.momentum, self.velocity = lr, momentum, 0.0

    def apply(self, gradient, w):
        self.velocity = self.momentum * self.velocity - self.learning_rate * gradient
        return w + self.velocity


class _Keras:
    class optimizers:
        SGD = KerasSGD


@double_by_default()
def _follow_torch(same_as, hyper, look=None):
    point = torch.tensor(_trial()[3].copy(), requires_grad=True)
    library = same_as.partition(".")[0]  # torch, or a package of optimisers for it
    optimiser = eval(same_as, {library: importlib.import_module(library), "params": [point], "lr": LR, **hyper})
    path = [point.detach().numpy().copy()]
    for t in range(1, STEPS + 1):
        optimiser.param_groups[0]["lr"] = _lr(t)
        here = point.detach().numpy()
        if look is not None:
            buffer = optimiser.state[point].get("momentum_buffer")
            here = here if buffer is None else look(here, buffer.numpy(), _lr(t))
        point.grad = torch.from_numpy(_gradient(here, t))
        optimiser.step()
        path.append(point.detach().numpy().copy())
    return np.array(path)


def _follow_keras(same_as, hyper):
    optimiser = eval(same_as, {"keras": _Keras, "lr": LR, **hyper})
    path = [_trial()[3]]
    for t in range(1, STEPS + 1):
        optimiser.learning_rate = _lr(t)
        path.append(optimiser.apply(_gradient(path[-1], t), path[-1]))
    return np.array(path)


def _follow_lerp(hyper, blend):
    """The momentum lines of Muon (``blend``), or its buffer alone, on tensors as its documentation writes them."""
    w, beta = torch.tensor(_trial()[3].copy()), hyper["beta"]
    buf = torch.zeros_like(w)
    path = [w.numpy().copy()]
    for t in range(1, STEPS + 1):
        g = torch.from_numpy(_gradient(w.numpy(), t))
        buf.lerp_(g, 1 - beta)
        w = w - _lr(t) * (g.lerp(buf, beta) if blend else buf)
        path.append(w.numpy().copy())
    return np.array(path)


def _follow_signs(hyper, name):
    """Signum and Lion coordinate by coordinate, with plain comparisons, as their papers' recurrences say."""
    b1, b2, decay = (hyper.get(name) for name in ("beta1", "beta2", "weight_decay"))
    w, m = [float(x) for x in _trial()[3]], [0.0] * DIM
    path = [list(w)]
    for t in range(1, STEPS + 1):
        for i, g in enumerate(_gradient(np.array(w), t).tolist()):
            if name == "signum":
                m[i] = chosen = hyper["beta"] * m[i] + (1 - hyper["beta"]) * g
                shrunk = w[i]
            else:
                chosen, m[i] = b1 * m[i] + (1 - b1) * g, b2 * m[i] + (1 - b2) * g
                shrunk = w[i] * (1 - _lr(t) * decay)
            w[i] = shrunk - _lr(t) if chosen > 0 else shrunk + _lr(t) if chosen < 0 else shrunk
        path.append(list(w))
    return np.array(path)


def _polynomial(s):
    """What five steps of a s + b s^3 + c s^5 make of one singular value: Jordan's coefficients, as he prints them."""
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return s


def _follow_muon(hyper, ahead=True):
    """Muon by decomposition: a sum of gradients as its paper writes it, and the polynomial on its singular values."""
    beta, (rows, columns) = hyper["beta"], MATRIX
    w, total = _trial()[3].reshape(MATRIX).copy(), np.zeros(MATRIX)
    size = hyper["rms"] * np.sqrt(max(MATRIX)) if hyper["rms"] else np.sqrt(max(1, rows / columns))
    path = [w.copy()]
    for t in range(1, STEPS + 1):
        g = _gradient(w, t)
        total = beta * total + g
        u, s, vt = np.linalg.svd(g + beta * total if ahead else total, full_matrices=False)
        norm = np.sqrt((s**2).sum())
        turned = (u * _polynomial(s / norm if norm else s)) @ vt
        w = w - _lr(t) * hyper["weight_decay"] * w - _lr(t) * size * turned
        path.append(w.copy())
    return np.array(path)


def _remembered(side, g, decay):
    """Old and new gradients side by side, each with the root of its weight: (U, s), whose U s^2 U' is the average of their
    squares, though no square was ever computed.  A direction that nobody used is left out.
    """
    u, s, _ = np.linalg.svd(np.concatenate([side * np.sqrt(decay), g * np.sqrt(1 - decay)], axis=1), full_matrices=False)
    used = s**2 > 1e-15 * s[0] ** 2
    return u[:, used], s[used]


def _follow_shampoo(hyper):
    """Shampoo by singular values of all past gradients, in place of eigenvalues of their averaged squares."""
    beta, beta2, eps = (hyper[name] for name in ("beta", "beta2", "eps"))
    w, m, sides = _trial()[3].reshape(MATRIX).copy(), np.zeros(MATRIX), [np.zeros((n, 1)) for n in MATRIX]
    path = [w.copy()]
    for t in range(1, STEPS + 1):
        g = _gradient(w, t)
        m = beta * m + (1 - beta) * g
        step = m / (1 - beta**t)
        for k, turn in enumerate((lambda a: a, np.transpose)):
            u, s = _remembered(sides[k], turn(g), beta2)
            sides[k] = u * s
            square = s**2 / (1 - beta2**t)
            step = turn((u * (square + eps * square[0]) ** -0.25) @ (u.T @ turn(step)))
        w = w - _lr(t) * step
        path.append(w.copy())
    return np.array(path)


def _follow_soap(hyper):
    """SOAP by singular vectors of all past gradients, largest first, in place of eigenvectors of their averaged squares."""
    beta1, beta2, eps = (hyper[name] for name in ("beta1", "beta2", "eps"))
    w, m, s = _trial()[3].reshape(MATRIX).copy(), np.zeros(MATRIX), np.zeros(MATRIX)
    bases = sides = [np.zeros((n, 0)) for n in MATRIX]
    path = [w.copy()]
    for t in range(1, STEPS + 1):
        g = _gradient(w, t)
        if t > 1:
            left, right = bases
            m = beta1 * m + (1 - beta1) * g
            s *= beta2
            seen = s[: left.shape[1], : right.shape[1]]  # of the directions that some gradient used, which come first
            seen += (1 - beta2) * (left.T @ g @ right) ** 2
            turned = left.T @ (m / (1 - beta1 ** (t - 1))) @ right
            w = w - _lr(t) * left @ (turned / (np.sqrt(seen / (1 - beta2 ** (t - 1))) + eps)) @ right.T
        parts = [_remembered(side, turn, beta2) for side, turn in zip(sides, (g, g.T), strict=True)]
        bases, sides = [u for u, _ in parts], [u * size for u, size in parts]
        path.append(w.copy())
    return np.array(path)


def _follow_schedule_free(hyper):
    """Schedule-Free by its three sequences, the mean taken anew from all points of z at every step."""
    beta, z = hyper["beta"], _trial()[3].copy()
    points, x = [z], z
    path = [x]
    for t in range(1, STEPS + 1):
        y = (1 - beta) * z + beta * x
        z = z - _lr(t) * _gradient(y, t)
        points.append(z)
        x = np.mean(points, axis=0)
        path.append(x)
    return np.array(path)


def _follow_kernel(hyper):
    """Two-memory momentum without its averages: every step weighs all gradients so far by their age."""
    b1, b2, nu = hyper["beta1"], hyper["beta2"], hyper["nu"]
    age = np.arange(STEPS)
    kernel = (1 - nu) * (1 - b1) * np.power(b1, age) + nu * (1 - b2) * np.power(b2, age)
    w, grads = _trial()[3].copy(), np.zeros((STEPS, DIM))
    path = [w]
    for t in range(1, STEPS + 1):
        grads[t - 1] = _gradient(w, t)
        w = w - _lr(t) * kernel[:t][::-1] @ grads[:t]
        path.append(w)
    return np.array(path)


def _follow_primal_averaging(hyper):
    """Primal averaging by its sum: the mean weighs all points of z so far by their age, the start with what is left."""
    mu_x, mu_y = hyper["mu_x"], hyper["mu_y"]
    weights = (1 - mu_x) * np.power(mu_x, np.arange(STEPS))
    z = x = start = _trial()[3].copy()
    points, path = np.zeros((STEPS, DIM)), [x]
    for t in range(1, STEPS + 1):
        points[t - 1] = z = z - _lr(t) * _gradient(mu_y * x + (1 - mu_y) * z, t)
        x = mu_x**t * start + weights[:t][::-1] @ points[:t]
        path.append(x)
    return np.array(path)


REFERENCES = {  # of rules that no library has in this form; ``hyper`` -> the path
    "polyak": lambda hyper: _follow_keras("keras.optimizers.SGD(lr, momentum=beta)", hyper),  # the classical form is the same run
    "nesterov": lambda hyper: _follow_torch(  # plain momentum, fed with gradients from where Sutskever et al. look
        "torch.optim.SGD(params, lr=lr, momentum=beta)", hyper, lambda x, v, lr: x - lr * hyper["beta"] * v
    ),
    "averaged_momentum": lambda hyper: _follow_lerp(hyper, blend=False),
    "nesterov_lerp": lambda hyper: _follow_lerp(hyper, blend=True),
    "signum": lambda hyper: _follow_signs(hyper, "signum"),
    "lion": lambda hyper: _follow_signs(hyper, "lion"),
    "muon": _follow_muon,
    "muon_plain": functools.partial(_follow_muon, ahead=False),
    "shampoo": _follow_shampoo,
    "soap": _follow_soap,
    "schedule_free": _follow_schedule_free,
    "generalised_primal_averaging": _follow_primal_averaging,
    "two_memory_momentum": _follow_kernel,
}


@functools.cache
def _reference(name, index):
    """The trusted path of one rule at one of its settings, shape (STEPS + 1, DIM), or (STEPS + 1, *MATRIX); None without one."""
    rule = rules.RULES[name]
    hyper, same_as = settings(rule)[index], rule.same_as
    if name in REFERENCES:
        return REFERENCES[name](hyper)
    if not same_as:
        return None
    return _follow_keras(same_as, hyper) if same_as.startswith("keras") else _follow_torch(same_as, hyper)


# -- the properties ------------------------------------------------------------------------------


def matches_the_library(rule):
    """Another formula than the documented one: 1000 steps within 1e-12, zero gradients and a rate drop included."""
    for index, hyper in enumerate(settings(rule)):
        expected = _reference(rule.name, index)
        if expected is None:
            return
        theta, full = expected[0].copy().reshape(MATRIX if rule.matrix else DIM), {**rule.hyper, **hyper}
        state = rule.init(theta)
        for t in range(1, STEPS + 1):
            now = {**full, "lr": _lr(t)}
            grad = _gradient(rule.look(theta, *state, **now), t)
            theta, state = rule.step(theta, grad, state, now, t)
            near = np.abs(theta - expected[t]) <= 1e-12 + 1e-12 * np.abs(expected[t])
            if theta.shape != expected[t].shape or not near.all():  # to assert costs more than the step
                np.testing.assert_allclose(theta, expected[t], rtol=1e-12, atol=1e-12, err_msg=f"{hyper}, step {t}")


COMPANION = {  # (theta, slot) -> (theta, slot) on f = c theta^2 / 2, typed from the papers' formulas, not from our code
    "gradient_descent": lambda c, lr: [[1 - lr * c]],
    "polyak": lambda c, lr, b: [[1 + b - lr * c, -b], [1, 0]],
    "classical_momentum": lambda c, lr, b: [[1 - lr * c, -b], [lr * c, b]],
    "heavy_ball": lambda c, lr, b: [[1 - lr * c, -lr * b], [c, b]],
    "dampened_momentum": lambda c, lr, b, d: [[1 - lr * (1 - d) * c, -lr * b], [(1 - d) * c, b]],
    "averaged_momentum": lambda c, lr, b: [[1 - lr * (1 - b) * c, -lr * b], [(1 - b) * c, b]],
    "nesterov_lerp": lambda c, lr, b: [[1 - lr * (1 - b) * (1 + b) * c, -lr * b * b], [(1 - b) * c, b]],
    "nesterov": lambda c, lr, b: [[1 - lr * c, -lr * b * (1 - lr * c)], [c, b * (1 - lr * c)]],
    "nesterov_torch": lambda c, lr, b: [[1 - lr * c * (1 + b), -lr * b * b], [c, b]],
    "generalised_primal_averaging": lambda c, lr, x, y: [
        [x - (1 - x) * lr * c * y, (1 - x) * (1 - lr * c * (1 - y))],
        [-lr * c * y, 1 - lr * c * (1 - y)],
    ],
    "qhm": lambda c, lr, b, nu: [[1 - lr * c * (1 - b * nu), -lr * b * nu], [(1 - b) * c, b]],
    "two_memory_momentum": lambda c, lr, b1, b2, nu: [
        [1 - lr * c * ((1 - nu) * (1 - b1) + nu * (1 - b2)), -lr * (1 - nu) * b1, -lr * nu * b2],
        [(1 - b1) * c, b1, 0],
        [(1 - b2) * c, 0, b2],
    ],
}


def has_its_closed_form(rule):
    """A linear rule that is not its matrix: after k steps on a quadratic it stands at the k-th power times the start."""
    if rule.name not in COMPANION:
        return
    curvatures, steps = np.array([0.5, 1.0, 7.0]), 60
    for hyper in settings(rule):
        path = descend(rule, surfaces.quadratic(curvatures), start=[1.0, -2.0, 0.5], steps=steps, lr=0.1, **hyper)
        assert path.diverged_at is None, hyper
        for i, c in enumerate(curvatures):
            matrix = np.array(COMPANION[rule.name](c, 0.1, *hyper.values()), dtype=float)
            z = np.zeros((steps + 1, len(matrix)))
            z[0] = [path.points[0, i], *(path.points[0, i] if how == "theta" else 0.0 for how in rule.slots.values())]
            first = 1
            if rule.name == "dampened_momentum":  # the buffer starts at the whole first gradient
                z[1] = [(1 - 0.1 * c) * z[0, 0], c * z[0, 0]]
                first = 2
            for k in range(first, steps + 1):
                z[k] = np.linalg.matrix_power(matrix, k - first + 1) @ z[first - 1]
            np.testing.assert_allclose(path.points[:, i], z[:, 0], rtol=0, atol=1e-11 * np.abs(z).max(), err_msg=str(hyper))


GRID_SURFACES = {
    "ravine": surfaces.ravine(kappa=50, angle=0.4),
    "rosenbrock": surfaces.rosenbrock,
    "beale": surfaces.beale,
    "rastrigin": surfaces.rastrigin,
    "curved_valley": surfaces.curved_valley,
    "plateau": surfaces.plateau,
    "saddle": surfaces.saddle,
    "lessard": surfaces.lessard,
    "noisy ravine": surfaces.noisy(surfaces.ravine(kappa=50, angle=0.4), sigma=0.5, seed=3),
    "noisy rosenbrock": surfaces.noisy(surfaces.rosenbrock, sigma=2.0, seed=4),
}
AXES = {"lr": [1e-4, 3e-3, 0.04, 0.7], "beta": [0.0, 0.5, 0.9], "beta1": [0.0, 0.9], "beta2": [0.9, 0.999], "mu_x": [0.0, 0.9]}


def grid_equals_single_runs(rule):
    """A cell of a batched grid that is not, bit for bit, the run one would make alone (noise and divergence included).

    A matrix rule has no grid: the sweep says so, and a batch of matrices takes its place.
    """
    if rule.matrix:
        with pytest.raises(TypeError, match=f"cannot do for {rule.name}: it moves a whole matrix at once"):
            sweep(rule, surfaces.bowl, lr=[0.1, 0.2])
        return batch_equals_single_matrices(rule)
    axes = {name: AXES[name] for name in rule.hyper if name in AXES}
    for label, surface in GRID_SURFACES.items():
        grid = sweep(rule, surface, steps=40, tol=1e-2, **axes)
        for cell in np.ndindex(grid.shape):
            hyper = {name: values[i] for (name, values), i in zip(axes.items(), cell, strict=True)}
            path = descend(rule, surface, steps=40, **hyper)
            where = f"{label}, {hyper}"
            assert grid.diverged_at[cell] == (path.diverged_at or 0), where
            if path.diverged_at is None:
                assert grid.points[(slice(None), *cell)].tobytes() == path.points[-1].tobytes(), where
                assert grid.values[cell] == path.values[-1], where
                if grid.errors is not None:
                    assert grid.errors[cell] == path.error[-1], where
                    assert grid.steps[cell] == (np.inf if path.steps_to(1e-2) is None else path.steps_to(1e-2)), where
            else:
                assert grid.values[cell] == np.inf, where


def batch_equals_single_matrices(rule):
    """A matrix rule that lets the matrices of a batch see each other, wide and tall ones, several settings at once."""
    rng = np.random.default_rng(4)
    for shape in ((4, 2), (2, 5), (3, 3), (1, 4), (4, 1)):
        theta, grad = rng.standard_normal((2, 6, *shape))
        state = some_state(rule, theta, rng)
        grad[1] = 0
        grad[2] *= 1e-160
        hyper = {name: np.linspace(0.1, 0.9, 6).reshape(6, 1, 1) for name in rule.hyper}
        together, kept = rule.step(theta, grad, tuple(state), hyper, 3)
        for i in range(6):
            now = {name: float(value[i, 0, 0]) for name, value in hyper.items()}
            alone, kept_alone = rule.step(theta[i], grad[i], tuple(s[i] for s in state), now, 3)
            for ours, theirs in zip((together, *kept), (alone, *kept_alone), strict=True):
                np.testing.assert_allclose(ours[i], theirs, rtol=1e-12, atol=1e-13)


class Regression:
    """f(W) = |(W - goal) A|^2 / 2 with A diagonal: the smallest surface whose points are matrices."""

    def __init__(self, shape, seed=0):
        self.curvatures = np.geomspace(0.1, 1.0, shape[1])
        self.goal = np.random.default_rng(seed).standard_normal(shape)
        self.start, self.minima = np.zeros(shape), [self.goal]

    def value(self, w):
        return (self.curvatures * (w - self.goal) ** 2).sum() / 2

    def gradient(self, w):
        return (self.curvatures * (w - self.goal)).astype(w.dtype)


def some_state(rule, theta, rng):
    """Numbers of no meaning for each slot, none of them negative; squares of a side are symmetric, with one zero eigenvalue."""
    state = []
    for how in rule.slots.values():
        noise = rng.standard_normal(slot_shape(how, theta.shape))
        if how in SIDES:
            noise[..., -1:] *= noise.shape[-1] == 1
        state.append((noise @ noise.swapaxes(-2, -1) if how in SIDES else np.abs(noise)).astype(theta.dtype))
    return state


def _one_step_inputs(rule, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    shape = MATRIX if rule.matrix else (5,)
    theta, grad = rng.standard_normal((2, *shape)).astype(dtype)
    grad[2] = 0
    return theta, grad, some_state(rule, theta, rng)


def leaves_inputs_alone(rule):
    """A rule that writes into the point, the gradient or its old state, or hands back the same memory."""
    theta, grad, state = _one_step_inputs(rule)
    inputs = [theta, grad, *state]
    before = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    full = check_hyper(rule, {"lr": 0.1, **settings(rule)[0]})
    try:
        new, kept = rule.step(theta, grad, tuple(state), full, 3)
        again, _ = rule.step(theta, grad, tuple(state), full, 3)
    except ValueError as error:
        raise AssertionError(f"it writes into an input: {error}") from None
    for array, old in zip(inputs, before, strict=True):
        assert array.tobytes() == old.tobytes()
    assert new.tobytes() == again.tobytes(), "the same step gives two answers"
    assert len(kept) == len(rule.slots)
    for start in rule.init(theta):
        assert not np.shares_memory(start, theta), "its first state is a view of the start"


def keeps_the_dtype(rule):
    """A rule that turns float32 into float64 (or the reverse), in NumPy or torch, for any kind of hyper-parameter."""
    for dtype in (np.float32, np.float64):
        theta, grad, state = _one_step_inputs(rule, dtype)
        for lr in (0.1, np.float64(0.1), np.float32(0.1), np.full((1, 1) if rule.sides else theta.shape, 0.1)):
            out = rule(theta, grad, *state, lr=lr, t=2)
            for array, before in zip(out if rule.slots else (out,), (theta, *state), strict=True):
                assert array.dtype == dtype and array.shape == before.shape, f"lr as {type(lr).__name__}"
        out = rule(*map(torch.from_numpy, (theta, grad, *state)), lr=0.1, t=2)
        for tensor in out if rule.slots else (out,):
            assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.from_numpy(theta).dtype
        for kind in (theta, torch.from_numpy(theta)):
            starts = rule.init(kind)
            assert [tuple(a.shape) for a in starts] == [slot_shape(how, theta.shape) for how in rule.slots.values()]
            assert all(type(a) is type(kind) and a.dtype == kind.dtype for a in starts)
        surface = Regression(MATRIX) if rule.matrix else surfaces.rosenbrock
        start = np.ones(MATRIX, dtype) if rule.matrix else np.array([-1.2, 1.0], dtype=dtype)
        path = descend(rule, surface, start=start, steps=5, lr=1e-4)
        assert path.points.dtype == path.gradients.dtype == dtype


def tensor_equals_array(rule):
    """One text, two answers: the same step on a float64 tensor and on an array differ by more than rounding."""
    theta, grad, state = _one_step_inputs(rule)
    full = check_hyper(rule, {"lr": 0.1, **settings(rule)[-1]})
    for t in (1, 2, 50):
        a, kept_a = rule.step(theta, grad, tuple(state), full, t)
        b, kept_b = rule.step(*map(torch.from_numpy, (theta, grad)), tuple(map(torch.from_numpy, state)), full, t)
        close = (
            {"rtol": 1e-12, "atol": 1e-13} if rule.matrix else {"rtol": 1e-14, "atol": 0}
        )  # matrix products sum in their own order
        for ours, theirs in zip((a, *kept_a), (b, *kept_b), strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), **close)


def takes_arrays_of_hyper_parameters(rule):
    """A rule that mixes runs or coordinates: with one setting a coordinate, each must move as if it were alone."""
    if rule.matrix:
        return batch_equals_single_matrices(rule)
    theta, grad, state = _one_step_inputs(rule)
    arrays = {name: np.linspace(0.1, 0.8, 5) * (1e-3 if name == "eps" else 1) for name in rule.hyper}
    for t in (1, 2):
        together, kept = rule.step(theta, grad, tuple(state), arrays, t)
        for i in range(5):
            alone, kept_alone = rule.step(
                theta[i : i + 1], grad[i : i + 1], tuple(s[i : i + 1] for s in state),
                {name: value[i : i + 1] for name, value in arrays.items()}, t,
            )  # fmt: skip
            assert [a[i] for a in (together, *kept)] == [a[0] for a in (alone, *kept_alone)]


def says_where_it_comes_from(rule):
    """A docstring without a plain first sentence, convention, unit of the rate, shapes or source with its year."""
    first, rest = rule.doc.split("\n", 1)
    assert first.endswith(".") and 20 < len(first) < 110
    assert "Convention:" in rest and ("Unit" in rest or "units" in rest.lower()) and "hapes" in rest
    assert rule.source, "no sentence after 'Source:'"
    assert any(word.strip(".,:;") and any(ch.isdigit() for ch in word) for word in rule.source.split())


def is_fit_for_a_menu(rule):
    """A rule without title, with an unknown family, or under another name than its function's."""
    assert rule.title and rule.family in FAMILIES and rule.name.isidentifier()
    assert rule.name == rule.fn.__name__
    assert set(inspect.signature(rule.fn).parameters) == {"theta", "grad", *rule.slots, *rule.hyper} | (
        {"t"} if rule.uses_t else set()
    )
    assert "t" not in rule.hyper and rule.hyper["lr"] is None, "the rate has no honest default"


def names_its_momentum(rule):
    """A momentum that is not what past gradients fade by, that leaves some of them at zero,
    or that a rule has and does not name."""
    shape = MATRIX if rule.matrix else (DIM,)
    rng = np.random.default_rng(5)
    start, last, now = (rng.normal(size=shape) for _ in range(3))
    pasts = rng.normal(size=(2, 6, *shape))
    hyper = {name: 0.1 if value is None else value for name, value in rule.hyper.items()}
    hyper |= {name: 0.0 for name in hyper if name == "weight_decay"}  # a share of the point, which is no gradient

    def run(grads, hyper):
        theta, state = start, rule.init(start)
        for t, grad in enumerate(grads, 1):
            theta, state = rule.step(theta, grad, state, hyper, t)
        return theta, state

    def move(theta, state, hyper):
        """How the place where the rule looks moves at the next gradient."""
        after, kept = rule.step(theta, now, state, hyper, 8)
        return rule.look(after, *kept, **hyper) - rule.look(theta, *state, **hyper)

    def difference(hyper):
        """What two pasts with one last gradient make of the next move, through the first slot alone."""
        (one, rest), (other, differing) = (run([*past, last], hyper) for past in pasts)
        return np.abs(move(one, rest, hyper) - move(other, differing[:1] + rest[1:], hyper)).max()

    if rule.momentum is None:
        turned = [run(sign * pasts[0], hyper)[1] for sign in (1, -1)]
        assert all(np.array_equal(a, b) for a, b in zip(*turned)), "it remembers which way the gradients pointed"
        return
    assert difference(hyper | {rule.momentum: 0.0}) < 1e-12, "at 0 something older than the last gradient is left"
    if rule.family != "sign":  # a sign may be the same
        assert difference(hyper | {rule.momentum: 0.9}) > 1e-3, "at .9 the past has no weight"
    if rule.name == "schedule_free":  # a mean of points never fades: at 0 it only is not looked at
        return
    for other in [None, *(name for name in ("beta1", "beta2", "dampening") if name in hyper and name != rule.momentum)]:
        for factor in (0.3, 0.9):
            setting = hyper | {rule.momentum: factor} | ({other: 0.5} if other else {})
            held = []
            for quiet in (1, 2, 3):
                theta, state = run([last, *[0 * last] * quiet], setting)
                held.append(state[0] if list(rule.slots.values())[0] == 0 else theta - state[0])
            np.testing.assert_allclose(held[1:], factor * np.array(held[:-1]), rtol=1e-9, atol=1e-15)


PROPERTIES = {
    fn.__name__: fn
    for fn in (
        matches_the_library,
        has_its_closed_form,
        grid_equals_single_runs,
        leaves_inputs_alone,
        keeps_the_dtype,
        tensor_equals_array,
        takes_arrays_of_hyper_parameters,
        says_where_it_comes_from,
        is_fit_for_a_menu,
        names_its_momentum,
    )
}


@pytest.mark.parametrize("prop", PROPERTIES)
@pytest.mark.parametrize("name", rules.RULES)
def test_rule(name, prop):
    PROPERTIES[prop](rules.RULES[name])


def test_settings_name_what_the_rules_have(record_property):
    """A row of settings or a reference that has lost its rule, or says nothing of one of its hyper-parameters."""
    assert set(SETTINGS) | set(REFERENCES) <= set(rules.RULES)
    for rule in rules.RULES.values():
        for hyper in settings(rule):
            assert set(hyper) == set(rule.hyper) - {"lr"}, "a setting names every hyper-parameter but lr"
            check_hyper(rule, {"lr": LR, **hyper})
    alone = [name for name, rule in rules.RULES.items() if not rule.same_as and name not in REFERENCES]
    record_property("measured", f"rules that no library and no reference confirms: {', '.join(alone) or 'none'}")


def test_the_menu_keeps_the_order_of_the_text():
    """A shuffled import line: menus and tables show the rules in this order, and a newer one anywhere between them."""
    taught = [
        "gradient_descent", "polyak", "classical_momentum", "heavy_ball", "dampened_momentum", "averaged_momentum",
        "nesterov_lerp", "nesterov", "nesterov_torch", "adagrad", "rmsprop", "adam", "adamw", "nadam", "signum", "lion", "muon",
        "muon_plain", "shampoo", "soap", "schedule_free", "generalised_primal_averaging", "qhm", "two_memory_momentum",
        "ademamix",
    ]  # fmt: skip
    assert [name for name in rules.RULES if name in taught] == taught


def test_the_menu_holds_each_rule_under_its_name_and_takes_a_rule_as_itself():
    """A rule lost from a menu, or a matrix rule among those that move a point of the plane."""
    whole = [rules.muon, rules.muon_plain, rules.shampoo, rules.soap]
    assert list(rules.ELEMENTWISE) == [name for name, r in rules.RULES.items() if r not in whole]
    for name, r in rules.RULES.items():
        assert rules.get(name) is rules.get(r) is r and r.name == name
        assert rules.ELEMENTWISE.get(name, r) is r


def test_each_rule_of_a_family_has_a_dash_of_its_own(monkeypatch):
    """Two rules of one colour whose lines look alike; what is missing is said before anything is generated."""
    for family in FAMILIES:
        dashes = [looks.dash(r) for r in rules.RULES.values() if r.family == family]
        assert len(set(dashes)) == len(dashes), f"{family}: {dashes}"
    assert list(gaps.dashes()) == []
    few = dataclasses.replace(LOOKS["averaged"], members=LOOKS["averaged"].members[:-1])
    monkeypatch.setitem(LOOKS, "averaged", few)
    (said,) = gaps.dashes()
    assert "'averaged' has 6 rules (averaged_momentum" in said and "5 dashes" in said and "LOOKS['averaged']" in said


def test_an_average_of_a_constant_is_the_constant():
    """Weights of an average that do not sum to one: a sign, which follows, does not show it."""
    averaged = {"m": ONES * 0.3, "slow": ONES * 0.3, "s": ONES * 0.09, "gathered": ONES}
    for r in rules.ELEMENTWISE.values():
        if set(r.slots) <= set(averaged) and r.slots and r is not rules.adagrad:  # AdaGrad's s is a sum
            hyper = {**r.hyper, "lr": 0.01, **{name: 0.5 for name in ("beta", "beta1", "beta2", "beta3") if name in r.hyper}}
            theta, state = ONES, r.init(ONES)
            for t in range(1, 61):
                theta, state = r.step(theta, ONES * 0.3, state, hyper, t)
            for slot, kept in zip(r.slots, state, strict=True):
                np.testing.assert_allclose(kept, averaged[slot], rtol=1e-12, err_msg=f"{r.name} {slot}")


def test_which_hyper_parameter_is_the_momentum():
    """The table of the course: nothing else in it says which of Adam's, or Lion's, betas is meant."""
    named = {name: rule.momentum for name, rule in rules.RULES.items() if name in SETTINGS}
    none, lion = ("gradient_descent", "adagrad", "rmsprop"), named.pop("lion")
    assert [named.pop(name) for name in none] == [None] * 3 and lion == "beta2"
    first = ("adam", "adamw", "nadam", "two_memory_momentum", "ademamix", "soap")
    assert [named.pop(name) for name in first] == ["beta1"] * 6
    assert named.pop("generalised_primal_averaging") == "mu_x" and set(named.values()) == {"beta"}
    with pytest.raises(ValueError, match="rule 'step', momentum: unknown hyper-parameter 'bet'. Did you mean 'beta'"):

        @a_rule(m=0, momentum="bet")
        def step(theta, grad, m, *, lr, beta=0.9):
            return theta - lr * m, m


def test_torchs_nadam_in_its_usual_dtype_differs_by_the_rounding_of_one_product():
    """A docstring that promises more, or less: 1e-12 with the product in float64 (the table), 1e-6 of the way with float32."""
    hyper = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum_decay": 0.004}
    exact, usual = _follow_torch(rules.nadam.same_as, hyper), _follow_torch.__wrapped__(rules.nadam.same_as, hyper)
    gap = np.abs(exact - usual).max() / np.abs(exact - exact[0]).max()
    assert 1e-10 < gap < 1e-6 and "torch.set_default_dtype(torch.float64)" in rules.nadam.doc


def test_torch_counts_zero_momentum_as_no_buffer():
    """The one place where dampened_momentum is not torch.optim.SGD must stay the documented one: beta = 0."""
    assert "beta = 0" in rules.dampened_momentum.doc


# -- the rules beyond Adam -----------------------------------------------------------------------


def test_newton_schulz_moves_singular_values_into_the_published_band(record_property):
    """Another polynomial: singular values of a hundredth of the norm and up must land in [0.682, 1.134]."""
    s = np.linspace(0.01, 1.0, 20_001)
    landed = _polynomial(s)
    assert 0.6818 < landed.min() < 0.6819 and 1.1343 < landed.max() < 1.1344
    record_property("measured", f"Newton-Schulz: singular values .01 ... 1 land in [{landed.min():.4f}, {landed.max():.4f}]")


@pytest.mark.parametrize("shape", [(6, 6), (3, 8), (8, 3), (1, 5), (5, 1)])
def test_newton_schulz_is_its_polynomial_on_the_singular_values(shape):
    """A product on the wrong side, a tall matrix not turned back: U p(S) V' by decomposition, 1e-13."""
    rng = np.random.default_rng(0)
    for x in (rng.standard_normal(shape), np.outer(*map(rng.standard_normal, shape)), 1e-170 * rng.standard_normal(shape)):
        u, s, vt = np.linalg.svd(x / np.abs(x).max(), full_matrices=False)
        np.testing.assert_allclose(orthogonal(x), (u * _polynomial(s / np.sqrt((s**2).sum()))) @ vt, rtol=0, atol=1e-13)
    assert not orthogonal(np.zeros((2, *shape))).any() and np.isfinite(orthogonal(1e200 * rng.standard_normal(shape))).all()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 3)])
@pytest.mark.parametrize("name", [name for name in rules.RULES if rules.get(name).matrix])
def test_a_matrix_without_entries_stays_one(name, shape):
    """A division by no columns, or the largest of no entries: a model with an empty layer cannot take a step."""
    r, theta = rules.get(name), np.zeros(shape, np.float32)
    state = r.init(theta)
    for t in (1, 2):
        theta, *state = r(theta, np.zeros(shape, np.float32), *state, lr=0.1, t=t)
    assert theta.shape == shape and theta.dtype == np.float32
    if len(shape) == 2:
        p = torch.nn.Parameter(torch.zeros(shape))
        optimizer = Optimizer([p], name, lr=0.1)
        for _ in range(2):
            p.grad = torch.zeros(shape)
            optimizer.step()
        assert p.shape == shape


def test_a_sum_and_an_average_give_muon_the_same_direction():
    """A factor of the memory that reaches the step."""
    rng = np.random.default_rng(1)
    average = total = np.zeros((4, 3))
    for g in rng.standard_normal((20, 4, 3)):
        average, total = 0.95 * average + 0.05 * g, 0.95 * total + g
        np.testing.assert_allclose(orthogonal(0.95 * average + 0.05 * g), orthogonal(0.95 * total + g), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["muon", "muon_plain"])
@pytest.mark.parametrize("match", [None, "match_rms_adamw"])
@pytest.mark.parametrize("shape", [(16, 16), (12, 30), (30, 12)])
def test_muon_takes_torchs_step_up_to_bfloat16(shape, match, name, record_property):
    """torch.optim.Muon rounds its products to bfloat16 (8 bits): 50 steps of the library stay within 1 % of its way."""
    rng = np.random.default_rng(7)
    start, goal = rng.standard_normal((2, *shape))
    weight = torch.tensor(start, requires_grad=True)
    ahead, rule = name == "muon", rules.RULES[name]
    theirs = torch.optim.Muon([weight], lr=0.02, momentum=0.95, weight_decay=0.1, nesterov=ahead, adjust_lr_fn=match)
    theta, state = start, rule.init(start)
    hyper = {"lr": 0.02, "beta": 0.95, "weight_decay": 0.1, "rms": 0.2 if match else 0.0}
    for t in range(1, 51):
        weight.grad = weight.detach() - torch.from_numpy(goal)
        theirs.step()
        theta, state = rule.step(theta, theta - goal, state, hyper, t)
    gap = np.linalg.norm(theta - weight.detach().numpy()) / np.linalg.norm(theta - start)
    record_property(
        "measured",
        f"{name} and torch.optim.Muon, {shape}, {match or 'original'}: {gap:.4f} of the way apart after 50 steps",
    )
    assert gap < 0.01


def test_a_step_of_muon_has_the_size_it_promises():
    """A scale that mixes up rows and columns: rms is kept exactly where all singular values are 1."""
    for shape, size in (((8, 2), 2.0), ((2, 8), 1.0), ((4, 4), 1.0)):
        grad = np.eye(*shape)
        step = -rules.muon(np.zeros(shape), grad, np.zeros(shape), lr=1.0)[0]
        equal = _polynomial(1 / np.sqrt(min(shape)))
        np.testing.assert_allclose(step, size * equal * grad, rtol=1e-12, atol=0)
        matched = rules.muon(np.zeros(shape), grad, np.zeros(shape), lr=1.0, rms=0.2)[0]
        assert np.sqrt((matched**2).mean()) == pytest.approx(0.2 * equal, rel=1e-12)


@pytest.mark.parametrize("shape", [(3,), ()])
def test_a_matrix_rule_refuses_a_point_without_rows_and_columns(shape):
    """A vector that is silently taken for a row."""
    flat = np.ones(shape) if shape else 1.0
    with pytest.raises(
        ValueError, match=r"muon is a matrix rule: it moves a whole matrix at once.*theta has shape .*allowed: \(..., rows, col"
    ):
        rules.muon(flat, flat, flat, lr=0.1)
    with pytest.raises(
        ValueError, match=r"muon is a matrix rule.*the start has shape \(2,\).*elementwise rule such as heavy_ball"
    ):
        descend(rules.muon, surfaces.rosenbrock, lr=0.1)
    with pytest.raises(TypeError, match="a linear form is that of one coordinate, and there is none for muon"):
        theory.iteration_matrix(rules.muon, 1.0, lr=0.1)


@pytest.mark.parametrize("name", ["muon", "heavy_ball", "lion"])
def test_descend_walks_over_matrices(name):
    """A path that flattens its points, or an error that mixes up rows and steps."""
    surface = Regression((3, 5))
    path = descend(rules.get(name), surface, steps=40, lr=0.05)
    assert path.points.shape == (41, 3, 5) and path.gradients.shape == (40, 3, 5) and path.diverged_at is None
    theta, state = surface.start, rules.get(name).init(surface.start)
    for t in range(1, 41):
        out = rules.get(name)(theta, surface.gradient(theta), *state, lr=0.05, t=t)
        theta, state = out[0], out[1:]
    np.testing.assert_array_equal(path.points[-1], theta)
    gap = np.linalg.norm(path.points - surface.goal, axis=(1, 2)) / np.linalg.norm(surface.goal)
    np.testing.assert_allclose(path.error, gap, rtol=1e-12)
    assert path.values[-1] < path.values[0] / 2


def test_muon_follows_a_schedule_and_a_zero_gradient():
    """A rate of another step, and a NaN from 0/0 where all gradients are zero."""
    still = Regression((2, 2))
    path = descend(rules.muon, still, start=still.goal, steps=5, lr=np.linspace(0.1, 0.01, 5))
    np.testing.assert_array_equal(path.points, np.broadcast_to(still.goal, (6, 2, 2)))
    surface, rates = Regression((4, 2)), np.array([0.1, 0.05])
    once = descend(rules.muon, surface, steps=2, lr=rates).points
    first, m = rules.muon(surface.start, surface.gradient(surface.start), np.zeros((4, 2)), lr=0.1)
    np.testing.assert_array_equal(once[2], rules.muon(first, surface.gradient(first), m, lr=0.05)[0])


# -- Shampoo ---------------------------------------------------------------------------------------


def _orthonormal(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def _run(rule, grads, **hyper):
    """The points of a rule that is fed with these gradients, one after another, from zero."""
    theta, state, path = np.zeros_like(grads[0]), rule.init(grads[0]), []
    for t, grad in enumerate(grads, 1):
        theta, state = rule.step(theta, grad, state, {**rule.hyper, **hyper}, t)
        path.append(theta)
    return np.array(path)


@pytest.mark.parametrize("shape", [(5, 5), (3, 6), (6, 3), (1, 4)])
def test_shampoo_without_memory_is_muons_ideal(shape, record_property):
    """A wrong exponent, or a product on the wrong side: at beta = beta2 = 0 the step is U V' of the gradient, of any rank."""
    rng = np.random.default_rng(6)
    grads = [rng.standard_normal(shape), 1e6 * rng.standard_normal(shape), np.outer(*map(rng.standard_normal, shape))]
    worst = []
    for grad in grads:
        u, s, vt = np.linalg.svd(grad, full_matrices=False)
        rank = (s > 1e-12 * s[0]).sum()
        step = -_run(rules.shampoo, [grad], lr=1.0, beta=0.0, beta2=0.0, eps=0.0)[0]
        worst.append(np.abs(step - u[:, :rank] @ vt[:rank]).max())
    assert max(worst) < 1e-12
    record_property("measured", f"Shampoo without memory and U V' of the gradient, {shape}: {max(worst):.1e} apart")
    assert not _run(rules.shampoo, [0 * grads[0]], lr=1.0).any()


@pytest.mark.parametrize("name", ["muon", "shampoo", "soap"])
@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3)])
def test_a_matrix_rule_does_not_see_the_axes(name, shape):
    """A ruler along the coordinates: gradients U G V give the steps U step V, which no elementwise rule but a linear one does.

    SOAP, too: its Adam runs along eigenvectors, which turn with the gradients; their signs fall out of the squares.  It holds
    where no two eigenvalues other than zeros are equal: then eigenvectors have no directions of their own, nor has its ruler.
    """
    rng = np.random.default_rng(8)
    grads = rng.standard_normal((30, *shape))
    left, right = (_orthonormal(rng, n) for n in shape)
    own, turned = _run(rules.get(name), grads, lr=0.1), _run(rules.get(name), left @ grads @ right, lr=0.1)
    np.testing.assert_allclose(turned, left @ own @ right, rtol=0, atol=1e-12)
    adam = [_run(rules.adam, each, lr=0.1) for each in (grads, left @ grads @ right)]
    assert np.abs(adam[1] - left @ adam[0] @ right).max() > 0.1


@pytest.mark.parametrize("name", [name for name, rule in rules.RULES.items() if rule.matrix])
@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3)])
def test_a_matrix_rule_on_tensors_is_that_on_arrays(name, shape, record_property):
    """A decomposition that depends on who makes it: 200 steps in float64 on NumPy's arrays and torch's tensors."""
    grads = np.random.default_rng(9).standard_normal((200, *shape))
    ours = _run(rules.get(name), grads, lr=0.05)
    theta, state = torch.zeros(shape, dtype=torch.float64), rules.get(name).init(torch.zeros(shape, dtype=torch.float64))
    for t, grad in enumerate(torch.from_numpy(grads), 1):
        theta, state = rules.get(name).step(theta, grad, state, {**rules.get(name).hyper, "lr": 0.05}, t)
    apart = np.abs(theta.numpy() - ours[-1]).max()
    assert apart < 1e-12
    record_property("measured", f"{name}, {shape}, NumPy and torch after 200 steps: {apart:.1e} apart")


@functools.cache
def _theirs():
    """The package of optimisers whose Shampoo and SOAP are compared; imported once, when a test asks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pytorch_optimizer
    return pytorch_optimizer


def _follow_theirs(optimizer, weight, grads):
    path = []
    for grad in grads:
        weight.grad = torch.from_numpy(grad.copy())  # theirs writes into it
        optimizer.step()
        path.append(weight.detach().numpy().copy())
    return np.array(path)


@pytest.mark.parametrize("shape", [(6, 6), (4, 7)])
def test_shampoo_takes_the_steps_of_pytorch_optimizer(shape, record_property):
    """Another average, root or order of products: 200 steps of ScalableShampoo, in float64, to 1e-12.

    Theirs averages as ours but does not undo the start-up bias, which is a factor of the rate here.  Its momentum averages
    what the roots have made of the gradients, ours the gradients, so they are compared at beta = 0.  A memory of fewer
    gradients than rows has a zero eigenvalue, whose root is arbitrary in theirs, so it starts from a multiple of the identity:
    matrix_eps, which ours gets as the state it starts from.
    """
    grads = np.random.default_rng(10).standard_normal((200, *shape))
    weight = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    theirs = _theirs().ScalableShampoo(
        [weight], lr=0.1, betas=(0.0, 0.9), graft_type=0, nesterov=False, start_preconditioning_step=1,
        preconditioning_compute_steps=1, shape_interpretation=False, use_svd=True, matrix_eps=1e-2,
    )  # fmt: skip
    theta, state = np.zeros(shape), (np.zeros(shape), *(1e-2 * np.eye(n) for n in shape))
    path = []
    for t, grad in enumerate(grads, 1):
        hyper = {"lr": 0.1 / np.sqrt(1 - 0.9**t), "beta": 0.0, "beta2": 0.9, "eps": 0.0}
        theta, state = rules.shampoo.step(theta, grad, state, hyper, t)
        path.append(theta)
    apart = np.abs(np.array(path) - _follow_theirs(theirs, weight, grads)).max()
    assert apart < 1e-12
    record_property("measured", f"Shampoo and pytorch_optimizer's ScalableShampoo, {shape}, 200 steps: {apart:.1e} apart")


def test_shampoo_contains_the_papers_sum(record_property):
    """The paper's Shampoo, which sums: our average with weights 1 / t, at a rate that falls as 1 / sqrt(t); 200 steps, 1e-12."""
    grads = np.random.default_rng(11).standard_normal((200, 5, 5))
    weight = torch.zeros(5, 5, dtype=torch.float64, requires_grad=True)
    theirs = _theirs().Shampoo([weight], lr=0.1, matrix_eps=0.0)
    theta, state, path = np.zeros((5, 5)), rules.shampoo.init(np.zeros((5, 5))), []
    for t, grad in enumerate(grads, 1):
        equal = 1 - 1 / t
        hyper = {"lr": 0.1 / np.sqrt(t * (1 - equal**t)), "beta": 0.0, "beta2": equal, "eps": 0.0}
        theta, state = rules.shampoo.step(theta, grad, state, hyper, t)
        path.append(theta)
    apart = np.abs(np.array(path) - _follow_theirs(theirs, weight, grads)).max()
    assert apart < 1e-12
    record_property("measured", f"Shampoo and pytorch_optimizer's Shampoo, which sums, 200 steps: {apart:.1e} apart")


def _exact_soap():
    """pytorch_optimizer's SOAP with its own exact eigenvectors at every step, in place of one QR step from the last ones."""

    class Exact(_theirs().SOAP):
        def get_orthogonal_matrix_qr(self, state, *_):
            return self.get_orthogonal_matrix(state["GG"])

    return Exact


@pytest.mark.parametrize("betas", [(0.95, 0.95), (0.5, 0.8)])
def test_soap_takes_the_steps_of_pytorch_optimizer(betas, record_property):
    """Another basis, a first step that moves, a bias correction that counts it: 200 steps in float64, to 1e-12.

    Theirs refreshes the basis by one QR step, which it makes in float32: 1e-7 at best, and no eigenvectors.  So it is compared
    with its own exact decomposition at every step.  Theirs adds eps before the bias correction, ours after it, so eps is zero.
    The matrices are square: where a memory of fewer gradients than rows has zero eigenvalues, theirs moves along whichever
    eigenvectors LAPACK makes up there, ours not at all.
    """
    grads = np.random.default_rng(16).standard_normal((200, 5, 5))
    weight = torch.zeros(5, 5, dtype=torch.float64, requires_grad=True)
    theirs = _exact_soap()([weight], lr=0.05, betas=betas, weight_decay=0.0, precondition_frequency=1, eps=0.0)
    beta1, beta2 = betas
    ours = _run(rules.soap, grads, lr=0.05, beta1=beta1, beta2=beta2, eps=1e-300)
    apart = np.abs(ours - _follow_theirs(theirs, weight, grads)).max()
    assert apart < 1e-12 * max(1.0, np.abs(ours).max())
    record_property("measured", f"SOAP and pytorch_optimizer's with exact eigenvectors, {betas}, 200 steps: {apart:.1e} apart")


def test_soap_is_adam_in_the_eigenvectors_of_its_memory():
    """A basis of the wrong side, or a step that is not turned back: where the memory is diagonal, SOAP is Adam itself."""
    rng = np.random.default_rng(17)
    first = np.diag([1.0, 2.0, 3.0])
    grads = [first, *(first * rng.uniform(0.5, 1.0) for _ in range(20))]  # one basis for ever: that of the coordinates
    soap = _run(rules.soap, grads, lr=0.1, beta1=0.9, beta2=0.8)
    adam = _run(rules.adam, grads[1:], lr=0.1, beta1=0.9, beta2=0.8, eps=1e-8)
    assert not soap[0].any()
    np.testing.assert_allclose(soap[1:], adam, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 5), (3, 6), (6, 3)])
def test_soap_without_memory_is_muons_ideal_where_the_gradient_repeats(shape):
    """Adam's sign in the wrong basis: at beta1 = beta2 = 0 the second of two equal gradients gives U V', up to eps."""
    grad = np.random.default_rng(18).standard_normal(shape)
    u, _, vt = np.linalg.svd(grad, full_matrices=False)
    path = _run(rules.soap, [grad, grad], lr=1.0, beta1=0.0, beta2=0.0, eps=1e-6)
    np.testing.assert_allclose(-path[1], u @ vt, rtol=0, atol=1e-5)


def test_the_defaults_of_shampoo_and_soap():
    """A default that moved: SOAP's are those of its paper; Shampoo's eps is too small to be seen in a well-posed step."""
    assert rules.shampoo.hyper == {"lr": None, "beta": 0.9, "beta2": 0.95, "eps": 1e-12}
    assert rules.soap.hyper == {"lr": None, "beta1": 0.95, "beta2": 0.95, "eps": 1e-8}


def test_soap_moves_only_where_a_gradient_was_before():
    """A step along eigenvectors that LAPACK made up: of a memory of one gradient, only that gradient's directions are known."""
    rng = np.random.default_rng(19)
    first, second = np.outer(rng.standard_normal(4), rng.standard_normal(5)), rng.standard_normal((4, 5))
    step = _run(rules.soap, [first, second], lr=0.1)[1]
    u, s, vt = np.linalg.svd(first)
    inside = np.outer(u[:, 0], vt[0])
    np.testing.assert_allclose(step, np.sum(step * inside) * inside, rtol=0, atol=1e-15)
    assert np.abs(step).max() > 0.01


def test_shampoo_does_not_see_the_gradients_unit():
    """An eps that is no share: gradients a million times as large give the same steps, up to rounding."""
    grads = np.random.default_rng(12).standard_normal((20, 4, 3))
    for eps in (0.0, 1e-2):
        steps = [_run(rules.shampoo, factor * grads, lr=0.1, eps=eps) for factor in (1.0, 1e6)]
        np.testing.assert_allclose(*steps, rtol=0, atol=1e-12)


# -- powers of matrices ----------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [-0.25, -1 / 2, -1, 0.5])
def test_a_root_is_that_of_the_eigenvalues(exponent):
    """Another power, an eps of another kind, a batch that mixes its matrices; a zero eigenvalue stays zero."""
    rng = np.random.default_rng(13)
    values = np.array([[4.0, 1.0, 0.25, 1e-3], [9.0, 2.0, 0.0, 0.0], [0.0] * 4, [1e-200, 1e-201, 0.0, 0.0]])
    bases = np.array([_orthonormal(rng, 4) for _ in values])
    matrices = (bases * values[:, None]) @ bases.swapaxes(-2, -1)
    for eps in (0.0, 0.5):
        raised = values + eps * values[:, :1]
        powers = np.where(values > 0, np.where(values > 0, raised, 1) ** exponent, 0)
        wanted = (bases * powers[:, None]) @ bases.swapaxes(-2, -1)
        for given in (matrices, torch.from_numpy(matrices)):
            scale = np.abs(wanted).max((1, 2), keepdims=True).clip(1e-300)
            np.testing.assert_allclose(np.asarray(root(given, exponent, eps)) / scale, wanted / scale, rtol=0, atol=1e-12)
    once, twice = root(matrices, -1 / 4), root(matrices[0], -1 / 4)
    np.testing.assert_allclose(once[0], twice, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(np.linalg.matrix_power(twice, -4), matrices[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("n, rank", [(6, 3), (64, 32), (120, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_is_no_eigenvalue(dtype, n, rank, record_property):
    """What rounding leaves of a zero eigenvalue, taken for one and raised to -1/4: the root has the memory's rank."""
    rng = np.random.default_rng(14)
    used, memory = rng.standard_normal((n, rank)), np.zeros((n, n), dtype)
    for _ in range(60):
        grad = (used @ rng.standard_normal((rank, 5))).astype(dtype)
        memory = (0.95 * memory + 0.05 * grad @ grad.T).astype(dtype)
    found = root(memory, -0.25)
    assert found.dtype == eigenvectors(memory).dtype == dtype
    assert np.linalg.matrix_rank(found.astype(float), tol=1e-3 * np.abs(found).max()) == rank
    assert (np.abs(eigenvectors(memory)).max(0) > 0).sum() == rank
    values = np.linalg.eigvalsh(memory)
    left = np.abs(values[: n - rank]).max() / values[-1] / np.finfo(dtype).eps
    assert left < 8 / 2
    record_property("measured", f"rounding leaves {left:.1f} resolutions of a zero eigenvalue, {n} rows, {np.dtype(dtype)}")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_where_an_eigenvalue_begins(dtype):
    """A border of its own for each op, or another one than the docstring's eight resolutions of the largest."""
    resolution = np.finfo(dtype).eps
    for share, seen in ((7.5 * resolution, 0), (8.5 * resolution, 1)):
        matrix = np.diag([share, 1.0]).astype(dtype)
        for given in (matrix, torch.from_numpy(matrix), 1e-10 * matrix):
            assert np.count_nonzero(np.asarray(root(given, 0.5))) == np.count_nonzero(np.asarray(eigenvectors(given))) == 1 + seen


def test_eigenvectors_turn_a_matrix_into_its_eigenvalues():
    """Vectors in another order, rows for columns, or of another length."""
    rng = np.random.default_rng(15)
    half = rng.standard_normal((3, 5, 4))
    matrices = half @ half.swapaxes(-2, -1)
    for given in (matrices, torch.from_numpy(matrices)):
        found = np.asarray(eigenvectors(given))
        turned = found.swapaxes(-2, -1) @ matrices @ found
        for each, matrix in zip(turned, matrices, strict=True):
            np.testing.assert_allclose(each, np.diag(np.linalg.eigvalsh(matrix)), rtol=0, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(found, axis=-2), [[0, 1, 1, 1, 1]] * 3, rtol=0, atol=1e-14)
    assert not eigenvectors(np.zeros((2, 3, 3))).any()


@pytest.mark.parametrize("what", [lambda x: root(x, -0.25), eigenvectors])
@pytest.mark.parametrize("to", [np.asarray, lambda x: torch.from_numpy(np.asarray(x))])
def test_a_matrix_that_is_not_finite_spoils_itself_alone(what, to):
    """An exception in the middle of a run that diverges, or one bad matrix that spoils a batch."""
    good, bad, worse = np.diag([1.0, 2.0]), np.array([[1.0, np.nan], [0.0, 1.0]]), np.array([[np.inf, 0.0], [0.0, 1.0]])
    found = np.asarray(what(to([good, bad, worse])))
    np.testing.assert_array_equal(found[0], np.asarray(what(to(good))))
    assert np.isfinite(found[0]).all() and np.isnan(found[1:]).all()
    batches = np.asarray(what(to([[good, bad, good], [good, good, worse]])))
    assert np.isnan(batches).all((2, 3)).tolist() == [[False, True, False], [False, False, True]]
    assert np.isfinite(batches[[0, 0, 1, 1], [0, 2, 0, 1]]).all()


@pytest.mark.parametrize("name", [name for name, rule in rules.RULES.items() if rule.matrix])
def test_a_matrix_rule_that_diverges_ends_quietly(name):
    """A decomposition that raises where the gradients have left the finite world."""

    class Cliff(Regression):
        def gradient(self, w):
            return super().gradient(w) * (1.0 if np.abs(w).max() < 1 else 1e200)

    path = descend(rules.get(name), Cliff((3, 4)), steps=60, lr=50.0)
    assert path.diverged_at or np.isfinite(path.points).all()


@pytest.mark.parametrize(
    "x, error, message",
    [
        (np.ones((3, 4)), ValueError, r"takes symmetric matrices, shape \(..., n, n\); got shape \(3, 4\)"),
        (np.ones(3), ValueError, r"got shape \(3,\)"),
        (np.ones((2, 3, 4)), ValueError, r"got shape \(2, 3, 4\)"),
        (np.ones((2, 3, 2)), ValueError, r"got shape \(2, 3, 2\)"),
        (np.eye(3, dtype=np.float16), TypeError, "takes float32 or float64; got float16. Convert the matrix first"),
        (torch.eye(3, dtype=torch.bfloat16), TypeError, "got torch.bfloat16"),
    ],
)
def test_a_root_refuses_what_has_none(x, error, message):
    """A rectangle, or a dtype that LAPACK does not know, met deep inside it."""
    for what in (lambda x: root(x, -0.25), eigenvectors):
        with pytest.raises(error, match=message):
            what(x)


# -- slots of other shapes -------------------------------------------------------------------------


@a_rule(left="rows", right="columns", family="matrix", matrix=True)
def sided(theta, grad, left, right, *, lr):
    """Only keeps the squares of its last gradient."""
    return theta - lr * grad, grad @ transpose(grad), transpose(grad) @ grad


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 3, 5), (4, 4)])
def test_a_slot_is_as_wide_as_a_side(shape):
    """Rows for columns, a batch axis lost, a start of another dtype or device, or one that shares memory."""
    rows, columns = shape[-2:]
    for dtype in (np.float32, np.float64):
        theta = np.ones(shape, dtype)
        for given in (theta, torch.from_numpy(theta)):
            left, right = sided.init(given)
            assert left.shape == (*shape[:-2], rows, rows) and right.shape == (*shape[:-2], columns, columns)
            assert left.dtype == right.dtype == given.dtype and not left.any() and not right.any()
            after, *kept = sided(given, given, left, right, lr=0.1)
            assert after.shape == given.shape and [k.shape for k in kept] == [left.shape, right.shape]
    path = descend(sided, Regression(shape[-2:]), steps=3, lr=0.1)
    assert path.state["left"].shape == (4, rows, rows) and path.state["right"].shape == (4, columns, columns)
    np.testing.assert_allclose(path.state["left"][1], path.gradients[0] @ path.gradients[0].T, rtol=1e-12)


BAD_SIDES = {
    "swapped": (lambda w, s: (w, w, s[1], s[0]), {}, r"left has shape \(5, 5\) and theta \(3, 5\); allowed: \(3, 3\).*has rows"),
    "the point's": (
        lambda w, s: (w, w, s[0], w),
        {},
        r"right has shape \(3, 5\).*allowed: \(5, 5\), a square.*has columns. Start",
    ),
    "a vector": (lambda w, s: (w[0], w[0], *s), {}, r"sided is a matrix rule.*theta has shape \(5,\)"),
    "a rate an entry": (
        lambda w, s: (w, w, *s),
        {"lr": np.full((3, 5), 0.1)},
        r"lr has shape \(3, 5\), which does not fit into one number for each matrix: \(1, 1\)",
    ),
}


@pytest.mark.parametrize("case", BAD_SIDES)
def test_a_slot_of_another_shape_is_refused(case):
    """A square that broadcasts, or a rate for each entry that would reach the squares."""
    make, hyper, message = BAD_SIDES[case]
    theta = np.ones((3, 5))
    with pytest.raises(ValueError, match=message):
        sided(*make(theta, sided.init(theta)), **{"lr": 0.1, **hyper})


def test_schedule_free_is_the_mean_of_its_points_on_a_quadratic():
    """Weights other than 1, 1/2, 1/3, ...: x is the mean of z, and with beta = 0 z is gradient descent itself."""
    surface = surfaces.quadratic([1.0, 4.0, 10.0])
    path = descend(rules.schedule_free, surface, start=[1.0, -2.0, 3.0], steps=200, lr=0.08, beta=0.0)
    z = np.array([1.0, -2.0, 3.0]) * (1 - 0.08 * np.array([1.0, 4.0, 10.0])) ** np.arange(201)[:, None]
    means = np.cumsum(z, axis=0) / np.arange(1, 202)[:, None]
    np.testing.assert_allclose(path.points, means, rtol=0, atol=1e-13)
    np.testing.assert_allclose(path.state["z"], z, rtol=0, atol=1e-13)
    with pytest.raises(ValueError, match="schedule_free changes at every step, so no one matrix describes its run"):
        theory.rate(rules.schedule_free, 1.0, lr=0.1)


def test_signs_step_by_the_rate_whatever_the_gradients_size():
    """A sign rule that sees how large a gradient is."""
    for name in ("signum", "lion"):
        path = descend(rules.get(name), surfaces.ravine(kappa=1e6), steps=30, lr=0.01)
        np.testing.assert_allclose(np.abs(np.diff(path.points, axis=0)), 0.01, rtol=1e-9)


def test_decay_is_decoupled():
    """Decay that goes through Adam's ratio: where all gradients are zero each weight shrinks by the same share."""
    for name in ("adamw", "lion", "ademamix"):
        theta, *_ = rules.get(name)(
            ONES * [1.0, 10.0, -5.0], 0 * ONES, *[0 * ONES] * len(rules.get(name).slots), lr=0.1, weight_decay=0.2
        )
        np.testing.assert_allclose(theta, 0.98 * np.array([1.0, 10.0, -5.0]), rtol=1e-15)


# -- the checked call: bad input -------------------------------------------------------------------

BAD_CALLS = {
    "rate negative": ({"lr": -0.1}, ValueError, "lr is -0.1; allowed: a finite number >= 0"),
    "rate NaN": ({"lr": np.nan}, ValueError, "lr is nan; allowed: a finite number >= 0"),
    "rate infinite": ({"lr": np.inf}, ValueError, "lr is inf; allowed: a finite number >= 0"),
    "rate a word": ({"lr": "fast"}, TypeError, "lr is 'fast'; allowed: a finite number >= 0"),
    "rate a number as text": ({"lr": "0.1"}, TypeError, "lr is '0.1'; allowed"),
    "rate true": ({"lr": True}, TypeError, "lr is True; allowed"),
    "rate complex": ({"lr": 1j}, TypeError, "lr is 1j; allowed"),
    "rate missing": ({}, TypeError, "heavy_ball needs lr; give it, for example lr=0.1"),
    "momentum one": ({"lr": 0.1, "beta": 1.0}, ValueError, "beta is 1; allowed: a number in \\[0, 1\\).*unstable=True"),
    "momentum negative": ({"lr": 0.1, "beta": -0.5}, ValueError, "beta is -0.5; allowed: a number in \\[0, 1\\)"),
    "one of many bad": ({"lr": [0.1, 0.2, -3.0]}, ValueError, "lr is -3; allowed"),
    "momentum NaN though unstable": ({"lr": 0.1, "beta": np.nan, "unstable": True}, ValueError, "beta is nan"),
    "unknown name": ({"lr": 0.1, "bta": 0.5}, TypeError, "unknown hyper-parameter 'bta'. Did you mean 'beta'.*lr, beta"),
    "torch's name": ({"lr": 0.1, "momentum": 0.5}, TypeError, "unknown hyper-parameter 'momentum'.*Known: lr, beta"),
    "step zero": ({"lr": 0.1, "t": 0}, ValueError, "t is 0; allowed: a whole number >= 1"),
    "integer point": ({"theta": np.ones(3, int), "lr": 0.1}, TypeError, "theta has dtype int64; allowed: a floating dtype"),
    "integer gradient": ({"grad": np.ones(3, int), "lr": 0.1}, TypeError, "grad has dtype int64; allowed: a floating"),
    "integer tensor": ({"theta": torch.ones(3, dtype=torch.int64), "lr": 0.1}, TypeError, "theta has dtype torch.int64"),
    "list": ({"theta": [1.0, 2.0, 3.0], "lr": 0.1}, TypeError, "theta has type list; allowed: a floating dtype"),
    "column": ({"grad": np.ones((3, 1)), "lr": 0.1}, ValueError, r"grad has shape \(3, 1\) and theta \(3,\).*broadcast"),
    "one number": ({"grad": np.ones(1), "lr": 0.1}, ValueError, r"grad has shape \(1,\) and theta \(3,\)"),
    "flat velocity": ({"v": np.zeros((1, 3)), "lr": 0.1}, ValueError, r"v has shape \(1, 3\) and theta \(3,\)"),
    "rates that broadcast": (
        {"lr": np.full((3, 1), 0.1)},
        ValueError,
        r"lr has shape \(3, 1\), which does not fit into theta's \(3,\)",
    ),
    "mixed dtypes": ({"grad": np.ones(3, np.float32), "lr": 0.1}, TypeError, "grad has dtype float32 and theta float64"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_bad_call_says_what_was_given_and_what_is_allowed(case):
    """Bad input that slips through, or whose message does not help."""
    given, error, message = BAD_CALLS[case]
    call = {"theta": ONES, "grad": ONES, "v": np.zeros(3), **given}
    theta, grad, v = (call.pop(name) for name in ("theta", "grad", "v"))
    with pytest.raises(error, match=message):
        rules.heavy_ball(theta, grad, v, **call)


def test_a_call_without_its_state_says_which():
    """A missing state array that would be read as something else."""
    with pytest.raises(TypeError, match=r"adam keeps 2 state array\(s\) \(m, s\); got 0. Start with rule.init\(theta\)"):
        rules.adam(ONES, ONES, lr=0.1)


def test_unstable_opens_the_range_of_momentum():
    """``unstable=True`` that is ignored."""
    theta, _ = rules.heavy_ball(ONES, ONES, ONES, lr=0.1, beta=1.02, unstable=True)
    np.testing.assert_allclose(theta, 1 - 0.1 * 2.02)


@pytest.mark.parametrize("name, meant", [("heavy_bal", "heavy_ball"), ("Adam", "adam"), ("nestrov", "nesterov")])
def test_an_unknown_rule_gets_its_nearest_match(name, meant):
    """A lookup that fails without a hint."""
    with pytest.raises(LookupError, match=f"unknown rule '{name}'. Did you mean '{meant}'"):
        rules.get(name)


BAD_RULES = {
    "positional": (lambda rule: rule(v=0)(lambda theta, v, grad, *, lr: (theta, v)), TypeError, "must be"),
    "slot start": (lambda rule: rule(v=1)(lambda theta, grad, v, *, lr: (theta, v)), ValueError, "must start as 0"),
    "slot side": (lambda rule: rule(v="row", matrix=True)(lambda theta, grad, v, *, lr: (theta, v)), ValueError, "'columns'"),
    "side of a point": (lambda rule: rule(v="rows")(lambda theta, grad, v, *, lr: (theta, v)), ValueError, "say matrix=True"),
    "family": (lambda rule: rule(family="momentun")(lambda theta, grad, *, lr: theta), ValueError, "'momentum'"),
}


@pytest.mark.parametrize("case", BAD_RULES)
def test_a_malformed_rule_is_refused_where_it_is_written(case):
    """A slot in the wrong place that would swap gradient and velocity silently."""
    from momentum_lib import rule

    make, error, message = BAD_RULES[case]
    with pytest.raises(error, match=message):
        make(rule)


@pytest.mark.parametrize("shape", [(2, 1, 2), (2, 3, 1), (3, 1, 1), (1, 2, 1, 1)])
def test_a_rule_with_sides_takes_one_number_for_each_matrix(shape):
    """A rate for each column, which a product of matrices would mix."""
    shampoo = rules.shampoo
    theta = np.ones((2, 3, 2))
    state = shampoo.init(theta)
    with pytest.raises(ValueError, match=r"lr has shape .* does not fit into one number for each matrix: \(2, 1, 1\)"):
        shampoo(theta, theta, *state, lr=np.full(shape, 0.1))
    assert shampoo(theta, theta, *state, lr=np.full((2, 1, 1), 0.1))[0].shape == theta.shape
