"""Matrices, rates, regimes, best settings and transients: against single runs, eigenvalues, closed forms and brute force."""

import re
from pathlib import Path

import numpy as np
import pytest

from momentum_lib import descend, rules, surfaces, theory

R = rules.RULES
LINEAR = [name for name, rule in R.items() if rule.family not in ("adaptive", "sign", "matrix") and name != "schedule_free"]


def hyper_of(rule, lr, beta):
    return {"lr": lr} | ({"beta": beta} if "beta" in rule.hyper else {})


# -- the linear form ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINEAR)
def test_arrays_of_settings_give_the_matrices_of_single_ones(name):
    """A batch whose axes are mixed up."""
    rule = R[name]
    lr, beta = np.array([[0.1], [0.4]]), np.array([0.0, 0.5, 0.9])
    curvature = np.array([2.0, -1.0])[:, None, None]
    many = theory.iteration_matrix(rule, curvature, **hyper_of(rule, lr, beta))
    shape = (2, 2, 3) if "beta" in rule.hyper else (2, 2, 1)
    size = 1 + len(rule.slots)
    assert many.shape == (*shape, size, size)
    for i, j, k in np.ndindex(shape):
        one = theory.iteration_matrix(rule, curvature[i, 0, 0], **hyper_of(rule, lr[j, 0], beta[k]))
        assert one.shape == (size, size)
        np.testing.assert_array_equal(many[i, j, k], one)


def test_the_pieces_of_heavy_ball_are_those_on_paper():
    """A kick without the rate, a look at the wrong place: written out by hand for heavy ball and the look-ahead."""
    form = theory.linear_form(rules.heavy_ball, lr=0.25, beta=0.5)
    np.testing.assert_array_equal(form.carry, [[1, -0.125], [0, 0.5]])
    np.testing.assert_array_equal(form.kick, [-0.25, 1])
    np.testing.assert_array_equal(form.look, [1, 0])
    np.testing.assert_array_equal(form.report, [1, 0])
    np.testing.assert_array_equal(form.start, [1, 0])
    np.testing.assert_array_equal(theory.linear_form(rules.nesterov, lr=0.25, beta=0.5).look, [1, -0.125])
    np.testing.assert_array_equal(theory.linear_form(rules.polyak, lr=0.25, beta=0.5).start, [1, 1])


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("curvature", [0.3, 4.0, -0.5])
def test_a_trajectory_is_the_run(name, curvature):
    """Powers of another matrix: descend on the same quadratic, step for step, the dampened first step included."""
    rule = R[name]
    hyper = hyper_of(rule, 0.2, 0.6) | ({"dampening": 0.7} if "dampening" in rule.hyper else {})
    path = descend(rule, surfaces.quadratic([curvature]), start=(1.7,), steps=40, **hyper)
    np.testing.assert_allclose(
        theory.trajectory(rule, curvature, 40, start=1.7, **hyper), path.points[:, 0], rtol=1e-10, atol=1e-13
    )


@pytest.mark.parametrize("name", LINEAR)
def test_eigenvalues_solve_the_characteristic_polynomial(name):
    """A closed form of the 2 x 2 roots with a sign wrong: NumPy's own eigenvalues, largest first."""
    rule = R[name]
    for lr, beta in ((0.05, 0.9), (0.7, 0.3), (1.9, 0.0), (3.0, 0.9)):
        hyper = hyper_of(rule, lr, beta)
        ours = theory.eigenvalues(rule, 1.0, **hyper)
        other = np.linalg.eigvals(theory.iteration_matrix(rule, 1.0, **hyper))
        np.testing.assert_allclose(np.sort_complex(ours), np.sort_complex(other), atol=1e-12)
        assert (np.diff(np.abs(ours)) <= 1e-15).all()


# -- regimes ---------------------------------------------------------------------------------------------


def sign_changes(points):
    return int((points[:-1] * points[1:] < 0).sum())


