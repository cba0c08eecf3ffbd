"""Predictions on a chapter's page: by mouse, finger and keys; kept, summed up, asked again; nothing for axe to find when told."""

import re

import numpy as np
import pytest

from momentum_lib import descend, rules, surfaces
from tests.browser.accessibility import AXE

PAGE = "notebooks/01-ravine"  # a question with buttons, then one with axes
FRAME = "new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(() => then())))"
LOOKED_AT = "() => axe.run({ include: ['.predict', '.predict-sum'] }).then(({ violations }) => violations.map((v) => v.id))"


def opened(page, site):
    page.goto(site.url(PAGE))
    page.wait_for_selector(".predict[data-ready]", state="attached")
    return page.locator(".predict-question").first, page.locator(".predict-question").nth(1)


def calm(page):
    """Wait for what is on its way: a new load would break it off."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function("document.fonts.status === 'loaded'")


def reloaded(page):
    calm(page)
    page.reload()
    page.wait_for_selector(".predict[data-ready]", state="attached")


def settled(page, node):
    """The box of an element in the window, seen there: what has just been scrolled to is not yet where a pointer finds it."""
    calm(page)
    node.scroll_into_view_if_needed()
    box = None
    while box != (box := node.bounding_box()):
        page.evaluate(FRAME)
    return box


def summary(page):
    return page.locator(".predict-sum").inner_text()


def drawn(page, pad, height=0.5, to=1.0):
    """Draw a level line from the left end of the axes, as far as ``to`` of their width, by mouse."""
    box = settled(page, pad.locator(".lf-frame, .lf-back, svg").first)
    y = box["y"] + height * box["height"]
    page.mouse.move(box["x"] + 0.09 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + (0.09 + 0.9 * to) * box["width"], y, steps=12)
    page.mouse.up()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_buttons_say_what_is_right_and_the_answer_is_kept(site, new_page, theme):
    page = new_page(theme=theme)
    question, _ = opened(page, site)
    assert "You have made none" in summary(page)
    question.get_by_role("button", name="Fewer").click()
    told = question.get_by_role("status").inner_text()
    assert told.startswith("Not so.") and "More. And twice as many" in told.replace("\n", " ")
    assert question.get_by_role("button", name="Fewer").get_attribute("aria-pressed") == "true"
    assert question.get_by_role("button", name="More", exact=True).is_disabled()
    assert "0 of 1 came out as you said" in summary(page) and "You said: Fewer. It is: More." in summary(page)
    page.evaluate(AXE.read_text("utf-8"))
    assert page.evaluate(LOOKED_AT) == []
    reloaded(page)
    assert question.get_by_role("status").inner_text() == told
    question.get_by_role("button", name="Ask me again").click()
    assert not question.get_by_role("status").is_visible() and "You have made none" in summary(page)
    assert page.evaluate("document.activeElement.className") == "predict-choice"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert question.get_by_role("status").inner_text().startswith("Right.")
    assert "1 of 1 came out" in summary(page)


def test_a_curve_drawn_by_mouse_is_compared_with_the_librarys_run(site, new_page):
    page = new_page()
    _, question = opened(page, site)
    done = question.get_by_role("button", name="Compare with the run")
    drawn(page, question, to=0.5)
    assert not done.is_visible() and "Go on to the right edge" in question.inner_text()
    drawn(page, question)
    told = question.get_by_role("status").inner_text()
    yours, theirs = map(float, re.findall(r"[\d.]+(?=[;.] )", told.split("\n")[0] + " ")[:2])
    run = descend(rules.gradient_descent, surfaces.ravine(kappa=25), (2, 1), 100, lr=0.081).points
    assert theirs == pytest.approx(np.linalg.norm(run[-1]) / np.linalg.norm(run[0]), rel=0.06), told
    assert 0.01 < yours < 1, told
    kept = page.evaluate("JSON.parse(localStorage.getItem('momentum-predictions'))")
    assert len(kept["01-ravine"]["1"]["answer"]) == 61
    link = question.get_by_role("link", name="Predict more in the playground").get_attribute("href")
    assert "/book/playground.html#play=1." in link and "%22predict%22" in link
    page.evaluate(AXE.read_text("utf-8"))
    assert page.evaluate(LOOKED_AT) == []
    reloaded(page)
    assert question.get_by_role("status").inner_text() == told
    calm(page)
    with page.expect_navigation():
        page.get_by_role("button", name="Clear my predictions").click()
    page.wait_for_selector(".predict[data-ready]", state="attached")
    assert page.evaluate("localStorage.getItem('momentum-predictions')") is None
    assert "You have made none" in summary(page)


def test_a_curve_drawn_by_keys(site, new_page):
    page = new_page(reduced_motion=True)
    _, question = opened(page, site)
    question.locator("[tabindex='0']").first.focus()
    for key in ("ArrowUp", "ArrowRight", "ArrowDown", "Shift+ArrowUp"):
        page.keyboard.press(key)
    question.get_by_role("button", name="Compare with the run").press("Enter")
    assert "the run ends at" in question.get_by_role("status").inner_text()
    assert page.locator(".predict-list li").count() == 1


def test_a_curve_drawn_by_finger_does_not_scroll_the_page(site, new_page):
    page = new_page(width=390, touch=True)
    _, question = opened(page, site)
    pad = question.locator("svg").first
    box, hand = settled(page, pad), page.context.new_cdp_session(page)
    top = page.evaluate("scrollY")

    def touch(kind, x=None):
        points = [] if x is None else [{"x": box["x"] + x * box["width"], "y": box["y"] + (0.3 + 0.3 * x) * box["height"]}]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.12)
    for part in np.linspace(0.15, 0.99, 15):
        touch("touchMove", float(part))
    touch("touchEnd")
    assert "the run ends at" in question.get_by_role("status").inner_text()
    assert page.evaluate("scrollY") == top
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
