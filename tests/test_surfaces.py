"""Surfaces: gradients against automatic differentiation, minima that are minima, values from the literature, noise."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from momentum_lib import descend, rules, surfaces, sweep

S = surfaces.SURFACES
BOUND = {  # every surface, some with parameters other than the defaults
    **S,
    "ravine, turned": surfaces.ravine(kappa=300, angle=0.7),
    "ravine, turned back": surfaces.ravine(kappa=7.5, angle=-2.2),
    "rosenbrock, gentle": surfaces.rosenbrock(b=5),
    "rastrigin, low": surfaces.rastrigin(height=2),
    "rippled_bowl, fine": surfaces.rippled_bowl(ripple=0.05, frequency=11),
    "plateau, narrow": surfaces.plateau(width=0.4),
    "curved_valley, steep": surfaces.curved_valley(slope=0.2, steep=30),
}


def points(surface, n=400, seed=0):
    """Random points of the domain, shape (dim, n)."""
    low, high = np.array(surface.domain, dtype=float).T
    return np.random.default_rng(seed).uniform(low, high, (n, surface.dim)).T.copy()


def autograd(surface, theta):
    theta = torch.tensor(theta, requires_grad=True)
    (gradient,) = torch.autograd.grad(surface.value(theta).sum(), theta)
    return gradient.numpy()


@pytest.mark.parametrize("name", BOUND)
def test_gradient_equals_automatic_differentiation(name):
    """A slip in a hand-written derivative: 400 random points of the domain, 1e-10 of the largest gradient met."""
    theta = points(BOUND[name])
    ours, theirs = BOUND[name].gradient(theta), autograd(BOUND[name], theta)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", [name for name, s in BOUND.items() if s.hess_fn])
def test_hessian_equals_automatic_differentiation(name):
    """A wrong sign in a second derivative."""
    surface = BOUND[name]
    for theta in points(surface, 5).T:
        theirs = torch.autograd.functional.hessian(surface.value, torch.tensor(theta))
        np.testing.assert_allclose(surface.hessian(theta), theirs.numpy(), rtol=1e-12, atol=1e-12)


def test_a_surface_without_hessian_says_so():
    """A silent None where a matrix is expected."""
    with pytest.raises(NotImplementedError, match="rosenbrock states no Hessian"):
        surfaces.rosenbrock.hessian([0.0, 0.0])


def grid(surface, n=301):
    axes = [np.linspace(low, high, n) for low, high in surface.domain]
    return np.stack(np.meshgrid(*axes))


@pytest.mark.parametrize("name", [name for name, s in BOUND.items() if s.minima])
def test_minima_are_minima(name):
    """A listed minimum that is a saddle or only local, or a better point elsewhere in the domain."""
    surface = BOUND[name]
    lowest = surface.value(grid(surface)).min()
    for minimum in surface.minima:
        at = np.array(minimum)
        assert abs(surface.value(at)) < 1e-20, "every listed minimum has the value 0"
        assert np.abs(surface.gradient(at)).max() < 1e-10
        assert lowest >= surface.value(at) - 1e-20
        directions = np.random.default_rng(1).standard_normal((surface.dim, 200))
        near = at[:, None] + 1e-3 * directions / np.linalg.norm(directions, axis=0)
        assert surface.value(near).min() > surface.value(at), "it is a strict minimum"
        assert all(low <= x <= high for x, (low, high) in zip(at, surface.domain, strict=True))


@pytest.mark.parametrize("name", ["himmelblau", "beale", "rastrigin", "rippled_bowl", "plateau", "curved_valley"])
def test_no_global_minimum_is_missing(name):
    """A minimum left out of the list: all that descends from a lattice to the value 0 ends at a listed one."""
    surface = S[name]
    theta = grid(surface, 31).reshape(2, -1)
    size = np.array([np.ptp(side) for side in surface.domain]).max()
    for k in range(1500):  # normalised steps that shrink: no rate to tune, no run that escapes
        gradient = surface.gradient(theta)
        theta = theta - 0.995**k * 0.01 * size * gradient / (np.linalg.norm(gradient, axis=0) + 1e-300)
    gap = np.min([np.linalg.norm(theta - np.reshape(m, (2, 1)), axis=0) for m in surface.minima], axis=0)
    arrived = surface.value(theta) < 1e-5
    assert arrived.any() and gap[arrived].max() < 0.05
    assert len(surface.minima) == len({tuple(np.round(p, 1)) for p in theta[:, arrived].T}), "and each of them is met"


@pytest.mark.parametrize("name", [name for name, s in S.items() if not s.minima])
def test_what_has_no_minimum_goes_down_for_ever(name):
    """A surface that claims to have no minimum and has one."""
    lowest = [S[name].value(10.0**k * grid(surfaces.saddle, 41)).min() for k in range(4)]
    assert all(b < 10 * a < 0 for a, b in pairwise(lowest))
    assert np.abs(S[name].gradient(np.zeros(2))).max() == 0, "its flat point is the origin"


LITERATURE = [  # surface, point, value, gradient (or None), where it is printed
    ("rosenbrock", (-1.2, 1.0), 24.2, (-215.6, -88.0), "Rosenbrock 1960; More, Garbow, Hillstrom 1981, number 1"),
    ("rosenbrock", (0.0, 0.0), 1.0, (-2.0, 0.0), "by hand"),
    ("beale", (1.0, 1.0), 14.203125, (0.0, 27.75), "More, Garbow, Hillstrom 1981, number 5, its standard start"),
    ("beale", (3.0, 0.5), 0.0, (0.0, 0.0), "the same"),
    ("himmelblau", (0.0, 0.0), 170.0, (-14.0, -22.0), "by hand from Himmelblau 1972"),
    ("himmelblau", (-0.270845, -0.923039), 181.617, None, "its local maximum, as commonly printed"),
    ("rastrigin", (4.52299366, 4.52299366), 80.70658039, None, "its maximum in the box, as commonly printed"),
    ("rastrigin", (1.0, 1.0), 2.0, (2.0, 2.0), "by hand: on the integers the cosines are 1"),
    ("monkey_saddle", (1.0, 1.0), -2.0, (0.0, -6.0), "by hand"),
    ("saddle", (2.0, 1.0), 1.5, (2.0, -1.0), "by hand"),
    ("ravine", (3.0, 2.0), 54.5, (3.0, 50.0), "by hand, kappa = 25"),
    ("bowl", (3.0, 4.0), 12.5, (3.0, 4.0), "by hand"),
    ("lessard", (3.3,), 92.925, (58.5,), "Lessard, Recht and Packard 2016, section 4.6"),
    ("double_well", (0.0,), 0.25, (0.0,), "by hand: the hill"),
    ("double_well", (2.0,), 2.25, (6.0,), "by hand"),
    ("plateau", (1.0, 0.0), 0.3934693402873666, (0.6065306597126334, 0.0), "1 - exp(-1/2)"),
]


@pytest.mark.parametrize("name, point, value, gradient, place", LITERATURE)
def test_values_of_the_literature(name, point, value, gradient, place):
    """A test function that is not the one of that name."""
    assert S[name].value(np.array(point)) == pytest.approx(value, rel=5e-6, abs=1e-12), place
    if gradient is not None:
        np.testing.assert_allclose(S[name].gradient(np.array(point)), gradient, rtol=1e-9, atol=1e-9, err_msg=place)


@pytest.mark.parametrize("name", S)
def test_a_surface_is_fit_for_a_picture(name):
    """A start outside the picture or on a minimum, a missing title or source, a docstring that says nothing."""
    surface = S[name]
    assert surface.title and surface.source and surface.doc.splitlines()[0].endswith(".")
    assert len(surface.start) == len(surface.domain) == surface.dim
    for x, (low, high) in zip(surface.start, surface.domain, strict=True):
        assert low < x < high
    assert np.abs(surface.gradient(np.array(surface.start))).max() > 1e-4, "a start from which nothing moves"


def test_ravine_has_the_condition_number_it_names():
    """Curvatures that are not 1 and kappa, or a rotation that is not one."""
    for kappa in (1, 10, 1e4):
        for angle in (0.0, 0.3, 2.0):
            eigenvalues = np.linalg.eigvalsh(surfaces.ravine(kappa=kappa, angle=angle).hessian([0.0, 0.0]))
            np.testing.assert_allclose(eigenvalues, [1, kappa], rtol=1e-10)
    along = surfaces.ravine(kappa=100, angle=0.3).value(np.array([np.cos(0.3), np.sin(0.3)]))
    assert along == pytest.approx(0.5, abs=1e-12), "the valley runs at the angle, anticlockwise from x"


# -- Lessard's function ------------------------------------------------------------------------------


def test_lessards_pieces_join_smoothly():
    """A jump of value or slope where the parabolas meet."""
    for joint in (1.0, 2.0):
        below, above = np.array([np.nextafter(joint, 0)]), np.array([joint])
        assert surfaces.lessard.value(below) == pytest.approx(surfaces.lessard.value(above), abs=1e-12)
        np.testing.assert_allclose(surfaces.lessard.gradient(below), surfaces.lessard.gradient(above), atol=1e-12)
    x = np.linspace(-3, 4, 2001)[None]
    slope = np.diff(surfaces.lessard.gradient(x)[0]) / np.diff(x[0])
    assert slope.min() > 1 - 1e-9 and slope.max() < 25 + 1e-9, "strongly convex with 1, smooth with 25"


def test_heavy_ball_cycles_on_lessards_function():
    """The counterexample of result 13: from 3.3 heavy ball must end in the cycle {792, -2208, 2592}/1225."""
    cycle = np.sort([792 / 1225, -2208 / 1225, 2592 / 1225])
    end = descend(rules.heavy_ball, surfaces.lessard, start=[3.3], steps=1000, lr=1 / 9, beta=4 / 9).points[-3:, 0]
    np.testing.assert_allclose(np.sort(end), cycle, rtol=1e-9)


@pytest.mark.parametrize("start", [3.0, 3.6, 5.0])
def test_heavy_ball_converges_on_lessards_function_from_elsewhere(start):
    """A counterexample told as if every start cycled."""
    path = descend(rules.heavy_ball, surfaces.lessard, start=[start], steps=1000, lr=1 / 9, beta=4 / 9)
    assert abs(path.points[-1, 0]) < 1e-12


@pytest.mark.parametrize("name", ["gradient_descent", "nesterov"])
def test_the_other_rules_converge_on_lessards_function(name):
    """A function on which everything cycles would refute nothing about heavy ball."""
    hyper = {"lr": 1 / 25} if name == "gradient_descent" else {"lr": 1 / 25, "beta": 2 / 3}
    assert abs(descend(rules.get(name), surfaces.lessard, start=[3.3], steps=2000, **hyper).points[-1, 0]) < 1e-9


# -- shapes and bad input --------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOUND)
def test_a_batch_is_its_points(name):
    """A surface that mixes the points of a batch, or whose batched arithmetic differs by a bit."""
    surface, theta = BOUND[name], points(BOUND[name], 24)
    batch = theta.reshape(surface.dim, 2, 3, 4)
    assert surface.value(batch).shape == (2, 3, 4) and surface.gradient(batch).shape == batch.shape
    for i in range(24):
        alone = theta[:, i].copy()
        assert surface.value(alone) == surface.value(batch).ravel()[i]
        assert np.array_equal(surface.gradient(alone), surface.gradient(batch).reshape(surface.dim, -1)[:, i])


@pytest.mark.parametrize("name", S)
def test_float32_stays_float32(name):
    """A constant that lifts the result to float64."""
    theta = np.array(S[name].start, dtype=np.float32)
    assert S[name].value(theta).dtype == S[name].gradient(theta).dtype == np.float32


def test_quadratic_in_many_dimensions():
    """A diagonal quadratic whose value, gradient or Hessian do not belong together, one point or a batch."""
    curvatures = np.geomspace(1, 100, 50)
    f = surfaces.quadratic(curvatures)
    theta = np.random.default_rng(0).standard_normal((50, 6))
    np.testing.assert_allclose(f.value(theta), 0.5 * np.einsum("ib,i,ib->b", theta, curvatures, theta), rtol=1e-13)
    np.testing.assert_allclose(f.gradient(theta), f.hessian(theta) @ theta, rtol=1e-13)
    assert [f.value(theta[:, i].copy()) for i in range(6)] == list(f.value(theta)), "the batch changes no bit"
    assert f.dim == 50 and f.minima == [(0.0,) * 50] and surfaces.quadratic([1.0, -1.0]).minima == []


BAD = {
    "points as rows": (lambda: S["bowl"].value(np.ones((5, 3))), ValueError, r"shape \(2, ...\).*\(5, 3\). Transpose"),
    "integer points": (lambda: S["bowl"].value(np.array([1, 2])), TypeError, "theta has dtype int64; allowed: a floating"),
    "unknown parameter": (lambda: S["ravine"](kapa=3), TypeError, "unknown parameter 'kapa'. Did you mean 'kappa'"),
    "kappa below one": (lambda: S["ravine"](kappa=0.5), ValueError, "kappa is 0.5; allowed: a number >= 1"),
    "kappa NaN": (lambda: S["ravine"](kappa=np.nan), ValueError, "kappa is nan; allowed: a finite number"),
    "kappa a word": (lambda: S["ravine"](kappa="big"), ValueError, "kappa is 'big'; allowed: a finite number"),
    "kappas": (lambda: S["ravine"](kappa=np.ones(2)), ValueError, "kappa is array.*allowed: a finite number"),
    "unknown surface": (lambda: surfaces.get("rosenbrok"), LookupError, "unknown surface 'rosenbrok'. Did you mean 'rosen"),
    "no curvatures": (lambda: surfaces.quadratic([]), ValueError, r"eigenvalues is empty; allowed"),
    "noise negative": (lambda: surfaces.noisy(S["bowl"], -1.0), ValueError, "sigma is -1.0; allowed: a finite number >= 0"),
    "noise without seed": (lambda: surfaces.noisy(S["bowl"], seed=None), ValueError, "seed is None; allowed: a whole"),
    "noise upon noise": (lambda: surfaces.noisy(surfaces.noisy(S["bowl"])), ValueError, "is noisy already"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_given_and_what_is_allowed(case):
    """Bad input that slips through, or whose message does not help."""
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call()


# -- noise -----------------------------------------------------------------------------------------


def test_noise_has_the_mean_and_variance_it_names():
    """Noise with a bias or another scale; the bounds are 5 standard errors of the mean and of the variance."""
    n, sigma = 20_000, 0.7
    gradient = surfaces.noisy(surfaces.bowl, sigma=sigma, seed=5).stream()
    at = np.array([1.0, -2.0])
    noise = np.array([gradient(at) for _ in range(n)]) - surfaces.bowl.gradient(at)
    assert np.abs(noise.mean(axis=0)).max() < 5 * sigma / np.sqrt(n)
    assert np.abs(noise.var(axis=0) - sigma**2).max() < 5 * sigma**2 * np.sqrt(2 / n)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 5 / np.sqrt(n), "the coordinates' noise is independent"
    assert abs(np.corrcoef(noise[1:, 0], noise[:-1, 0])[0, 1]) < 5 / np.sqrt(n), "and so are the steps'"


def test_every_run_meets_the_same_noise():
    """A stream that goes on where the last run stopped: the same call would then give two answers."""
    f = surfaces.noisy(surfaces.ravine(kappa=10), sigma=0.3, seed=11)
    one, two = (descend(rules.heavy_ball, f, steps=50, lr=0.02) for _ in range(2))
    assert one.points.tobytes() == two.points.tobytes()
    other = descend(rules.heavy_ball, surfaces.noisy(surfaces.ravine(kappa=10), sigma=0.3, seed=12), steps=50, lr=0.02)
    assert not np.allclose(one.points, other.points), "another seed is another noise"
    calm = descend(rules.heavy_ball, surfaces.noisy(surfaces.ravine(kappa=10), sigma=0.0), steps=50, lr=0.02)
    assert np.array_equal(calm.points, descend(rules.heavy_ball, surfaces.ravine(kappa=10), steps=50, lr=0.02).points)


def test_a_grid_shares_its_noise():
    """Settings compared under different draws: the noise in the gradient must be the same in every cell, step by step."""
    f = surfaces.noisy(surfaces.bowl, sigma=1.0, seed=2)
    grid = sweep(rules.gradient_descent, f, steps=1, lr=[0.0, 0.5, 1.0])
    moved = (np.array(surfaces.bowl.start)[:, None] - grid.points[:, 1:]) / np.array([0.5, 1.0])
    assert np.allclose(moved[:, 0], moved[:, 1], rtol=1e-12)
    assert not np.allclose(moved[:, 0], surfaces.bowl.start), "and it is there"


def test_noise_leaves_the_value_alone():
    """A noisy surface whose picture or error curve would shake."""
    f = surfaces.noisy(surfaces.rosenbrock, sigma=3.0)
    assert f.value(np.array([0.0, 0.0])) == 1.0 and f.minima == surfaces.rosenbrock.minima and f.name == "rosenbrock"
