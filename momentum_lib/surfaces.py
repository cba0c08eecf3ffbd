"""Test functions: the ravine and its relatives, each with gradient, domain, start and minima.

A surface is written once, as a function of its coordinates, with its gradient beside it.
The same text serves NumPy, torch, JavaScript and LaTeX::

    f = surfaces.ravine(kappa=100)      # bind parameters
    f.value(theta), f.gradient(theta)   # theta of shape (dim,) or (dim, *batch)
"""

import inspect
import re
from numbers import Integral, Real

import numpy as np

from .core import check_floating, is_known, nearest, total
from .ops import cos, exp, sin, where
from .ranges import Range, real_numbers, told


def as_points(surface, theta):
    """Points as a floating array or tensor of shape (dim, *batch); a list of numbers becomes float64.

    Raises TypeError for what are no floating numbers, ValueError for another number of coordinates.
    """
    if not hasattr(theta, "reshape"):
        theta = real_numbers("theta", theta).astype(float)
    check_floating(theta, "theta")
    if theta.shape[:1] != (surface.dim,):
        raise ValueError(
            f"{surface.name} takes points of shape ({surface.dim}, ...), coordinates first; got {tuple(theta.shape)}. "
            "Transpose an array that has one point per row."
        )
    return theta


class Surface:
    """A function to descend, with everything a picture or a test needs to know of it.

    ``value(theta)``     theta (dim, *batch) -> (*batch)
    ``gradient(theta)``  theta (dim, *batch) -> (dim, *batch)
    ``hessian(theta)``   theta (dim,) -> (dim, dim), where the text gives one
    ``domain``           ((low, high), ...) per coordinate: what a picture shows
    ``start``            a good first point, as a tuple
    ``minima``           the global minima, as a list of tuples; empty if there are none
    ``params``           parameter name -> value; call the surface to bind others

    NumPy arrays and torch tensors are both welcome.
    """

    def __init__(self, fn, *, domain, start, minima, title=None):
        self.fn = fn
        self.name = fn.__name__
        self.title = title or self.name.replace("_", " ").capitalize()
        self.domain = domain
        self.start = start
        self.minima = minima
        self.__doc__ = self.doc = inspect.cleandoc(fn.__doc__ or "")
        parameters = inspect.signature(fn).parameters.values()
        self.coordinates = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        self.params = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        self.dim = len(self.coordinates)
        self.grad_fn = None
        self.hess_fn = None

    def __repr__(self):
        params = ", ".join(f"{k}={v:g}" for k, v in self.params.items())
        return f"<surface {self.name}({params})>"

    def __call__(self, **params):
        """The same surface with other parameters. Raises TypeError (name) and ValueError (value)."""
        for name, value in params.items():
            if name not in self.params:
                raise TypeError(f"{self.name}: " + nearest(name, list(self.params), "parameter"))
            if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(value):
                raise ValueError(f"{self.name}: {name} is {told(value)}; allowed: a finite number.")
            if name == "kappa" and value < 1:
                raise ValueError(f"{self.name}: kappa is {value:g}; allowed: a number >= 1 (largest over smallest).")
            params[name] = value.item() if isinstance(value, np.generic) else value  # a plain number keeps float32
        bound = object.__new__(Surface)
        bound.__dict__.update(self.__dict__, params={**self.params, **params})
        return bound

    @property
    def source(self):
        """The sentence after ``Source:`` in the docstring."""
        found = re.search(r"Source:\s*(.+?)(?:\n\s*\n|\Z)", self.doc, re.S)
        return " ".join(found[1].split()) if found else ""

    def grad(self, fn):
        """Decorator: the gradient as a function of the same coordinates and parameters."""
        self.grad_fn = fn
        return fn

    def hess(self, fn):
        """Decorator: the Hessian as nested tuples."""
        self.hess_fn = fn
        return fn

    def _flat(self, theta):
        """Coordinates as 1-D arrays, whatever the batch: one arithmetic for one run and for many."""
        theta = as_points(self, theta)
        return theta, theta.reshape(self.dim, -1)

    def value(self, theta):
        """The function's value: theta (dim, *batch) -> (*batch). Raises ValueError for a wrong shape."""
        theta, flat = self._flat(theta)
        value = self.fn(*flat, **self.params)
        return value.reshape(theta.shape[1:])[()] if theta.ndim > 1 else value[0]

    def gradient(self, theta):
        """The gradient: theta (dim, *batch) -> (dim, *batch). Raises ValueError for a wrong shape."""
        theta, flat = self._flat(theta)
        parts = self.grad_fn(*flat, **self.params)
        parts = parts if isinstance(parts, tuple) else (parts,)
        if isinstance(theta, np.ndarray):
            return np.array(parts).reshape(theta.shape)
        import torch

        return torch.stack(parts).reshape(theta.shape)

    def hessian(self, theta):
        """The matrix of second derivatives at one point: theta (dim,) -> (dim, dim)."""
        if self.hess_fn is None:
            raise NotImplementedError(
                f"{self.name} states no Hessian; the quadratics do. Differentiate its gradient with torch if you need it."
            )
        rows = self.hess_fn(*np.asarray(theta, dtype=float), **self.params)
        return np.array([[float(entry) for entry in row] for row in rows])


