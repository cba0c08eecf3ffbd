"""A small fully connected network: what it says, its loss, its gradient and its Hessian, exact and in plain NumPy."""

from itertools import pairwise

import numpy as np

from ..core import check_floating, nearest
from ..draws import draw_noise
from .sharpness import largest_eigenvalues

LOSSES = ("squared", "cross-entropy")
ROOM = 200_000
"""Numbers of a layer, of all networks, that a processor's cache holds: of more networks at once a pass is half as fast."""


class Network:
    """A fully connected network with tanh after every layer but the last; one vector holds its parameters.

    ``sizes``  how many units each layer has, inputs first: ``(64, 32, 10)``
    ``loss``   "squared": the squares of the errors, summed over outputs, averaged over rows, halved;
               "cross-entropy": minus the logarithm of the softmax's share of the right class, averaged over rows
    ``count``  the number P of parameters
    ``shapes`` of each layer's matrix (outputs, inputs) and bias (outputs,), in the order in which ``theta`` holds them

    ``theta`` has shape (..., P): axes in front are many networks at once, and what is computed keeps them.
    Data are :class:`Rows`, anything with ``x`` and ``y``.

    >>> net = Network((1, 12, 12, 1))
    >>> net.count
    193
    """

    def __init__(self, sizes, loss="squared"):
        sizes = tuple(sizes)
        if len(sizes) < 2 or not all(isinstance(size, (int, np.integer)) and size >= 1 for size in sizes):
            raise ValueError(f"sizes is {sizes!r}; allowed: two or more whole numbers >= 1, such as (64, 32, 10).")
        if loss not in LOSSES:
            raise ValueError(nearest(loss, LOSSES, "loss"))
        self.sizes, self.loss_name = sizes, loss
        self.shapes = [shape for inputs, outputs in pairwise(sizes) for shape in ((outputs, inputs), (outputs,))]
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes]).tolist()
        self._places = list(zip([0, *ends[:-1]], ends, self.shapes, strict=True))
        self.count = ends[-1]

    def __repr__(self):
        return f"<network {'-'.join(map(str, self.sizes))}, {self.loss_name}: {self.count} parameters>"

    # -- parameters ------------------------------------------------------------------------------

    def start(self, seed=0):
        """Parameters to begin with, shape (P,): weights with standard deviation 1/sqrt(inputs), biases 0.

        The draws are those of :func:`momentum_lib.draws.draw_noise`, which the browser makes, too, bit for bit.
        """
        draws, theta = draw_noise(self.count, seed), np.zeros(self.count)
        for start, end, shape in self._places:
            if len(shape) == 2:
                theta[start:end] = draws[start:end] / np.sqrt(shape[1])
        return theta

    def starts(self, seeds):
        """One start for each seed, shape (seeds, P)."""
        return np.stack([self.start(seed) for seed in seeds])

    def split(self, theta):
        """The layers as views of ``theta``: a list of (matrix (..., outputs, inputs), bias (..., outputs))."""
        theta = self._checked(theta)
        parts = [theta[..., start:end].reshape(*theta.shape[:-1], *shape) for start, end, shape in self._places]
        return list(zip(parts[::2], parts[1::2], strict=True))

    def join(self, layers):
        """The inverse of :meth:`split`: (..., P) from matrices and biases."""
        parts = [part for layer in layers for part in layer]
        lead = parts[1].shape[:-1]
        return np.concatenate([part.reshape(*lead, -1) for part in parts], axis=-1)

    # -- what it says ----------------------------------------------------------------------------

    def outputs(self, theta, x):
        """What the network answers to inputs (..., rows, inputs): numbers (..., rows, outputs), before any softmax."""
        return self._activations(self.split(theta), self._inputs(x))[-1]

    def probabilities(self, theta, x):
        """The softmax of the outputs: shares of the classes that sum to 1, shape (..., rows, outputs)."""
        return _softmax(self.outputs(theta, x))

    def accuracy(self, theta, data):
        """The share of rows whose class has the largest output, shape (...)."""
        return (self.outputs(theta, data.x).argmax(axis=-1) == data.y).mean(axis=-1)

    # -- loss, gradient, curvature ---------------------------------------------------------------

    def loss(self, theta, data):
        """The loss on the rows, shape (...)."""
        return self._loss_and_slope(self.outputs(theta, data.x), self._targets(data))[0][()]

    def gradient(self, theta, data):
        """The gradient of the loss, shaped like ``theta``."""
        return self.loss_and_gradient(theta, data)[1]

    def loss_and_gradient(self, theta, data):
        """The loss (...) and its gradient (..., P), from one pass forward and one back."""
        theta = self._checked(theta)
        lead, some = theta.shape[:-1], max(1, ROOM // (np.shape(data.x)[-2] * max(self.sizes)))
        if np.ndim(data.x) > 2 or some >= np.prod(lead, dtype=int):
            return self._pass(theta, data)
        flat = theta.reshape(-1, self.count)
        loss, gradient = zip(*(self._pass(flat[k : k + some], data) for k in range(0, len(flat), some)), strict=True)
        return np.concatenate(loss).reshape(lead), np.concatenate(gradient).reshape(theta.shape)

    def _pass(self, theta, data):
        layers, y = self.split(theta), self._targets(data)
        a = self._activations(layers, self._inputs(data.x))
        (loss, slope), found = self._loss_and_slope(a[-1], y), []
        d = slope / a[-1].shape[-2]
        for (w, _), before in zip(layers[::-1], a[-2::-1], strict=True):
            found.append((_t(d) @ before, d.sum(axis=-2)))
            d = (d @ w) * (1 - before**2) if before is not a[0] else None
        return loss[()], self.join(found[::-1])

    def hessian_product(self, theta, v, data):
        """The Hessian of the loss times ``v`` (..., P), exact, for about the price of two gradients.

        Source: Pearlmutter 1994, doi:10.1162/neco.1994.6.1.147.
        """
        return self._hessian_at(theta, data)(v)

    def _hessian_at(self, theta, data):
        """The function v -> Hessian times v at one point, for many products: what does not rest on v is done once."""
        layers, y, last = self.split(theta), self._targets(data), len(self.sizes) - 2
        a = self._activations(layers, self._inputs(data.x))
        rows, curves = a[-1].shape[-2], [1 - part**2 for part in a]
        backs, d = [], self._loss_and_slope(a[-1], y)[1] / a[-1].shape[-2]
        for k in range(last, -1, -1):
            backs.append((d, d @ layers[k][0] if k > 0 else None))
            d = backs[-1][1] * curves[k] if k > 0 else None

        def times(v):
            turns, slopes = self.split(v), [None]
            for k, ((w, _), (vw, vb)) in enumerate(zip(layers, turns, strict=True)):
                slope = a[k] @ _t(vw) + vb[..., None, :]
                if k > 0:
                    slope = slope + slopes[k] @ _t(w)
                slopes.append(slope * curves[k + 1] if k < last else slope)
            e, found = self._bend(a[-1], slopes[-1]) / rows, []
            for k, (d, back) in zip(range(last, -1, -1), backs, strict=True):
                matrix = _t(e) @ a[k]
                found.append((matrix + _t(d) @ slopes[k] if k > 0 else matrix, e.sum(axis=-2)))
                if k > 0:
                    e = (e @ layers[k][0] + d @ turns[k][0]) * curves[k] - 2 * back * a[k] * slopes[k]
            return self.join(found[::-1])

        return times

    def hessian(self, theta, data):
        """The whole Hessian (P, P) of one network; P products, so for small networks only."""
        theta = self._one(theta)
        return self.hessian_product(np.broadcast_to(theta, (self.count, self.count)), np.eye(self.count), data)

    def sharpness(self, theta, data, tol=1e-6):
        """The largest eigenvalue of the Hessian of one network, in units of the loss, and its unit eigenvector (P,).

        ``tol``: the error allowed in the direction; the eigenvalue's relative error is about its square.  It begins anew from
        one fixed draw each time: from the eigenvector of the step before it would miss an eigenvalue that has overtaken, for
        that vector is an eigenvector still.
        Raises ValueError for parameters that are not finite.
        """
        values, vectors = self._sharpnesses(self._one(theta)[None], data, tol)
        return float(values[0]), vectors[0]

    def _sharpnesses(self, theta, data, tol=1e-6):
        """The same of many networks (m, P) at once: (m,) and (m, P)."""
        starts = np.broadcast_to(draw_noise(self.count, 1), theta.shape)
        return largest_eigenvalues(lambda which: self._hessian_at(theta[which], data), starts, tol)

    def on(self, data):
        """The loss on these rows as a surface: ``descend(rule, net.on(data), start=net.start(1), ...)``."""
        return LossSurface(self, data)

    # -- the parts -------------------------------------------------------------------------------

    def _checked(self, theta):
        check_floating(theta, "theta")
        if np.ndim(theta) < 1 or theta.shape[-1] != self.count:
            raise ValueError(
                f"theta has shape {np.shape(theta)}; a {'-'.join(map(str, self.sizes))} network needs (..., {self.count}), "
                "one number for each parameter. Begin with net.start(seed)."
            )
        return theta

    def _one(self, theta):
        if np.shape(self._checked(theta)) != (self.count,):
            raise ValueError(f"theta has shape {np.shape(theta)}; here one network at a time, shape ({self.count},).")
        return theta

    def _inputs(self, x):
        if np.ndim(x) < 2 or np.shape(x)[-1] != self.sizes[0]:
            raise ValueError(f"x has shape {np.shape(x)}; allowed: (..., rows, {self.sizes[0]}), one column for each input.")
        return x

    def _targets(self, data):
        """Classes for cross-entropy; rows of numbers for the squared loss."""
        y, classes = np.asarray(data.y), np.asarray(data.y).dtype.kind in "iu"
        if self.loss_name == "cross-entropy" and not classes:
            raise ValueError(f"cross-entropy needs classes, whole numbers from 0 to {self.sizes[-1] - 1}; y has dtype {y.dtype}.")
        if classes and (y.min() < 0 or y.max() >= self.sizes[-1]):
            raise ValueError(f"y has classes from {y.min()} to {y.max()}; allowed: 0 to {self.sizes[-1] - 1}, the outputs.")
        return np.eye(self.sizes[-1], dtype=np.asarray(data.x).dtype)[y] if classes else y

    def _activations(self, layers, x):
        """The inputs, each layer's activations, the outputs."""
        a = [x]
        for k, (w, b) in enumerate(layers, 1):
            z = a[-1] @ _t(w) + b[..., None, :]
            a.append(np.tanh(z) if k < len(layers) else z)
        return a

    def _loss_and_slope(self, z, y):
        """The loss, and its slope in the outputs times the number of rows."""
        if self.loss_name == "squared":
            return ((z - y) ** 2).sum(axis=-1).mean(axis=-1) / 2, z - y
        e, top = _exponentials(z)
        whole = e.sum(axis=-1, keepdims=True)
        return (np.log(whole) + top - (z * y).sum(axis=-1, keepdims=True))[..., 0].mean(axis=-1), e / whole - y

    def _bend(self, z, slope):
        """How that slope changes when the outputs move by ``slope``."""
        if self.loss_name == "squared":
            return slope
        p = _softmax(z)
        return p * (slope - (p * slope).sum(axis=-1, keepdims=True))


def _t(a):
    """The last two axes exchanged."""
    return np.swapaxes(a, -1, -2)


def _exponentials(z):
    """The exponentials of the outputs less the largest of each row, and that one: no softmax overflows."""
    top = z.max(axis=-1, keepdims=True)
    return np.exp(z - top), top


def _softmax(z):
    e, _ = _exponentials(z)
    return e / e.sum(axis=-1, keepdims=True)


class LossSurface:
    """A network's loss on fixed rows, with what :func:`descend` and :func:`sweep` ask of a surface.

    Points have shape (P,), or (P, *batch) from a sweep.
    """

    minima = ()

    def __init__(self, net, data):
        self.net, self.data, self.dim = net, data, net.count
        self.name = f"loss of {'-'.join(map(str, net.sizes))}"

    @property
    def start(self):
        """The network's start of seed 0."""
        return self.net.start()

    def value(self, theta):
        """The loss, shape (*batch)."""
        return self.net.loss(np.moveaxis(theta, 0, -1), self.data)

    def gradient(self, theta):
        """Its gradient, shaped like ``theta``."""
        return np.moveaxis(self.net.gradient(np.moveaxis(theta, 0, -1), self.data), -1, 0)
