"""Figures for a phone, and what cells print: laid out anew, and nothing lost."""

import io
import re
import subprocess
import sys
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from momentum_lib import descend, narrow, plot, rules, surfaces, typeface
from tests.related import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import outputs  # noqa: E402
import pictures  # noqa: E402

needs_typeface = pytest.mark.skipif(not typeface.FILES.is_dir(), reason="the typefaces come with `make vendor`")


def panels():
    """A figure of two panels with words of every kind."""
    figure, (left, right) = plt.subplots(1, 2, figsize=plot.FULL_SIZE)
    run = descend(rules.heavy_ball, surfaces.ravine, start=(-2.6, 0.6), steps=20, lr=0.07, beta=0.5)
    plot.path(run, plot.contours(surfaces.ravine, left))
    plot.error(run, ax=right)
    left.text(0, 0, "the minimum")
    return figure


@pytest.fixture
def two_panels():
    figure = panels()
    yield figure
    plt.close(figure)


def without_ids(svg):
    """An SVG whose names count from 0: matplotlib takes them from the last bits of a path."""
    names = {}
    return re.sub(r"\b[pmhC]?\w?[0-9a-f]{10}\b", lambda found: names.setdefault(found[0], f"name{len(names)}"), svg)


def wide_svg(figure):
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def test_panels_stand_one_below_the_other_and_words_are_11_pixels(two_panels):
    before = wide_svg(two_panels)
    made = narrow.svg(two_panels)
    width, height = pictures._size(ROOT / "x.svg", made)
    assert 330 <= width <= 352 and height > 1.1 * width
    assert narrow.smallest(made, 350) >= 11 > 6 > narrow.smallest(before, 350)
    assert wide_svg(two_panels) == before  # the figure is what it was


def test_a_figure_whose_words_would_touch_keeps_its_width():
    figure, ax = plt.subplots(figsize=(9, 3))
    for k in range(8):
        ax.text(k / 8, 0.5, "eight letters")
    assert narrow.touching(figure) == 0
    assert narrow.svg(figure) is None
    plt.close(figure)


def test_wide_and_narrow_travel_in_one_file(two_panels):
    wide, small = wide_svg(two_panels), narrow.svg(two_panels)
    assert narrow.parted(narrow.joined(wide, small)) == (wide, small)
    assert narrow.parted(narrow.joined(wide, None)) == (wide, None)


def test_both_widths_and_the_png_are_what_each_would_be_alone(two_panels):
    """Words are measured once for all three, and the PNG takes over the layout of the wide SVG."""
    figure, options = panels(), {"bbox_inches": "tight"}
    for each in (figure, two_panels):
        each.axes[0].set_title(r"$\beta^2$")
    measure, engine = Text._get_layout, figure.get_layout_engine()
    made, png = narrow.both(figure, partial(narrow.saved, figure, **options), partial(narrow.saved, figure, "png", **options))
    alone = narrow.joined(narrow.saved(two_panels, **options), narrow.svg(two_panels))
    assert without_ids(made) == without_ids(alone) and narrow.MARK in made
    drawn, plain = pixels(png), pixels(narrow.saved(two_panels, "png", **options))
    high, wide = np.minimum(drawn.shape, plain.shape)[:2]
    assert np.abs(np.subtract(drawn.shape, plain.shape)).max() <= 3
    assert np.abs(drawn[:high, :wide] - plain[:high, :wide]).mean() < 2.5
    assert Text._get_layout is measure and figure.get_layout_engine() is engine
    plt.close(figure)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"), dtype=float)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.set_text("another"),
        lambda text: text.set_fontsize(20),
        lambda text: text.set_fontweight("bold"),
        lambda text: text.set_rotation(40),
        lambda text: text.set_rotation_mode("anchor"),
        lambda text: text.set_ha("right"),
        lambda text: text.set_va("top"),
        lambda text: text.set_linespacing(3),
        lambda text: text.set_multialignment("right"),
        lambda text: text.set_parse_math(False),
        lambda text: text.get_figure().set_dpi(150),
    ],
    ids=["words", "size", "weight", "turn", "pivot", "side", "height", "lines", "ragged", "formula", "dots"],
)
def test_a_word_is_measured_anew_where_something_changed(two_panels, change):
    """Each property on which matplotlib's layout of a text rests tells one text from another."""
    renderer = FigureCanvasAgg(two_panels).get_renderer()
    text = two_panels.axes[0].text(0, 0, "a word, $x^2$\nand more", rotation=20)
    with narrow._words_measured_once():
        first = text._get_layout(renderer)
        assert text._get_layout(renderer) is first
        change(text)
        kept = text._get_layout(renderer)
    assert repr(kept) == repr(text._get_layout(renderer)) != repr(first)


