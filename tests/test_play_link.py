"""The playground's address: it restores all, and of a damaged one nothing odd is read and nothing runs."""

import pytest

from momentum_lib.widgets.bundle import JS

ROOT = JS.parents[2]


@pytest.fixture(scope="module")
def link(evaluate):
    uses = {"link": ROOT / "tests" / "js" / "play_link.mjs", "play": JS / "play" / "link.js"}
    return lambda expression: evaluate(uses, expression)


def test_a_state_comes_back_from_its_address(link):
    assert link("link.lost()") == []


def test_of_damaged_addresses_nothing_odd_is_read(link):
    found = link("link.fuzz(8000)")
    assert found["odd"][:3] == []
    assert found["untouched"] and found["read"] > 2000


@pytest.mark.parametrize(
    "text", ["", "#", "play=", "play=1.", "play=1.{", "play=2.{}", "play=1.[]", "play=1.null", "other=1", "play=1." + "x" * 3000]
)
def test_what_is_no_address_of_ours_is_none(link, text):
    assert link(f"play.fromHash({text!r})") is None