@pytest.mark.parametrize("name", LINEAR)
def test_regimes_are_what_runs_do(name):
    """A word that the run does not bear out: monotone changes sign once a slot at most, ripples often, diverging grows."""
    rule, seen = R[name], set()
    for product in (0.004, 0.3, 0.9, 1.2, 1.9, 3.0, 30.0):
        for beta in (0.0, 0.2, 0.5, 0.8):
            hyper = hyper_of(rule, product, beta)
            word = theory.regime(rule, 1.0, **hyper)
            points = theory.trajectory(rule, 1.0, 80 if word == "diverging" else 300, **hyper)
            points = points[: 1 + np.flatnonzero(np.abs(points) > 1e-250)[-1]]  # a point that landed exactly is done
            seen.add(word)
            if word == "diverging":
                assert np.abs(points[-2:]).max() > 1
            elif word == "monotone":
                assert sign_changes(points) <= len(rule.slots)
            else:
                for value in theory.eigenvalues(rule, 1.0, **hyper):  # take away what only fades: the rest is the ripple
                    if value.imag == 0 and value.real > 0:
                        points = points[1:] - value.real * points[:-1]
                assert sign_changes(points[np.abs(points) > 1e-12 * np.abs(points).max()]) >= 4
    assert seen == {"monotone", "ripples", "diverging"}


def test_regimes_of_arrays_and_at_critical_damping():
    """An array lost; or critical damping, where rounding splits the double root, called a swing."""
    words = theory.regime(rules.heavy_ball, 1.0, lr=np.array([[0.001, 0.5, 3.9]]), beta=0.9)
    assert words.tolist() == [["monotone", "ripples", "diverging"]]
    for product in (0.01, 0.04, 0.3, 0.77):
        beta = theory.critical_beta(product, 1.0)
        assert theory.regime(rules.heavy_ball, 1.0, lr=product, beta=beta) == "monotone"
        assert theory.regime(rules.heavy_ball, 1.0, lr=product, beta=beta + 1e-4) == "ripples"
    assert theory.regime(rules.gradient_descent, 1.0, lr=1.5) == "ripples"
    assert theory.regime(rules.heavy_ball, 1.0, lr=np.array([3.799, 3.801]), beta=0.9).tolist() == ["ripples", "diverging"]


def test_edges_of_arrays():
    """Bisection that answers for one entry with another's edge."""
    beta, curvature = np.array([0.0, 0.5, 0.9]), np.array([[1.0], [4.0]])
    edges = theory.stability_edge(rules.nesterov, curvature, beta=beta)
    np.testing.assert_allclose(edges, 2 * (1 + beta) / ((1 + 2 * beta) * curvature), rtol=1e-9)


# -- best settings ---------------------------------------------------------------------------------------------

CLOSED = {
    "gradient_descent": "best_gradient_descent",
    "heavy_ball": "best_heavy_ball",
    "polyak": "best_heavy_ball",
    "nesterov": "best_nesterov",
    "nesterov_torch": "best_nesterov",
}


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("mu, L", [(1.0, 100.0), (0.02, 0.5)])
def test_the_search_finds_the_closed_form(name, mu, L):
    """A search that stops at a local answer, or a closed form with a factor missing."""
    np.testing.assert_allclose(theory.best_setting(R[name], mu, L), getattr(theory, CLOSED[name])(mu, L), rtol=2e-6, atol=2e-6)


def test_the_search_converts_the_conventions():
    """An average tuned like a sum: the same path, so lr is larger by 1/(1-beta); Muon's buffer likewise."""
    ball, average = (theory.best_setting(R[name], 1, 30) for name in ("heavy_ball", "averaged_momentum"))
    assert average.lr * (1 - average.beta) == pytest.approx(ball.lr, rel=1e-5)
    assert average[1:] == pytest.approx(ball[1:], rel=1e-5)
    sharp, lerp = (theory.best_setting(R[name], 1, 30) for name in ("nesterov", "nesterov_lerp"))
    assert lerp.lr * (1 - lerp.beta) == pytest.approx(sharp.lr, rel=1e-5)


