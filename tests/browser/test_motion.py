"""What moves by itself, and what a hand sets going: the ball waits on its slope, a start that is let go runs, Play lies below the
picture, and nothing moves for a reader who asked for less motion."""

import pytest

from momentum_lib.widgets import make
from tests.browser import live

BALL = """() => { const at = document.querySelector('.lf-roller svg').getBoundingClientRect();
  const spot = (one) => { const { x, width } = one.getBoundingClientRect(); return Math.round(x + width / 2 - at.x); };
  const wide = (one) => one.getBoundingClientRect().width;
  const balls = [...document.querySelectorAll('.lf-dots')].filter((one) => wide(one) > 12 && wide(one) < 16);
  return { ball: balls.length ? spot(balls[0]) : null, ring: spot(document.querySelector('.lf-handle .lf-ring')),
    waiting: document.querySelector('.lf-roller').classList.contains('is-waiting') }; }"""
HEAD = "() => document.querySelector('.live-figure').__figure.numbers().head"


@pytest.fixture(scope="module")
def roller(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("motion"), [make("roller")])


def test_the_ball_waits_on_its_slope_and_a_start_that_is_let_go_runs(browser, roller):
    with live.open_page(browser, roller) as page:
        shown = page.evaluate(BALL)
        assert shown["waiting"] and shown["ball"] == shown["ring"]
        whole = page.evaluate(HEAD)
        live.drag(page, page.locator(".lf-handle").first, -60, 0)
        page.wait_for_function("() => document.querySelector('.live-figure').__figure.numbers().head > 2")
        assert page.evaluate(HEAD) < whole and live.button(page, "Pause").is_visible()
        live.button(page, "Pause").click()
        live.button(page, "Reset").click()
        page.wait_for_function("() => document.querySelector('.lf-roller').classList.contains('is-waiting')")


def test_less_motion_shows_all_of_it_at_once(browser, roller):
    with live.open_page(browser, roller, reduced_motion="reduce") as page:
        whole = page.evaluate(HEAD)
        live.drag(page, page.locator(".lf-handle").first, -60, 0)
        page.wait_for_timeout(150)
        assert page.evaluate(HEAD) == whole and live.button(page, "Play").is_visible()


def test_a_film_that_the_reader_scrolled_to_plays_once(browser, tmp_path):
    room = '<p style="height: 900px">Above it.</p>'
    with live.open_page(browser, live.write_page(tmp_path, [make("amounts")], before=room)) as page:  # scrolls to the figure
        page.wait_for_function(
            "() => [...document.querySelectorAll('.lf-acts button')].some((one) => one.textContent === 'Pause')"
        )


PLACES = """() => Object.fromEntries(Object.entries({ title: '.lf-title', play: '.lf-acts', controls: '.lf > .lf-controls',
  pictures: '.lf-pictures' }).map(([name, part]) => {
  const { top, bottom, left, right } = document.querySelector(part).getBoundingClientRect();
  return [name, { top, bottom, left, right }]; }))"""


@pytest.mark.parametrize("name", ["ravine", "roller", "basin", "noise_ball"])
def test_play_lies_beside_the_title_and_what_turns_below_it(browser, tmp_path, name):
    """On a laptop, above the pictures, with nothing else between; on a phone Play lies below the first picture: test_phone.py."""
    with live.open_page(browser, live.write_page(tmp_path, [make(name)])) as page:
        found = page.evaluate(PLACES)
    title, play, controls, pictures = (found[part] for part in ("title", "play", "controls", "pictures"))
    assert title["right"] <= play["left"] and play["top"] < title["bottom"] and title["top"] < play["bottom"], found
    assert 0 <= controls["top"] - max(play["bottom"], title["bottom"]) < 24, found
    assert 0 <= pictures["top"] - controls["bottom"] < 24, found
