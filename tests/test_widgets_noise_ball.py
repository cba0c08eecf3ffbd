"""The noise ball: its swarm against the theory, and the browser's arithmetic against Python's."""

import itertools

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import descend, rules, surfaces, theory
from momentum_lib.draws import draw_noise
from momentum_lib.widgets import NoiseBall
from momentum_lib.widgets.noise_ball import FRAME, GRID, STEPS, TOP, WALKERS, frame_of, swarm

SETTINGS = list(itertools.product(["rate", "effective"], [0.02, 0.2], [0.0, 0.5, TOP]))


MODULES = {"ball": "noise_ball", "noise": "noise", "linear": "linear", "engine": "engine", "theory": "generated/theory"}


# -- the swarm --------------------------------------------------------------------------------


class Shaken:
    """A bowl of curvatures 1 and 3 whose gradients carry the given noise, one row after the other."""

    dim, bowl = 2, surfaces.quadratic([1.0, 3.0])

    def __init__(self, noise):
        self.noise = iter(noise)

    def value(self, x):
        return self.bowl.value(x)

    def gradient(self, x):
        return self.bowl.gradient(x) + next(self.noise)


def test_a_walker_is_a_run_of_the_rule_on_a_noisy_bowl():
    """Noise given to the wrong axis, step or walker: one walker through descend, with its own share of the draws."""
    draws = draw_noise(STEPS * WALKERS * 2, 3).reshape(STEPS, WALKERS, 2)
    points = swarm(0.05, 0.8, kappa=3.0, sigma=0.7, seed=3)
    assert points.shape == (STEPS + 1, WALKERS, 2) and not points[0].any()
    for walker in (0, 1, WALKERS - 1):
        run = descend(rules.heavy_ball, Shaken(0.7 * draws[:, walker]), [0.0, 0.0], steps=STEPS, lr=0.05, beta=0.8)
        np.testing.assert_allclose(points[:, walker], run.points, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("hold", "rate", "beta"), SETTINGS)
def test_what_is_measured_is_what_the_theory_says(hold, rate, beta):
    """Within five standard errors: 300 walkers, of which each gives at least one independent sample in 100 steps."""
    found = NoiseBall(hold=hold, rate=rate, beta=beta).numbers()
    settled = theory.stationary_covariance(rules.heavy_ball, np.array([1.0, 4.0]), lr=found["lr"], beta=beta)[:, 0, 0]
    np.testing.assert_allclose(found["exact"], settled, rtol=1e-9)
    assert (np.abs(found["measured"] / settled - 1) < 5 * np.sqrt(2 / WALKERS)).all()
    assert found["inside"] == pytest.approx(1 - np.exp(-2), abs=0.04)
    np.testing.assert_allclose(
        found["growing"][-1], settled, rtol=2e-3
    )  # settled by the last step, at every setting that is allowed


def test_result_15_in_the_figure():
    """.0526 and .5135 at the same learning rate; .0501 at the same effective rate; the average keeps 1/19 of the noise."""
    plain, same, effective = NoiseBall(beta=0), NoiseBall(beta=0.9), NoiseBall(beta=0.9, hold="effective")
    assert [round(float(f.numbers()["exact"][0]), 4) for f in (plain, same, effective)] == [0.0526, 0.5135, 0.0501]
    assert effective.lr == pytest.approx(0.01) and effective.numbers()["effective"] == pytest.approx(0.1)
    assert same.numbers()["average"] == pytest.approx(1 / 19)


def test_curves_of_the_second_picture():
    found = NoiseBall(rate=0.05, sigma=1.2).numbers()["curves"]
    np.testing.assert_allclose(found["rate"], theory.noise_ball(0.05, GRID, 1.0, 1.2))
    np.testing.assert_allclose(found["effective"], theory.noise_ball(0.05 * (1 - GRID), GRID, 1.0, 1.2))
    assert (np.diff(found["rate"]) > 0).all() and (np.diff(found["effective"]) < 0).all()
    assert found["effective"][0] / found["effective"][-1] < 1.03 < 15 < found["rate"][-1] / found["rate"][0]


def test_every_setting_is_stable_and_the_usual_ones_fit_the_picture():
    assert 0.2 * 4 < 2  # the largest rate times the largest curvature, without momentum: the narrowest edge
    for hold in ("rate", "effective"):
        spread = 2 * np.sqrt(NoiseBall(hold=hold, beta=TOP).numbers()["exact"])
        assert (spread < [FRAME[0][1], FRAME[1][1]]).all()


def test_words_tell_the_numbers():
    figure = NoiseBall(hold="effective")
    assert "effective rate, 0.1" in figure.alt() and "0.0501" in figure.alt() and "0.0526" in figure.alt()
    assert NoiseBall(seed=1).numbers()["measured"][0] != figure.numbers()["measured"][0]


