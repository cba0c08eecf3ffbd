"""Rules broken on purpose: the property functions of ``test_rules`` must notice every one.

A mutant has the name, the slots and the docstring of the rule it spoils, so that only its
behaviour can give it away.  A mutant that survives is a hole in the table, and fails here.
"""

import functools
import warnings

import numpy as np
import pytest
from test_rules import PROPERTIES, SETTINGS

from momentum_lib import rules
from momentum_lib.core import Rule
from momentum_lib.ops import absolute, columns, eigenvectors, maximum, orthogonal, root, rows, sign, sqrt, transpose, where

R = rules.RULES
MUTANTS = {}


def mutant(original, description, *, look="same", slots=None):
    """Decorator: the function in place of the original rule's, everything else unchanged."""

    def wrap(fn):
        good = R[original]
        fn.__name__, fn.__doc__ = good.fn.__name__, good.fn.__doc__
        kept = {name: getattr(good, name) for name in ("family", "title", "same_as", "matrix", "momentum")}
        bad = Rule(fn, slots or good.slots, **kept)
        bad.look_fn = good.look_fn if look == "same" else look
        MUTANTS[f"{original}: {description}"] = bad
        return fn

    return wrap


# -- gradient descent ----------------------------------------------------------------------------


@mutant("gradient_descent", "climbs")
def _(theta, grad, *, lr):
    return theta + lr * grad


@mutant("gradient_descent", "half the rate")
def _(theta, grad, *, lr):
    return theta - lr / 2 * grad


@mutant("gradient_descent", "takes the gradient's sign only")
def _(theta, grad, *, lr):
    return theta - lr * where(grad > 0, grad * 0 + 1, where(grad < 0, grad * 0 - 1, grad * 0))


@mutant("gradient_descent", "centres the gradients of a batch")
def _(theta, grad, *, lr):
    return theta - lr * (grad - (grad.mean(-1, keepdims=True) if grad.ndim > 1 else 0))


@mutant("gradient_descent", "clips at the batch's largest gradient")
def _(theta, grad, *, lr):
    return theta - lr * grad * min(1.0, 1e3 / float(abs(grad).max() + 1e-30))


# -- momentum ------------------------------------------------------------------------------------


@mutant("heavy_ball", "half the rate")
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + grad
    return theta - 0.5 * lr * v, v


@mutant("heavy_ball", "average for sum")
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + (1 - beta) * grad
    return theta - lr * v, v


@mutant("heavy_ball", "sign error in the step")
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + grad
    return theta + lr * v, v


@mutant("heavy_ball", "sign error in the memory")
def _(theta, grad, v, *, lr, beta=0.9):
    v = grad - beta * v
    return theta - lr * v, v


@mutant("heavy_ball", "steps along the old velocity")
def _(theta, grad, v, *, lr, beta=0.9):
    return theta - lr * v, beta * v + grad


@mutant("heavy_ball", "forgets its velocity where the gradient is zero")
def _(theta, grad, v, *, lr, beta=0.9):
    v = where(grad == 0, 0 * v, beta * v + grad)
    return theta - lr * v, v


@mutant("heavy_ball", "does not decay where the gradient is zero")
def _(theta, grad, v, *, lr, beta=0.9):
    v = where(grad == 0, v, beta * v + grad)
    return theta - lr * v, v


@mutant("heavy_ball", "rate inside for outside")
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + lr * grad
    return theta - v, v


@mutant("classical_momentum", "rate outside for inside")
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + grad
    return theta - lr * v, v


@mutant("heavy_ball", "decays the gradient, too")
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * (v + grad)
    return theta - lr * v, v


@mutant("heavy_ball", "changes v in place")
def _(theta, grad, v, *, lr, beta=0.9):
    v *= beta
    v += grad
    return theta - lr * v, v


@mutant("heavy_ball", "changes theta in place")
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + grad
    theta -= lr * v
    return theta, v


@mutant("heavy_ball", "computes in float64 whatever comes")
def _(theta, grad, v, *, lr, beta=0.9):
    v = np.asarray(v, dtype=float) * beta + grad
    return theta - lr * v, v


@mutant("heavy_ball", "computes in float32")
def _(theta, grad, v, *, lr, beta=0.9):
    v = (beta * v + grad).astype(np.float32).astype(theta.dtype)
    return theta - lr * v, v


@mutant("polyak", "never updates the previous point")
def _(theta, grad, previous, *, lr, beta=0.9):
    return theta - lr * grad + beta * (theta - previous), previous


@mutant("polyak", "starts with the previous point at the origin", slots={"previous": 0})
def _(theta, grad, previous, *, lr, beta=0.9):
    return theta - lr * grad + beta * (theta - previous), theta


