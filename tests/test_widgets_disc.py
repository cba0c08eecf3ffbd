"""The disc: its numbers against closed forms, and the browser's eigenvalues against the theory's."""

import json
import warnings

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import rules, theory
from momentum_lib.widgets import Disc, bundle
from momentum_lib.widgets.disc import LINEAR, best_setting, rate_range, remembers

SETTINGS = [(0.02, 0.8, 1.0), (0.02, 0.8, 100.0), (0.35, 0.0, 3.0), (0.05, 0.5, 100.0), (0.011, 0.97, 40.0), (1.0, 0.3, 1.0)]


@pytest.fixture(scope="module")
def js(node):
    """Evaluate an expression over the module ``disc`` under node."""

    def run(expression):
        text = f"import * as disc from {json.dumps((bundle.JS / 'disc.js').as_uri())};\nconsole.log(JSON.stringify({expression}));"
        return json.loads(node("--input-type=module", "-e", text))

    return run


@pytest.mark.parametrize("rule", LINEAR)
def test_matrix_and_eigenvalues_in_the_browser_are_the_theorys(js, rule):
    for lr, beta, curvature in SETTINGS:
        hyper = {"lr": lr, "beta": beta} if remembers(rule) else {"lr": lr}
        found = js(
            f"(() => {{ const m = disc.iterationMatrix('{rule}', {curvature}, {{ lr: {lr}, beta: {beta} }}); return [m, disc.eigenvalues(m)]; }})()"
        )
        np.testing.assert_allclose(
            found[0], theory.iteration_matrix(rules.get(rule), curvature, **hyper), rtol=1e-14, atol=1e-15
        )
        mine = np.array(found[1]) @ [1, 1j]
        theirs = theory.eigenvalues(rules.get(rule), curvature, **hyper)
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)
        independent = np.linalg.eigvals(theory.iteration_matrix(rules.get(rule), curvature, **hyper))
        np.testing.assert_allclose(np.sort_complex(mine), np.sort_complex(independent + 0j), atol=3e-8)


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
    assert theory.rate(rules.get(rule), np.geomspace(1, 100, 200), lr=best.lr, **hyper).max() == pytest.approx(best.rate, abs=1e-6)
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
    lost = Disc(lr=0.05, beta=0.5)
    assert lost.numbers()["diverged_at"] == 17 and lost.numbers()["measured"] is None
    assert "diverges at step 17" in lost.alt() and "diverges at step 17" in lost.caption


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
    assert "nan" not in fig.alt().lower() and "nan" not in fig.caption.lower()
