"""The frame around every page: names, where the reader is, search, cards, folds, paper, and pages without a script."""

import gzip
import html
import json
import re

import pytest

from tests.browser.accessibility import violations
from tests.browser.conftest import ROOT
from tests.browser.pages import PAGES, SCROLL
from tests.browser.test_pages import LIMIT

CHAPTERS = [name for name in PAGES if re.match(r"notebooks/\d", name)]


def written(name):
    """The plain name and the claim of a chapter, as its notebook has them."""
    cells = json.loads((ROOT / f"{name}.ipynb").read_text("utf-8"))["cells"]
    text = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    title, claim = re.search(r"^# (.+)\n\n\*\*(.+)\*\*$", text, re.M).groups()
    return title, claim.replace("'", "’")


# --- names ----------------------------------------------------------------------------------------------------------
def test_each_name_in_the_sidebar_has_one_line(site, new_page):
    page = new_page()
    page.goto(site.url(CHAPTERS[0]))  # a long name, and here it is bold
    heights = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".chapters li.toctree-l1 > a")]
          .map((link) => [link.textContent, link.offsetHeight]))"""
    )
    assert len(heights) == len(PAGES) - 2  # all but the search and the index
    assert max(heights.values()) == min(heights.values()) > 0, heights


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_called_by_its_plain_name(site, name):
    """In the tab and as the page's title; the claim is below it, and beside the name where a neighbour leads here."""
    title, claim = written(name)
    text = html.unescape((site.path / f"{name}.html").read_text("utf-8"))
    assert f"<title>{title} · " in text
    below = re.search(r"</h1>\s*(<p.*?</p>)", text)[1]
    assert f'<p class="claim">{claim}</p>' in below.replace("\N{NO-BREAK SPACE}", " ")
    towards = {"prev": "next", "next": "prev"}
    for way, back in towards.items():
        link = re.search(rf'<a class="\w+" href="([^"]+)" rel="{way}">', text)
        beside = html.unescape((site.path / name).parent.joinpath(link[1]).read_text("utf-8"))
        turn = re.search(rf'<a class="\w+" href="[^"]+" rel="{back}">.*?</a>', beside, re.S)[0]
        assert f"{title}</span>" in turn and f'<span class="turn-claim">{claim}</span>' in turn


# --- where the reader is --------------------------------------------------------------------------------------------
WIDE, PHONE = 1366, 390
AT = """(id) => document.getElementById(id).getBoundingClientRect().top
  - parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop)"""
SEEN = """(list) => { const link = list.querySelector("[aria-current=page]"), box = list.getBoundingClientRect();
  const { top, bottom } = link.getBoundingClientRect(); return top >= box.top && bottom <= Math.min(box.bottom, innerHeight); }"""


def held_back(page, *endings):
    """Keep files with these endings back; the list of what waits for ``continue_()``."""
    waiting = []
    for ending in endings:
        page.route(f"**/*{ending}*", lambda route: waiting.append(route))
    return waiting


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_link_lands_though_figures_and_typefaces_are_late(site, new_page, width):
    page = new_page(width=width)
    waiting = held_back(page, "_static/live/", ".woff2")
    page.goto(site.url("notebooks/09-rough") + "#exercises", wait_until="commit")
    page.wait_for_timeout(600)
    for route in waiting:
        route.continue_()
    page.unroute_all()
    page.wait_for_load_state("load")
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.wait_for_function(f"Math.abs(({AT})('exercises')) < 10")
    page.wait_for_timeout(200)
    assert abs(page.evaluate(AT, "exercises")) < 10


def test_a_link_in_the_sidebar_lands_and_is_marked(site, new_page):
    page = new_page()
    page.goto(site.url("notebooks/13-transformer", "file"))
    for name in ("Exercises", "Summary"):
        link = page.locator("ul.sections a", has_text=name)
        link.click()
        page.wait_for_function(f"Math.abs(({AT})('{name.lower()}')) < 10")
        page.wait_for_function("name => document.querySelector('ul.sections a.here')?.textContent === name", arg=name)


def test_the_section_that_fills_the_screen_is_marked(site, new_page):
    """While exercises are read they are what is read; at the end of the page, its last section."""
    page = new_page()
    page.goto(site.url("notebooks/07-ahead"))
    here = "document.querySelector('ul.sections a.here')?.textContent"
    page.evaluate("document.getElementById('exercises').scrollIntoView({ block: 'start' })")
    page.evaluate("scrollBy(0, -0.3 * innerHeight)")  # its heading is a third down, the rest of the screen is exercises
    page.wait_for_function(f"{here} === 'Exercises'")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_function(f"{here} === [...document.querySelectorAll('ul.sections a')].pop().textContent")


