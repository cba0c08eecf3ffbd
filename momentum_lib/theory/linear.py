"""One small matrix says how a linear rule moves on a quadratic; it is derived from the rule's own function.

On f = curvature * theta^2 / 2 a linear rule maps z = (theta, *state) by z' = carry z + kick g,
where g = curvature * (look . z) is the gradient at the place the rule looks at.  The four pieces
are the rule's answers to unit vectors; its iteration matrix is carry + curvature * kick look^T.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..core import check_elementwise, check_hyper, check_rule, check_steps
from ..ranges import ANY_COUNT, ONE_POSITIVE, POSITIVE, UP_TO_ONE, Range, asks
from .closed import closed_form


class LinearForm(NamedTuple):
    """A linear rule in pieces, with k = 1 + number of slots and the hyper-parameters' shape in front.

    ``carry`` (..., k, k) what happens without a gradient; ``kick`` (..., k) what a gradient of 1
    adds; ``look`` and ``report`` (..., k) the point measured and the point reported, as weights
    on z; ``start`` (k,) the state at rest at theta = 1.
    """

    carry: np.ndarray
    kick: np.ndarray
    look: np.ndarray
    report: np.ndarray
    start: np.ndarray


@asks(t=ANY_COUNT)
def linear_form(rule, *, t=2, **hyper):
    """The rule's own function taken apart: a ``LinearForm``, z' = carry z + kick g.

    ``hyper``: numbers or arrays that broadcast together; momentum may leave [0, 1).
    ``t``: the step number, for rules whose first step differs.  Units: theta in position, the
    state in the rule's own.  Raises TypeError for unknown names and for a matrix rule, and ValueError for
    a rule that is not linear (AdaGrad, Adam, ...) or changes at every step (Schedule-Free), found by probing it.
    Source: the state-space form of Lessard, Recht and Packard 2016, section 2.
    """
    t = int(t)
    check_rule(rule)
    check_elementwise(rule, "a linear form is that of one coordinate, and there is none for")
    full = check_hyper(rule, hyper, unstable=True)
    if all(np.ndim(value) == 0 for value in full.values()):
        return _remembered(rule, t, tuple((name, float(value)) for name, value in full.items()))
    return _take_apart(rule, t, full)


@lru_cache(maxsize=512)
def _remembered(rule, t, items):
    """The form at plain numbers, kept: a search over curvatures asks for the same one many times."""
    form = _take_apart(rule, t, dict(items))
    for part in form:
        part.flags.writeable = False
    return form


def _take_apart(rule, t, full):
    """The answers of the rule's function to unit vectors; ``full`` holds every hyper-parameter, checked."""
    shape = np.broadcast_shapes(*(np.shape(value) for value in full.values()))
    flat = {name: np.broadcast_to(np.asarray(value, dtype=float), shape).ravel() for name, value in full.items()}
    n, size = int(np.prod(shape)), 1 + len(rule.slots)

    def spread(vector):
        return [np.full(n, component) for component in vector]

    def advance(z, grad, t=t):
        z = spread(z)
        theta, state = rule.step(z[0], np.full(n, grad), tuple(z[1:]), flat, t)
        return np.stack([np.broadcast_to(part, n) for part in (theta, *state)], axis=-1)

    def place(verb, z):
        return np.broadcast_to(verb(*spread(z), **flat), n)

    units, zero = np.eye(size), np.zeros(size)
    with np.errstate(all="ignore"):
        carry = np.stack([advance(unit, 0.0) for unit in units], axis=-1)
        kick = advance(zero, 1.0)
        look, report = (np.stack([place(verb, unit) for unit in units], axis=-1) for verb in (rule.look, rule.read))
        z, grad = np.linspace(0.3, -1.7, size), 0.9
        linear = np.allclose(advance(-3 * z, -3 * grad), -3 * (carry @ z + kick * grad), rtol=1e-9, atol=1e-12)
        for verb, row in ((rule.look, look), (rule.read, report)):
            linear = linear and np.allclose(place(verb, -3 * z), -3 * row @ z, rtol=1e-9, atol=1e-12)
        steady = t == 1 or np.allclose(advance(z, grad, t + 1), advance(z, grad), rtol=1e-9, atol=1e-12)
    if linear and not steady:
        raise ValueError(
            f"{rule.name} changes at every step, so no one matrix describes its run. Run it with descend, "
            "or choose a rule with constant weights."
        )
    if not linear:
        raise ValueError(
            f"{rule.name} is not linear in its point and state, so it has no iteration matrix. "
            "Linear rules: gradient descent, the momentum forms, Nesterov."
        )
    start = np.array([1.0, *(part[0] for part in rule.init(np.ones(1)))])
    return LinearForm(carry.reshape(*shape, size, size), *(row.reshape(*shape, size) for row in (kick, look, report)), start)


