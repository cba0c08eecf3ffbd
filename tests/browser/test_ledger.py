"""The ledger of claims and the page of myths: lines that open, a filter, verdicts after the reader's own."""

import re

import pytest
import yaml

from momentum_lib import scale
from tests.browser.accessibility import violations
from tests.browser.conftest import ROOT
from tests.browser.pages import TOO_WIDE

ROWS = [row for path in sorted((ROOT / "book" / "claims").glob("*.yml")) for row in yaml.safe_load(path.read_text("utf-8"))]
MYTHS = [row for row in ROWS if "myth" in row]
BUTTONS = {"true": "True", "true under conditions": "It depends", "false as told": "False"}


def ident(row, kind="claim"):
    return f"{kind}-{str(row['id']).replace('.', '-')}".lower()


# --- the ledger -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("width", "most"), [(1366, 61), (390, 77)])
def test_a_claim_is_a_line(site, new_page, width, most):
    """So many pixels of the page a claim, told sentences included. Once it was 49 013 px of prose on a laptop, and 72 692 on a
    phone, in all."""
    page = new_page(width=width)
    page.goto(site.url("book/claims"))
    rows = page.locator("details.claim-row")
    assert rows.count() == len(ROWS)
    told = page.evaluate("[...document.querySelectorAll('.claim-told')].map((one) => one.offsetHeight)")
    assert len(told) == len([row for row in ROWS if "told" in row]) and max(told) < 5 * 21
    assert page.evaluate("document.documentElement.scrollHeight") < most * len(ROWS)
    assert page.evaluate(TOO_WIDE) is None
    lines = page.evaluate("""() => [...document.querySelectorAll('.claim-text')]
      .map((text) => [text.clientHeight, text.scrollHeight, parseFloat(getComputedStyle(text).lineHeight)])""")
    if width > 1000:  # nothing is cut where there is room; on a phone there are two lines, and the rest when it is opened
        assert [whole - seen for seen, whole, _ in lines if whole > seen + 2] == []
    assert max(seen / line for seen, _, line in lines) > 1.9
    assert page.evaluate("Math.min(...[...document.querySelectorAll('.claim-row > summary')].map((s) => s.offsetHeight))") >= 44


@pytest.mark.parametrize("width", [1366, 390])
def test_in_a_closed_line_the_mark_is_beside_the_told_sentence_and_the_claim_below(site, new_page, width):
    page = new_page(width=width)
    page.goto(site.url("book/claims"))
    page.get_by_role("button", name=re.compile("false")).click()
    places = page.evaluate("""() => [...document.querySelectorAll('.claim-row:not([hidden]) > summary')].map((line) => {
      const box = (name) => line.querySelector(name).getBoundingClientRect();
      const [told, mark, claim] = ['.claim-told', '.verdict', '.claim-text'].map(box);
      return { words: line.querySelector('.claim-told').textContent,
        beside: Math.abs(told.top - mark.top), next: mark.left - told.right,
        below: claim.top + parseFloat(getComputedStyle(line.querySelector('.claim-text')).paddingTop) - told.bottom,
        shown: Math.min(told.height, mark.height, claim.height), claim: claim.left - told.left };
    })""")
    assert len(places) == len([row for row in ROWS if row.get("verdict") == "false as told"])
    for place in places:
        assert place["words"][0] + place["words"][-1] == "“”" and place["beside"] < 6 and place["next"] >= 0, place
        assert place["below"] >= -1 and place["shown"] > 10 and abs(place["claim"]) < 1, place


