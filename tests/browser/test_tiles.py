"""The pictures of chapters in the built site: they play, they rest, and a shared link has one."""

import re

from tests.browser.pages import PAGES

POINTS = "tile => [...tile.querySelectorAll('.tile-line')].map(line => line.getAttribute('points').split(' ').length)"
RESTS = """async tile => {
  const count = () => [...tile.querySelectorAll('.tile-line')].map(line => line.getAttribute('points').split(' ').length).join();
  const seen = new Set();
  let same = 0;
  for (let last = ''; same < 30; await new Promise(requestAnimationFrame)) {
    same = count() === last ? same + 1 : 0;
    seen.add(last = count());
  }
  return [...seen];
}"""


def test_a_shared_link_has_a_name_words_and_a_picture(site):
    pictures = set()
    for name in PAGES:
        html = (site.path / f"{name}.html").read_text("utf-8")
        head = html.partition("<body")[0]
        said = dict((key, value) for value, key in re.findall(r'<meta content="([^"]*)" (?:property|name)="([^"]+)"', head))
        if "og:url" not in said:
            assert name in ("search", "genindex"), name
            continue
        assert said["og:site_name"] == "Momentum, from the ravine to the LLM", name
        assert 20 < len(said["og:description"]) <= 200 and said["og:description"] == said["description"], name
        assert said["og:image"].startswith(said["og:url"].removesuffix(f"{name}.html")), name
        assert said["twitter:card"] == "summary_large_image"
        file = site.path / "_images" / said["og:image"].rpartition("/")[2]
        assert file.read_bytes()[16:24] == (1200).to_bytes(4, "big") + (630).to_bytes(4, "big"), name
        pictures.add(file.name)
    assert len(pictures) > 20


def test_a_card_draws_its_picture_and_comes_to_rest(site, new_page):
    """A line that stops half way; a tile that plays for a reader who asked for calm."""
    page = new_page(width=1366)
    page.goto(f"file://{site.path}/book/intro.html")
    card = page.locator("a.card").nth(1)
    whole = card.evaluate(POINTS)
    card.scroll_into_view_if_needed()
    seen = card.evaluate(RESTS)
    assert card.evaluate(POINTS)[0] in (whole[0], whole[0] + 1)
    assert len(seen) > 3, "it stands still"
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    card.scroll_into_view_if_needed()
    card.hover()
    assert len(card.evaluate(RESTS)) <= 2


def test_the_turn_of_the_page_wears_the_next_picture(site):
    html = (site.path / "notebooks/05-square-root.html").read_text("utf-8")
    turn = html.partition('class="turn"')[2].partition("</nav>")[0]
    assert turn.count("<svg") == 2 and turn.count('aria-hidden="true"') >= 2


def test_a_card_of_a_gallery_leads_to_its_text_and_to_the_race(site, new_page):
    """A link to a place that is not there; a race with other rules than the card promises."""
    for name in ("rules", "surfaces"):
        html = (site.path / f"book/{name}.html").read_text("utf-8")
        places = re.findall(r'<a class="card" href="#([^"]+)"', html)
        assert len(places) > 12 and all(f'id="{place}"' in html for place in places), name
    page = new_page(width=1366)
    page.goto(f"file://{site.path}/book/rules.html")
    page.locator("#rule-nesterov").locator("..").locator("a.race-it").first.click()
    figure = page.locator('.live-figure[data-figure="race"][data-ready="1"]')
    figure.wait_for()
    rules = figure.evaluate("figure => figure.__figure.numbers().state.rules")
    assert "gradient_descent" in rules and len(rules) == 2
    page.wait_for_function("() => document.querySelector('.live-figure').getBoundingClientRect().top < innerHeight / 2")
    assert not page.problems