def surface(*, domain, start, minima, title=None):
    """Decorator that turns a function of coordinates into a :class:`Surface`."""

    def wrap(fn):
        return Surface(fn, domain=domain, start=start, minima=minima, title=title)

    return wrap


# -- quadratics ------------------------------------------------------------------------------


@surface(domain=((-3, 3), (-2, 2)), start=(-2.6, 1.0), minima=[(0.0, 0.0)])
def ravine(x, y, *, kappa=25.0, angle=0.0):
    """A ravine: curvature 1 along the valley, kappa across it, turned by an angle in radians.

    Curvatures mu = 1 and L = kappa, so kappa is the condition number.
    Source: the standard example, as in Goh 2017, doi:10.23915/distill.00006.
    """
    along = cos(angle) * x + sin(angle) * y
    across = cos(angle) * y - sin(angle) * x
    return (along**2 + kappa * across**2) / 2


@ravine.grad
def _(x, y, *, kappa, angle):
    along = cos(angle) * x + sin(angle) * y
    across = cos(angle) * y - sin(angle) * x
    return cos(angle) * along - kappa * sin(angle) * across, sin(angle) * along + kappa * cos(angle) * across


@ravine.hess
def _(x, y, *, kappa, angle):
    c, s = cos(angle), sin(angle)
    return (c**2 + kappa * s**2, (1 - kappa) * c * s), ((1 - kappa) * c * s, s**2 + kappa * c**2)


@surface(domain=((-3, 3), (-2, 2)), start=(-2.4, 1.4), minima=[(0.0, 0.0)])
def bowl(x, y):
    """A round bowl: the same curvature 1 in every direction.

    Source: the ravine with kappa = 1.
    """
    return (x**2 + y**2) / 2


@bowl.grad
def _(x, y):
    return x, y


@bowl.hess
def _(x, y):
    return (1, 0), (0, 1)


@surface(domain=((-2, 2), (-2, 2)), start=(-1.6, 0.001), minima=[])
def saddle(x, y):
    """A saddle: down along y, up along x, flat at the origin. It has no minimum.

    Source: the standard strict saddle, as in Jin, Netrapalli and Jordan 2018, arXiv:1711.10456.
    """
    return (x**2 - y**2) / 2


@saddle.grad
def _(x, y):
    return x, -y


@saddle.hess
def _(x, y):
    return (1, 0), (0, -1)


# -- classics ----------------------------------------------------------------------------------


@surface(domain=((-2, 2), (-1, 3)), start=(-1.2, 1.0), minima=[(1.0, 1.0)])
def rosenbrock(x, y, *, b=100.0):
    """Rosenbrock's banana: a curved, flat-bottomed valley with steep walls. Minimum 0 at (1, 1).

    Source: Rosenbrock 1960, doi:10.1093/comjnl/3.3.175.
    """
    return (1 - x) ** 2 + b * (y - x**2) ** 2


@rosenbrock.grad
def _(x, y, *, b):
    return -2 * (1 - x) - 4 * b * x * (y - x**2), 2 * b * (y - x**2)


@surface(domain=((-4.5, 4.5), (-4.5, 4.5)), start=(1.0, 1.5), minima=[(3.0, 0.5)])
def beale(x, y):
    """Beale's function: flat plains with sharp peaks at the corners. Minimum 0 at (3, 0.5).

    Source: Beale 1958, as number 5 of More, Garbow and Hillstrom 1981, doi:10.1145/355934.355936.
    """
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@beale.grad
def _(x, y):
    a = 1.5 - x + x * y
    b = 2.25 - x + x * y**2
    c = 2.625 - x + x * y**3
    return (
        2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1),
        2 * x * (a + 2 * b * y + 3 * c * y**2),
    )


@surface(
    domain=((-5, 5), (-5, 5)),
    start=(0.5, -0.5),
    minima=[
        (3.0, 2.0),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.283185991286170),
        (3.584428340330492, -1.848126526964404),
    ],
)
def himmelblau(x, y):
    """Himmelblau's function: four minima of equal depth 0 around one hill.

    Source: Himmelblau 1972, Applied Nonlinear Programming.
    """
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@himmelblau.grad
def _(x, y):
    a = x**2 + y - 11
    b = x + y**2 - 7
    return 4 * x * a + 2 * b, 2 * a + 4 * y * b


