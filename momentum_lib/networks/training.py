"""Training a small network, or many at once, with any rule of the library."""

from dataclasses import dataclass

import numpy as np

from ..conventions import form
from ..core import check_hyper, check_rule, check_steps
from ..theory import momentum_edge
from .data import batches


@dataclass(frozen=True)
class Training:
    """What became of a training; ``...`` are the axes of many networks, none for a single one.

    ``theta``      (..., P)       the parameters that the rule reports at the end
    ``losses``     (steps, ...)   the loss of each step on the rows and at the point where its gradient was measured
    ``at``         (m,)           how many steps were made when the sharpness was measured; 0 is the start
    ``sharpness``  (m, ...)       the largest eigenvalue of the Hessian on all rows, at the point that the rule reports

    ``memory``     (point, states, steps done), from which :func:`train` goes on: the point at which the rule stands, for
                   each block that it moves its slots, and how many steps were made since the start

    A network that has left the finite world has loss inf, and sharpness NaN, from then on.
    """

    rule: object
    theta: np.ndarray
    losses: np.ndarray
    at: np.ndarray
    sharpness: np.ndarray
    memory: tuple


def edge(rule, *, lr, beta=0.0):
    """The sharpness beyond which a rule cannot stay: 2(1+beta)/lr for heavy ball, divided by 1 + 2 beta for Nesterov.

    ``rule``: gradient_descent or a momentum convention (``conventions.form``), the rule or its name; ``lr`` and ``beta``
    numbers or arrays.  On a quadratic of this curvature the error neither grows nor fades; it is
    ``theory.momentum_edge`` read the other way round, for there the product of rate and curvature is what counts.
    Raises ValueError for a rule without a closed form.
    Source: Cohen et al. 2021, arXiv:2103.00065.
    """
    return momentum_edge(lr, beta, **form(rule))


def train(net, data, rule, start, steps, *, batch=None, seed=0, every=0, **hyper):
    """Train from ``start`` (..., P) for ``steps`` steps and return a :class:`Training`.

    ``start``  parameters, or a :class:`Training` to go on from: with its memory, and with this rule and these numbers
               from now on.  The rule has as many slots as the one before.
    ``batch``  rows a step; None takes all of them
    ``seed``   of the batches' order (:func:`batches`): a whole number, or one for each network, shape (...)
    ``every``  measure the sharpness before each ``every``-th step and at the end; 0 measures none
    ``hyper``  a number; or one for each network, shape (...); or a schedule, shape (steps,) for a single network and
               (steps, ...) for many, where an axis of length 1 stands for all

    Axes in front are many networks: a grid of rates times seeds trains in one call, with the arithmetic of single runs.
    A rule that moves a whole matrix moves each layer's by itself, and a bias as a matrix of one column.
    Raises TypeError and ValueError for what does not fit.
    """
    check_rule(rule)
    steps, (theta, states, before) = check_steps(steps), _begin(net, rule, start)
    lead = theta.shape[:-1]
    hyper = {name: _timed(name, value, steps, lead) for name, value in check_hyper(rule, hyper, unstable=None).items()}
    order = None if batch is None else _orders(len(data), batch, before + steps, seed, lead)[before:]
    blocks = _blocks(net, theta) if rule.matrix else [theta]
    losses, at, sharpness = [], [], []
    now = _now(hyper, 0, blocks)

    def reported():
        return _whole([rule.read(b, *s, **h) for b, s, h in zip(blocks, states, now, strict=True)], theta.shape)

    with np.errstate(all="ignore"):
        for t in range(steps + 1):
            if every and (t % every == 0 or t == steps):
                at.append(before + t)
                sharpness.append(_measure(net, data, reported()))
            if t == steps:
                break
            now = _now(hyper, t, blocks)
            look = _whole([rule.look(b, *s, **h) for b, s, h in zip(blocks, states, now, strict=True)], theta.shape)
            loss, grad = net.loss_and_gradient(look, data if order is None else data.take(order[t]))
            losses.append(np.where(np.isfinite(loss), loss, np.inf))
            grads = _blocks(net, grad) if rule.matrix else [grad]
            moved = [rule.step(b, g, s, h, before + t + 1) for b, g, s, h in zip(blocks, grads, states, now, strict=True)]
            blocks, states = [block for block, _ in moved], [state for _, state in moved]
        end = reported()
    return Training(
        rule=rule,
        theta=end,
        losses=np.array(losses).reshape(steps, *lead),
        at=np.array(at, dtype=int),
        sharpness=np.array(sharpness).reshape(len(at), *lead),
        memory=(_whole(blocks, theta.shape), states, before + steps),
    )