@mutant("dampened_momentum", "dampens the first step, too")
def _(theta, grad, v, *, lr, beta=0.9, dampening=0.0, t):
    v = beta * v + (1 - dampening) * grad
    return theta - lr * v, v


@mutant("dampened_momentum", "ignores the dampening")
def _(theta, grad, v, *, lr, beta=0.9, dampening=0.0, t):
    v = beta * v + grad
    return theta - lr * v, v


@mutant("dampened_momentum", "dampens by the dampening, not by what it leaves")
def _(theta, grad, v, *, lr, beta=0.9, dampening=0.0, t):
    v = where(t > 1, beta * v + dampening * grad, grad)
    return theta - lr * v, v


@mutant("dampened_momentum", "starts its buffer at the second gradient")
def _(theta, grad, v, *, lr, beta=0.9, dampening=0.0, t):
    v = where(t > 2, beta * v + (1 - dampening) * grad, grad)
    return theta - lr * v, v


# -- averages ------------------------------------------------------------------------------------


@mutant("averaged_momentum", "sum for average")
def _(theta, grad, m, *, lr, beta=0.9):
    m = beta * m + grad
    return theta - lr * m, m


@mutant("averaged_momentum", "beta and 1 - beta swapped")
def _(theta, grad, m, *, lr, beta=0.9):
    m = (1 - beta) * m + beta * grad
    return theta - lr * m, m


@mutant("nesterov_lerp", "only one interpolation")
def _(theta, grad, m, *, lr, beta=0.9):
    m = beta * m + (1 - beta) * grad
    return theta - lr * m, m


@mutant("nesterov_lerp", "blends with the old average")
def _(theta, grad, m, *, lr, beta=0.9):
    return theta - lr * (beta * m + (1 - beta) * grad), beta * m + (1 - beta) * grad


# -- Nesterov ------------------------------------------------------------------------------------


@mutant("nesterov", "look-ahead forgotten", look=None)
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + grad
    return theta - lr * v, v


@mutant("nesterov", "looks behind", look=lambda theta, v, *, lr, beta: theta + lr * beta * v)
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + grad
    return theta - lr * v, v


@mutant("nesterov", "looks a whole step ahead", look=lambda theta, v, *, lr, beta: theta - lr * v)
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + grad
    return theta - lr * v, v


@mutant("nesterov_torch", "the old velocity")
def _(theta, grad, v, *, lr, beta=0.9):
    return theta - lr * (grad + beta * v), beta * v + grad


@mutant("nesterov_torch", "heavy ball's step")
def _(theta, grad, v, *, lr, beta=0.9):
    v = beta * v + grad
    return theta - lr * v, v


# -- adaptive ------------------------------------------------------------------------------------


@mutant("adagrad", "forgets")
def _(theta, grad, s, *, lr, eps=1e-10):
    s = 0.999 * s + grad**2
    return theta - lr * grad / (sqrt(s) + eps), s


@mutant("adagrad", "divides by the square, not by its root")
def _(theta, grad, s, *, lr, eps=1e-10):
    s = s + grad**2
    return theta - lr * grad / (s + eps), s


@mutant("adagrad", "floor inside the root")
def _(theta, grad, s, *, lr, eps=1e-10):
    s = s + grad**2
    return theta - lr * grad / sqrt(s + eps), s


@mutant("rmsprop", "sum for average")
def _(theta, grad, s, *, lr, beta2=0.99, eps=1e-8):
    s = beta2 * s + grad**2
    return theta - lr * grad / (sqrt(s) + eps), s


@mutant("rmsprop", "floor inside the root")
def _(theta, grad, s, *, lr, beta2=0.99, eps=1e-8):
    s = beta2 * s + (1 - beta2) * grad**2
    return theta - lr * grad / sqrt(s + eps), s


@mutant("rmsprop", "divides by the old root")
def _(theta, grad, s, *, lr, beta2=0.99, eps=1e-8):
    return theta - lr * grad / (sqrt(s) + eps), beta2 * s + (1 - beta2) * grad**2


@mutant("adam", "no bias correction of the average")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, t):
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    return theta - lr * m / (sqrt(s / (1 - beta2**t)) + eps), m, s


@mutant("adam", "no bias correction at all")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, t):
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    return theta - lr * m / (sqrt(s) + eps), m, s


@mutant("adam", "floor inside the root")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, t):
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    return theta - lr * m / (1 - beta1**t) / sqrt(s / (1 - beta2**t) + eps), m, s


@mutant("adam", "floor before the bias correction")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, t):
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    return theta - lr * sqrt(1 - beta2 ** (t + 0.0 * theta)) / (1 - beta1**t) * m / (sqrt(s) + eps), m, s


