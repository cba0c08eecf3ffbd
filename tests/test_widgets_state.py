"""The state of a figure in an address: what a hostile link can do with it."""

import json
import math

import pytest

pytest.importorskip("anywidget")
from momentum_lib.looks import in_sentence
from momentum_lib.rules import RULES
from momentum_lib.widgets._base import many, near_one, show

MODULES = {"state": "kit/state", "dom": "kit/dom", "looks": "kit/looks", "R": "generated/rules"}
SPECS = {
    "table": ("state.table({ adam: { lr: 1 } }, { adam: { lr: [0, 2], beta: [0, 1] }, sgd: { lr: [0, 9] } })", "a"),
    "numbers": ("state.numbers({ a: 1 }, { a: [0, 2] })", "a:"),
    "choices": ("state.choices(['a'], ['a', 'b'])", "a,"),
    "point": ("state.point([0, 0], [[0, 1], [0, 1]])", "1,"),
    "number": ("state.number(0, 0, 1)", " "),
    "name": ("state.name('a')", "a"),
}


@pytest.mark.parametrize("kind", SPECS)
def test_a_text_longer_than_any_state_is_none(kind, js):
    """A link of 60 000 characters that keeps the page busy for seconds: the text is not even read."""
    spec, piece = SPECS[kind]
    assert js(f"state.decode({spec}, {json.dumps(piece)}.repeat(60000))") is None
    assert js(f"state.fromHash('#live=race&a=' + 'a'.repeat(60000), 'race', {{ a: {spec} }})") is None


COUNTED = """let read = 0;
for (const [owner, name] of [[String.prototype, "split"], [String.prototype, "trim"], [RegExp.prototype, "exec"]]) {
  const whole = owner[name];
  owner[name] = function (...given) {
    read += owner === String.prototype ? this.length : given[0].length;
    return whole.apply(this, given);
  };
}
"""


@pytest.mark.parametrize("kind", SPECS)
def test_a_text_is_read_a_few_times_however_it_is_made(kind, js):
    """A decoder that reads the whole text again for each of its pieces."""
    spec, piece = SPECS[kind]
    for text in (f"{json.dumps(piece)}.repeat(4000)", "'adam.lr:1,'.repeat(900)", "'a.b'.repeat(3000)", "','.repeat(9000)"):
        read, length = js(
            f"(() => {{ const text = {text}; state.decode({spec}, text); return [read, text.length]; }})()", before=COUNTED
        )
        assert read <= 5 * length, (text, read, length)


def test_a_table_is_read_as_it_was_written(js):
    """Cells lost or taken from elsewhere by the decoder."""
    spec = SPECS["table"][0]
    asked = [
        "adam.lr:0.5,adam.beta:0.25,sgd.lr:3",
        "adam.lr:7",
        "adam.lr",
        "adam:1",
        "other.lr:1",
        "adam.lr:x,sgd.lr:1",
        "",
        "__proto__.lr:1",
    ]
    answers = js(f"{json.dumps(asked)}.map((text) => state.decode({spec}, text))")
    assert answers == [
        {"adam": {"lr": 0.5, "beta": 0.25}, "sgd": {"lr": 3}},
        {"adam": {"lr": 2}},
        {},
        {},
        {},
        {"sgd": {"lr": 1}},
        {},
        {},
    ]
    assert js(f"state.decode({spec}, state.encode({spec}, {json.dumps(answers[0])}))") == answers[0]


def test_the_longest_state_of_any_figure_fits(js):
    """A bound that cuts off what a reader shares: the largest table of all figures, every number with all its digits."""
    bounds = {f"schedule_free_{k}": {name: [0, 1] for name in ("lr", "beta1", "beta2", "eps", "decay")} for k in range(30)}
    value = {row: dict.fromkeys(columns, 0.12345678901234567) for row, columns in bounds.items()}
    assert js(f"state.encode(state.table({{}}, {json.dumps(bounds)}), {json.dumps(value)}).length < state.LONGEST")


def test_what_is_typed_is_a_number_or_none(js):
    """Digits read twice over: a long paste would be tried in all ways of cutting it."""
    texts = ["12", "12.", ".5", "1,5", "−3e2", "2/26", "1.2.3", "1" * 50 + "x", "", "e5", "1/0"]
    assert js(f"{json.dumps(texts)}.map(dom.parseNumber)") == [12, 12, 0.5, 1.5, -300, 2 / 26, *[None] * 5]


def test_counts_are_singular_where_they_read_as_one(js):
    said = js('[0, 0.5, 1, 1.0004, 2, 12345].map((n) => dom.many(n, "step"))')
    assert said == ["0 steps", "0.5 steps", "1 step", "1 step", "2 steps", "12\u202f345 steps"]
    assert js('[1, 2].map((n) => dom.many(n, "shelf", "shelves"))') == ["1 shelf", "2 shelves"]


def test_decimals_have_a_true_minus(js):
    assert js("[-0.95, 0.875].map((v) => dom.fixed(v, 3))") == ["−0.950", "0.875"]


def test_numbers_in_words_are_pythons(js):
    values = [0, 1, -1, 0.5, -0.25, 0.125, 999.6, 999.4, 1000, 9999.5, 10_000, 12_345.6, 69_314.37, 9_999_999, 1e7, 6.93e8, -2e12]
    values += [1e-4, 9.99e-5, 9.999e-5, 1e-9, -3.25e-7, 1 / 3, 2599, 2.4999, 99.95]
    for digits in (1, 2, 3, 5):
        assert js(f"{values}.map((v) => dom.show(v, {digits}))") == [show(v, digits) for v in values]
    assert [show(v) for v in (999.6, 69_314.37, -0.25, 6.93e8, math.inf, -math.inf, math.nan)] == [
        "1000", "69\u202f314", "−0.25", "6.93 × 10⁸", "∞", "−∞", "not a number",
    ]  # fmt: skip
    assert js("[1, 2, 0.5].map((v) => dom.many(v, 'step'))") == [many(v, "step") for v in (1, 2, 0.5)]


def test_a_momentum_close_to_one_is_not_called_one(js):
    """The digits are those of what it lacks to 1."""
    betas = {
        0.9: "0.9",
        0.95: "0.95",
        0.999: "0.999",
        0.99999: "0.99999",
        0.999999: "0.999999",
        0.99951234: "0.999512",
        0.1: "0.1",
    }
    betas |= {1: "1", 0: "0", 0.0001: "0.0001", 4 / 9: "0.444"}
    assert js(f"{list(betas)}.map((v) => dom.nearOne(v))") == list(betas.values()) == [near_one(beta) for beta in betas]


def test_rules_are_called_inside_a_sentence_by_common_words_or_by_a_name(js):
    said = {name: in_sentence(rule) for name, rule in RULES.items()}
    assert {name: said[name] for name in ("heavy_ball", "polyak", "gradient_descent", "nesterov", "adam", "soap")} == {
        "heavy_ball": "heavy ball",
        "polyak": "heavy ball (two-point)",
        "gradient_descent": "gradient descent",
        "nesterov": "Nesterov",
        "adam": "Adam",
        "soap": "SOAP",
    }
    known = js("Object.keys(R.RULES).map((name) => [name, looks.inSentence(name)])")
    assert len(known) > 15 and all(said[name] == words for name, words in known)
