"""The kit's pure parts: curves, colours of the land, the state of a figure in an address, the model of a page."""

import json
import math
from urllib.parse import parse_qs

import pytest

MODULES = {"curve": "kit/curve", "relief": "kit/relief", "state": "kit/state", "host": "kit/host", "family": "kit/family"}
MODULES |= {"exit": "kit/exit", "measure": "kit/measure", "geometry": "kit/geometry"}


def pairs(flat):
    """Flat (x, y) pairs, as pairs."""
    return [tuple(flat[k : k + 2]) for k in range(0, len(flat), 2)]


# -- curves ---------------------------------------------------------------------------------------


def test_a_curve_has_its_places_evenly_or_by_equal_factors(js):
    cases = {
        "[-1, 3], 4": [(u, u * u + 1) for u in (-1, 0, 1, 2, 3)],
        "[2, 32], 4, { log: true }": [(u, u * u + 1) for u in (2, 4, 8, 16, 32)],
        "[-1, 3], 4, { upright: true }": [(u * u + 1, u) for u in (-1, 0, 1, 2, 3)],
        "[2, 32], 4, { log: true, upright: true }": [(u * u + 1, u) for u in (2, 4, 8, 16, 32)],
    }
    for given, wanted in cases.items():
        assert pairs(js(f"[...curve.curve((u) => u * u + 1, {given})]")) == [pytest.approx(one) for one in wanted], given
    assert len(js("[...curve.curve((u) => u, [0, 1], 7)]")) == 16


def test_a_row_of_values_stands_against_its_places(js):
    assert pairs(js("[...curve.series([5, 6, 7])]")) == [(0, 5), (1, 6), (2, 7)]
    assert pairs(js("[...curve.series([5, 6, 7], 1)]")) == [(0, 5), (1, 6)]
    assert pairs(js("[...curve.series([5, 6, 7], 2, 10)]")) == [(0, 5), (10, 6), (20, 7)]


def test_an_ellipse_is_closed(js):
    found = pairs(js("[...curve.ellipse(2, 3, 10, -5, 8)]"))
    wanted = [(10 + 2 * math.cos(k * math.pi / 4), -5 + 3 * math.sin(k * math.pi / 4)) for k in range(9)]
    assert found == [pytest.approx(one) for one in wanted] and found[0] == pytest.approx(found[-1])
    usual = pairs(js("[...curve.ellipse(2, 3)]"))
    assert len(usual) == 121 and usual[30] == pytest.approx((0, 3))


def test_middles_of_equal_cells(js):
    assert js("[...curve.middles([-1, 3], 4)]") == [-0.5, 0.5, 1.5, 2.5]
    assert js("[...curve.middles([2, 20000], 2, true)]") == pytest.approx([20, 2000])


# -- the land -------------------------------------------------------------------------------------


def mixed(ground, text, part):
    """A colour so far from the ground towards the text, or below nought towards black."""
    return [g + abs(part) * ((0 if part < 0 else t) - g) for g, t in zip(ground, text, strict=True)]


@pytest.mark.parametrize(
    "ground, text, parts", [((250, 251, 252), (90, 80, 70), (0.55, 0)), ((20, 24, 31), (150, 160, 170), (-0.5, 0.36))]
)
def test_the_land_has_the_colours_of_the_page(js, ground, text, parts):
    """By day the ground is the light, and shade lies towards the words; by night the ground lies between black and them."""
    found = js(f"relief.tones({{ ground: {list(ground)}, text: {list(text)} }})")
    assert found == {name: pytest.approx(mixed(ground, text, part)) for name, part in zip(("shade", "light"), parts, strict=True)}


def test_a_page_is_dark_where_its_ground_is_darker_than_its_words_all_colours_together(js):
    day = "(ground, text) => relief.tones({ ground, text }).light.join() === ground.join()"
    sums = [
        ([200, 10, 10], [100, 60, 59]),
        ([10, 200, 10], [100, 60, 59]),
        ([10, 10, 200], [100, 60, 59]),
        ([100, 60, 59], [100, 60, 60]),
    ]
    assert [js(f"({day})({ground}, {text})") for ground, text in sums] == [True, True, True, False]


# -- the state of a figure ------------------------------------------------------------------------