@mutant("adam", "beta1 and beta2 swapped")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, t):
    m = beta2 * m + (1 - beta2) * grad
    s = beta1 * s + (1 - beta1) * grad**2
    return theta - lr * m / (1 - beta2**t) / (sqrt(s / (1 - beta1**t)) + eps), m, s


@mutant("adam", "counts steps from 2")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, t):
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    return theta - lr * m / (1 - beta1 ** (t + 1)) / (sqrt(s / (1 - beta2 ** (t + 1))) + eps), m, s


@mutant("adam", "squares the average, not the gradient")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, t):
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * m**2
    return theta - lr * m / (1 - beta1**t) / (sqrt(s / (1 - beta2**t)) + eps), m, s


@mutant("adamw", "decay through the gradient")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, t):
    grad = grad + weight_decay * theta
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    return theta - lr * m / (1 - beta1**t) / (sqrt(s / (1 - beta2**t)) + eps), m, s


@mutant("adamw", "decay that forgets the rate")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, t):
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    return (1 - weight_decay) * theta - lr * m / (1 - beta1**t) / (sqrt(s / (1 - beta2**t)) + eps), m, s


@mutant("adamw", "decays the new point, not the old one")
def _(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, t):
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    theta = theta - lr * m / (1 - beta1**t) / (sqrt(s / (1 - beta2**t)) + eps)
    return (1 - lr * weight_decay) * theta, m, s


NADAM = {  # the parts of NAdam's text that a mutant exchanges
    "now": "beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))",
    "later": "beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))",
    "gathered": "now * gathered + (1 - now)",
    "new": "(1 - now) * grad / gathered",
    "old": "later * m / (1 - later + later * gathered)",
    "root": "sqrt(s / (1 - beta2**t)) + eps",
}


def _nadam(description, **other):
    """A mutant of NAdam with one of those parts written otherwise."""
    part = {**NADAM, **other}

    @mutant("nadam", description)
    def _(theta, grad, m, s, gathered, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, momentum_decay=0.004, t):
        names = {**locals(), "sqrt": sqrt}
        names["m"] = beta1 * m + (1 - beta1) * grad
        names["s"] = beta2 * s + (1 - beta2) * grad**2
        for name in NADAM:
            names[name] = eval(part[name], {}, names)
        return theta - lr * (names["new"] + names["old"]) / names["root"], names["m"], names["s"], names["gathered"]


_nadam("a momentum that never warms up", now="beta1", later="beta1")
_nadam("warms up twice as fast", now="beta1 * (1 - 0.5 * 0.96 ** (2 * t * momentum_decay))")
_nadam("counts its warm-up from 0", now="beta1 * (1 - 0.5 * 0.96 ** ((t - 1) * momentum_decay))")
_nadam("warms up from nothing", now="beta1 * (1 - 0.96 ** (t * momentum_decay))")
_nadam("this step's momentum for the next one's", later="now")
_nadam("the next step's momentum for this one's", now="beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))")
_nadam("corrects as Adam does", new="(1 - now) * grad / (1 - beta1**t)", old="later * m / (1 - beta1 ** (t + 1))")
_nadam("corrects the average for this step, not the next", old="later * m / gathered")
_nadam("leaves the new gradient uncorrected", new="(1 - now) * grad")
_nadam("Adam's step without the blend", new="0 * grad", old="m / gathered")
_nadam("gathers what it should forget", gathered="(1 - now) * gathered + now")
_nadam("floor inside the root", root="sqrt(s / (1 - beta2**t) + eps)")
_nadam("no correction of the squares", root="sqrt(s) + eps")


# -- signs ---------------------------------------------------------------------------------------


@mutant("signum", "sign of the gradient, not of its average")
def _(theta, grad, m, *, lr, beta=0.9):
    return theta - lr * sign(grad), beta * m + (1 - beta) * grad


@mutant("signum", "average of signs")
def _(theta, grad, m, *, lr, beta=0.9):
    m = beta * m + (1 - beta) * sign(grad)
    return theta - lr * m, m


@mutant("signum", "no sign of zero")
def _(theta, grad, m, *, lr, beta=0.9):
    m = beta * m + (1 - beta) * grad
    return theta - lr * where(m >= 0, m * 0 + 1, m * 0 - 1), m


@mutant("lion", "one beta for both")
def _(theta, grad, m, *, lr, beta1=0.9, beta2=0.99, weight_decay=0.0):
    m = beta1 * m + (1 - beta1) * grad
    return (1 - lr * weight_decay) * theta - lr * sign(m), m