@asks(t=ANY_COUNT)
def iteration_matrix(rule, curvature, *, t=2, **hyper):
    """The matrix that maps (theta, *state) to its next value on f = curvature * theta^2 / 2.

    Shape (..., k, k) with k = 1 + slots and, in front, the shape to which ``curvature`` and the
    hyper-parameters broadcast.  ``curvature`` in f / theta^2, of any sign.  ``t`` is the step
    number, for rules whose first step differs.  Raises ValueError for a rule that is not linear
    (AdaGrad, Adam, ...).
    """
    form = linear_form(rule, t=t, **hyper)
    curvature = np.asarray(curvature, dtype=float)[..., None, None]
    return form.carry + curvature * (form.kick[..., :, None] * form.look[..., None, :])


@asks()
def eigenvalues(rule, curvature, **hyper):
    """The eigenvalues of ``iteration_matrix``, complex, shape (..., k), the largest modulus first.

    Two slots or fewer are solved in closed form, z^2 - trace z + determinant = 0.
    """
    return spectrum(iteration_matrix(rule, curvature, **hyper))


def spectrum(matrix):
    """The eigenvalues of small matrices (..., k, k), complex, shape (..., k), the largest modulus first."""
    k = matrix.shape[-1]
    if k == 1:
        return matrix[..., 0].astype(complex)
    if k == 2:
        (a, b), (c, d) = np.moveaxis(matrix, (-2, -1), (0, 1))
        half, root = (a + d) / 2, np.sqrt((((a - d) / 2) ** 2 + b * c).astype(complex))
        values = np.stack([half + root, half - root], axis=-1)
    else:
        values = np.linalg.eigvals(matrix).astype(complex)
    return np.take_along_axis(values, np.argsort(-np.abs(values), axis=-1, kind="stable"), axis=-1)


@asks()
def rate(rule, curvature, **hyper):
    """The factor by which the error shrinks per step in the long run: the spectral radius.

    ``curvature`` and hyper-parameters may be arrays; the answer has the shape they broadcast to.
    Above 1 the run diverges.  Heavy ball with complex roots: sqrt(beta), whatever the curvature.
    It says nothing of the first steps; see ``transient_peak``.
    """
    return np.abs(eigenvalues(rule, curvature, **hyper)).max(axis=-1)[()]


@asks()
def regime(rule, curvature, **hyper):
    """How the error moves: "monotone", "ripples" or "diverging", one word per setting.

    Diverging: an eigenvalue of modulus 1 or more.  Monotone: every eigenvalue real and >= 0, so
    the error changes its sign at most once for each slot.  Ripples: the rest, a complex pair (a swing)
    or a negative eigenvalue (a flip); with two slots it may fade sooner than the error does.
    Eigenvalues within 1e-7 of real count as real, because at critical damping rounding splits a
    double root by about that much.
    Shape: what ``curvature`` and the hyper-parameters broadcast to.
    Source: the regimes of Goh 2017, doi:10.23915/distill.00006.
    """
    values = eigenvalues(rule, curvature, **hyper)
    size = np.abs(values).max(axis=-1)
    slack = 1e-7 * np.maximum(1, size)[..., None]
    smooth = ((np.abs(values.imag) <= slack) & (values.real >= -slack)).all(axis=-1)
    return np.where(size >= 1, "diverging", np.where(smooth, "monotone", "ripples"))[()]