@surface(domain=((-5.12, 5.12), (-5.12, 5.12)), start=(-3.3, 2.4), minima=[(0.0, 0.0)])
def rastrigin(x, y, *, height=10.0):
    """Rastrigin's function: a bowl covered with an egg-box of local minima. Minimum 0 at the origin.

    Source: Rastrigin 1974, Systems of Extremal Control, in its two-dimensional form.
    """
    return 2 * height + x**2 + y**2 - height * (cos(6.283185307179586 * x) + cos(6.283185307179586 * y))


@rastrigin.grad
def _(x, y, *, height):
    return (
        2 * x + 6.283185307179586 * height * sin(6.283185307179586 * x),
        2 * y + 6.283185307179586 * height * sin(6.283185307179586 * y),
    )


# -- rough country, made for this course ---------------------------------------------------------


@surface(domain=((-4, 4), (-3, 3)), start=(-3.4, 2.2), minima=[(0.0, 0.0)])
def rippled_bowl(x, y, *, ripple=0.3, frequency=5.0):
    """A bowl with ripples: small valleys that stop a slow point and not a fast one.

    Source: this course. Minimum 0 at the origin.
    """
    return (x**2 + y**2) / 2 + ripple * (2 - cos(frequency * x) - cos(frequency * y))


@rippled_bowl.grad
def _(x, y, *, ripple, frequency):
    return x + ripple * frequency * sin(frequency * x), y + ripple * frequency * sin(frequency * y)


@surface(domain=((-2, 2), (-2, 2)), start=(-0.8, 1.1), minima=[])
def monkey_saddle(x, y):
    """The monkey saddle: three ways down, three ways up, and no curvature at all at the origin.

    Source: Hilbert and Cohn-Vossen 1932, Anschauliche Geometrie. It has no minimum.
    """
    return x**3 - 3 * x * y**2


@monkey_saddle.grad
def _(x, y):
    return 3 * x**2 - 3 * y**2, -6 * x * y


@surface(domain=((-4, 4), (-3, 3)), start=(-2.8, 1.4), minima=[(0.0, 0.0)])
def plateau(x, y, *, width=1.0):
    """A hollow in a plain: far from it the gradient all but vanishes. Minimum 0 at the origin.

    Source: this course; an inverted Gaussian of the given width.
    """
    return 1 - exp(-(x**2 + y**2) / (2 * width**2))


@plateau.grad
def _(x, y, *, width):
    inside = exp(-(x**2 + y**2) / (2 * width**2)) / width**2
    return x * inside, y * inside


@surface(domain=((-6, 6), (-3, 3)), start=(-5.2, 2.2), minima=[(0.0, 0.0)])
def curved_valley(x, y, *, slope=0.05, steep=4.0):
    """A long valley that winds like a sine: no straight step follows it. Minimum 0 at the origin.

    Source: this course. ``slope`` is the curvature along x, ``steep`` the curvature across.
    """
    return (slope * x**2 + steep * (y - sin(x)) ** 2) / 2


@curved_valley.grad
def _(x, y, *, slope, steep):
    return slope * x - steep * (y - sin(x)) * cos(x), steep * (y - sin(x))


@surface(domain=((-3.5, 4.5),), start=(3.3,), minima=[(0.0,)], title="Lessard's function")
def lessard(x):
    """Three parabolas joined smoothly: strongly convex, yet heavy ball can cycle on it for ever.

    One-dimensional; gradient 25x below 1, x + 24 from 1 to 2, 25x - 24 from 2 on. Minimum 0 at 0.
    Source: Lessard, Recht and Packard 2016, doi:10.1137/15M1009597, section 4.6.
    """
    return where(x < 1, 12.5 * x**2, where(x < 2, 0.5 * x**2 + 24 * x - 12, 12.5 * x**2 - 24 * x + 36))


@lessard.grad
def _(x):
    return where(x < 1, 25 * x, where(x < 2, x + 24, 25 * x - 24))


@surface(domain=((-2, 2),), start=(-1.8,), minima=[(-1.0,), (1.0,)])
def double_well(x):
    """Two valleys of equal depth with a hill between them: where a ball comes to rest depends on its friction.

    One-dimensional; curvature 2 in both minima, -1 on the hill. Minimum 0 at -1 and 1.
    Source: this course; the textbook double well, Strogatz 2015, Nonlinear Dynamics and Chaos, section 6.5.
    """
    return (x**2 - 1) ** 2 / 4


@double_well.grad
def _(x):
    return x * (x**2 - 1)


@surface(domain=((-2.5, 5.5),), start=(-2.0,), minima=[(0.0,)])
def crevice(x, *, width=0.25):
    """A wide valley at 2 and, in its flank, a narrow crevice that goes deeper: the good minimum is easy to miss.

    One-dimensional; minimum 0 at 0 with curvature 5/width^2, about 1/2 at the bottom of the wide valley.
    Source: this course; a parabola times x^2/(x^2 + width^2), which is 0 at 0 and 1 away from it.
    """
    return ((x - 2) ** 2 + 1) * x**2 / (2 * (x**2 + width**2))