@mutant("lion", "betas swapped")
def _(theta, grad, m, *, lr, beta1=0.9, beta2=0.99, weight_decay=0.0):
    direction = sign(beta2 * m + (1 - beta2) * grad)
    return (1 - lr * weight_decay) * theta - lr * direction, beta1 * m + (1 - beta1) * grad


@mutant("lion", "blends with the new memory")
def _(theta, grad, m, *, lr, beta1=0.9, beta2=0.99, weight_decay=0.0):
    m = beta2 * m + (1 - beta2) * grad
    return (1 - lr * weight_decay) * theta - lr * sign(beta1 * m + (1 - beta1) * grad), m


@mutant("lion", "decay inside the sign")
def _(theta, grad, m, *, lr, beta1=0.9, beta2=0.99, weight_decay=0.0):
    grad = grad + weight_decay * theta
    return theta - lr * sign(beta1 * m + (1 - beta1) * grad), beta2 * m + (1 - beta2) * grad


# -- matrices ------------------------------------------------------------------------------------


def _muon(m, o, theta, lr, weight_decay, rms, big=maximum, turned=False):
    """The end of Muon's step with one part exchanged."""
    tall = columns(m) / rows(m) if turned else rows(m) / columns(m)
    scale = where(rms > 0, rms * sqrt(big(rows(m), columns(m))), sqrt(maximum(1.0, tall)))
    return (1 - lr * weight_decay) * theta - lr * scale * o, m


@mutant("muon", "no look-ahead blend")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    return _muon(m, orthogonal(m), theta, lr, weight_decay, rms)


@mutant("muon", "orthogonalises the gradient alone")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    return _muon(m, orthogonal(grad), theta, lr, weight_decay, rms)


@mutant("muon", "sign of each entry for the orthogonal matrix")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    return _muon(m, sign(beta * m + (1 - beta) * grad), theta, lr, weight_decay, rms)


@mutant("muon", "divides by the norm and leaves it at that")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    blend = beta * m + (1 - beta) * grad
    return _muon(
        m, blend / ((blend**2).sum(-1, keepdims=True).sum(-2, keepdims=True) ** 0.5 + 1e-30), theta, lr, weight_decay, rms
    )


@mutant("muon", "orthogonalises twice")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    return _muon(m, orthogonal(orthogonal(beta * m + (1 - beta) * grad)), theta, lr, weight_decay, rms)


@mutant("muon", "columns over rows")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    return _muon(m, orthogonal(beta * m + (1 - beta) * grad), theta, lr, weight_decay, rms, turned=True)


@mutant("muon", "rms by the shorter side")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    return _muon(m, orthogonal(beta * m + (1 - beta) * grad), theta, lr, weight_decay, rms, big=min)


@mutant("muon", "no decay")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    return _muon(m, orthogonal(beta * m + (1 - beta) * grad), theta, lr, 0.0, rms)


@mutant("muon_plain", "blends the gradient in once more")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    return _muon(m, orthogonal(beta * m + (1 - beta) * grad), theta, lr, weight_decay, rms)


@mutant("muon_plain", "steps by the memory before this gradient")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    return _muon(beta * m + (1 - beta) * grad, orthogonal(m), theta, lr, weight_decay, rms)