SPECS = """const specs = { n: state.number(2, -1, 5), i: state.integer(2, -1, 5), p: state.point([1, 2], [[0, 4], [-3, 3]]),
  c: state.choice("a", ["a", "b"]), m: state.choices(["a"], ["a", "b", "c"], 1, 2), f: state.flag(true),
  t: state.numbers({ x: 1, y: 2 }, { y: [0, 3], x: [-1, 1] }),
  r: state.table({ u: { x: 1 } }, { u: { x: [0, 2], y: [0, 1] }, v: { x: [0, 9] } }), s: state.name("old"), k: state.runs() };
"""
CLAMPED = [  # a kind, what is set, what is then
    ("n", [7, -7, 3.25, "3", None, [3], True], [5, -1, 3.25, 2, 2, 2, 2]),
    ("i", [7, 2.4, 2.5, -0.6, "3", None], [5, 2, 3, -1, 2, 2]),
    ("p", [[9, -9], [-9, 9], [3, 1], [1], [1, 2, 3], [1, "2"], [None, 1], 3, "12"], [[4, -3], [0, 3], [3, 1], *[[1, 2]] * 6]),
    ("c", ["b", "z", 3, None, ["a"]], ["b", "a", "a", "a", "a"]),
    ("m", [["b"], ["c", "b", "a"], ["b", "b"], ["z"], [], "b", None], [["b"], ["c", "b"], ["b"], ["a"], ["a"], ["a"], ["a"]]),
    ("f", [False, True, 0, "false", None], [False, True, True, True, True]),
    ("t", [{"x": 9, "y": 9}, {"x": -9, "y": -9}, {"y": 1}, {"x": "1"}, {"z": 1}, [1], None, 3],
     [{"x": 1, "y": 3}, {"x": -1, "y": 0}, {"x": 1, "y": 1}, *[{"x": 1, "y": 2}] * 5]),
    ("r", [{"u": {"x": 9, "y": -1, "z": 1}, "w": {"x": 1}}, {"u": {"x": "1"}}, {"v": {"x": 4}}, {"v": None}, [], None, 3],
     [{"u": {"x": 2, "y": 0}}, {}, {"v": {"x": 4}}, {}, *[{"u": {"x": 1}}] * 3]),
    ("s", ["new", "", "x" * 400, "x" * 401, 3, None], ["new", "", "x" * 400, "old", "old", "old"]),
]  # fmt: skip


@pytest.mark.parametrize("kind, given, wanted", CLAMPED, ids=[kind for kind, *_ in CLAMPED])
def test_a_state_is_the_nearest_that_is_allowed(js, kind, given, wanted):
    assert js(f"{json.dumps(given)}.map((value) => state.clampValue(specs.{kind}, value))", SPECS) == wanted


def test_where_a_number_is_none_that_which_was_stays(js):
    assert js("[NaN, Infinity, -Infinity].map((value) => state.clampValue(specs.n, value, 4))", SPECS) == [4, 4, 4]
    kept = "[{ y: 1 }, { x: NaN, y: 1 }, 3].map((value) => state.clampValue(specs.t, value, { x: 0.5 }))"
    assert js(kept, SPECS) == [{"x": 0.5, "y": 1}, {"x": 0.5, "y": 1}, {"x": 0.5}]
    assert js("state.clampValue(specs.t, { y: 1 }, null)", SPECS) == {"x": 1, "y": 1}
    refused = "try { state.clampValue({ kind: 'none', initial: 1 }, 1); } catch (error) { said = String(error); }"
    assert js("said", f"let said; {refused}") == "TypeError: unknown kind of state: none"


WHOLE = {"steps": [1], "held_steps": [1], "sides": [{}], "place": [0]}
BROKEN = [{**WHOLE, name: bad} for name in WHOLE for bad in ([], None, "ab")] + [3, None]


@pytest.mark.parametrize("bad", BROKEN, ids=str)
def test_recorded_curves_have_all_their_lists_or_are_none(js, bad):
    given = [{"one": WHOLE}, {"one": WHOLE, "two": bad}, {"two": bad}, {}, [WHOLE], None]
    assert js(f"{json.dumps(given)}.map((value) => state.clampValue(specs.k, value))", SPECS) == [given[0], {}, {}, {}, {}, {}]


