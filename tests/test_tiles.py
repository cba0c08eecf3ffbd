"""The pictures of chapters: what they draw is what the library computes, in the page's colours, and small."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import scene  # noqa: E402
import thumbnails  # noqa: E402
import tiles  # noqa: E402

from momentum_lib import notation  # noqa: E402

CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))


def test_every_chapter_has_a_picture_of_its_own():
    for stem in CHAPTERS:
        assert stem[:2] in tiles.CHAPTERS, f"{stem}: no picture; write a function in book/_ext/tiles.py and name it in CHAPTERS"
    assert set(tiles.CHAPTERS) == {stem[:2] for stem in CHAPTERS}, "a picture without a chapter"
    pictures = [thumbnails.tile(f"notebooks/{stem}") for stem in CHAPTERS]
    assert len(set(pictures)) == len(set(tiles.CHAPTERS.values()))
    assert thumbnails.tile("book/glossary") == "" and thumbnails.tile("") == ""
    for stem, text in zip(CHAPTERS, pictures, strict=True):
        assert set(re.findall(r"--look-([a-z]+)", text)) <= set(notation.LOOKS), stem
        assert not re.search(r"#[0-9a-fA-F]{3,6}|nan|inf", text), stem
        assert len(text) < 16_000, stem
        assert "tile-line" in text or "tile-dots" in text, f"{stem}: nothing moves"


def test_a_view_maps_its_corners_to_the_picture():
    view = scene.View(-2, 2, 1, 3)
    assert np.allclose(view([-2, 2, 0], [3, 1, 2]), [[0, 0], [scene.WIDTH, scene.HEIGHT], [110, 70]])
    square = scene.View.square((1, -1), 2.8)
    assert np.isclose((square.right - square.left) / (square.high - square.low), scene.WIDTH / scene.HEIGHT)


def test_the_race_shows_that_memory_pays():
    """From one start at one rate, after 20 steps heavy ball is more than ten times nearer."""
    lines = [shape for shape in tiles.race() if isinstance(shape, scene.Line)]
    view = scene.View.square((-0.1, 0), 3.6)
    goal = view([0], [0])[0]
    left = {line.look: np.linalg.norm(line.points[20] - goal) / np.linalg.norm(line.points[0] - goal) for line in lines}
    assert left["gradient"] > 10 * left["momentum"]
    assert all(np.allclose(line.points[0], lines[0].points[0]) for line in lines)


def test_the_sharpness_climbs_to_its_line():
    """It begins far below the dashed limit, and of its second half four fifths lie within a tenth of the picture of it."""
    limit, climb = tiles.network()
    line = limit.points[0, 1]
    assert climb.points[0, 1] > line + 0.5 * scene.HEIGHT  # downwards is down
    late = climb.points[len(climb.points) // 2 :, 1]
    assert (np.abs(late - line) < scene.HEIGHT / 10).mean() > 0.8


def test_an_outline_in_relative_moves_comes_back_to_its_start():
    """Rounded moves that add up to a gap; a ring that loses its hole."""
    turn = np.linspace(0, 2 * np.pi, 40)
    ring = scene.Area(tuple(100 + r * np.stack([np.cos(turn), np.sin(turn)], -1) for r in (50, 20)), edge=1.0)
    path = re.search(r' d="([^"]*)"', scene.svg([ring]))[1]
    outlines = path.strip("Z").split("Z")
    assert len(outlines) == 2 and 'fill-rule="evenodd"' in scene.svg([ring])
    for outline in outlines:
        moves = np.array([pair.split(",") for pair in outline.partition("l")[2].split()], float)
        assert np.allclose(moves.sum(0), 0, atol=1e-9)


def test_a_share_picture_has_the_size_that_is_promised(tmp_path):
    file = tmp_path / "card.png"
    scene.card(tiles.ball(), "A ball with friction", "The same rule, " * 30, "The course", file)
    data = file.read_bytes()
    assert data[:4] == b"\x89PNG"
    assert (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")) == thumbnails.SIZE
    assert len(data) < 150_000


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>One. Two.</p>", ""),
        ("<p>This is a sentence of a page. And a second.</p>", "This is a sentence of a page. And a second."),
        ("<div><p>Inside a figure, as a caption.</p></div><p>Outside it, the text begins.</p>", "Outside it, the text begins."),
        ("<p>" + "A long sentence without an end " * 20 + "</p>", None),
    ],
)  # fmt: skip
def test_a_description_is_whole_sentences_of_the_text(html, words):
    """A description that runs into a figure's caption, or stops in a word."""
    from bs4 import BeautifulSoup

    text = thumbnails.description(BeautifulSoup(f"<article><section>{html}</section></article>", "html.parser"))
    if words is None:
        assert len(text) <= 200 and text.endswith("…") and text[:-1].split()[-1] in html.split()
    else:
        assert text == words


def test_minutes_grow_with_words_code_and_figures():
    def cell(kind, text, *tags):
        return {"cell_type": kind, "source": text, "metadata": {"tags": list(tags)}}

    page = [cell("markdown", "word " * 4000)]
    assert thumbnails.minutes({"cells": page}) == 20
    assert thumbnails.minutes({"cells": [*page, cell("code", "x = 1\n" * 60)]}) == 30
    assert thumbnails.minutes({"cells": [*page, cell("code", "x = 1\n" * 60, "hide-input")]}) == 20
    assert thumbnails.minutes({"cells": [*page] + 5 * [cell("code", "from momentum_lib.widgets import Disc")]}) == 35


def test_every_rule_and_surface_has_its_picture():
    from momentum_lib import rules, surfaces

    for name, rule in rules.RULES.items():
        text = scene.svg(tiles.rule(name))
        assert f"--look-{rule.family}" in text and "tile-line" in text, name
    for name in surfaces.SURFACES:
        text = scene.svg(tiles.surface(name))
        assert len(text) < 20_000 and not re.search(r"nan|inf|lZ", text), name


def test_muon_evens_out_what_gradient_descent_leaves():
    from momentum_lib import rules

    rods = [line for line in tiles.rule("muon") if isinstance(line, scene.Line)]
    height = {look: [np.ptp(line.points[:, 1]) for line in rods if line.look == look] for look in ("gradient", "matrix")}
    assert max(height["gradient"]) / min(height["gradient"]) > 15
    assert max(height["matrix"]) / min(height["matrix"]) < 2
    assert rules.muon.family == "matrix"


def test_a_card_sets_its_terms_as_mathematics():
    spec = importlib.util.spec_from_file_location("generated_cards", ROOT / "book" / "_gen" / "cards.py")
    cards = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cards)
    assert cards.set_terms("lr in theta^2 / f.") == r"lr in $\theta^2/f$."
    assert cards.set_terms("`theta^2 / f` as code") == "`theta^2 / f` as code"
    with pytest.raises(ValueError, match=r"'y\^3' in .* add it to TERMS in book/_gen/cards.py"):
        cards.set_terms("a wall of y^3")