def test_every_address_of_a_claim_opens_its_line(site, new_page):
    """From outside, from within the page, and where the filter had hidden it."""
    page, last = new_page(width=390), ROWS[-1]
    page.goto(site.url("book/claims") + f"#{ident(last)}")
    row = page.locator(f"#{ident(last)}")
    assert row.get_attribute("open") is not None and row.locator("code").first.is_visible()
    page.wait_for_timeout(300)
    place = row.bounding_box()
    assert 40 <= place["y"] < 800
    page.locator(".ledger-filter select").select_option("1")
    assert not row.is_visible()
    page.evaluate(f"location.hash = '{ident(ROWS[40])}'")
    opened = page.locator(f"#{ident(ROWS[40])}[open]")
    opened.wait_for()
    assert opened.is_visible()
    assert page.evaluate(f"{[ident(row) for row in ROWS]}.every((id) => document.getElementById(id))")


def test_the_filter_takes_words_chapter_and_verdict(site, new_page):
    page = new_page()
    page.goto(site.url("book/claims", "file"))
    visible = lambda: page.locator("details.claim-row:visible").count()  # noqa: E731
    page.get_by_role("button", name=re.compile("false")).click()
    wrong = [row for row in ROWS if row.get("verdict") == "false as told"]
    assert visible() == len(wrong) and f"{len(wrong)} of {len(ROWS)}" in page.locator(".ledger-count").inner_text()
    page.locator(".ledger-filter select").select_option("7")
    mine = [row for row in ROWS if str(row["id"]).startswith("7.")]
    assert visible() == len([row for row in wrong if row in mine]) > 0
    numbers = [re.search(r"\d+$", text)[0] for text in page.locator(".ledger-chips button").all_inner_texts()]
    kinds = ["true", "true under conditions", "false as told", "open", None]
    assert [int(n) for n in numbers] == [len([row for row in mine if row.get("verdict") == kind]) for kind in kinds]
    assert page.locator("article h2:visible").count() == 1
    page.locator(".ledger-filter select").select_option("E")
    assert visible() == len([row for row in wrong if str(row["id"]).startswith("E.")]) > 0
    page.locator(".ledger-filter select").select_option("7")
    page.get_by_role("searchbox").fill("lessard cycle")
    assert page.locator("details.claim-row:visible").first.get_attribute("id") == "claim-7-1"
    page.get_by_role("searchbox").fill("lesard cycle")  # as the site's search takes it
    assert page.locator("details.claim-row:visible").first.get_attribute("id") == "claim-7-1"
    page.get_by_role("searchbox").fill("no such word")
    assert visible() == 0 and "No claim" in page.locator(".ledger-count").inner_text()
    page.locator(".ledger-jumps a").first.click()
    assert visible() == len(ROWS)


def test_without_a_script_each_line_opens(site, new_page):
    page = new_page(js=False)
    page.goto(site.url("book/claims"))
    assert not page.locator(".ledger-filter").count()
    row = page.locator("#claim-5-9")
    row.locator("summary").click()
    assert row.locator("code").first.is_visible() and "false as told" in row.inner_text()