def test_the_picture_is_drawn_where_its_numbers_say():
    """The swarm and its trail, x to the right; an ellipse of two standard deviations; the ring on its curve."""
    figure = NoiseBall(beta=0.6, hold="effective")
    found = figure.numbers()
    plane, curve = figure.picture().axes
    cloud, trail, ellipse, _ = (np.array(line.get_data()).T for line in plane.lines)
    np.testing.assert_allclose(cloud, found["cloud"])
    np.testing.assert_allclose(trail, found["trail"])
    np.testing.assert_allclose((ellipse**2 / found["exact"]).sum(axis=1), 4)
    np.testing.assert_allclose(ellipse.max(axis=0), 2 * np.sqrt(found["exact"]), rtol=1e-3)
    rate, effective, ring = (np.array(line.get_data()) for line in curve.lines[:3])
    np.testing.assert_allclose(rate, [GRID, found["curves"]["rate"]])
    np.testing.assert_allclose(effective, [GRID, found["curves"]["effective"]])
    np.testing.assert_allclose(ring, [[0.6], [found["exact"][0]]])


# -- the browser's arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize(("lr", "beta", "kappa", "sigma"), [(0.1, 0.9, 4.0, 1.0), (0.02, 0.0, 1.0, 0.5), (0.01, 0.95, 2.5, 1.5)])
def test_the_swarm_is_the_same_in_the_browser_bit_for_bit(js, lr, beta, kappa, sigma):
    made = f"ball.swarm({{lr: {lr}, beta: {beta}}}, [1, {kappa}], {sigma}, noise.drawNoise(2 * {WALKERS} * {STEPS}, 5))"
    mine = swarm(lr, beta, kappa, sigma, seed=5).ravel().tolist()
    assert js(f"Array.from({made})") == mine
    assert js(f"(engine.forbidCompiling(true), Array.from({made}))") == mine  # a page may forbid compiled loops


@pytest.mark.parametrize(
    ("lr", "beta", "curvature", "sigma"), [(0.1, 0.9, 1.0, 1.0), (0.2, 0.0, 4.0, 0.5), (0.01, 0.95, 2.5, 1.5)]
)
def test_closed_form_and_recursion_are_the_theorys(js, lr, beta, curvature, sigma):
    """The browser's recursion of three numbers against the library's recursion of matrices, and its closed form."""
    ball, growing = js(
        f"[theory.noiseBall({lr}, {beta}, {curvature}, {sigma}), Array.from(linear.meanSquares('heavy_ball', {curvature}, "
        f"{sigma}, {{lr: {lr}, beta: {beta}}}, 80))]"
    )
    assert ball == pytest.approx(theory.noise_ball(lr, beta, curvature, sigma), rel=1e-14)
    expected = theory.mean_square(rules.heavy_ball, curvature, 80, sigma=sigma, start=0.0, lr=lr, beta=beta)
    np.testing.assert_allclose(growing, expected, rtol=1e-11, atol=1e-16)


def test_measuring_is_the_same_in_the_browser(js):
    figure = NoiseBall(beta=0.6, seed=2)
    found = js(
        "(() => { const exact = [1, 4].map((c) => theory.noiseBall(0.1, 0.6, c, 1)); return ball.measure("
        f"ball.swarm({{lr: 0.1, beta: 0.6}}, [1, 4], 1, noise.drawNoise(2 * {WALKERS} * {STEPS}, 2)), exact); }})()"
    )
    np.testing.assert_allclose(found["measured"], figure.numbers()["measured"], rtol=1e-12)
    assert found["inside"] == figure.numbers()["inside"]
    assert js("[ball.learningRate('effective', 0.1, 0.75), ball.learningRate('rate', 0.1, 0.75)]") == [0.025, 0.1]


@pytest.mark.parametrize(
    ("state", "wider"),
    [({}, 1), ({"beta": TOP, "rate": 0.2}, 1.5), ({"beta": TOP, "rate": 0.2, "sigma": 1.5, "kappa": 1}, 3), ({"kappa": 1}, 1)],
)
def test_the_ellipse_lies_in_the_picture_at_every_setting(js, state, wider):
    """With both sliders at their ends it left the picture sideways."""
    figure = NoiseBall(**state)
    exact = figure.numbers()["exact"]
    frame = frame_of(exact)
    assert frame == tuple((wider * low, wider * high) for low, high in FRAME)
    assert (2 * np.sqrt(exact) < [frame[0][1], frame[1][1]]).all()
    plane = figure.picture().axes[0]
    assert (plane.get_xlim(), plane.get_ylim()) == frame
    assert js(f"ball.frameOf({exact.tolist()})") == [list(side) for side in frame]