ENCODED = [  # a kind, a value, its text
    ("n", 0.25, "0.25"),
    ("i", -1, "-1"),
    ("p", [3, -1.5], "3,-1.5"),
    ("c", "b", "b"),
    ("m", ["c", "a"], "c,a"),
    ("f", False, "false"),
    ("f", True, "true"),
    ("t", {"y": 1.5, "x": -1}, "x:-1,y:1.5"),
    ("r", {"u": {"x": 1, "y": 0.5}, "v": {"x": 3}}, "u.x:1,u.y:0.5,v.x:3"),
    ("r", {}, ""),
    ("s", "a, b&c=d#e", "a, b&c=d#e"),
]


@pytest.mark.parametrize("kind, value, text", ENCODED, ids=[f"{kind}-{text}" for kind, _, text in ENCODED])
def test_a_value_is_written_and_read(js, kind, value, text):
    assert js(f"[state.encode(specs.{kind}, {json.dumps(value)}), state.decode(specs.{kind}, {json.dumps(text)})]", SPECS) == [
        text,
        value,
    ]


DECODED = [  # a kind, a text, what it says
    ("n", "9", 5), ("n", " 1 ", 1), ("n", "", None), ("n", " ", None), ("n", "x", None), ("n", "1,2", None),
    ("n", "Infinity", None), ("i", "1.5", 2), ("i", "", None),
    ("p", "1", None), ("p", "1,2,3", None), ("p", "1,", None), ("p", "9,-9", [4, -3]), ("p", "x,1", None),
    ("c", "z", None), ("c", "", None),
    ("m", "a,b,c", ["a", "b"]), ("m", "z", None), ("m", "", None), ("m", "z,b", ["b"]),
    ("f", "maybe", None), ("f", "", None), ("f", "1", None),
    ("t", "y:1", {"x": 1, "y": 1}), ("t", "x:,y:9", {"x": 1, "y": 3}), ("t", "x", {"x": 1, "y": 2}), ("t", "", {"x": 1, "y": 2}),
    ("k", "1", None), ("k", "", None),
]  # fmt: skip


@pytest.mark.parametrize("kind, text, value", DECODED, ids=[f"{kind}-{text}" for kind, text, _ in DECODED])
def test_a_text_says_a_value_or_none(js, kind, text, value):
    assert js(f"state.decode(specs.{kind}, {json.dumps(text)})", SPECS) == value


def test_an_address_may_be_so_long_and_no_longer(js):
    """Ten thousand characters of one value, thrice as many of all."""
    long = "'x'.repeat({}) + '1'"
    texts = [f"' '.repeat({n - 1}) + '1'" for n in (9_999, 10_000, 10_001)]
    assert [js(f"state.decode(specs.n, {text})", SPECS) for text in texts] == [1, 1, None]
    begin = "#live=fig&n=1&z="
    hashes = [f"{json.dumps(begin)} + {long.format(n - len(begin) - 1)}" for n in (30_000, 30_001)]
    assert [js(f"state.fromHash({text}, 'fig', {{ n: specs.n }})", SPECS) for text in hashes] == [{"n": 1}, None]


def test_an_address_speaks_of_one_figure_and_of_what_it_can_hold(js):
    values = {
        "n": 0.5, "i": 3, "p": [1, 2], "c": "b", "m": ["b", "a"], "f": False, "t": {"x": 0, "y": 1}, "r": {"v": {"x": 1}},
        "s": "a, b: c&d", "k": {"one": WHOLE},
    }  # fmt: skip
    written = js(f"state.toHash('fig.2', specs, {json.dumps(values)})", SPECS)
    assert written.startswith("#live=fig.2&n=0.5&i=3&p=1,2&c=b&m=b,a&f=false&t=x:0,y:1&r=v.x:1&s=")
    assert "%2C" not in written and "%3A" not in written and parse_qs(written[1:])["s"] == ["a, b: c&d"]
    read = js(f"[{json.dumps(written)}, {json.dumps(written[1:])}].map((hash) => state.fromHash(hash, 'fig.2', specs))", SPECS)
    del values["k"]
    assert read == [values, values]
    asked = ["#live=fig&n=1", "#n=1", "", "#live=fig.2", "#live=fig.2&n=x&i=2&other=1"]
    found = js(f"{json.dumps(asked)}.map((hash) => state.fromHash(hash, 'fig.2', specs))", SPECS)
    assert found[:4] == [None, None, None, {}] and found[4] == {"i": 2}


def test_two_values_are_the_same_by_what_they_hold(js):
    given = [[1, 1], [1, 2], [[1, 2], [1, 2]], [[1, 2], [2, 1]], [{"a": 1}, {"a": 1}], ["1", 1], [None, None]]
    assert js(f"{json.dumps(given)}.map(([a, b]) => state.same(a, b))") == [True, False, True, False, True, False, True]


