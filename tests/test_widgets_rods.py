"""Rods: singular values step by step against the theory and against matrices; the browser's arithmetic against Python's."""

import json

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import ops, theory
from momentum_lib.widgets import Rods
from momentum_lib.widgets.rods import NAMES, POLYNOMIALS

MODULES = {"rods": "rods"}
UNEVEN = {"s1": 1.0, "s2": 0.0, "s3": 0.002, "s4": 0.9, "s5": 0.4, "s6": 0.03}


@pytest.mark.parametrize("polynomial", list(POLYNOMIALS))
def test_the_path_is_what_happens_to_a_matrix(polynomial):
    """A matrix with these singular values, taken through the polynomial by matrix products."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((6, 6)))[0] for _ in range(2))
    found = Rods(values=UNEVEN, polynomial=polynomial, steps=6).numbers()
    x = left @ np.diag(list(UNEVEN.values())) @ right
    x = x / np.linalg.norm(x)
    rows = POLYNOMIALS[polynomial]
    room = 4e-15  # for rounding, which a step multiplies as it does small singular values
    for k, row in enumerate(found["path"]):
        np.testing.assert_allclose(np.diag(left.T @ x @ right.T), row, atol=room)
        a, b, c = rows[min(k, len(rows) - 1)]
        room *= a
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    assert [found["least"], found["most"]] == [np.delete(found["path"][-1], 1).min(), found["path"][-1].max()]


def test_five_steps_of_muons_are_the_librarys_orthogonal():
    figure = Rods()
    found = np.linalg.svd(ops.orthogonal(np.diag(list(figure.values.values()))), compute_uv=False)
    np.testing.assert_allclose(found, np.sort(figure.numbers()["path"][-1])[::-1], atol=1e-12)


def test_the_curve_goes_through_the_rods_ends():
    for polynomial in POLYNOMIALS:
        figure = Rods(polynomial=polynomial, steps=7)
        path = figure.numbers()["path"]
        np.testing.assert_allclose(figure.curve(path[0]), path[-1], rtol=1e-12)


def test_words_carry_the_numbers():
    assert "6 singular values from 0.02 to 0.802; after 5 steps of Muon’s polynomial they lie between 0.68" in Rods().alt()
    nothing = Rods(values=dict.fromkeys(NAMES, 0))
    assert nothing.numbers()["least"] is None and "so they are after 5 steps" in nothing.alt()
    nothing.picture()


def test_the_picture_is_drawn_where_its_numbers_say():
    figure = Rods(polynomial="best", steps=3)
    path = figure.numbers()["path"]
    rods, curve = figure.picture().axes
    now, before = rods.containers
    assert [bar.get_height() for bar in now] == pytest.approx(list(path[-1]))
    assert [bar.get_height() for bar in before] == pytest.approx(list(path[0]))
    line, dots, _ = curve.lines
    np.testing.assert_allclose(np.array(dots.get_data()), path[[0, -1]])
    np.testing.assert_allclose(line.get_ydata(), figure.curve(line.get_xdata()))
    assert path.max() < rods.get_ylim()[1] and line.get_ydata().max() < curve.get_ylim()[1]


# -- the browser's arithmetic -----------------------------------------------------------------


def test_polynomials_are_the_same_in_the_browser(js):
    """Typed there, computed here: to rounding of the decimals."""
    found = js("rods.POLYNOMIALS")
    assert list(found) == list(POLYNOMIALS)
    for name, rows in POLYNOMIALS.items():
        np.testing.assert_allclose(found[name], rows, rtol=1e-9)


@pytest.mark.parametrize("polynomial", list(POLYNOMIALS))
def test_the_same_in_the_browser(js, polynomial):
    figure = Rods(values=UNEVEN, polynomial=polynomial, steps=8)
    mine, state = figure.numbers(), json.dumps(figure.state())
    theirs = js(f"(() => {{ const path = rods.pathOf({state}); return {{ path, ...rods.ends(path, 8) }}; }})()")
    np.testing.assert_allclose(theirs["path"], mine["path"], rtol=1e-9, atol=1e-12)
    assert [theirs["least"], theirs["most"]] == pytest.approx([mine["least"], mine["most"]], rel=1e-9)
    x = [0.001, 0.04, 0.7]
    np.testing.assert_allclose(js(f"{x}.map((v) => rods.after(v, '{polynomial}', 8))"), figure.curve(x), rtol=1e-9)


def test_a_rod_that_is_drawn_leaves_the_others_their_proportions(js):
    """The values keep norm 1; a rod alone cannot shrink."""
    before = Rods().numbers()["path"][0]
    moved = np.array(js(f"rods.drawnTo({before.tolist()}, 1, 0.9)"))
    assert moved[1] == 0.9 and np.linalg.norm(moved) == pytest.approx(1)
    others = np.delete(moved, 1) / np.delete(before, 1)
    np.testing.assert_allclose(others, others[0])
    assert js("rods.drawnTo([0, 1, 0], 1, 2)") == [0, 1, 0]


def test_words_and_ways_in_the_browser(js):
    state = json.dumps(Rods().state())
    assert js(f"rods.sentence(rods.pathOf({state}), 'muon', 5)") == (
        "After 5 steps of Muon’s polynomial all lie between 0.682 and 1.13: the longest rod is 1.66 times the shortest, "
        "before it was 40 times."
    )
    assert "between 0.02 and 0.802: the longest rod is 40 times" in js(f"rods.sentence(rods.pathOf({state}), 'muon', 0)")
    assert "nothing moves" in js("rods.sentence([[0, 0]], 'muon', 0)")
    assert js("rods.between([[0, 1], [1, 3]], 0.25)") == [0.25, 1.5] and js("rods.between([[0, 1], [1, 3]], 1)") == [1, 3]
    assert theory.POLYNOMIALS["cubic"] == ((1.5, -0.5, 0.0),)
