"""Workers: orders, ages and paths against the theory; the browser's arithmetic against Python's."""

import json

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import theory
from momentum_lib.widgets import Workers
from momentum_lib.widgets.workers import BETAS, FLOOR, UPDATES, ages_of, order_of

MODULES = {"workers": "workers"}
STATES = (
    {},
    {"order": "turn", "workers": 4, "lr": 0.1},
    {"workers": 2, "beta": 0.4, "seed": 7},
    {"workers": 1},
    {"workers": 16, "beta": -0.5, "lr": 0.02},
    {"order": "turn", "workers": 16, "lr": 0.5, "beta": 0.9},
)


def test_a_random_order_gives_every_worker_its_share():
    found = np.concatenate([order_of(5, "random", seed) for seed in range(60)])
    counts = np.bincount(found, minlength=5)
    assert len(counts) == 5 and np.abs(counts / len(found) - 0.2).max() < 0.03
    assert order_of(3, "turn", 0)[:7].tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_ages_are_updates_since_the_last_report():
    assert ages_of([1, 0, 1], 2).tolist() == [[0, 0], [1, 0], [0, 1], [1, 0]]
    turn = ages_of(order_of(4, "turn", 0), 4)
    assert all(turn[t, t % 4] == 3 for t in range(4, UPDATES))  # every gradient of workers in turn is M - 1 updates old


def test_the_mean_age_of_a_gradient_is_alike_in_both_orders():
    """M - 1 updates, at random as in turn: what differs is the spread of the ages."""
    late = []
    for seed in range(40):
        who = order_of(4, "random", seed)
        late += [row[i] for row, i in list(zip(ages_of(who, 4), who))[40:]]
    assert np.mean(late) == pytest.approx(3, abs=0.2) and np.std(late) > 2.5


def test_formula_fit_and_ball():
    found = Workers().numbers()
    assert found["implied"] == 7 / 8 and found["fitted"] == pytest.approx(7 / 8, abs=1e-9) and found["leaves"] < 1e-9
    np.testing.assert_allclose(found["ball"], found["mean"], atol=1e-13)
    turn = Workers(order="turn", lr=0.15).numbers()
    np.testing.assert_allclose(turn["path"], turn["mean"], atol=1e-13)
    assert turn["leaves"] > 1e-2 and np.abs(turn["ball"] - turn["mean"]).max() > 0.1


def test_the_error_left_is_that_of_a_state():
    for order in ("random", "turn"):
        found = Workers(order=order).numbers()["left"]
        for k in (5, 19, 30):
            square = theory.asynchronous_square(8, 0.15, UPDATES, BETAS[k], order)
            assert found[k] == pytest.approx(max(FLOOR, np.sqrt(square[-30:].mean())), rel=1e-12)
    best = [Workers(workers=m).numbers()["best"] for m in (1, 2, 4, 16)]
    assert best == sorted(best, reverse=True) and best[0] > 0.1 and best[-1] < 0


@pytest.mark.parametrize(("workers", "best", "under"), [(1, 0.4, [0.2, 0.65]), (2, 0.2, [0.0, 0.4]), (8, -0.8, [])])
def test_the_best_momentum_is_found_below_the_floor_that_is_drawn(js, workers, best, under):
    """Many leave less than the axis shows; the best is not the first of them."""
    figure = Workers(workers=workers)
    square = theory.asynchronous_square(workers, 0.15, UPDATES, BETAS)[-30:].mean(0)
    assert BETAS[square.argmin()] == best and figure.numbers()["best"] == best
    assert figure.numbers()["under"] == under == BETAS[square < FLOOR**2][[0, -1] if under else []].tolist()
    said = js(f"(() => {{ const s = {json.dumps(figure.state())}; return workers.sentence(s, workers.compute(s)); }})()")
    for words in (said.replace("−", "-"), figure.alt().replace("−", "-")):
        assert f"the least error is left by an explicit momentum of {best:g}" in words
        assert ("; all from {:g} to {:g} leave less than".format(*under or (0, 0)) in words) == bool(under)
    assert Workers(workers=1, lr=0.05).alt().endswith("momentum of 0.65, less than a billionth.")


def test_words_and_picture():
    assert "8 workers, random order, at" in Workers().alt() and "momentum 0.875" in Workers().alt()
    assert Workers(workers=1).alt().startswith("One worker, at learning rate times curvature 0.15")
    figure = Workers(workers=5)
    found, axes = figure.numbers(), figure.picture().axes
    lines = {len(line.get_xdata()): line for line in axes[0].lines}
    assert set(lines) == {2, UPDATES + 1} and len(axes[0].lines) == 4
    np.testing.assert_array_equal(axes[0].lines[2].get_ydata(), found["mean"])
    assert [bar.get_height() for bar in axes[1].containers[0]] == found["ages"][-1].tolist()
    np.testing.assert_array_equal(axes[2].lines[0].get_ydata(), found["left"])
    assert len(Workers(beta=0.3).picture().axes[0].lines) == 3


# -- the browser's arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize("state", STATES, ids=lambda state: " ".join(map(str, state.values())) or "first")
def test_the_same_in_the_browser(js, state):
    figure = Workers(**state)
    mine, theirs = figure.numbers(), js(f"workers.compute({json.dumps(figure.state())})")
    assert theirs["who"] == mine["who"].tolist() and theirs["ages"] == mine["ages"].tolist()
    for name in ("path", "mean", "ball", "left"):
        np.testing.assert_allclose(theirs[name], mine[name], rtol=1e-7, atol=1e-12)
    assert all(theirs[name] == mine[name] for name in ("implied", "best", "under")) and js("workers.BETAS") == BETAS.tolist()
    for name in ("fitted", "leaves"):
        assert theirs[name] == (None if mine[name] is None else pytest.approx(mine[name], rel=1e-5, abs=1e-9))


def test_words_in_the_browser(js):
    def says(**state):
        return js(
            f"(() => {{ const s = {json.dumps(Workers(**state).state())}; return workers.sentence(s, workers.compute(s)); }})()"
        )

    assert says().startswith(
        "8 workers in random order are, on average, heavy ball with momentum 1 − 1/8 = 0.875; the fit finds 0.875."
    )
    assert "no momentum appears. The best fit is 0.924 instead of 0.875, and leaves 0.011" in says(
        order="turn"
    ) and "every gradient is 7 updates old" in says(order="turn")
    assert "1 update old" in says(order="turn", workers=2) and "One worker never lags" in says(workers=1)
    assert "momentum of −0.3 comes on top of the 0.875 that 8 workers in random order make by themselves" in says(beta=-0.3)
    assert "momentum of −0.3, and 8 workers in turn: every gradient is 7 updates old, which is a delay" in says(
        order="turn", beta=-0.3
    )