@pytest.mark.parametrize("name", ["notebooks/14-scale", "book/claims", "book/glossary"])
def test_the_sidebar_shows_where_the_page_is(site, new_page, name):
    page = new_page()
    page.goto(site.url(name))
    page.wait_for_function(f"({SEEN})(document.getElementById('side'))")
    page.set_viewport_size({"width": PHONE, "height": 700})
    page.locator("#menu-button").click()
    page.wait_for_function(f"({SEEN})(document.querySelector('.drawer-body'))")
    cross, first = page.locator(".drawer .close").bounding_box(), page.locator(".drawer-body").bounding_box()
    assert cross["y"] + cross["height"] <= first["y"] + 1


# --- search ---------------------------------------------------------------------------------------------------------
def ask(page, question):
    """Type a question; the answers as (kind, title, snippet)."""
    field = page.locator("dialog[open] input, .search-page input").first
    field.fill(question)
    page.wait_for_function(
        """(question) => { const said = document.querySelector('dialog[open] .found-count, .search-page .found-count');
        return said.textContent && said.closest('dialog, article').querySelector('input').value === question; }""",
        arg=question,
    )
    page.wait_for_timeout(50)
    parts = """(rows) => rows.map((row) => ['kind', 'title', 'text']
      .map((part) => row.querySelector(`.found-${part}`)?.textContent ?? ''))"""
    return page.locator(".found a:visible").evaluate_all(parts)


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_search_answers_while_one_types(site, new_page, scheme):
    page = new_page()
    page.goto(site.url(CHAPTERS[0], scheme))
    assert page.evaluate("typeof window.courseSearch") == "undefined"  # it is fetched when it is asked for
    page.keyboard.press("/")
    assert ask(page, "condition numbr")[0][:2] == ["Term", "condition number"]
    assert ask(page, "momentum")[0][1] == "momentum"
    assert any(title == "Nesterov: look ahead" for _, title, _ in ask(page, "nesterov")[:3])
    for question in ("learning rate", "half-life", "saddle", "β momentum", "adam epsilon"):
        found = ask(page, question)
        assert len(found) >= 3, question
        assert not [text for row in found for text in row if re.search(r"\\|\$|import |_\{", text)], question
    assert len({kind for kind, _, _ in ask(page, "momentum")}) >= 2
    assert not violations(page)
    first = page.locator("#found a").first
    assert first.get_attribute("aria-selected") == "true"
    page.locator("dialog[open] input").focus()  # where axe has left it
    page.keyboard.press("ArrowDown")
    second = page.locator("#found a").nth(1)
    assert second.get_attribute("aria-selected") == "true" and first.get_attribute("aria-selected") == "false"
    address = second.evaluate("row => row.href")
    page.keyboard.press("Enter")
    page.wait_for_url(address)


def test_what_is_called_as_it_was_asked_comes_first(site, new_page):
    """Every word of the glossary and every chapter, by its own title: before whatever else speaks of it."""
    page = new_page()
    page.goto(site.url("book/glossary"))
    page.keyboard.press("/")
    ask(page, "momentum")
    terms = page.locator("dl.glossary > dt").evaluate_all("all => all.map((one) => one.firstChild.textContent.trim())")
    names = [*filter(None, terms), *(written(name)[0] for name in CHAPTERS)]
    assert len(names) > 80
    first = page.evaluate(
        "names => names.map((one) => courseSearch(one, 1).rows[0].querySelector('.found-title').textContent)", names
    )
    plain = lambda text: re.sub(r"\W+", " ", text).casefold().strip().removeprefix("the ")  # noqa: E731
    assert not [(asked, told) for asked, told in zip(names, first, strict=True) if plain(asked) != plain(told)]


def test_lines_that_are_found_do_not_run_into_each_other(site, new_page):
    """ "4 bytes of memory a parameter Nesterov's momentum with ...": a card's two lines as one."""
    page = new_page()
    page.goto(site.url("book/glossary"))
    page.keyboard.press("/")
    ask(page, "nesterov")
    told = page.evaluate("courseSearch('nesterov', 9).rows.map((row) => row.textContent)")
    cards = [text for text in told if "bytes of memory a parameter" in text]
    assert len(cards) > 1 and all("a parameter · " in text for text in cards), cards


def test_the_page_of_the_search_keeps_the_question(site, new_page):
    page = new_page(width=PHONE)
    page.goto(site.url("search") + "?q=zigzag")
    page.wait_for_selector("#found-here a")
    assert ask(page, "qqqqq xxzzy") == []
    assert "Nothing is called" in page.locator("#found-here-count").inner_text()
    ask(page, "ravine")
    assert page.url.endswith("?q=ravine")
    assert not violations(page)