@asks(curvature=Range(0, above=True, some=True, why=", since no rate is stable at others"))
def stability_edge(rule, curvature, **hyper):
    """The largest learning rate below which the rule is stable at this curvature, by bisection to 1e-13 relative.

    ``hyper`` holds the other hyper-parameters, such as ``beta``; arrays broadcast.  Found from the
    rule's own function; ``momentum_edge`` has the closed forms.
    Raises ValueError for curvature <= 0, where no rate is stable, and for momentum outside [0, 1).
    """
    curvature = np.asarray(curvature, dtype=float)
    check_hyper(rule, {"lr": 1.0, **hyper})
    if "lr" in hyper:
        raise TypeError("stability_edge looks for lr itself; leave lr out. For one lr ask theory.rate.")
    shape = np.broadcast_shapes(curvature.shape, *(np.shape(value) for value in hyper.values()))

    def stable(lr):
        return rate(rule, curvature, lr=lr, **hyper) < 1

    low, high = np.zeros(shape), np.broadcast_to(1 / curvature, shape)
    while (ok := stable(high)).any():
        low, high = np.where(ok, high, low), np.where(ok, 2 * high, high)
    while (high - low > 1e-13 * high).any():
        middle = (low + high) / 2
        if ((middle == low) | (middle == high)).all():
            break
        ok = stable(middle)
        low, high = np.where(ok, middle, low), np.where(ok, high, middle)
    edge = (low + high) / 2
    return edge if shape else float(edge)


@asks(curvature=POSITIVE, beta=UP_TO_ONE)
@closed_form
def momentum_edge(curvature, beta, *, ahead=False, averaged=False):
    """The stability edge in closed form: 2(1+beta)/curvature for heavy ball, and at beta = 0 for gradient descent.

    ``ahead``: the rule looks ahead as Nesterov's does, which divides it by 1 + 2 beta.  ``averaged``: the rule weighs
    a gradient by 1 - beta, so that rates are larger by as much, and without an end at beta = 1.  ``conventions.form`` knows
    both of a rule.
    """
    steep = np.where(ahead, 1 + 2 * beta, 1.0)
    unit = np.where(averaged, 1 - beta, 1.0)
    return 2 * (1 + beta) / (steep * unit * curvature)


@asks(curvature=POSITIVE, beta=UP_TO_ONE)
@closed_form
def critical_rate(curvature, beta, *, ahead=False, averaged=False):
    """The rate at which a direction of this curvature is critically damped: below it creeps, above it swings.

    Heavy ball: (1-sqrt(beta))^2/curvature, the inverse of ``critical_beta``; Nesterov ((1-beta)/(1+beta))^2/curvature.
    ``ahead`` and ``averaged`` as in ``momentum_edge``.
    """
    share = np.where(averaged, 1 - beta, (1 - beta) ** 2)  # 1 - sqrt(beta) is (1 - beta) / (1 + sqrt(beta))
    return share / (np.where(ahead, 1 + beta, 1 + np.sqrt(beta)) ** 2 * curvature)


@asks(curvature=POSITIVE, beta=UP_TO_ONE)
@closed_form
def flipping_rate(curvature, beta, *, averaged=False):
    """The rate from which heavy ball no longer swings but flips its sign at each step: (1+sqrt(beta))^2/curvature.

    From there to the edge its pair of eigenvalues is real and negative; Nesterov's is so only beyond 1/curvature.
    """
    unit = np.where(averaged, 1 - beta, 1.0)
    return (1 + np.sqrt(beta)) ** 2 / (unit * curvature)