def test_the_search_at_a_given_momentum():
    """A fixed momentum that is ignored: heavy ball at .3 on kappa = 30, brute force over lr; one curvature needs no momentum."""
    found = theory.best_setting(rules.heavy_ball, 1, 30, beta=0.3)
    lr = np.linspace(1e-3, 0.1, 20001)
    rates = theory.rate(rules.heavy_ball, np.array([[1.0], [30.0]]), lr=lr, beta=0.3).max(axis=0)
    assert found.beta == 0.3 and found.rate == pytest.approx(rates.min(), abs=1e-5)
    assert found.rate <= rates.min() + 1e-9
    assert theory.best_setting(rules.heavy_ball, 2, 2) == pytest.approx((0.5, 0, 0), abs=1e-6)


def test_result_3_standard_and_tuned_nesterov():
    """Rate .9 (139 steps) at the usual setting and .884722 tuned, kappa = 100; 1 - 1/sqrt(kappa) between."""
    usual = theory.standard_nesterov(0.01, 1)
    assert usual == pytest.approx((1, 9 / 11, 0.9))
    surface = surfaces.quadratic(np.geomspace(0.01, 1, 50))
    assert descend(rules.nesterov, surface, steps=300, lr=usual.lr, beta=usual.beta).steps_to(1e-6) == 139
    assert theory.best_nesterov(0.01, 1).rate == pytest.approx(0.884722, abs=5e-7)
    for kappa in (4, 100, 2500):
        usual = theory.standard_nesterov(1, kappa)
        rates = theory.rate(rules.nesterov, np.geomspace(1, kappa, 301), lr=usual.lr, beta=usual.beta)
        assert rates.max() == pytest.approx(1 - kappa**-0.5, abs=2e-7) == usual.rate


# -- transients ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kappa, step, size, norm_step, norm", [(100, 4, 3.70722, 5, 3.77615), (1e4, 49, 36.79043, 50, 36.79775)])
def test_result_8_tuned_heavy_ball_first_moves_away(kappa, step, size, norm_step, norm):
    """The peak on the stiffest direction, sqrt(kappa)/e in the limit, by matrix powers,
    by a run and by the double root's formula."""
    best = theory.best_heavy_ball(1, kappa)
    hyper = {"lr": best.lr, "beta": best.beta}
    peak = theory.transient_peak(rules.heavy_ball, kappa, **hyper)
    assert peak.step == step and peak.size == pytest.approx(size, abs=1e-5)
    assert peak.size == pytest.approx(np.sqrt(kappa) / np.e, rel=0.01)
    path = descend(rules.heavy_ball, surfaces.quadratic([kappa]), start=(1.0,), steps=3 * step, **hyper)
    assert np.argmax(path.error) == step and path.error.max() == pytest.approx(size, abs=1e-5)
    k, root = np.arange(3 * step + 1), -best.rate  # z^2 + 2 r z + r^2 = 0: x_k = (1 + c k) z^k, x_1 = 1 - lr kappa
    closed = (1 + ((1 - best.lr * kappa) / root - 1) * k) * root**k
    np.testing.assert_allclose(path.points[:, 0], closed, atol=1e-6)
    away = theory.norm_peak(rules.polyak, kappa, **hyper)
    assert away.step == norm_step and away.size == pytest.approx(norm, abs=1e-5)


def test_the_flat_direction_has_no_peak_and_a_whole_spectrum_has_one():
    """A peak on the flat direction, too; or a spectrum's error that is not the run's."""
    best = theory.best_heavy_ball(1, 1e4)
    hyper = {"lr": best.lr, "beta": best.beta}
    assert theory.transient_peak(rules.heavy_ball, 1.0, **hyper) == (0, 1.0)
    spectrum = np.geomspace(1, 1e4, 50)
    peak = theory.transient_peak(rules.heavy_ball, spectrum, **hyper)
    path = descend(rules.heavy_ball, surfaces.quadratic(spectrum), steps=400, **hyper)
    assert peak.step == np.argmax(path.error) and peak.size == pytest.approx(path.error.max(), rel=1e-9)
    assert peak.size > 5 and theory.transient_peak(rules.gradient_descent, spectrum, lr=2 / 10001) == (0, 1.0)


