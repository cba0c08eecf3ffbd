"""The disc: its numbers against closed forms, and the browser's eigenvalues against the theory's."""

import warnings

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import rules, theory
from momentum_lib.widgets import Disc
from momentum_lib.widgets.disc import LINEAR, best_setting, rate_range, remembers

SETTINGS = [(0.02, 0.8, 1.0), (0.02, 0.8, 100.0), (0.35, 0.0, 3.0), (0.05, 0.5, 100.0), (0.011, 0.97, 40.0), (1.0, 0.3, 1.0)]


MODULES = {"disc": "disc", "linear": "linear"}


@pytest.mark.parametrize("rule", LINEAR)
def test_matrix_and_eigenvalues_in_the_browser_are_the_theorys(js, rule):
    for lr, beta, curvature in SETTINGS:
        hyper = {"lr": lr, "beta": beta} if remembers(rule) else {"lr": lr}
        found = js(
            f"(() => {{ const m = linear.iterationMatrix('{rule}', {curvature}, {{ lr: {lr}, beta: {beta} }}); return [m, "
            f"linear.eigenvalues(m)]; }})()"
        )
        np.testing.assert_allclose(found[0], theory.iteration_matrix(rules.get(rule), curvature, **hyper), rtol=1e-14, atol=1e-15)
        mine = np.array(found[1]) @ [1, 1j]
        theirs = theory.eigenvalues(rules.get(rule), curvature, **hyper)
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)
        independent = np.linalg.eigvals(theory.iteration_matrix(rules.get(rule), curvature, **hyper))
        np.testing.assert_allclose(np.sort_complex(mine), np.sort_complex(independent + 0j), atol=3e-8)


@pytest.mark.parametrize("rule", [rule for rule in LINEAR if remembers(rule)])
@pytest.mark.parametrize("lr, beta, curvature, sigma", [(0.1, 0.5, 1, 0.5), (0.02, 0.9, 30, 2)])
def test_mean_squares_in_the_browser_are_those_of_the_matrix_and_of_the_kick(js, rule, lr, beta, curvature, sigma):
    """The covariance of point and memory, step by step: M S M' and what one noisy gradient adds."""
    hyper, (law, n) = {"lr": lr, "beta": beta}, (rules.get(rule), 12)
    found = js(f"Array.from(linear.meanSquares('{rule}', {curvature}, {sigma}, {{ lr: {lr}, beta: {beta} }}, {n}))")
    matrix, (theta, (state,)) = theory.iteration_matrix(law, curvature, **hyper), law.step(0.0, 1.0, (0.0,), hyper, 2)
    kick, spread, wanted = np.array([theta, state]), np.zeros((2, 2)), [0]
    for _ in range(n):
        spread = matrix @ spread @ matrix.T + sigma**2 * np.outer(kick, kick)
        wanted.append(spread[0, 0])
    assert found == pytest.approx(wanted, rel=1e-12)
    assert js(f"linear.kick('{rule}', {{ lr: {lr}, beta: {beta} }})") == pytest.approx(kick)


@pytest.mark.parametrize("rule", LINEAR)
def test_rate_and_run_in_the_browser_are_pythons(js, rule):
    """Of directions that differ in speed the slowest decides; the run is the library's, whether it converges or not."""
    for lr, beta in ((0.008, 0.3), (0.02, 0.8), (0.05, 0.5)):
        fig = Disc(rule=rule, lr=lr, beta=beta)
        setup = f"{{ rule: '{rule}', kappa: 100, lr: {lr}, beta: {beta} }}"
        found = js(f"[disc.curvatures(100), disc.rate({setup}, disc.curvatures(100)), disc.run({setup})]")
        path = fig.path(2000)
        np.testing.assert_allclose(found[0], fig.curvatures, rtol=1e-13)
        assert found[1] == pytest.approx(fig.numbers()["rate"], rel=1e-9)
        np.testing.assert_allclose(found[2]["errors"], path.error, rtol=1e-7, atol=1e-14)
        assert found[2]["divergedAt"] == (path.diverged_at or 0)


def test_predicted_steps_in_the_browser(js):
    for rho in (0.5, 0.9, 0.999):
        assert rho ** js(f"disc.predictedSteps({rho})") == pytest.approx(1e-6, rel=1e-9)
    assert js("[disc.predictedSteps(1), disc.predictedSteps(1.1)]") == [None, None]  # NaN: it diverges


