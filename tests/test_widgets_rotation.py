"""The rotation test: its problems, its table and its plane against the rules, and the browser's against Python's."""

import json

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import rules, theory
from momentum_lib.notation import LOOKS
from momentum_lib.widgets import Rotation, turning
from momentum_lib.widgets.rotation import POINT, REACH, TITLES, look_of, shares, unit_steps

MODULES = {"rotation": "rotation"}
BLIND = ("gradient_descent", "heavy_ball", "shampoo", "muon", "muon_0")


# -- the problem ------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0, 20, 45, 90])
def test_turning_changes_nothing_but_the_coordinates(angle):
    """The rotation is orthogonal; curvatures and the solution along the problem's own directions stay."""
    q = turning.turn(angle)
    np.testing.assert_allclose(q @ q.T, np.eye(turning.SIZE), atol=1e-13)
    s, best = turning.problem(angle, 3)
    own, drawn = turning.problem(0, 3)
    np.testing.assert_allclose(q.T @ s @ q, own, atol=1e-13)
    np.testing.assert_allclose(best @ q, drawn, atol=1e-13)
    assert np.linalg.cond(s) == pytest.approx(1024)


def test_at_45_degrees_each_direction_is_spread_evenly_and_at_90_none_is():
    np.testing.assert_allclose(abs(turning.turn(45)), 32**-0.5)
    assert sorted(abs(turning.turn(90)).round(12).ravel())[-32:] == [1.0] * 32
    np.testing.assert_allclose(turning.turn(30, 2), [[3**0.5 / 2, -0.5], [0.5, 3**0.5 / 2]])


# -- the table --------------------------------------------------------------------------------


def test_the_table_is_of_these_rules_and_whole():
    assert turning.main(["--check"]) == 0
    found = turning.load()
    assert list(found) == list(turning.SIDES) and set(TITLES) == set(found)
    for rows in found.values():
        assert rows.shape == (len(turning.ANGLES), turning.PROBLEMS) and ((rows > 0) & (rows < 1)).all()


@pytest.mark.parametrize(
    ("side", "k", "number"), [("adam", 0, 1), ("adam", 9, 2), ("lion", 4, 0), ("signum", 18, 4), ("heavy_ball", 7, 3)]
)
def test_a_row_of_the_table_is_found_again(side, k, number):
    """Run anew, one side on one problem at one angle."""
    again = turning.left(side, turning.ANGLES[k], number)
    assert turning.load()[side][k, number] == pytest.approx(again, rel=6e-3)


def test_a_run_is_the_rules_own_steps():
    """Heavy ball by its two lines, on one problem, at the rate that leaves least."""
    s, best = turning.problem(20, 1)
    theta, v = np.zeros_like(best), np.zeros_like(best)
    shares = turning.losses("heavy_ball", 20, 1)
    lr = turning.rates("heavy_ball")[shares.argmin()]
    for t in range(100):
        v = 0.9 * v + (theta - best) @ s
        theta = theta - lr * (1 - t / 100) * v
    apart = theta - best
    assert shares.min() == pytest.approx(np.trace(apart @ s @ apart.T) / np.trace(best @ s @ best.T), rel=1e-9)
    assert np.isinf(turning.losses("gradient_descent", 0)[-1])


def test_the_best_rate_is_inside_the_grid():
    """A side at the grid's edge would be judged at a rate that is not its best."""
    for side in ("gradient_descent", "heavy_ball", "adam", "signum", "lion"):
        for angle in (0, 45):
            assert 0 < turning.losses(side, angle).argmin() < turning.rates(side).size - 1


def test_who_notices():
    """Adam and Lion lose orders of magnitude, Signum less; gradient descent, heavy ball and Shampoo nothing at all; Muon's
    last bits make a factor of two or so. Untouched Adam beats Muon, but neither Shampoo nor, without noise, Muon without
    memory; turned, Muon beats Adam. At 90 degrees all is as it was."""
    untouched, turned = ({side: share for side, (share, _) in shares(angle).items()} for angle in (0, 45))
    ratio = {side: turned[side] / untouched[side] for side in TITLES}
    assert ratio["adam"] > 300 and ratio["lion"] > 300 and 3 < ratio["signum"] < 30
    for side in ("gradient_descent", "heavy_ball", "shampoo"):
        np.testing.assert_allclose(turning.load()[side], turning.load()[side][:1].repeat(len(turning.ANGLES), 0), rtol=0.02)
    for side in ("muon", "muon_0"):
        logs = np.log(turning.load()[side]).mean(1)
        assert np.exp(np.ptp(logs)) < 2.5
    assert untouched["adam"] < untouched["muon"] / 3 and turned["adam"] > 50 * turned["muon"]
    assert untouched["shampoo"] < untouched["adam"] and untouched["muon_0"] < untouched["shampoo"]
    for side in set(TITLES) - {"muon", "muon_0"}:
        assert shares(90)[side][0] == pytest.approx(untouched[side], rel=0.02)