def test_the_search_is_light(site, record_property):
    size = len(gzip.compress((site.path / "_static/search.js").read_bytes(), 9, mtime=0))
    record_property("measured", f"the search's script with its index: {size / 1000:.0f} kB gzipped, fetched when it is opened")
    assert size < LIMIT
    assert not (site.path / "searchindex.js").exists()


# --- cards ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_word_opens_its_card_in_place(site, new_page, width):
    page = new_page(width=width)
    page.goto(site.url("notebooks/01-ravine", "file"))
    page.evaluate(SCROLL)
    link, card = page.locator("article a[href*='glossary.html#term-gradient']").first, page.locator("#word-card")
    address = page.url
    link.click()
    assert card.is_visible() and page.url == address
    assert "which way" in card.inner_text() or "slope" in card.inner_text() or "steep" in card.inner_text()
    box, line, column = card.bounding_box(), link.bounding_box(), page.locator("article").bounding_box()
    if width == WIDE:
        assert box["x"] >= column["x"] + column["width"] and box["x"] + box["width"] <= width
        assert box["y"] <= line["y"] + 5 and box["y"] + box["height"] >= line["y"]
    else:
        assert box["x"] == 0 and box["width"] == width and box["y"] + box["height"] == page.viewport_size["height"]
    assert not violations(page)
    page.keyboard.press("Escape")
    assert not card.count() and link.evaluate("link => link === document.activeElement")
    page.keyboard.press("Enter")  # by keyboard: into the card, through it, and back to the line
    assert card.evaluate("card => card === document.activeElement")
    for _ in range(card.locator("a, button").count()):
        page.keyboard.press("Tab")
    assert card.locator(".word-card-close").evaluate("button => button === document.activeElement")
    page.keyboard.press("Tab")
    assert not card.count()
    link.click()
    page.locator("h1").click()
    assert not card.count()


def test_every_word_and_source_of_a_chapter_has_its_card(site):
    for name in CHAPTERS:
        text = (site.path / f"{name}.html").read_text("utf-8")
        said = json.loads(re.search(r'<script id="cards" type="application/json">(.*?)</script>', text, re.S)[1])["cards"]
        linked = set(re.findall(r'<a class="reference internal" href="[^"]*?((?:glossary|bibliography)\.html#[\w-]+)"', text))
        assert linked and linked <= said.keys(), (name, linked - said.keys())
        assert all(len(card["html"]) > 40 for card in said.values()), name


def test_each_letter_leads_to_the_first_of_its_words(site, new_page):
    """A letter without its words, words without their letter, or one that leads into the middle."""
    page = new_page()
    page.goto(site.url("book/glossary"))
    terms = page.locator("dl.glossary > dt").evaluate_all(
        "all => all.map((one) => [one.firstChild.textContent.trim()[0].toUpperCase(), one.id])"
    )
    first = dict(reversed(terms))
    links = page.locator("p.letters a").evaluate_all("all => all.map((one) => [one.textContent, one.hash.slice(1)])")
    assert links == [[letter, first[letter]] for letter in dict.fromkeys(letter for letter, _ in terms)] and len(links) > 15
    page.locator("p.letters a", has_text="M").click()
    page.wait_for_function("id => Math.abs(document.getElementById(id).getBoundingClientRect().top) < 120", arg=first["M"])


def test_without_a_script_a_word_leads_to_the_glossary(site, new_page):
    page = new_page(js=False)
    page.goto(site.url("notebooks/01-ravine"))
    page.locator("article a[href*='glossary.html#term-gradient']").first.click()
    page.wait_for_url("**/glossary.html#term-gradient")


# --- folds, boxes, paper --------------------------------------------------------------------------------------------
def test_there_is_one_kind_of_fold(site, new_page):
    page = new_page()
    page.goto(site.url("notebooks/08-noise"))
    page.evaluate("document.querySelector('.live-figure').scrollIntoView()")
    page.wait_for_selector(".lf-more:not([hidden]) > summary")
    looks = page.evaluate(
        """() => Object.fromEntries(["details.hide", "details.fold", "details.solution", "details.lf-more:not([hidden])"]
          .map((kind) => {
          const line = document.querySelector(`article ${kind} > summary`);
          const [own, arrow] = [getComputedStyle(line), getComputedStyle(line, "::before")];
          return [kind, [own.font, own.color, own.textTransform, own.minHeight, own.backgroundColor, own.borderTopWidth,
            arrow.width, arrow.transform, arrow.borderRightWidth].join(" ")]; }))"""
    )
    assert len(looks) == 4 and len(set(looks.values())) == 1, looks