@asks(curvature=POSITIVE)
@closed_form
def setting_of_pair(curvature, x, y, *, ahead=False, averaged=False):
    """(lr, beta) at which a rule has the conjugate pair of eigenvalues x + iy, x - iy at this curvature.

    The squared distance of the pair from 1 is the rate (in heavy ball's unit) times the curvature, for every momentum
    form.  Its squared modulus is beta; Nesterov's is beta (1 - lr curvature), so the pair must be closer to 1 than 1.
    """
    product = (1 - x) ** 2 + y**2
    size = x**2 + y**2
    beta = np.where(ahead, size / (1 - product), size)
    unit = np.where(averaged, 1 - beta, 1.0)
    return product / (unit * curvature), beta


@asks(curvature=POSITIVE, beta=UP_TO_ONE)
@closed_form
def rate_of_eigenvalue(curvature, x, beta):
    """The lr at which Nesterov's rule has the real eigenvalue x at this curvature and momentum; x not beta/(1+beta)."""
    return (1 - x**2 / ((1 + beta) * x - beta)) / curvature


@asks(beta=UP_TO_ONE)
@closed_form
def circle_of_pairs(beta, *, ahead=False):
    """(centre, radius) of the circle on which complex pairs of eigenvalues lie, whatever the rate and the curvature.

    Heavy ball: sqrt(beta) around 0.  Nesterov (``ahead``): beta/(1+beta) around beta/(1+beta).
    """
    inner = beta / (1 + beta)
    return np.where(ahead, inner, 0.0), np.where(ahead, inner, np.sqrt(beta))


@asks()
@closed_form
def steps_at_rate(rate, tol):
    """Steps, a fraction, in which an error that shrinks by ``rate`` < 1 a step falls to ``tol`` of it: ln(tol)/ln(rate)."""
    return np.log(tol) / np.log(rate)


@asks(lr=ONE_POSITIVE, curvature=ONE_POSITIVE)
def critical_beta(lr, curvature):
    """The momentum at which heavy ball neither creeps nor swings: beta = (1 - sqrt(lr * curvature))^2.

    At it the rate is 1 - sqrt(lr * curvature), the best for this lr and curvature.
    Raises ValueError unless 0 < lr * curvature <= 1 (above 1 no momentum in [0, 1) is overdamped).
    Source: Polyak 1964; Goh 2017, section on critical damping.
    """
    product = lr * curvature
    if not 0 < product <= 1:
        raise ValueError(f"lr * curvature is {product!r}; allowed: a number in (0, 1].")
    return float((1 - np.sqrt(product)) ** 2)


@asks()
def trajectory(rule, curvature, steps, *, start=1.0, **hyper):
    """The reported point after 0, 1, ... ``steps`` steps from rest at ``start``, by the matrix alone.

    Shape (steps+1, ...), with the shape to which ``curvature``, ``start`` and the
    hyper-parameters broadcast.  Curvatures of any sign; a diverging run grows without being cut.
    Equal to ``descend`` on the same quadratic up to rounding.
    Raises ValueError for a rule that is not linear and for a negative number of steps.
    """
    steps = check_steps(steps)
    first, later = (iteration_matrix(rule, curvature, t=t, **hyper) for t in (1, 2))
    form = linear_form(rule, **hyper)
    shape = np.broadcast_shapes(np.shape(start), later.shape[:-2])
    z = np.broadcast_to(np.asarray(start, dtype=float)[..., None] * form.start, (*shape, later.shape[-1]))
    points = [(form.report * z).sum(-1)]
    for t in range(1, steps + 1):
        z = ((first if t == 1 else later) @ z[..., None])[..., 0]
        points.append((form.report * z).sum(-1))
    return np.stack([np.broadcast_to(point, shape) for point in points])
