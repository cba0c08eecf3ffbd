"""Elements of a page are found as Beautiful Soup's own `select` finds them, outside formulas, by every selector of the build."""

import re
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

EXTENSIONS = Path(__file__).parents[1] / "book" / "_ext"
sys.path.insert(0, str(EXTENSIONS))

import finding  # noqa: E402

ASKED = sorted(
    {
        selector
        for path in EXTENSIONS.glob("*.py")
        for _, selector in re.findall(r"""finding\.(?:find|first)\([\w.]+,\s*(["'])(.*?)\1\)""", path.read_text("utf-8"), re.S)
    }
)


def example(selector):
    """An element that each alternative of a selector matches, with everything that it names: outside and inside of a formula."""
    made = ""
    for alternative in re.split(r",(?![^(]*\))", selector):
        opened, closed = "", ""
        for compound in re.split(r"\s*>\s*|\s+(?![^\[(]*[\])])", alternative.strip()):
            inner = "<figcaption></figcaption>" if ":has" in compound else ""
            bare = re.sub(r":[\w-]+\([^)]*\)", "", compound)
            name = re.match(r"[\w-]*", bare)[0] or "div"
            own = [("class", " ".join(re.findall(r"\.([\w-]+)", bare))), ("id", "".join(re.findall(r"#([\w-]+)", bare)))]
            own += [(key, value) for key, _, value in re.findall(r"""\[([\w-]+)(?:([*^]?=)["']?([^"'\]]*)["']?)?\]""", bare)]
            opened += (
                f"<{name}{''.join(f' {key}={chr(34)}{value}{chr(34)}' for key, value in own if value or key in bare)}>{inner}"
            )
            closed = f"</{name}>{closed}"
        made += opened + closed
    return f"{made}<p>words</p><span class='math'><span class='katex'>{made}</span></span>{made}"


def test_the_build_asks_for_much():
    assert len(ASKED) > 35


@pytest.mark.parametrize("selector", ASKED)
def test_what_is_found_is_what_select_finds_outside_formulas(selector):
    soup = BeautifulSoup(example(selector), "html.parser")
    inside = {id(element) for formula in soup.select(".katex") for element in formula.find_all(True)}
    wanted = [id(element) for element in soup.select(selector) if id(element) not in inside]
    assert wanted and wanted == [id(element) for element in finding.find(soup, selector)]
    assert id(finding.first(soup, selector)) == wanted[0]


def test_all_names_and_classes_of_a_selector_count():
    soup = BeautifulSoup('<p class="a b" id="1"></p><p class="a"></p><i class="b"></i><u data-x="2"></u>', "html.parser")
    for selector in ("p.a.b", "p", ".b", "p.b, u", "[data-x]", "p:not(.b)", "i.a", "*", ".none"):
        assert finding.find(soup, selector) == soup.select(selector), selector
    assert finding.first(soup, ".none") is None