def test_muons_first_step_turns_along_and_signums_does_not():
    for side, same in (("muon", True), ("heavy_ball", True), ("signum", False), ("adam", False)):
        name, hyper = turning.SIDES[side]
        rule, steps = rules.get(name), []
        for angle in (0, 45):
            s, best = turning.problem(angle)
            theta = np.zeros_like(best)
            moved, _ = rule.step(theta, -best @ s, rule.init(theta), {**rule.hyper, **hyper, "lr": 1.0}, 1)
            steps.append(moved @ turning.turn(angle))
        assert np.allclose(*steps, atol=1e-9) == same


# -- the plane --------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0, 10, 45, 80])
def test_the_planes_steps_are_the_steepest_under_their_norms(angle):
    """As matrices: a row of coordinates; for the spectral norm the diagonal matrix along the problem's own directions."""
    found, q = unit_steps(angle), turning.turn(angle, 2)
    row = found["gradient"][None, :]
    np.testing.assert_allclose(found["euclid"], -REACH * theory.steepest(row, "euclid")[0], atol=1e-12)
    np.testing.assert_allclose(found["maximum"], -REACH * theory.steepest(row, "maximum")[0], atol=1e-12)
    inside = np.diag(q.T @ found["gradient"])
    np.testing.assert_allclose(found["spectral"], -REACH * q @ np.diag(theory.steepest(inside, "spectral")), atol=1e-12)
    np.testing.assert_allclose(q.T @ found["point"], POINT)


def test_between_measured_angles_the_logarithms_are_interpolated():
    middle, ends = shares(7.5)["adam"], (shares(5)["adam"], shares(10)["adam"])
    assert middle[0] == pytest.approx((ends[0][0] * ends[1][0]) ** 0.5) and middle[1] == pytest.approx(
        (ends[0][1] * ends[1][1]) ** 0.5
    )
    row = np.log(turning.load()["adam"][1])
    assert ends[0] == pytest.approx((np.exp(row.mean()), np.exp(row.std(ddof=1))))


def test_words_and_picture_carry_the_numbers():
    figure = Rotation(angle=45)
    found = figure.numbers()
    assert f"Adam {found['left']['adam']:.1e} ({found['left']['adam'] / found['untouched']['adam']:.2g} times)" in figure.alt()
    rows, plane = figure.picture().axes
    dots = [line.get_xdata()[0] for line in rows.lines[3::4]]
    assert dots == pytest.approx(list(found["left"].values()))
    assert [line.get_xdata()[0] for line in rows.lines[2::4]] == pytest.approx(list(found["untouched"].values()))
    assert len(plane.lines) == 3 + 3 + 1 and len(Rotation(norm="maximum").picture().axes[1].lines) == 3 + 1 + 1
    squares = {line.get_color(): line for line in plane.lines if len(line.get_xdata()) == 5}
    over, under = squares[LOOKS["sign"].light], squares[LOOKS["matrix"].light]  # untouched, one lies on the other
    assert over.is_dashed() and not under.is_dashed() and over.get_zorder() > under.get_zorder()
    tips = [text.xy for text in plane.texts]
    np.testing.assert_allclose(tips, [found["point"] + found[norm] for norm in ("euclid", "maximum", "spectral")])


# -- the browser's arithmetic -----------------------------------------------------------------


@pytest.mark.parametrize("angle", [0, 5, 33, 45, 61.5, 90])
def test_the_same_in_the_browser(js, angle):
    mine = Rotation(angle=angle).numbers()
    theirs = js(f"rotation.compute({{ angle: {angle}, norm: 'all' }})")
    for name in ("left", "spread", "untouched"):
        assert theirs[name] == pytest.approx(mine[name], rel=1e-9)
    for name in ("point", "gradient", "euclid", "maximum", "spectral"):
        np.testing.assert_allclose(theirs[name], mine[name], atol=1e-12)


def test_rows_and_words_in_the_browser(js):
    assert {side: (title, look) for side, title, look in js("rotation.ROWS")} == {
        side: (title, look_of(side)) for side, title in TITLES.items()
    }

    def says(angle):
        return js(f"rotation.sentence({angle}, rotation.compute({json.dumps({'angle': angle, 'norm': 'all'})}))")

    found = Rotation(angle=45).numbers()
    ratio = found["left"]["adam"] / found["untouched"]["adam"]
    assert says(45).startswith("Turned by 45°: Adam leaves ") and f"{float(f'{ratio:.2g}'):g} times as much as untouched" in says(
        45
    ).replace(" ", " ")
    assert says(45).endswith("as untouched.") and says(0).startswith("Untouched, the problem lies along the coordinates")
    assert "again" in says(90) and "times" not in says(90)


@pytest.mark.parametrize(("change", "stale"), [(1e-16, False), (1e-9, True)])
def test_the_table_outlives_the_last_bit_of_a_rate_but_no_more(monkeypatch, change, stale):
    """A table that is stale on another processor, whose powers are rounded otherwise; or one of other rates that is not."""
    moved = {family: rates * (1 + 2 * change) for family, rates in turning.RATES.items()}
    assert all((moved[family] != rates).any() for family, rates in turning.RATES.items())
    monkeypatch.setattr(turning, "RATES", moved)
    assert (turning.digests() != turning.written()) == stale