@pytest.mark.parametrize("name", CHAPTERS)
def test_titles_of_exercises_have_no_brackets_in_brackets(site, name):
    text = (site.path / f"{name}.html").read_text("utf-8")
    heads = re.findall(r'<p class="admonition-title"><span class="caption-number">Exercise.*?</p>', text, re.S)
    assert len(heads) >= 4 and all('class="exercise-title"' in head and "★)" not in head for head in heads)
    assert re.findall(r"<summary[^>]*>Solution to exercise [\d.]+</summary>", text) and "Solution to Exercise" not in text


def test_paper_shows_answers_and_no_folded_code(site, new_page):
    page = new_page()
    page.goto(site.url("notebooks/03-momentum"))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    folds = page.evaluate(
        "() => [...document.querySelectorAll('article details')].map((one) => [one.matches('.hide, .lf-more'), one.open])"
    )
    assert {code: {is_open for kind, is_open in folds if kind == code} for code in (True, False)} == {
        True: {False},
        False: {True},
    }
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 660, "height": 900})  # the text's width on a sheet of A4
    assert (
        page.evaluate("() => [...document.querySelectorAll('pre')].filter((one) => one.scrollWidth > one.clientWidth + 1).length")
        == 0
    )
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("article details.fold[open]").count() == 0


# --- without a script -------------------------------------------------------------------------------------------------
def test_without_a_script_the_system_and_the_phone_are_served(site, new_page):
    page = new_page(width=PHONE, theme="dark", js=False)
    page.goto(site.url("notebooks/01-ravine"))
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(20, 24, 31)"
    assert page.locator("h1").bounding_box()["y"] < 300 and not page.locator("#side").is_visible()
    page.locator("header a[href='#side']").click()
    assert page.locator("#side a", has_text="Moving averages").is_visible()
    page.emulate_media(color_scheme="light")
    assert page.evaluate(colour) == "rgb(255, 255, 255)"


def test_the_header_says_what_its_buttons_are(site, new_page):
    page = new_page(width=PHONE)
    page.goto(site.url("notebooks/01-ravine"))
    assert page.locator("header a", has_text="Colab").inner_text().strip() == "Colab"
    assert page.evaluate("document.querySelector('.bar').scrollWidth <= innerWidth")
    for link in page.locator("header a").all():  # a place that does not exist yet has no link
        address = link.evaluate("link => link.href.split('#')[0]")
        if address.startswith(site.base):
            assert (site.path / address.removeprefix(site.base)).exists()


def test_a_lost_reader_finds_the_way(site, browser, new_page, tmp_path):
    """The page for an unknown address has its styles, a link and a search, wherever the course is served."""
    page = new_page(theme="dark")
    page.goto(f"{site.base}404.html")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 31)"
    assert not violations(page)
    page.get_by_role("link").click()
    page.wait_for_url("**/book/intro.html")
    page.goto((site.path / "404.html").as_uri())
    page.get_by_role("searchbox").fill("ravine")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=ravine")
    page.wait_for_selector("#found-here a")


def test_the_arrow_of_a_figures_fold_is_on_its_line(site, new_page):
    page = new_page(width=390)
    page.goto(f"file://{site.path}/notebooks/08-noise.html")
    fold = page.locator(".live-figure[data-ready='1'] .lf-more > summary").first
    fold.wait_for()
    assert fold.evaluate("fold => getComputedStyle(fold).display") == "flex"
    assert fold.evaluate("fold => fold.getBoundingClientRect().height") < 60


@pytest.mark.parametrize("width", [1366, 390])
def test_the_way_back_to_the_words_lies_on_nothing_that_one_turns(site, new_page, width):
    """It is in the page's bar, which no control of a figure reaches; on a phone the menu and the search stay free."""
    page = new_page(width=width, reduced_motion=True)
    page.goto(site.url("notebooks/01-ravine"))
    words = page.locator(".set[role=button][data-live=ravine]").first
    words.evaluate("words => { words.scrollIntoView({ block: 'start' }); words.click(); }")  # the figure is above the screen
    way, bar = page.locator(".way-back").bounding_box(), page.locator("header.bar").bounding_box()
    assert bar["y"] <= way["y"] and way["y"] + way["height"] <= bar["y"] + bar["height"]
    for name in ("Chapters", "Search the course"):
        own = page.locator("header.bar").get_by_role("button", name=name).first
        if own.is_visible():
            box = own.bounding_box()
            assert box["x"] + box["width"] <= way["x"] or way["x"] + way["width"] <= box["x"], name