@mutant("muon", "one norm for a whole batch")
def _(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    m = beta * m + (1 - beta) * grad
    blend = (beta * m + (1 - beta) * grad).reshape(-1, m.shape[-1])
    return _muon(m, orthogonal(blend).reshape(m.shape), theta, lr, weight_decay, rms)


def _shampoo(wrong):
    """Shampoo with one part exchanged: ``wrong`` maps the name of a part to what takes its place."""
    part = {
        "squares": lambda g: g @ transpose(g),
        "keep": lambda old, new, beta2: beta2 * old + (1 - beta2) * new,
        "mean": lambda m, g, beta: beta * m + (1 - beta) * g,
        "unbias": lambda x, beta, t: x / (1 - beta**t),
        "unbias m": lambda x, beta, t: x / (1 - beta**t),
        "root": lambda x, eps: root(x, -1 / 4, eps),
        "step": lambda left, m, right, grad: left @ m @ right,
        **wrong,
    }

    def step(theta, grad, m, left, right, *, lr, beta=0.9, beta2=0.95, eps=1e-12, t):
        m = part["mean"](m, grad, beta)
        left = part["keep"](left, part["squares"](grad), beta2)
        right = part["keep"](right, part["squares"](transpose(grad)), beta2)
        before, behind = (part["root"](part["unbias"](x, beta2, t), eps) for x in (left, right))
        return theta - lr * part["step"](before, part["unbias m"](m, beta, t), behind, grad), m, left, right

    return step


for _what, _wrong in {
    "square root for fourth root": {"root": lambda x, eps: root(x, -1 / 2, eps)},
    "multiplies by the root": {"root": lambda x, eps: root(x, 1 / 4, eps)},
    "eps forgotten": {"root": lambda x, eps: root(x, -1 / 4, 0.0)},
    "eps a number, no share": {"root": lambda x, eps: root(x + eps * np.eye(x.shape[-1], dtype=x.dtype), -1 / 4, 0.0)},
    "root of each entry": {"root": lambda x, eps: where(x != 0, (absolute(x) + eps + 1e-30) ** (-1 / 4), x)},
    "one side only": {"step": lambda left, m, right, grad: left @ left @ m},
    "the other side only": {"step": lambda left, m, right, grad: m @ right @ right},
    "right root alone": {"step": lambda left, m, right, grad: m @ right},
    "steps along the gradient": {"step": lambda left, m, right, grad: left @ grad @ right},
    "climbs": {"step": lambda left, m, right, grad: -left @ m @ right},
    "half the rate": {"step": lambda left, m, right, grad: 0.5 * left @ m @ right},
    "sums the squares": {"keep": lambda old, new, beta2: old + new},
    "averages with the wrong weight": {"keep": lambda old, new, beta2: beta2 * old + new},
    "keeps the last squares only": {"keep": lambda old, new, beta2: new},
    "squares each entry": {"squares": lambda g: (g**2) @ transpose(g**2)},
    "a sum for m": {"mean": lambda m, g, beta: beta * m + g},
    "blends as Nesterov": {"mean": lambda m, g, beta: beta * (beta * m + (1 - beta) * g) + (1 - beta) * g},
    "roots with a start-up bias": {"unbias": lambda x, beta, t: x},
    "m with a start-up bias": {"unbias m": lambda x, beta, t: x},
    "unbiased by the next step's number": {"unbias": lambda x, beta, t: x / (1 - beta ** (t + 1))},
}.items():
    mutant("shampoo", _what)(_shampoo(_wrong))


@mutant("shampoo", "squares of m, not of the gradient")
def _(theta, grad, m, left, right, *, lr, beta=0.9, beta2=0.95, eps=1e-12, t):
    m = beta * m + (1 - beta) * grad
    left = beta2 * left + (1 - beta2) * m @ transpose(m)
    right = beta2 * right + (1 - beta2) * transpose(m) @ m
    m_hat, left_hat, right_hat = m / (1 - beta**t), left / (1 - beta2**t), right / (1 - beta2**t)
    return theta - lr * root(left_hat, -1 / 4, eps) @ m_hat @ root(right_hat, -1 / 4, eps), m, left, right


@mutant("shampoo", "roots of the memory before this gradient")
def _(theta, grad, m, left, right, *, lr, beta=0.9, beta2=0.95, eps=1e-12, t):
    m = beta * m + (1 - beta) * grad
    step = root(left, -1 / 4, eps) @ (m / (1 - beta**t)) @ root(right, -1 / 4, eps)
    left = beta2 * left + (1 - beta2) * grad @ transpose(grad)
    right = beta2 * right + (1 - beta2) * transpose(grad) @ grad
    return theta - lr * step, m, left, right


@mutant("shampoo", "one memory for a whole batch")
def _(theta, grad, m, left, right, *, lr, beta=0.9, beta2=0.95, eps=1e-12, t):
    new = grad @ transpose(grad)
    left = beta2 * left + (1 - beta2) * (new if new.ndim == 2 else new.mean(0))
    right = beta2 * right + (1 - beta2) * transpose(grad) @ grad
    m = beta * m + (1 - beta) * grad
    m_hat, left_hat, right_hat = m / (1 - beta**t), left / (1 - beta2**t), right / (1 - beta2**t)
    return theta - lr * root(left_hat, -1 / 4, eps) @ m_hat @ root(right_hat, -1 / 4, eps), m, left, right


def _soap(wrong):
    """SOAP with one part exchanged: ``wrong`` maps the name of a part to what takes its place."""
    part = {
        "basis": eigenvectors,
        "count": lambda t: maximum(t - 1, 1),
        "m": lambda m, g, beta1, t: where(t > 1, beta1 * m + (1 - beta1) * g, m),
        "s": lambda s, seen, beta2: beta2 * s + (1 - beta2) * seen**2,
        "there": lambda p, x, q: transpose(p) @ x @ q,
        "back": lambda p, x, q: p @ x @ transpose(q),
        "ratio": lambda m, s, eps: m / (sqrt(s) + eps),
        "keep": lambda old, new, beta2: beta2 * old + (1 - beta2) * new,
        "before": lambda old, new: old,
        "hat m": lambda m, beta, k: m / (1 - beta**k),
        "hat s": lambda s, beta, k: s / (1 - beta**k),
        **wrong,
    }

    def step(theta, grad, m, s, left, right, *, lr, beta1=0.95, beta2=0.95, eps=1e-8, t):
        after = part["keep"](left, grad @ transpose(grad), beta2), part["keep"](right, transpose(grad) @ grad, beta2)
        p, q = (part["basis"](part["before"](old, new)) for old, new in zip((left, right), after, strict=True))
        k, m = part["count"](t), part["m"](m, grad, beta1, t)
        s = part["s"](s, part["there"](p, grad, q), beta2)
        turned = part["there"](p, part["hat m"](m, beta1, k), q)
        return theta - lr * part["back"](p, part["ratio"](turned, part["hat s"](s, beta2, k), eps), q), m, s, *after

    return step


for _what, _wrong in {
    "basis of the memory with this gradient in it": {"before": lambda old, new: new},
    "Adam in the coordinates": {"basis": lambda x: 0 * x + np.eye(x.shape[-1], dtype=x.dtype)},
    "eigenvectors as rows": {"basis": lambda x: transpose(eigenvectors(x))},
    "s of one row for all": {"s": lambda s, seen, beta2: beta2 * s + (1 - beta2) * (seen**2 + 0 * s)[..., :1, :]},
    "turns the other way": {"there": lambda p, x, q: p @ x @ transpose(q), "back": lambda p, x, q: transpose(p) @ x @ q},
    "does not turn the step back": {"back": lambda p, x, q: x},
    "turns one side only": {"there": lambda p, x, q: transpose(p) @ x, "back": lambda p, x, q: p @ x},
    "counts the first step": {"count": lambda t: t},
    "m takes the first gradient": {"m": lambda m, g, beta1, t: beta1 * m + (1 - beta1) * g},
    "a sum for m": {"m": lambda m, g, beta1, t: where(t > 1, beta1 * m + g, m)},
    "s sums": {"s": lambda s, seen, beta2: s + seen**2},
    "s of the size, not the square": {"s": lambda s, seen, beta2: beta2 * s + (1 - beta2) * absolute(seen)},
    "the last square only": {"s": lambda s, seen, beta2: seen**2},
    "no root": {"ratio": lambda m, s, eps: m / (s + eps)},
    "eps below the root": {"ratio": lambda m, s, eps: m / sqrt(s + eps)},
    "climbs": {"ratio": lambda m, s, eps: -m / (sqrt(s) + eps)},
    "half the rate": {"ratio": lambda m, s, eps: 0.5 * m / (sqrt(s) + eps)},
    "m with a start-up bias": {"hat m": lambda m, beta, k: m},
    "s with a start-up bias": {"hat s": lambda s, beta, k: s},
    "keeps the last squares only": {"keep": lambda old, new, beta2: new},
    "sums the squares": {"keep": lambda old, new, beta2: old + new},
}.items():
    mutant("soap", _what)(_soap(_wrong))


# -- averages of points --------------------------------------------------------------------------


@mutant("schedule_free", "leaves the start out of the mean")
def _(theta, grad, z, *, lr, beta=0.9, t):
    z = z - lr * grad
    return theta + (z - theta) / t, z


@mutant("schedule_free", "a mean that forgets")
def _(theta, grad, z, *, lr, beta=0.9, t):
    z = z - lr * grad
    return beta * theta + (1 - beta) * z, z


@mutant("schedule_free", "averages the old point in")
def _(theta, grad, z, *, lr, beta=0.9, t):
    return theta + (z - theta) / (t + 1), z - lr * grad


@mutant("schedule_free", "looks where it stands", look=None)
def _(theta, grad, z, *, lr, beta=0.9, t):
    z = z - lr * grad
    return theta + (z - theta) / (t + 1), z


@mutant("schedule_free", "looks with the weights swapped", look=lambda theta, z, *, lr, beta: beta * z + (1 - beta) * theta)
def _(theta, grad, z, *, lr, beta=0.9, t):
    z = z - lr * grad
    return theta + (z - theta) / (t + 1), z


@mutant("schedule_free", "starts at the origin", slots={"z": 0})
def _(theta, grad, z, *, lr, beta=0.9, t):
    z = z - lr * grad
    return theta + (z - theta) / (t + 1), z


@mutant("generalised_primal_averaging", "averages the old point in")
def _(theta, grad, z, *, lr, mu_x=0.9, mu_y=0.7):
    return mu_x * theta + (1 - mu_x) * z, z - lr * grad


@mutant("generalised_primal_averaging", "keeps the share that it should give")
def _(theta, grad, z, *, lr, mu_x=0.9, mu_y=0.7):
    z = z - lr * grad
    return (1 - mu_x) * theta + mu_x * z, z


@mutant("generalised_primal_averaging", "one share for mean and look")
def _(theta, grad, z, *, lr, mu_x=0.9, mu_y=0.7):
    z = z - lr * grad
    return mu_y * theta + (1 - mu_y) * z, z


@mutant("generalised_primal_averaging", "steps from the mean")
def _(theta, grad, z, *, lr, mu_x=0.9, mu_y=0.7):
    z = theta - lr * grad
    return mu_x * theta + (1 - mu_x) * z, z


@mutant("generalised_primal_averaging", "looks where it stands", look=None)
def _(theta, grad, z, *, lr, mu_x=0.9, mu_y=0.7):
    z = z - lr * grad
    return mu_x * theta + (1 - mu_x) * z, z


@mutant(
    "generalised_primal_averaging",
    "looks with the weights swapped",
    look=lambda theta, z, *, lr, mu_x, mu_y: (1 - mu_y) * theta + mu_y * z,
)
def _(theta, grad, z, *, lr, mu_x=0.9, mu_y=0.7):
    z = z - lr * grad
    return mu_x * theta + (1 - mu_x) * z, z


@mutant(
    "generalised_primal_averaging",
    "looks with the mean's share",
    look=lambda theta, z, *, lr, mu_x, mu_y: mu_x * theta + (1 - mu_x) * z,
)
def _(theta, grad, z, *, lr, mu_x=0.9, mu_y=0.7):
    z = z - lr * grad
    return mu_x * theta + (1 - mu_x) * z, z


@mutant("generalised_primal_averaging", "starts at the origin", slots={"z": 0})
def _(theta, grad, z, *, lr, mu_x=0.9, mu_y=0.7):
    z = z - lr * grad
    return mu_x * theta + (1 - mu_x) * z, z


# -- mixtures of memories ------------------------------------------------------------------------


@mutant("qhm", "the shares swapped")
def _(theta, grad, m, *, lr, beta=0.999, nu=0.7):
    m = beta * m + (1 - beta) * grad
    return theta - lr * (nu * grad + (1 - nu) * m), m


@mutant("qhm", "blends with the old average")
def _(theta, grad, m, *, lr, beta=0.999, nu=0.7):
    return theta - lr * ((1 - nu) * grad + nu * m), beta * m + (1 - beta) * grad


@mutant("qhm", "sum for average")
def _(theta, grad, m, *, lr, beta=0.999, nu=0.7):
    m = beta * m + grad
    return theta - lr * ((1 - nu) * grad + nu * m), m


@mutant("qhm", "adds the gradient whole")
def _(theta, grad, m, *, lr, beta=0.999, nu=0.7):
    m = beta * m + (1 - beta) * grad
    return theta - lr * (grad + nu * m), m


@mutant("qhm", "beta for the share")
def _(theta, grad, m, *, lr, beta=0.999, nu=0.7):
    m = beta * m + (1 - beta) * grad
    return theta - lr * ((1 - beta) * grad + beta * m), m


@mutant("two_memory_momentum", "the shares swapped")
def _(theta, grad, m, slow, *, lr, beta1=0.75, beta2=0.9722, nu=0.5):
    m = beta1 * m + (1 - beta1) * grad
    slow = beta2 * slow + (1 - beta2) * grad
    return theta - lr * (nu * m + (1 - nu) * slow), m, slow


@mutant("two_memory_momentum", "the momenta swapped")
def _(theta, grad, m, slow, *, lr, beta1=0.75, beta2=0.9722, nu=0.5):
    m = beta2 * m + (1 - beta2) * grad
    slow = beta1 * slow + (1 - beta1) * grad
    return theta - lr * ((1 - nu) * m + nu * slow), m, slow


@mutant("two_memory_momentum", "the long memory averages the short one")
def _(theta, grad, m, slow, *, lr, beta1=0.75, beta2=0.9722, nu=0.5):
    m = beta1 * m + (1 - beta1) * grad
    slow = beta2 * slow + (1 - beta2) * m
    return theta - lr * ((1 - nu) * m + nu * slow), m, slow


@mutant("two_memory_momentum", "steps along the old long memory")
def _(theta, grad, m, slow, *, lr, beta1=0.75, beta2=0.9722, nu=0.5):
    m = beta1 * m + (1 - beta1) * grad
    return theta - lr * ((1 - nu) * m + nu * slow), m, beta2 * slow + (1 - beta2) * grad


@mutant("two_memory_momentum", "one memory of the same mean age")
def _(theta, grad, m, slow, *, lr, beta1=0.75, beta2=0.9722, nu=0.5):
    age = (1 - nu) * beta1 / (1 - beta1) + nu * beta2 / (1 - beta2)
    m = age / (1 + age) * m + (1 - age / (1 + age)) * grad
    return theta - lr * m, m, slow


@mutant("two_memory_momentum", "adds both memories whole")
def _(theta, grad, m, slow, *, lr, beta1=0.75, beta2=0.9722, nu=0.5):
    m = beta1 * m + (1 - beta1) * grad
    slow = beta2 * slow + (1 - beta2) * grad
    return theta - lr * (m + nu * slow), m, slow


ADEMAMIX = {  # the parts of AdEMAMix's text that a mutant exchanges
    "slow": "beta3 * slow + (1 - beta3) * grad",
    "blend": "m / (1 - beta1**t) + alpha * slow",
    "below": "sqrt(s / (1 - beta2**t)) + eps",
    "kept": "(1 - lr * weight_decay) * theta",
}


def _ademamix(description, **other):
    """A mutant of AdEMAMix with one of those parts written otherwise."""
    part = {**ADEMAMIX, **other}

    @mutant("ademamix", description)
    def _(theta, grad, m, slow, s, *, lr, beta1=0.9, beta2=0.999, beta3=0.9999, alpha=5.0, eps=1e-8, weight_decay=0.0, t):
        names = {**locals(), "sqrt": sqrt}
        names["m"] = beta1 * m + (1 - beta1) * grad
        names["s"] = beta2 * s + (1 - beta2) * grad**2
        for name in ADEMAMIX:
            names[name] = eval(part[name], {}, names)
        return names["kept"] - lr * names["blend"] / names["below"], names["m"], names["slow"], names["s"]


_ademamix("corrects the slow average, too", blend="m / (1 - beta1**t) + alpha * slow / (1 - beta3**t)")
_ademamix("corrects neither average", blend="m + alpha * slow")
_ademamix("mixes by shares", blend="(m / (1 - beta1**t) + alpha * slow) / (1 + alpha)")
_ademamix("no slow average in the step", blend="m / (1 - beta1**t)")
_ademamix("weighs the fast average", blend="alpha * m / (1 - beta1**t) + slow")
_ademamix("beta2 for beta3", slow="beta2 * slow + (1 - beta2) * grad")
_ademamix("the slow average averages the fast one", slow="beta3 * slow + (1 - beta3) * m")
_ademamix("sum for slow average", slow="beta3 * slow + grad")
_ademamix("no correction of the squares", below="sqrt(s) + eps")
_ademamix("floor inside the root", below="sqrt(s / (1 - beta2**t) + eps)")
_ademamix("no decay", kept="theta")
_ademamix("decay that forgets the rate", kept="(1 - weight_decay) * theta")


PRICEY = "grid_equals_single_runs"  # nine tenths of the table's time: it is asked where no other property has objected
IN_TURN = sorted(PROPERTIES, key=lambda name: name == PRICEY)


@functools.cache
def notices(name, rule):
    """Whether the rule fails this property."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a broken rule may overflow; what counts is the assertion
            PROPERTIES[name](rule)
    except (AssertionError, TypeError, ValueError, AttributeError):
        return True
    return False


@pytest.mark.parametrize("name", MUTANTS)
def test_the_table_kills(name, record_property):
    """A wrong rule that every property lets pass."""
    killer = next((each for each in IN_TURN if notices(each, MUTANTS[name])), None)
    record_property("measured", f"mutant killed by {killer}  {name}")
    assert killer, f"the mutant {name!r} survives the whole table"


@pytest.mark.parametrize("name", ["heavy_ball", "nesterov", "adam", "muon"])
def test_what_makes_a_mutant_breaks_nothing_by_itself(name):
    """A right rule that goes the mutants' way fails no property; test_rules asks the same of each rule as it is."""
    mutant(name, "right")(R[name].fn)
    right = MUTANTS.pop(f"{name}: right")
    assert [each for each in IN_TURN if notices(each, right)] == []


def test_every_behaviour_property_kills_something():
    """A property that cannot fail. (Two of them read text and signature, which a mutant keeps.)"""
    useful = {name for name in PROPERTIES if any(notices(name, rule) for rule in MUTANTS.values())}
    assert useful >= set(PROPERTIES) - {"says_where_it_comes_from", "is_fit_for_a_menu"}


def test_there_are_enough_mutants():
    """A list that shrank: every rule that has its own row of settings has at least one mutant."""
    assert len(MUTANTS) >= 115
    assert {rule.name for rule in MUTANTS.values()} >= set(SETTINGS)