def test_a_start_reaches_the_norm():
    """A norm that no start attains: the worst of many starts of the two-point form is the norm of the power."""
    hyper = {"lr": 0.9, "beta": 0.6}
    norms = theory.power_norms(rules.polyak, 3.0, 30, **hyper)
    matrix = theory.iteration_matrix(rules.polyak, 3.0, **hyper)
    angles = np.linspace(0, np.pi, 4001)
    starts = np.stack([np.cos(angles), np.sin(angles)])
    for k in (0, 1, 4, 9, 30):
        grown = np.linalg.norm(np.linalg.matrix_power(matrix, k) @ starts, axis=0).max()
        assert norms[k] == pytest.approx(grown, rel=1e-5)
    assert theory.norm_peak(rules.polyak, 3.0, **hyper).size == pytest.approx(norms.max())


def test_the_front_page_names_every_file_and_every_answer_has_its_text():
    """A file or a function that a reader of ``help(theory)`` would never find."""
    files = {path.stem for path in Path(theory.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(re.findall(r"^``(\w+)``", theory.__doc__, re.M)) == files
    page = (Path(__file__).parents[1] / "book" / "api.md").read_text("utf-8")
    assert set(re.findall(r"momentum_lib\.theory\.(\w+)$", page, re.M)) == files
    for name, thing in vars(theory).items():
        if callable(thing) and not name.startswith("_"):
            assert len(thing.__doc__.split()) > 7, name
            assert thing.__module__.rpartition(".")[2] in files


BAD = {
    "beta 1": (lambda: theory.stability_edge(rules.heavy_ball, 1.0, beta=1.0), ValueError, "beta is 1; allowed"),
    "edge with lr": (lambda: theory.stability_edge(rules.heavy_ball, 1.0, lr=1.0), TypeError, "leave lr out"),
    "best with lr": (lambda: theory.best_setting(rules.heavy_ball, 1, 2, lr=1.0), TypeError, "leave lr out"),
    "best of Adam": (lambda: theory.best_setting(rules.adam, 1, 2), ValueError, "adam is not linear"),
    "mu above L": (lambda: theory.best_setting(rules.polyak, 2, 1), ValueError, "mu is 2 and L is 1; allowed"),
    "standard, mu zero": (lambda: theory.standard_nesterov(0, 1), ValueError, "mu is 0; allowed"),
    "peak of a diverging run": (
        lambda: theory.transient_peak(rules.heavy_ball, 1.0, lr=4.0, beta=0.9), ValueError, "no peak; allowed: settings below"),
    "peak of a crawl": (
        lambda: theory.transient_peak(rules.heavy_ball, 1.0, lr=1e-9, beta=0.9), ValueError, "may lie millions of steps away"),
    "peak from the minimum": (
        lambda: theory.transient_peak(rules.heavy_ball, 1.0, start=0.0, lr=1.0), ValueError, "start is all zeros"),
    "norms of a batch": (
        lambda: theory.power_norms(rules.polyak, [1.0, 2.0], 3, lr=1.0), ValueError, r"shape \(2,\); allowed: one curvature"),
    "steps": (lambda: theory.trajectory(rules.polyak, 1.0, -1, lr=1.0), ValueError, "steps is -1; allowed"),
    "dtype": (lambda: theory.rate(rules.polyak, 1.0, lr="fast"), TypeError, "lr is 'fast'; allowed"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_given_and_what_is_allowed(case):
    """Bad input that slips through, or whose message does not help."""
    run, error, message = BAD[case]
    with pytest.raises(error, match=message):
        run()
