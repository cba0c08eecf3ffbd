"""Workers in a real browser: what is drawn is Python's in every state that a hand can reach."""

import numpy as np
import pytest

from momentum_lib.widgets import Workers
from tests.browser import live
from tests.browser.live import button, first

OTHER = {"order": "turn", "workers": 4, "lr": 0.3}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("workers"), [Workers(), Workers(**OTHER)], static=True)


def matches(page, which=0):
    """Everything that is drawn equals momentum_lib's for the state that is shown; returns the state."""
    shown = live.numbers(page, which)
    expected = Workers(**shown["state"]).numbers()
    assert shown["who"] == expected["who"].tolist()
    for name in ("path", "mean", "ball", "left"):
        np.testing.assert_allclose(shown[name], expected[name], rtol=1e-7, atol=1e-12)
    assert shown["implied"] == expected["implied"]
    return shown["state"]


def test_first_picture_is_pythons(browser, address):
    with live.open_page(browser, address) as page:
        assert matches(page) == Workers().state()
        assert "momentum 1 − 1/8 = 0.875; the fit finds 0.875" in first(page).locator(".lf-sentence").inner_text()
        live.ready(page, 1)
        assert matches(page, 1) == Workers(**OTHER).state()


def test_order_workers_and_explicit_momentum(browser, address):
    with live.open_page(browser, address) as page:
        first(page).locator('[data-control="order"] input[value="turn"]').check(force=True)
        assert matches(page)["order"] == "turn"
        for count in ("1", "16"):
            live.type_into(page, "workers", count)
            assert matches(page)["workers"] == int(count)
        live.drag(page, first(page).locator('.lf-handle[aria-label="Explicit momentum"]'), 40, 0)
        assert matches(page)["beta"] > 0.1


def test_the_least_is_named_inside_the_picture_and_minuses_are_alike(browser, address):
    with live.open_page(browser, address) as page:
        live.open_drawers(page)
        for workers, lr, name in (("1", "0.15", "least at 0.4"), ("8", "0.15", "least at −0.8"), ("8", "0.5", "least at −0.7")):
            live.type_into(page, "workers", workers)
            live.type_into(page, "lr", lr)
            matches(page)
            label, inside = page.evaluate(
                """name => { const text = [...document.querySelectorAll('.lf-workers text')].find((t) => t.textContent === name),
                    [left, bottom] = ['V', 'H'].map((way) => [...text.closest('svg').querySelectorAll('.lf-rule')]
                        .find((rule) => rule.getAttribute('d').includes(way)).getBoundingClientRect()),
                    box = text.getBoundingClientRect();
                return [[box.left, box.bottom], [left.left, bottom.top]]; }""",
                name,
            )
            assert label[0] >= inside[0] and label[1] <= inside[1] + 1, (name, label, inside)
        live.type_into(page, "beta", "-0.95")
        matches(page)
        assert (
            "−0." in first(page).locator(".lf-readouts").inner_text()
            and "-0." not in first(page).locator(".lf-readouts").inner_text()
        )


def test_step_and_another_order(browser, address):
    with live.open_page(browser, address) as page:
        button(page, "Step").click()
        assert live.numbers(page)["head"] == 0
        button(page, "Another order").click()
        assert matches(page)["seed"] == 2 and live.numbers(page)["head"] == 120


def test_link_and_reset(browser, address):
    def change(page):
        live.type_into(page, "workers", "5")

    live.link_restores(browser, address, change, matches, Workers(), others=[Workers(**OTHER)])


def test_a_hostile_link_is_clamped(browser, address):
    query = "workers=99&lr=x&beta=-7&order=chaos"
    live.hostile_link_is_clamped(browser, address, query, matches, Workers(), workers=16, beta=-0.95)


def test_phone_axe_static_and_cleanup(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address)
    live.static_picture_stands(browser, address, says="8 workers, random order")
    live.leaves_nothing(browser, address, Workers())
