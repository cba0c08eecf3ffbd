"""Figures for a phone, and what cells print: laid out anew, and nothing lost."""

import io
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest

from momentum_lib import descend, narrow, plot, rules, surfaces, typeface
from tests.related import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import outputs  # noqa: E402
import pictures  # noqa: E402

needs_typeface = pytest.mark.skipif(not typeface.FILES.is_dir(), reason="the typefaces come with `make vendor`")


@pytest.fixture
def two_panels():
    figure, (left, right) = plt.subplots(1, 2, figsize=plot.FULL_SIZE)
    run = descend(rules.heavy_ball, surfaces.ravine, start=(-2.6, 0.6), steps=20, lr=0.07, beta=0.5)
    plot.path(run, plot.contours(surfaces.ravine, left))
    plot.error(run, ax=right)
    left.text(0, 0, "the minimum")
    yield figure
    plt.close(figure)


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