def test_the_outermost_eigenvalue_is_the_rate():
    fig = Disc(lr=0.008, beta=0.3)
    moduli = np.abs([np.linalg.eigvals(theory.iteration_matrix(rules.heavy_ball, c, **fig.hyper)) for c in fig.curvatures])
    assert moduli.max() > 1.5 * moduli.min()
    assert fig.numbers()["rate"] == pytest.approx(moduli.max(), rel=1e-12)


def drawn(axes, marker):
    """The points of the lines of a picture that have this marker."""
    return [np.array(line.get_data()).T for line in axes.lines if line.get_marker() == marker]


@pytest.mark.parametrize("rule", ["heavy_ball", "nesterov"])
def test_the_picture_is_drawn_where_its_numbers_say(rule):
    """Setting and best setting on the map, steps in its cells,
    eigenvalues and their circle on the disc, the error and its line."""
    fig = Disc(rule=rule, lr=0.008, beta=0.3)
    found, (rates, momenta, steps) = fig.numbers(), fig.map()
    chart, disc, fall = fig.picture().axes[:3]
    np.testing.assert_allclose(drawn(chart, "o"), [[[0.008, 0.3]]])
    np.testing.assert_allclose(drawn(chart, "D"), [[[fig.best.lr, fig.best.beta]]])
    cells = np.ma.getdata(chart.collections[0].get_array())
    inside = ~np.isnan(steps) & (steps > 100)
    assert inside.any() and (cells[inside] == steps[inside]).all()
    assert chart.get_xlim() == pytest.approx((rates[0], rates[-1]), rel=0.05) and momenta[-1] < chart.get_ylim()[1] == 0.99
    z = found["eigenvalues"]
    points, flat, steep = drawn(disc, "o")
    np.testing.assert_allclose(points @ [1, 1j], z.ravel())
    for ring, k in ((flat, 0), (steep, -1)):
        np.testing.assert_allclose(ring[0], [z[k, 0].real, abs(z[k, 0].imag)])
    circles = [np.hypot(*line.get_data()) for line in disc.lines if len(line.get_xdata()) == 181]
    np.testing.assert_allclose(circles, np.outer([1, found["rate"]], np.ones(181)))
    measured, predicted = (np.array(line.get_data()) for line in fall.lines)
    np.testing.assert_allclose(measured, [np.arange(len(found["errors"])), np.maximum(found["errors"], 1e-16)])
    np.testing.assert_allclose(predicted[1], found["rate"] ** predicted[0])
    assert f"modulus is {found['rate']:.4f}" in fig.alt()


@pytest.mark.parametrize("rule", LINEAR)
@pytest.mark.parametrize("kappa", [1, 9, 100, 1000])
def test_best_setting_and_axis_are_the_same_in_the_browser(js, rule, kappa):
    found = js(f"[disc.bestSetting({{ rule: '{rule}', kappa: {kappa} }}), disc.rateRange({{ rule: '{rule}', kappa: {kappa} }})]")
    best = best_setting(rule, kappa)
    assert found[0] == pytest.approx(best._asdict(), rel=1e-12, abs=1e-15)
    assert found[1] == pytest.approx(rate_range(rule, kappa))
    low, high = rate_range(rule, kappa)
    assert low < best.lr < high  # the diamond stands on the map


@pytest.mark.parametrize("rule", LINEAR)
def test_best_setting_has_the_rate_it_says(rule):
    """The averaged rule's included: the outermost of 200 eigenvalues between the ends."""
    best = best_setting(rule, 100)
    hyper = {"beta": best.beta} if remembers(rule) else {}
    assert theory.rate(rules.get(rule), np.geomspace(1, 100, 200), lr=best.lr, **hyper).max() == pytest.approx(
        best.rate, abs=1e-6
    )
    assert theory.best_setting(rules.get(rule), 1, 100).rate == pytest.approx(best.rate, abs=1e-6)


@pytest.mark.parametrize("rule", LINEAR)
def test_a_dragged_eigenvalue_lands_where_it_was_put(js, rule):
    """The way back from a place on the disc to a setting: the setting's pair stands at that place."""
    for curvature, x, y in ((1.0, 0.7, 0.3), (100.0, 0.25, 0.4), (30.0, 0.6, 0.05)):
        if not remembers(rule):
            y = 0.0
        found = js(f"disc.settingAt('{rule}', {curvature}, {x}, {y})")
        z = theory.eigenvalues(rules.get(rule), curvature, **found)
        assert np.abs(z - (x + 1j * y)).min() < 1e-7, found


