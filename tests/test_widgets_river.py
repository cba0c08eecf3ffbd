"""The river: its runs against the theory, and the browser's arithmetic against Python's."""

import json

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import rules, theory
from momentum_lib.draws import draw_noise
from momentum_lib.widgets import River
from momentum_lib.widgets.river import NOISE, POOL, RIVERS, SHOWN, STEPS, WALKERS, travel, verdict

MODULES = {"river": "river", "noise": "noise"}
STATES = {
    "first": {},
    "noisy": {"sigma": 1.0},
    "none": {"beta": 0, "sigma": 0.3},
    "rate": {"hold": "rate", "share": 0.4, "sigma": 0.5, "beta": 0.95, "seed": 3},
    "creeping": {"hold": "rate", "share": 0.001, "loss": 0.5, "sigma": 2},
}


def test_one_walker_is_the_rule_step_by_step():
    """Noise given to another step or walker, a start elsewhere, a slope the wrong way."""
    x, y = travel(rules.heavy_ball, 0.3, 0.8, loss=0.08, sigma=0.7, seed=5)
    draws = draw_noise(STEPS * WALKERS, 5).reshape(STEPS, WALKERS)
    at, v = np.array([0.0, 0.4]), np.zeros(2)
    assert x.shape == (STEPS + 1,) and y.shape == (STEPS + 1, WALKERS) and y[0, 7] == pytest.approx(0.4)
    for t in range(STEPS):
        at, v = rules.heavy_ball(at, np.array([-1.0, at[1] + 0.7 * draws[t, 7]]), v, lr=0.3, beta=0.8)
        assert (x[t + 1], y[t + 1, 7]) == pytest.approx(tuple(at), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("name", STATES)
def test_what_is_measured_is_what_the_theory_says(name):
    """Both at the same loss, each within five standard errors; the speeds' ratio is the gain."""
    figure = River(**STATES[name])
    found = figure.numbers()
    for who, rule in RIVERS.items():
        one, beta = found[who], figure.beta if rule.momentum else 0.0
        assert theory.noise_ball(one["lr"], beta, 1.0, figure.sigma) / 2 == pytest.approx(found["loss"], rel=1e-9)
        assert one["speed"] == pytest.approx(one["lr"] / (1 - beta))
        assert one["measured"] == pytest.approx(one["speed"], rel=0.01)
        assert one["lost"] == pytest.approx(found["loss"], rel=5 * np.sqrt(2 / WALKERS))
        assert one["path"].shape == (SHOWN + 1, 2) and one["path"][0, 0] == 0
        assert one["path"][-1, 0] == pytest.approx(SHOWN * one["speed"], rel=0.01)
    assert found["gain"] == pytest.approx(found["heavy"]["speed"] / found["plain"]["speed"], rel=1e-9)


def test_the_two_ends_of_the_chapter():
    """Nearly without noise 17 times as far, in noise a tenth further, at the same loss on the side."""
    assert River(sigma=0.01).numbers()["gain"] == pytest.approx(18.66, abs=0.01)
    assert River(sigma=1).numbers()["gain"] == pytest.approx(1.0942, abs=1e-4)
    assert River(beta=0).numbers()["gain"] == 1


def test_at_a_rate_of_the_readers_the_gain_does_not_know_the_noise():
    low, high = (River(hold="rate", share=0.3, sigma=sigma).numbers() for sigma in (0.1, 1.0))
    assert low["gain"] == pytest.approx(high["gain"]) and high["loss"] == pytest.approx(100 * low["loss"])


def test_words_carry_the_numbers():
    said = River().alt()
    assert said.startswith(
        "The curvature sets the pace, and momentum pays: at momentum 0.9 and noise 0.03, with a loss of 0.05 on the side, "
    )
    assert "16.4 times as fast. Without noise it would be 19 times." in said


def test_the_picture_is_drawn_where_its_numbers_say():
    figure = River(sigma=0.5)
    found = figure.numbers()
    plain, heavy, gain = figure.picture().axes
    for ax, who in ((plain, "plain"), (heavy, "heavy")):
        np.testing.assert_allclose(np.array(ax.lines[0].get_data()).T, found[who]["path"])
        assert ax.get_xlim()[1] > found["heavy"]["path"][-1, 0]
    np.testing.assert_allclose(gain.lines[0].get_ydata(), theory.river_gain(0.9, np.geomspace(*NOISE, 96)))
    assert (gain.lines[1].get_xdata()[0], gain.lines[1].get_ydata()[0]) == (found["noise"], found["gain"])


# -- the browser's arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize("name", STATES)
def test_the_same_in_the_browser(js, name):
    figure = River(**STATES[name])
    mine = figure.numbers()
    theirs = js(f"river.make({json.dumps(figure.state())}, noise.drawNoise({WALKERS * STEPS}, {figure.seed}))")
    for key in ("noise", "loss", "gain"):
        assert theirs[key] == pytest.approx(mine[key], rel=1e-12)
    for who in RIVERS:
        for key in ("lr", "speed", "measured", "lost"):
            assert theirs[who][key] == pytest.approx(mine[who][key], rel=1e-9)
        np.testing.assert_allclose(np.reshape(theirs[who]["path"], (-1, 2)), mine[who]["path"], rtol=1e-9, atol=1e-11)
    assert POOL < STEPS


def test_words_in_the_browser(js):
    def says(**state):
        state = json.dumps(River(**state).state())
        return js(f"river.sentence({state}, river.make({state}, noise.drawNoise({WALKERS * STEPS}, 0)))")

    assert says() == (
        "The curvature sets the pace, and momentum pays: at momentum 0.9, noise 0.03 and a loss of 0.05 on the side, "
        "32.5 a step against 1.98, 16.4 times as far. Without noise: 19 times."
    )
    assert says(sigma=1).startswith("The noise sets the pace, and momentum has next to nothing to give: at momentum 0.9, noise 1")
    assert says(sigma=0.3).startswith("Curvature and noise both hold it back")
    assert says(beta=0) == (
        "With momentum 0 both are gradient descent, and neither gets farther: at noise 0.03 and a loss of 0.05 on the side, "
        "1.98 a step."
    )
    assert "neither gets farther: at noise 0.03, with a loss of 0.05 on the side, 1.98 a step" in River(beta=0).alt()
    most = says(beta=0.95, sigma=2, loss=0.5)
    assert most.startswith("The noise sets the pace, and little is left of what momentum could give: at momentum 0.95")
    assert "1.24 times as far" in most
    assert says(beta=0.04).startswith("So small a momentum has next to nothing to give: at momentum 0.04")


def test_the_verdict_goes_by_the_gain(js):
    """Where it says that momentum pays there is a gain, where it says next to nothing less than a tenth; in both languages."""
    grid = [(beta, noise) for beta in (0.02, 0.1, 0.5, 0.9, 0.95) for noise in (1e-3, 0.02, 0.1, 0.4, 1, 3, 30)]
    gains = [float(theory.river_gain(beta, noise)) for beta, noise in grid]
    said = [verdict(beta, gain) for (beta, _), gain in zip(grid, gains, strict=True)]
    pairs = [[beta, gain] for (beta, _), gain in zip(grid, gains, strict=True)]
    assert js(f"{pairs}.map(([beta, gain]) => river.verdict(beta, gain))") == said and len(set(said)) == 5
    assert all(gain >= 1.1 for gain, words in zip(gains, said, strict=True) if "pays" in words or "both" in words)
    assert all((gain < 1.1) == ("next to nothing" in words) for gain, words in zip(gains, said, strict=True))
