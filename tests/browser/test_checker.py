"""The checker of pages, on small pages with one planted fault each: it is seen at the width and in the theme that has it."""

import pytest

from tests.browser import accessibility, live
from tests.browser.test_pages import FIRST, both_themes, opened, switch
from tests.browser.verdicts import Verdicts, named_by

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A page</title><link rel="icon" href="data:,">
<style>
  html { background: #ffffff; color: #1f2933; } html[data-theme="dark"] { background: #14181f; color: #e5e7eb; }
  html:not([data-theme="dark"]) .only-dark, html[data-theme="dark"] .only-light { display: none; }
  .narrow { display: none; } @media (max-width: 500px) { .narrow { display: block; } }
</style>
<script>
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const wear = () => { document.documentElement.dataset.theme = dark.matches ? "dark" : "light"; };
  dark.addEventListener("change", wear); wear();
</script></head>
<body><main><h1>A page</h1><p>Words, and <code>code</code> among them.</p>
<div class="katex"><span>rate</span> <span style="margin: -2px">velocity</span></div><!-- fault --></main></body></html>
"""
DOT = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/%3E"

MATH = """<span class="katex-mathml"><math><mi mathvariant="normal">x</mi>
<mspace role="img" width="9px"></mspace></math></span>"""
LINK = '<p>Read this <a href="#there">other page</a> first.</p>'
NARROW = '<p class="narrow">Words for phones</p>'
COVERED = """<div style="position: relative"><p class="pale">Covered words</p>
<div style="position: absolute; inset: 0; background: linear-gradient(#777777, #999999)"></div></div>
<div style="height: 99px"></div><div><p class="pale">Words in the open</p></div>"""
OVER = """<section><div><p class="pale">Covered words</p></div></section><section><div style="margin-top: -30px; width: 30px;
height: 20px; background: #777777"></div></section><p>Between them</p><p class="pale">Words in the open</p>"""
WIDE = '<style>body {{ margin: 0 }}</style><div class="{}" style="width: 365px; height: 9px"></div>'
FAR = """<style>.far {{ content-visibility: auto; contain-intrinsic-height: auto 60px }}</style><div style="height: 9000px"></div>
<section class="far">{}</section>"""
DRAWN_ANEW = """<p id="drawn"><button>Go</button></p><script>dark.addEventListener("change", () => {
  document.querySelector("#drawn").innerHTML = "<button></button>"; });</script>"""
DRAWING = """<style>text { fill: black } html[data-theme="dark"] text { fill: white }</style>
<svg width="90" height="30" role="img" aria-label="A word"><text class="word" y="20">Here</text></svg>"""
SEEN = """<div style="height: 9000px"></div><div class="live-figure" data-figure="one" data-ready="1">A figure</div>
<div style="height: 9000px"></div><script>addEventListener("load", () =>
  new IntersectionObserver(([{ isIntersecting }]) => { if (isIntersecting && dark.matches) console.error("planted"); })
    .observe(document.querySelector(".live-figure")));</script>"""
WHEN_DARK = """const speak = () => { if (dark.matches) console.error("planted"); };
dark.addEventListener("change", speak); speak();"""
BOTH, PHONE = tuple(FIRST), (390,)


def light(rule):
    """A style that holds in light."""
    return f'<style>html[data-theme="light"] {rule}</style>'


def dark(rule):
    """A style that holds in dark."""
    return f'<style>html[data-theme="dark"] {rule}</style>'


# fault: (where, what is planted, what is said of it)
FAULTS = {
    "pale in light": (BOTH, light("code { color: #cccccc }"), "color-contrast"),
    "pale in dark": (BOTH, dark("code { color: #333333 }"), "color-contrast"),
    "pale in dark on a phone": (PHONE, dark(".narrow { color: #333333 }") + NARROW, "color-contrast"),
    "pale in light on a phone": (PHONE, light(".narrow { color: #cccccc }") + NARROW, "color-contrast"),
    "one pale word of a formula in dark": (BOTH, dark(".katex span + span { color: #333333 }"), "color-contrast"),
    "pale after a pale letter in dark": (
        BOTH,
        dark("b { color: #333333 }") + "<p>Now <b>x</b> and <b>momentum</b></p>",
        "color-contrast",
    ),
    "pale below one that is covered in dark": (BOTH, dark(".pale { color: #333333 }") + COVERED, "color-contrast"),
    "a ground of another colour in dark": (BOTH, dark("h1 { background: #9aa5b1 }"), "color-contrast"),
    "small text on a phone": (
        PHONE,
        light("p { font-size: 30px; color: #888888 }")
        + "<style>@media (max-width: 500px) { html p { font-size: 14px !important } }</style>",
        "color-contrast",
    ),
    "pale below a block that is drawn over it in dark": (BOTH, dark(".pale { color: #333333 }") + OVER, "color-contrast"),
    "a link like its text in dark": (
        BOTH,
        dark("a { color: #e9ebee; text-decoration: none }") + light("a { color: #0b57d0 }") + LINK,
        "link-in-text-block",
    ),
    "pale in a drawing in light": (BOTH, light("text { fill: #999999 }") + DRAWING, "drawn text word: Here: contrast 2.8"),
    "pale in a drawing in dark": (BOTH, DRAWING + dark("text { fill: #555555 }"), "drawn text word: Here: contrast"),
    "pale in half a drawing": (BOTH, light("svg { opacity: 0.5 }") + DRAWING, "drawn text word: Here: contrast"),
    "pale on its own edge": (BOTH, light("text { fill: #777777; stroke: #999999 }") + DRAWING, "drawn text word: Here: contrast"),
    "no words for a picture": (BOTH, f'<img src="{DOT}">', "image-alt"),
    "no words for the picture in dark": (BOTH, f'<img class="only-dark" src="{DOT}">', "image-alt"),
    "no words for the picture in light": (BOTH, f'<img class="only-light" src="{DOT}">', "image-alt"),
    "a nameless button on a phone": (PHONE, '<button class="narrow"></button>', "button-name"),
    "a nameless picture in a formula": (BOTH, MATH, "role-img-alt"),
    "a nameless field": (BOTH, '<input type="text">', "label"),
    "pale far below in light": (BOTH, light(".far { color: #cccccc }") + FAR.format("Words far below"), "color-contrast"),
    "pale far below in dark": (BOTH, dark(".far { color: #333333 }") + FAR.format("Words far below"), "color-contrast"),
    "no words for a picture far below in dark": (BOTH, FAR.format(f'<img class="only-dark" src="{DOT}">'), "image-alt"),
    "a button that loses its name when it is drawn anew in the other theme": (BOTH, DRAWN_ANEW, "button-name"),
    "a console error": (BOTH, '<script>console.error("planted")</script>', "console error: planted"),
    "an error of the page": (BOTH, '<script>setTimeout(() => { throw new Error("planted"); })</script>', "page error: planted"),
    "a console error in dark": (BOTH, f"<script>{WHEN_DARK}</script>", "console error: planted"),
    "a console error of a figure that is seen in dark": (BOTH, SEEN, "console error: planted"),
    "another host": (BOTH, '<img alt="A dot" class="only-dark" src="https://example.invalid/dot.png">', "asked another host"),
    "a file that is not there": (BOTH, '<link rel="stylesheet" href="gone.css">', "request failed"),
    "too wide": (BOTH, '<div style="width: 1400px; height: 9px"></div>', "px too wide at"),
    "too wide in dark": (BOTH, '<div class="only-dark" style="width: 1400px; height: 9px"></div>', "px too wide at"),
    "5 px too wide at 360": (PHONE, WIDE.format(""), "px too wide at 360"),
    "5 px too wide at 360 in light": (PHONE, WIDE.format("only-light"), "px too wide at 360"),
    "5 px too wide at 360 in dark": (PHONE, WIDE.format("only-dark"), "px too wide at 360"),
}


@pytest.fixture
def look(new_page, tmp_path):
    """A function: look at a small page, with something planted, at one width; returns what the checker says, or ""."""

    def look(planted, width):
        (tmp_path / "page.html").write_text(PAGE.replace("<!-- fault -->", planted), "utf-8")
        page = new_page(width=width, theme=FIRST[width])
        page.set_default_timeout(3_000)  # a picture of another host never comes, and the page is told before that
        try:
            opened(page, (tmp_path / "page.html").as_uri(), FIRST[width])
            both_themes(page, FIRST[width])
        except Exception as error:
            return "\n".join([str(error), *page.problems])
        finally:
            page.problems.clear()
        return ""

    return look


@pytest.mark.parametrize("width", FIRST)
def test_the_page_without_a_fault_is_sound(look, width):
    assert look("", width) == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(look, fault):
    where, planted, said = FAULTS[fault]
    for width in where:
        assert said in look(planted, width), width


def test_a_kind_that_passed_is_known_and_its_brother_in_another_colour_is_not(look):
    """On the next page nothing is looked at twice; the same words in a paler colour, or on another ground, are."""
    extra = "<p>Words of <b>another</b> sort</p>"
    assert look(extra, 1366) == ""
    before = set(accessibility.KNOWN)
    assert before and look(extra, 1366) == "" and before == accessibility.KNOWN
    for planted in ("b { color: #cccccc }", "b { background: #777777 }", "main { opacity: 0.3 }"):
        assert "color-contrast" in look(light(planted) + extra, 1366), planted
        assert before == accessibility.KNOWN & before


@pytest.mark.parametrize("fault", [name for name, (where, *_) in FAULTS.items() if where == PHONE])
def test_a_fault_of_the_phone_is_none_of_the_laptop(look, fault):
    assert look(FAULTS[fault][1], 1366) == ""


def test_a_verdict_is_kept_while_nothing_changes(tmp_path):
    (tmp_path / "static").mkdir()
    page, picture, style = (tmp_path / name for name in ("page.html", "dot.svg", "static/style.css"))
    page.write_text('<img src="dot.svg">'), picture.write_text("<svg/>"), style.write_text("p {}")

    def unknown(version="1", fails=False):
        with Verdicts(version, tmp_path / "static", tmp_path / "kept").of("book/page", named_by(page)) as found:
            assert not fails, "planted"
        return found

    assert unknown() and not unknown()
    assert unknown(version="2") and not unknown(version="2")
    for path in (page, picture, style):
        path.write_text(path.read_text() + " ")
        assert unknown(version="2") and not unknown(version="2"), path
    with pytest.raises(AssertionError, match="planted"):
        unknown(version="2", fails=True)
    assert unknown(version="2")  # a page that failed is looked at again


def test_a_page_that_is_used_again_has_nothing_of_the_test_before(browser, tmp_path):
    """What a test leaves behind: storage, size, medium, the mouse on a button, listeners; a test that fails leaves no page."""
    (tmp_path / "page.html").write_text(PAGE + "<style>h1:hover { color: rgb(1, 2, 3) }</style>", "utf-8")
    address, first, errors = (tmp_path / "page.html").as_uri(), [], []
    asked = """() => [innerWidth, scrollY, localStorage.length, matchMedia("print").matches,
        document.documentElement.dataset.theme, getComputedStyle(document.querySelector("h1")).color,
        history.state, "left" in window, name]"""

    def opened(**options):
        return live.open_page(browser, address, width=777, wait=False, **options)

    with opened() as page:
        fresh = page.evaluate(asked)
        first.append(page)
    with opened(errors=errors) as page:
        assert page is first[0]
        page.evaluate(
            """() => { localStorage.setItem("a", 1); history.replaceState(1, ""); window.left = 1; console.error("one"); }"""
        )
        page.set_viewport_size({"width": 400, "height": 300})
        page.hover("h1")
        page.emulate_media(media="print", color_scheme="dark")
    with pytest.raises(AssertionError, match="two"), opened() as page:
        assert page is first[0] and page.evaluate(asked) == fresh
        page.evaluate("console.error('two')")
    assert errors == ["one"]
    with pytest.raises(ZeroDivisionError), opened() as page:
        assert page is first[0]
        1 / 0  # noqa: B018
    with opened() as page:
        assert page is not first[0] and page.evaluate(asked) == fresh


FIGURE_FAULTS = {
    "pale in dark": (dark("code { color: #333333 }"), "color-contrast"),
    "no words for the picture in dark": (f'<img class="only-dark" src="{DOT}">', "image-alt"),
    "a button that loses its name when it is drawn anew in the other theme": (DRAWN_ANEW, "button-name"),
}


@pytest.mark.parametrize("fault", FIGURE_FAULTS)
def test_a_fault_of_a_figure_in_dark_is_seen(browser, tmp_path, fault):
    planted, said = FIGURE_FAULTS[fault]
    page_text = PAGE.replace("<main>", '<main class="live-figure">').replace("<!-- fault -->", planted)
    (tmp_path / "page.html").write_text(page_text, "utf-8")
    with live.open_page(browser, (tmp_path / "page.html").as_uri(), wait=False) as page:
        assert live.violations(page) == []
        switch(page, "dark")
        assert said in "\n".join(live.violations_after_the_switch(page))