def test_left_of_zero_nesterov_has_real_eigenvalues(js):
    found = js("disc.settingAt('nesterov', 100, -0.6, 0.2, 0.7)")
    z = theory.eigenvalues(rules.nesterov, 100.0, **found)
    assert found["beta"] == 0.7 and np.abs(z - -0.6).min() < 1e-12
    assert js("disc.settingAt('nesterov', 100, -0.6, 0, 0)")["lr"] == pytest.approx(0.016)  # no momentum: 1 - lr * curvature


def test_the_two_distances():
    """|z|^2 = beta and |1 - z|^2 = lr * curvature for heavy ball; a factor or a sign wrong in the matrix breaks one of them."""
    fig = Disc(lr=0.02, beta=0.8)
    found = fig.numbers()
    z = found["eigenvalues"]
    assert (np.abs(z.imag) > 0).all()
    np.testing.assert_allclose(np.abs(z) ** 2, 0.8, rtol=1e-12)
    np.testing.assert_allclose(np.abs(1 - z) ** 2, (0.02 * fig.curvatures)[:, None] * [1, 1], rtol=1e-12)
    assert found["rate"] == pytest.approx(0.8**0.5)  # not twice that
    assert found["measured"] == pytest.approx(found["rate"], abs=0.01)
    nesterov = Disc(rule="nesterov", lr=0.009, beta=0.8).numbers()["eigenvalues"]
    pairs = nesterov[np.abs(nesterov.imag).max(axis=1) > 1e-9]
    assert len(pairs) >= 5
    np.testing.assert_allclose(np.abs(pairs - 0.8 / 1.8), 0.8 / 1.8, rtol=1e-12)


def test_numbers_meet_the_theory():
    best = theory.best_heavy_ball(1, 100)
    fig = Disc(lr=best.lr, beta=best.beta)
    found = fig.numbers()
    assert found["rate"] == pytest.approx(9 / 11, abs=1e-7)
    peak = theory.transient_peak(rules.heavy_ball, fig.curvatures, lr=best.lr, beta=best.beta)
    assert found["peak"] == (peak.step, pytest.approx(peak.size)) and peak.size > 1.2
    assert found["steps_to"] == fig.path(2000).steps_to(1e-6)
    averaged = Disc(rule="averaged_momentum", lr=best.lr / (1 - best.beta), beta=best.beta).numbers()
    np.testing.assert_allclose(averaged["errors"], found["errors"], rtol=1e-6)
    slow = Disc(lr=0.008, beta=0.3)
    assert slow.numbers()["steps_to"] == slow.path(2000).steps_to(1e-6) > slow.steps  # counted beyond what is drawn
    lost = Disc(lr=0.05, beta=0.5)
    assert lost.numbers()["diverged_at"] == 17 and lost.numbers()["measured"] is None
    assert "diverges at step 17" in lost.alt()


@pytest.mark.parametrize("rule", LINEAR)
def test_map_predicts_the_steps_of_the_rate(rule):
    rates, momenta, steps = Disc(rule=rule).map()
    assert steps.shape == (96, 96)
    for j, i in ((10, 40), (70, 60), (50, 90), (95, 95)):
        hyper = {"lr": rates[i], "beta": momenta[j]} if remembers(rule) else {"lr": rates[i]}
        rate = theory.rate(rules.get(rule), np.geomspace(1, 100, 30), **hyper).max()
        if rate >= 1:
            assert np.isnan(steps[j, i])
        else:
            assert rate ** steps[j, i] == pytest.approx(1e-6, rel=1e-6)
    assert np.isnan(steps).any() and (steps[~np.isnan(steps)] > 0).all()


@pytest.mark.parametrize(
    "state",
    [
        {"rule": "averaged_momentum", "lr": 0.3, "beta": 0.9, "kappa": 1000, "steps": 400},
        {"lr": 0.05, "beta": 0.5},
        {"kappa": 1, "lr": 1.0, "beta": 0},
        {"rule": "gradient_descent", "lr": 100},
        {"rule": "nesterov", "lr": 1e-6, "beta": 0.99, "steps": 20},
    ],
)
def test_pictures_of_extreme_states(state, tmp_path):
    fig = Disc(**state)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fig.picture().savefig(tmp_path / "disc.svg")
    assert "nan" not in fig.alt().lower()
