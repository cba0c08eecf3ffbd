"""The ribbon of text: what lies on it, how much of it counts, and the browser's arithmetic against Python's."""

import itertools
import json

import pytest

pytest.importorskip("anywidget")
from momentum_lib import scale
from momentum_lib.scale.state import count
from momentum_lib.widgets import Ribbon
from momentum_lib.widgets.ribbon import REACH, UNITS, amount, pieces, published

MODULES = {"ribbon": "ribbon"}


def test_the_pieces_fill_the_ribbon_without_a_gap():
    found = pieces()
    assert (found[0][1], found[-1][2]) == REACH
    assert all(before[2] == after[1] for before, after in itertools.pairwise(found))
    assert [name for name, _ in itertools.groupby(name for name, *_ in found)] == list(UNITS)


def test_half_of_a_gradient_counts_at_the_ring():
    figure = Ribbon(beta=0.95, tokens=4e6)
    assert figure.half_life == pytest.approx(scale.half_life(0.95, tokens=4e6))
    assert figure.weight(figure.half_life) == pytest.approx(0.5) and figure.weight(2 * figure.half_life) == pytest.approx(0.25)
    weights = figure.numbers()["weights"]
    assert weights == sorted(weights, reverse=True) and weights[0] > 0.99 and weights[-1] < 1e-6


def test_a_memory_is_told_as_a_reader_counts():
    """The chapter's own examples: 32 books, and four thousand."""
    assert Ribbon().numbers()["amount"] == "32.3 books"
    assert Ribbon(beta=0.9, tokens=62914560).numbers()["amount"] == "4140 books, 103 shelves"
    assert amount(4000) == "10 pages" and amount(4e9) == "40\u202f000 books, 2 libraries"
    assert Ribbon(beta=0.99999).alt().startswith("Momentum 0.99999 at ")
    assert "counts half after 301 tokens" in Ribbon(beta=0.1, tokens=1e3).alt()
    assert "32.3 books" in Ribbon().alt() and count(Ribbon().half_life) in Ribbon().alt()


def test_a_chosen_training_is_the_data_files():
    for name, (beta, tokens) in published().items():
        run = next(run for run in scale.RUNS if run.name == name)
        assert (run.momentum, run.tokens_per_step) == (beta, tokens)
        assert Ribbon(beta=beta, tokens=tokens).state() == {"beta": beta, "tokens": tokens}  # nothing is clamped


def test_pieces_amounts_and_trainings_are_the_same_in_the_browser(js):
    assert js("ribbon.pieces().map(({ unit, start, end }) => [unit, start, end])") == [list(piece) for piece in pieces()]
    assert amount(6.931471458e14 / 10) == "693 million books, 34\u202f700 libraries"
    assert (amount(4e2), amount(1e5), amount(4e6)) == ("1 page", "1 book", "40 books, 1 shelf")
    values = [6.93e13, 1e2, 4e2, 99_999, 1e5, 3.23e6, 4e6, 4.14e8, 1.99e9, 2e9, 7e14]
    assert js(f"{json.dumps(values)}.map(ribbon.amount)") == [amount(value) for value in values]
    found = js("ribbon.published().map((row) => [row.name, row.beta, row.tokens])")
    assert [tuple(row) for row in found] == [(name, *setting) for name, setting in published().items()]


def test_the_picture_is_lit_as_far_as_it_counts():
    (ax,) = Ribbon().picture().axes
    lit = [bar.get_alpha() for bars in ax.containers[1::3] for bar in bars]
    assert lit == pytest.approx(Ribbon().numbers()["weights"])
    assert any("32.3 books" in text.get_text() for text in ax.texts)
