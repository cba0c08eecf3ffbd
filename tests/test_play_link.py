"""The playground's address: it restores all, and of a damaged one nothing odd is read and nothing runs."""

import json
from urllib.parse import quote

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


def read(link, **told):
    """What is read of an address that tells this."""
    return link(f"play.fromHash({'#play=1.' + quote(json.dumps(told))!r})")


FIELDS = [  # a field, what is told, what is read
    ("steps", [0, 1, 2.6, 10**9, "60", None], [1, 1, 3, 1000, 60, 60]),
    ("noise", [-1, 0.25, 9, "1"], [0, 0.25, 5, 0]),
    ("seed", [0, 7.4, 1000, []], [1, 7, 99, 1]),
    ("picked", [-3, 1.4, 9, "2"], [0, 1, 2, 1]),
    ("fair", ["same", "best", "none", 1], ["same", "best", "best", "best"]),
    ("view", ["land", "steps", "none", 3], ["land", "steps", "map", "map"]),
    ("starts", [[[1, 2]], [[99, -99]], [[-99, 99]], [[1]], [["1", 2]], [[k, 0] for k in range(9)], [], 3],
     [[[1, 2]], [[50, -50]], [[-50, 50]], *[[[-2.7, -0.2]]] * 2, [[k, 0] for k in range(5)], *[[[-2.7, -0.2]]] * 2]),
    ("surface", [{"kind": "library", "name": "ravine", "params": {"kappa": 1e9, "angle": -9, "other": 1}},
                 {"kind": "library", "name": "ravine", "params": {"kappa": 0.1, "angle": "1"}},
                 {"kind": "library", "name": "none"}, {"kind": "formula", "text": "x" * 500},
                 {"kind": "formula", "text": 3}, {"kind": "none", "text": "x"}, {"kind": "net", "name": "curve"},
                 {"kind": "drawn", "bumps": [[9, -9, 9, 9], [-9, 9, -9, 0], [1, 2, 3], [1, 2, 3, "4"], [1, 2, 3, 1]]}, 3],
     [{"kind": "library", "name": "ravine", "params": {"kappa": 1000, "angle": -3.2}},
      {"kind": "library", "name": "ravine", "params": {"kappa": 1}}, "first",
      {"kind": "formula", "text": "x" * 400, "params": {}}, "first", "first", {"kind": "net", "name": "curve"},
      {"kind": "drawn", "bumps": [[5, -5, 4, 3], [-5, 5, -4, 0.1], [1, 2, 3, 1]]}, "first"]),
    ("rules", [[{"rule": "adam", "hyper": {"lr": 1e9, "beta1": 2, "eps": -1, "other": 1}}], [{"rule": "none"}, 3, {"hyper": {}}],
               [{"text": "y" * 500, "hyper": {"lr": 0, "k": 5}}], [{"rule": "adam"}] * 9],
     [[{"rule": "adam", "hyper": {"lr": 100, "beta1": 0.9999, "eps": 0}}], "first",
      [{"text": "y" * 400, "hyper": {"lr": 1e-6, "k": 0.9999}}], [{"rule": "adam", "hyper": {}}] * 6]),
]  # fmt: skip


@pytest.mark.parametrize("name, told, wanted", FIELDS, ids=[name for name, *_ in FIELDS])
def test_each_part_of_an_address_is_the_nearest_that_may_be(link, name, told, wanted):
    first = read(link)[name]
    assert [read(link, **{name: one})[name] for one in told] == [first if one == "first" else one for one in wanted]


def test_an_address_may_be_so_long_and_no_longer(link):
    begin, end = '1.{"seed":3,"other":"', '"}'
    fill = [2000 - len(begin + end), 2001 - len(begin + end)]
    found = [link(f"play.fromHash('play=' + encodeURIComponent({begin + 'x' * n + end!r}))") for n in fill]
    assert found[0]["seed"] == 3 and found[1] is None