@crevice.grad
def _(x, *, width):
    return (x - 2) * x**2 / (x**2 + width**2) + ((x - 2) ** 2 + 1) * x * width**2 / (x**2 + width**2) ** 2


SURFACES = {s.name: s for s in list(globals().values()) if isinstance(s, Surface)}


def get(name):
    """The surface of that name. Raises LookupError that names the nearest match."""
    if isinstance(name, (Surface, Quadratic, Noisy)):
        return name
    if not is_known(name, SURFACES):
        raise LookupError(nearest(name, list(SURFACES), "surface"))
    return SURFACES[name]


# -- surfaces that are not pictures ------------------------------------------------------------


class Quadratic:
    """A diagonal quadratic in any dimension: f = sum(eigenvalues * theta^2) / 2, minimum 0 at 0."""

    def __init__(self, eigenvalues):
        Range(some=True).check("eigenvalues", eigenvalues)
        eigenvalues = np.array(eigenvalues, dtype=float)
        if eigenvalues.ndim != 1:
            raise ValueError(f"eigenvalues has shape {eigenvalues.shape}; allowed: a non-empty 1-D array of finite curvatures.")
        self.eigenvalues = eigenvalues
        self.name = "quadratic"
        self.title = f"Quadratic in {eigenvalues.size} dimensions"
        self.dim = eigenvalues.size
        self.params = {}
        self.start = tuple(np.ones(self.dim))
        self.minima = [tuple(np.zeros(self.dim))] if (eigenvalues > 0).all() else []

    def __repr__(self):
        return f"<quadratic with {self.dim} curvatures from {self.eigenvalues.min():g} to {self.eigenvalues.max():g}>"

    def _curvatures(self, theta):
        """The curvatures in the points' dtype, an axis of length 1 for each of the batch's."""
        column = self.eigenvalues.reshape((-1,) + (1,) * (theta.ndim - 1))
        return theta.new_tensor(column) if hasattr(theta, "new_tensor") else column.astype(theta.dtype)

    def value(self, theta):
        """The function's value: theta (dim, *batch) -> (*batch). Raises ValueError for a wrong shape."""
        theta = as_points(self, theta)
        return total(self._curvatures(theta) * theta**2) / 2

    def gradient(self, theta):
        """The gradient: theta (dim, *batch) -> (dim, *batch). Raises ValueError for a wrong shape."""
        theta = as_points(self, theta)
        return self._curvatures(theta) * theta

    def hessian(self, theta):
        """(dim, dim), the same everywhere."""
        return np.diag(self.eigenvalues)


def quadratic(eigenvalues):
    """A diagonal quadratic with these curvatures, in as many dimensions. See :class:`Quadratic`."""
    return Quadratic(eigenvalues)


class Noisy:
    """A surface whose gradient carries seeded Gaussian noise; its value does not.

    Every run opens a fresh stream from the same seed, and in a grid all settings meet the
    same noise, step by step: a comparison is then between settings, not between draws.
    """

    def __init__(self, surface, sigma=1.0, seed=0):
        if isinstance(sigma, bool) or not isinstance(sigma, Real) or not np.isfinite(sigma) or sigma < 0:
            raise ValueError(f"sigma is {told(sigma)}; allowed: a finite number >= 0, in units of the gradient.")
        if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
            raise ValueError(f"seed is {told(seed)}; allowed: a whole number >= 0, so that every run meets the same noise.")
        if isinstance(surface, Noisy):
            raise ValueError(f"{surface!r} is noisy already; wrap the surface under it, {surface.surface!r}.")
        self.surface = surface
        self.sigma = float(sigma)
        self.seed = seed

    def __getattr__(self, name):
        if name.startswith("__") or name == "surface":
            raise AttributeError(name)
        return getattr(self.surface, name)

    def __repr__(self):
        return f"<noisy {self.surface!r}, sigma={self.sigma:g}, seed={self.seed}>"

    def stream(self):
        """A gradient function that draws new noise of shape (dim,) at every call."""
        rng = np.random.default_rng(self.seed)

        def gradient(theta):
            noise = self.sigma * rng.standard_normal(self.surface.dim)
            return self.surface.gradient(theta) + noise.reshape((-1,) + (1,) * (theta.ndim - 1)).astype(theta.dtype)

        return gradient


def noisy(surface, sigma=1.0, seed=0):
    """The surface with gradient noise of standard deviation ``sigma`` per coordinate. See :class:`Noisy`."""
    return Noisy(get(surface), sigma, seed)


__all__ = ["SURFACES", "Noisy", "Quadratic", "Surface", "get", "noisy", "quadratic", "surface", *SURFACES]