# --- the myths --------------------------------------------------------------------------------------------------------
def test_a_card_answers_after_the_reader_and_mounts_its_figure_then(site, new_page):
    page, row = new_page(), MYTHS[1]
    page.goto(site.url("book/myths"))
    assert page.locator(".myth").count() == len(MYTHS) >= 12
    card = page.locator(f"#{ident(row, 'myth')}")
    figure = card.locator(".live-figure")
    assert not card.locator(".myth-answer").is_visible() and figure.get_attribute("data-ready") is None
    card.get_by_role("button", name=BUTTONS[row["verdict"]]).press("Enter")
    figure.locator("[data-ready='1']").first.wait_for()
    assert card.locator(".verdict").inner_text() == "✗ false" and "You are right" in card.inner_text()
    assert page.locator(".live-figure[data-ready]").count() == 1
    assert page.locator(".myth-score").inner_text().startswith("1 of 1 right")
    depends = next(each for each in MYTHS if each["verdict"] == "true under conditions")
    other = page.locator(f"#{ident(depends, 'myth')}")
    other.get_by_role("button", name="False").click()
    assert "You said: false." in other.inner_text() and "it depends" in other.locator(".verdict").inner_text()
    other.get_by_role("button", name="It depends").click(force=True)  # a verdict is given once
    page.reload()
    assert page.locator(".myth-score").inner_text().startswith("1 of 2 right")
    page.get_by_role("button", name="Again").click()
    assert not card.locator(".myth-answer").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_score_can_be_shared_and_an_open_card_is_accessible(site, new_page, theme):
    page = new_page(width=390, theme=theme, permissions=["clipboard-read", "clipboard-write"])
    page.goto(site.url("book/myths"))
    for row in MYTHS:
        page.evaluate(f"document.querySelector('#{ident(row, 'myth')} [data-value=false]').click()")
    wrong = [row for row in MYTHS if row["verdict"] == "false as told"]
    assert page.locator(".myth-score").inner_text() == f"{len(wrong)} of {len(MYTHS)} right"
    page.get_by_role("button", name="Copy score").click()
    page.get_by_text("Copied.").wait_for()
    said = page.evaluate("navigator.clipboard.readText()")
    assert f"{len(wrong)} of my verdicts" in said and said.count("■") == len(wrong) and "myths.html" in said
    for row in MYTHS[3:]:  # three open cards stand for all
        page.evaluate(f"document.getElementById('{ident(row, 'myth')}').remove()")
    page.locator(".live-figure").nth(2).scroll_into_view_if_needed()
    page.locator(".live-figure").nth(2).locator("[data-ready='1']").first.wait_for()
    assert page.evaluate(TOO_WIDE) is None
    assert not violations(page)


def test_without_a_script_sentence_verdict_and_reason_are_read(site, new_page):
    page = new_page(width=390, js=False)
    page.goto(site.url("book/myths"))
    for row in MYTHS:
        words = page.locator(f"#{ident(row, 'myth')}").inner_text()
        plain = re.split(r"\$[^$]*\$", row["told"].replace("'", "’"))  # a formula is read otherwise than it is written
        assert all(part.strip() in words for part in plain) and "Why:" in words
    assert page.locator(".myth .verdict:visible").count() == len(MYTHS)


# --- the published settings ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("width", "kind"), [(1366, "wide"), (390, "narrow")])
def test_a_mark_of_the_timeline_says_its_row(site, new_page, width, kind):
    """Without a script: pointed at or reached with the keyboard; it leads to the training's entry."""
    page = new_page(width=width, js=False, touch=False)
    page.goto(site.url("book/settings"))
    picture = page.locator(f"svg.is-{kind}")
    assert picture.is_visible() and page.locator("svg.timeline:visible").count() == 1
    link = picture.locator("a[href='#run-pythia-12b']")
    assert page.locator(".timeline .tip:visible").count() == 0 and picture.locator(".hint").is_visible()
    link.locator("rect").hover()
    assert "Pythia 12B, 2023" in link.locator(".tip").inner_html() and link.locator(".tip").is_visible()
    assert not picture.locator(".hint").is_visible()
    link.locator("rect").click()
    assert page.url.endswith("#run-pythia-12b") and page.locator("#run-pythia-12b").count() == 1
    sizes = picture.locator("text").first.evaluate(
        """(t) => { const svg = t.ownerSVGElement;
          return parseFloat(getComputedStyle(t).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width; }"""
    )
    assert sizes >= 11
    hits = picture.locator("a > rect").evaluate_all(
        "all => all.map((one) => { const { x, y, width, height } = one.getBoundingClientRect(); return [x, y, width, height]; })"
    )
    assert len(hits) == len(scale.RUNS) and min(min(wide, high) for *_, wide, high in hits) >= 23.9
    near = lambda a, b: abs(a[0] - b[0]) < 23.9 and abs(a[1] - b[1]) < 23.9  # noqa: E731
    assert not [(a, b) for k, a in enumerate(hits) for b in hits[:k] if near(a, b)]
    assert page.locator(".runs-table tbody tr").count() == len(scale.RUNS)