def test_every_word_has_a_rim_in_the_pages_colour_below_it(two_panels):
    plain = wide_svg(two_panels)
    words = len(pictures.WORD.findall(plain))
    for theme, ground in (("light", "#ffffff"), ("dark", "#14181f")):
        drawn = pictures.exchange(plain, theme)
        assert words > 20 and drawn.count(f'fill="none" stroke="{ground}"') == words
        assert len(pictures.WORD.findall(drawn)) == words  # each still there, over its rim


@needs_typeface
def test_figures_are_set_in_the_pages_typeface(two_panels):
    assert typeface.families()[0] == "Source Sans 3"
    words = narrow._words(two_panels)
    assert "the minimum" in {text.get_text() for text in words}
    assert {tuple(text.get_fontfamily()) for text in words} == {tuple(typeface.families())}
    from matplotlib import font_manager

    found = font_manager.findfont(words[0].get_fontproperties(), fallback_to_default=False)
    assert "source-sans-3-latin-400" in found


def test_without_the_typeface_nothing_is_said():
    """As in Colab: a copy of the library alone."""
    code = (
        "import momentum_lib.typeface as t; t.FILES = t.FILES / 'nowhere'\n"
        "from momentum_lib import plot\nimport matplotlib.pyplot as plt\n"
        "plt.plot([1, 2]); plt.title('a title with β'); plt.savefig('/dev/null', format='png')\n"
        "assert plt.rcParams['font.family'] == ['DejaVu Sans']\n"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_each_picture_of_a_live_figure_is_in_the_courses_style(tmp_path):
    """The style comes with the first picture of a process, and stays for the second."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import live, matplotlib as mpl\n"
        "live.drawn(sys.argv[2], 'rods', {})\n"
        "from momentum_lib import typeface\n"
        "assert mpl.rcParams['font.family'] == typeface.families() and mpl.rcParams['axes.titlelocation'] == 'left'\n"
    )
    command = [sys.executable, "-c", code, str(ROOT / "book" / "_ext"), str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (svg,) = tmp_path.glob("live-rods-*.svg")
    assert svg.with_suffix(".png").stat().st_size > 10_000 and svg.with_suffix(".txt").read_text("utf-8")


PRINTED = """\
   kappa      rate   steps to 1e-6
       1  0.000000               1
      10  0.818182              62
heavy ball, its best setting: 8.7e-07
   gradient descent, its best rate: 0.052
one    two   three
  four          five     six   seven
"""


def test_columns_become_a_table_and_lines_stay_lines():
    kinds = outputs.blocks(PRINTED)
    assert [kind for kind, _ in kinds] == ["table", "lines", "columns"]
    assert [row.texts for row in kinds[0][1]] == [
        ("kappa", "rate", "steps to 1e-6"),
        ("1", "0.000000", "1"),
        ("10", "0.818182", "62"),
    ]
    assert kinds[1][1] == PRINTED.splitlines()[3:5] and kinds[2][1] == PRINTED.splitlines()[5:]


def test_an_output_keeps_every_word_on_the_page():
    from bs4 import BeautifulSoup

    page = f'<div class="cell_output"><div class="output stream"><pre><span></span>{PRINTED}</pre></div></div>'
    soup = BeautifulSoup(page, "html.parser")
    outputs.finish(soup)
    assert soup.get_text(" ").split() == PRINTED.split()
    assert [cell.get_text() for cell in soup.select("th[scope=col]")] == ["kappa", "rate", "steps to 1e-6"]
    assert soup.select_one(".said[style='--in:3']").get_text() == "   gradient descent, its best rate: 0.052\n"
    assert len(soup.select("td.text-right")) == 6


def test_what_a_row_is_called_stands_at_the_left_though_it_begins_with_a_number():
    from bs4 import BeautifulSoup

    printed = "batch           rule   change\n2 to 8 windows  SGD    +0.1 of 3\n8 to 9 windows  Muon   -0.2 ± 3\n"
    soup = BeautifulSoup(f'<div class="cell_output"><div class="stream"><pre>{printed}</pre></div></div>', "html.parser")
    outputs.finish(soup)
    assert [cell.get_text() for cell in soup.select("td.text-right")] == ["+0.1 of 3", "-0.2\xa0±\xa03"]