# -- the model of a page --------------------------------------------------------------------------


def test_a_model_tells_who_listens_and_nobody_twice(js):
    before = """
    const given = { a: 1, b: [1, 2] }, log = [], model = host.plainModel(given, { key: "fig" });
    const [one, two, all] = ["one", "two", "all"].map((name) => () => log.push(`${name} ${model.get("a")}`));
    for (const listener of [one, one, two]) model.on("change:a", listener);
    model.on("change", all);
    const told = (work) => { work(); return log.splice(0); };
    """
    found = js(
        """[told(() => model.set("a", 2)), told(() => model.set("a", 2)), told(() => model.set("b", [1, 2])),
        told(() => model.set("b", [2, 1])), told(() => { model.off("change:a", one); model.set("a", 3); }),
        told(() => { model.off("change:none", one); model.off("change:a"); model.set("a", 4); }),
        told(() => { model.off(); model.set("a", 5); }), given.a, model.get("b"), model.link, model.save_changes() ?? null]""",
        before,
    )
    assert found == [
        ["one 2", "two 2", "all 2"], [], [], ["all 2"], ["two 3", "all 3"], ["all 4"], [], 1, [2, 1], {"key": "fig"}, None,
    ]  # fmt: skip


def test_one_who_stops_listening_while_it_is_told_does_not_silence_the_others(js):
    before = """
    const log = [], model = host.plainModel({ a: 1 });
    const once = () => { log.push("once"); model.off("change:a", once); };
    model.on("change:a", once);
    model.on("change:a", () => log.push("always"));
    model.set("a", 2); model.set("a", 3);
    """
    assert js("log", before) == ["once", "always", "always"]


def test_parts_of_a_family_are_made_once_and_the_others_cleared(js):
    before = """
    const log = [], part = (name) => ({ clear: () => log.push(name) });
    const make = (name) => (log.push(`made ${name}`), { line: part(`${name} line`), dots: part(`${name} dots`) });
    const of = family.perFamily(make);
    """
    found = js("(of('a') === of('a') && of('b') !== of('a')) ? log : null", before)
    assert found == ["made a", "made b", "a line", "a dots", "b line", "b dots"]


# -- runs -----------------------------------------------------------------------------------------


def test_a_rate_is_measured_over_the_second_half_of_what_is_left(js):
    def rate(errors):
        end = max((k for k, e in enumerate(errors) if e), default=0)
        begin = end // 2
        return (errors[end] / errors[begin]) ** (1 / (end - begin)) if end > begin and errors[begin] > 0 else None

    runs = [
        [1, 0.5, 0.25, 0.125],
        [1, 0.9, 0.1, 0.05, 0.02],
        [4, 2, 1, 0, 0],
        [1, 0, 0],
        [0, 0],
        [1],
        [],
        [1, 0.5],
        [0, 0.5, 0.2],
        [0, 1],
    ]
    found = js(f"{json.dumps(runs)}.map(measure.measuredRate)")
    assert found == [None if rate(one) is None else pytest.approx(rate(one)) for one in runs]
    assert found[0] == pytest.approx(0.5) and found[3:7] == [None] * 4


def test_a_memory_is_the_rules_own_at_rate_nought(js):
    rule = "{ step: (theta, grad, t, [v], { lr, beta }) => [theta - lr, [beta * v + t * grad]] }"
    v, wanted = 0, []
    for t, grad in enumerate([1, -2, 0.5], 1):
        v = 0.5 * v + t * grad
        wanted.append(v)
    assert js(f"[...measure.filter({rule}, [1, -2, 0.5], 0.5)]") == wanted


BOX = [[-1, 1], [-2, 2]]


@pytest.mark.parametrize(
    "x, y, inside",
    [(0, 0, True), (1, 2, True), (-1, -2, True), (1.1, 0, False), (-1.1, 0, False), (0, 2.1, False), (0, -2.1, False)],
)
def test_a_path_has_left_where_it_is_outside_to_its_end(js, x, y, inside):
    assert js(f"[0, 1, 2, 3].map((last) => exit.leftAt([0, 0, 5, 5, {x}, {y}, 9, 9], last, {BOX}))") == [
        None, 1, None if inside else 1, 3 if inside else 1,
    ]  # fmt: skip
