"""The river valley: closed forms against the exact engine, a simulation, and the limits that the chapter states."""

import numpy as np
import pytest

from momentum_lib import rules, theory

BETAS = np.array([0.0, 0.5, 0.9, 0.95])


@pytest.mark.parametrize("sigma", [0.05, 1.0])
@pytest.mark.parametrize("curvature", [1.0, 3.0])
def test_the_loss_across_settles_where_it_was_asked_to(sigma, curvature):
    """A rate at which the exact covariance is another one: a lost square, curvature or 2."""
    lr = theory.lr_at_hill_loss(0.05, BETAS, curvature, sigma)
    for one, beta in zip(lr, BETAS, strict=True):
        settled = theory.stationary_covariance(rules.heavy_ball, curvature, sigma=sigma, lr=one, beta=beta)[0, 0]
        assert curvature * settled / 2 == pytest.approx(0.05, rel=1e-8)
    np.testing.assert_allclose(curvature * theory.noise_ball(lr, BETAS, curvature, sigma) / 2, 0.05, rtol=1e-12)


def test_the_gain_is_the_ratio_of_the_speeds_at_the_same_loss():
    for curvature, sigma, loss in ((1.0, 1.0, 0.05), (4.0, 0.03, 0.2), (0.5, 2.0, 0.01)):
        lr = theory.lr_at_hill_loss(loss, BETAS, curvature, sigma)
        speed = theory.effective_rate(lr, BETAS)
        np.testing.assert_allclose(theory.river_gain(BETAS, sigma**2 / (2 * loss * curvature)), speed / speed[0], rtol=1e-12)


def test_without_noise_the_speed_is_that_at_the_edge():
    """(1+beta)/(1-beta): 3, 19 and 39 times gradient descent's, at .5, .9 and .95."""
    np.testing.assert_allclose(theory.lr_at_hill_loss(0.05, BETAS, 2.0, 0.0), theory.momentum_edge(2.0, BETAS), rtol=1e-14)
    np.testing.assert_allclose(theory.river_gain(BETAS, 0.0), [1, 3, 19, 39], rtol=1e-12)
    np.testing.assert_allclose(theory.river_gain(BETAS, 0.0), theory.sample_size(BETAS), rtol=1e-12)


def test_in_noise_almost_nothing_is_gained():
    """sigma 1, loss .05: 10 times as much noise as hill, at most one tenth for any momentum."""
    gains = theory.river_gain(BETAS, 10.0)
    np.testing.assert_allclose(gains, [1, 1.0645, 1.0942, 1.0972], atol=5e-5)
    assert theory.river_gain(0.999999, 10.0) < 1.1
    assert (np.diff(theory.river_gain(0.9, np.geomspace(1e-4, 1e4, 50))) < 0).all()


def test_a_run_travels_as_fast_as_it_should_and_stays_as_low():
    """The rule itself on f = -s x + y^2/2, 4000 noisy walkers: no formula of the library beside it."""
    rng, slope, beta, sigma = np.random.default_rng(0), 0.01, 0.9, 1.0
    lr = theory.lr_at_hill_loss(0.05, beta, 1.0, sigma)
    half, (x, y, vx, vy) = None, (np.zeros(1), np.full(4000, 0.3), np.zeros(1), np.zeros(4000))
    for t in range(400):
        x, vx = rules.heavy_ball(x, np.array([-slope]), vx, lr=lr, beta=beta)
        y, vy = rules.heavy_ball(y, y + sigma * rng.standard_normal(4000), vy, lr=lr, beta=beta)
        half = x if t == 199 else half
    assert (x - half)[0] / 200 == pytest.approx(slope * theory.effective_rate(lr, beta), rel=1e-6)
    assert (y**2).mean() / 2 == pytest.approx(0.05, rel=5 * np.sqrt(2 / 4000))


def test_a_share_of_the_edge_is_a_noise_whatever_sigma():
    for share, beta in ((0.01, 0.9), (0.5, 0.0), (0.99, 0.95)):
        lr = share * theory.momentum_edge(1.0, beta)
        for sigma in (0.1, 2.0):
            loss = theory.noise_ball(lr, beta, 1.0, sigma) / 2
            assert theory.noise_over_hill(share, beta) == pytest.approx(sigma**2 / (2 * loss), rel=1e-11)
    assert theory.noise_over_hill(1.0, 0.9) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: theory.lr_at_hill_loss(0.0, 0.9), "loss is 0.0; allowed: a finite number > 0"),
        (lambda: theory.lr_at_hill_loss(1.0, 0.9, 1.0, -1.0), "sigma is -1.0; allowed: a finite number >= 0"),
        (lambda: theory.lr_at_hill_loss(1.0, 0.9, [1.0, 0.0]), r"curvature is 0.0"),
        (lambda: theory.lr_at_hill_loss(1.0, 1.0), "beta"),
        (lambda: theory.river_gain(0.9, -1.0), "noise is -1.0; allowed: a finite number >= 0"),
        (lambda: theory.river_gain(1.0, 1.0), "beta"),
        (lambda: theory.noise_over_hill(0.0, 0.9), r"part is 0.0; allowed: a number in \(0, 1\]"),
        (lambda: theory.noise_over_hill(0.5, -0.1), "beta"),
    ],
)
def test_errors_say_what_is_allowed(call, words):
    with pytest.raises(ValueError, match=words):
        call()
