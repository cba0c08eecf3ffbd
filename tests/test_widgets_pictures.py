"""The figures of the page of pictures, and the three amounts of momentum, say what NumPy and the library say."""

import numpy as np
import pytest

from momentum_lib import descend, rules
from momentum_lib.widgets import Amounts, ComplexPair, Euler, LinearMap
from momentum_lib.widgets.linear_map import directions, eigenvalue_pair

SOME = np.random.default_rng(0).uniform(-1.6, 1.6, (200, 2, 2))


def test_determinant_trace_and_eigenvalues_are_numpys():
    for (a, b), (c, d) in SOME:
        figure = LinearMap(a=a, b=b, c=c, d=d)
        said = figure.numbers()
        ours = np.array(said["values"]).reshape(2, 2) @ [1, 1j]
        theirs = np.linalg.eigvals(figure.matrix)
        assert abs(ours[0]) >= abs(ours[1]) and np.allclose(np.sort_complex(ours), np.sort_complex(theirs))
        assert said["determinant"] == pytest.approx(np.linalg.det(figure.matrix))
        assert said["determinant"] == pytest.approx((ours[0] * ours[1]).real) and said["trace"] == pytest.approx(sum(ours).real)


def test_a_kept_direction_is_stretched_by_its_eigenvalue():
    turned = 0
    for matrix in SOME:
        kept, values = directions(matrix), eigenvalue_pair(matrix)
        turned += not kept
        assert len(kept) == (0 if values[0].imag else 2)
        for vector, value in zip(kept, values.real, strict=False):
            assert np.allclose(matrix @ vector, value * np.array(vector)) and np.hypot(*vector) == pytest.approx(1)
    assert 20 < turned < 180


def test_a_shear_keeps_one_direction_and_a_multiple_of_the_identity_all():
    assert [tuple(map(abs, one)) for one in directions([[1, 0.8], [0, 1]])] == [(1, 0)]
    assert directions([[0.5, 0], [0, 0.5]]) == [(1, 0), (0, 1)]
    assert LinearMap(a=1, b=0.8, c=0, d=1).numbers()["values"] == [1, 0, 1, 0]


def test_powers_shrink_by_the_size_and_turn_by_the_angle():
    figure = ComplexPair(size=0.8, angle=np.pi / 3)
    said, powers = figure.numbers(), figure.powers()
    assert np.allclose(powers[1:], powers[:-1] * 0.8 * np.exp(1j * np.pi / 3))
    assert said["turn"] == pytest.approx(6) and 0.8 ** said["hundredth"] == pytest.approx(0.01)
    assert ComplexPair(size=1, angle=0).numbers()["turn"] is ComplexPair(size=1.1).numbers()["hundredth"] is None


@pytest.mark.parametrize(("h", "told"), [(0.5, "without crossing"), (1.5, "still close in"), (2.2, "never come closer")])
def test_steps_multiply_and_the_words_say_how_they_end(h, told):
    said = Euler(h=h, start=1.0).numbers()
    assert np.allclose(said["x"], (1 - h) ** np.arange(len(said["x"]))) and len(said["x"]) == int(8 / h + 1e-9) + 1
    assert said["gap"] == pytest.approx(np.abs(said["x"] - np.exp(-h * np.arange(len(said["x"])))).max())
    assert told in Euler(h=h, start=1.0).alt()


def test_shorter_steps_stay_nearer():
    gaps = [Euler(h=h).numbers()["gap"] for h in (0.4, 0.2, 0.1)]
    assert np.allclose(np.divide(gaps[:-1], gaps[1:]), 2, atol=0.35)


def test_the_right_amount_arrives_and_both_others_do_not():
    little, right, much = Amounts().numbers()["left"]
    assert right < 0.001 and little > 50 * right and much > 5 * little
    path = Amounts().paths()["right"]
    again = descend(rules.heavy_ball, path.surface, path.points[0], steps=30, lr=2 / 26, beta=0.522)
    assert np.allclose(path.points, again.points)