def _begin(net, rule, start):
    """Where a training begins: the point (a copy), the slots of each block, and how many steps were made before."""
    if not isinstance(start, Training):
        theta = np.array(net._checked(start))
        return theta, [rule.init(block) for block in (_blocks(net, theta) if rule.matrix else [theta])], 0
    point, states, before = start.memory
    if len(start.rule.slots) != len(rule.slots) or start.rule.matrix != rule.matrix:
        raise ValueError(
            f"{rule.name} cannot go on with the memory of {start.rule.name}: it keeps {', '.join(rule.slots) or 'nothing'}, "
            f"and that one {', '.join(start.rule.slots) or 'nothing'}. Begin anew with run.theta."
        )
    return np.array(net._checked(point)), states, before


def _timed(name, value, steps, lead):
    """A hyper-parameter as an array whose first axis is time, (1 or steps, *broadcastable to lead)."""
    array = np.asarray(value, dtype=float)
    try:
        if array.ndim == len(lead) + 1 and len(array) == steps:
            np.broadcast_to(array, (steps, *lead))
            return array
        return np.broadcast_to(array, lead)[None] if array.ndim else array[None]
    except ValueError:
        pass
    raise ValueError(
        f"{name} has shape {array.shape}; allowed: one number, one for each network {lead}, or a schedule {(steps, *lead)}, "
        "where an axis of length 1 stands for all."
    )


def _orders(rows, batch, steps, seed, lead):
    """The rows of each step: (steps, size), or (steps, ..., size) where each network has a seed of its own."""
    if np.ndim(seed) == 0:
        return batches(rows, batch, steps, int(seed))
    seeds = np.broadcast_to(np.asarray(seed), lead)
    made = {s: batches(rows, batch, steps, int(s)) for s in np.unique(seeds)}
    return np.moveaxis(np.array([made[s] for s in seeds.ravel()]), 1, 0).reshape(steps, *lead, batch)


def _blocks(net, theta):
    """The matrices that a matrix rule moves: each layer's weights, each bias as one column."""
    return [part for w, b in net.split(theta) for part in (w, b[..., None])]


def _whole(blocks, shape):
    return blocks[0] if len(blocks) == 1 else np.concatenate([b.reshape(*shape[:-1], -1) for b in blocks], axis=-1)


def _now(hyper, t, blocks):
    """The hyper-parameters of step t for each block, with axes of length 1 behind those of the networks."""
    now = {name: value[min(t, len(value) - 1)] for name, value in hyper.items()}
    return [
        {n: v.reshape(v.shape + (1,) * (b.ndim - v.ndim)).astype(b.dtype) if v.ndim else float(v) for n, v in now.items()}
        for b in blocks
    ]


def _measure(net, data, theta):
    """The sharpness of each network, shape (...); NaN where one has left the finite world."""
    flat = theta.reshape(-1, net.count).astype(float)
    finite, found = np.isfinite(net.gradient(flat, data)).all(axis=-1), np.full(len(flat), np.nan)
    found[finite] = net._sharpnesses(flat[finite], data)[0]
    return found.reshape(theta.shape[:-1])
