"""Under every figure's picture stands one sentence that its state makes; it changes with the state, and contradicts nothing."""

import re

import pytest

from momentum_lib.widgets import FIGURES, make
from tests.browser import live

NAMES = sorted(name for name in FIGURES if not any(kind["kind"] == "runs" for kind in make(name).spec().values()))

SAID = """([i, state]) => {
    const place = document.querySelectorAll('.live-figure[data-figure]')[i], figure = place.__figure;
    for (const [name, value] of Object.entries(state)) figure.model.set(name, value);
    figure.numbers(); // draws, if anything changed
    const said = place.querySelector('.lf-sentence'), title = place.querySelector('.lf-title');
    return { said: said.textContent, title: title.textContent, caption: place.querySelector('figcaption').textContent,
        seen: said.checkVisibility() && said.getBoundingClientRect().height > 10, hidden: said.getAttribute('aria-hidden'),
        after: Boolean(place.querySelector('.lf-pictures').compareDocumentPosition(said) & Node.DOCUMENT_POSITION_FOLLOWING) };
}"""
LIVE = """i => { const p = document.querySelectorAll('.live-figure[data-figure]')[i],
    said = p.querySelector('.lf-sentence').textContent, live = [...p.querySelectorAll('[aria-live]')];
    return live.length === 1 && live[0].getAttribute('aria-live') === 'polite' && live[0].textContent === said; }"""


def states(figure):
    """The state at first, and with every number and point at its lowest, its highest, and in between."""
    yield {}
    for part in (0.0, 1.0, 0.35):
        state = {}
        for name, spec in figure.spec().items():
            if spec["kind"] == "number":
                state[name] = spec["min"] + part * (spec["max"] - spec["min"])
            elif name == "step":  # of the race, whose speed alone is a number
                state[name] = round(40 * part)
            elif name == "steps" and figure.figure == "rods":  # whose numbers are a list
                state[name] = round(spec["max"] * part)
            elif name == "sample":  # of the digits, which have no number
                state[name] = round(spec["min"] + (part or 0.1) * (spec["max"] - spec["min"]))
            elif spec["kind"] == "point":
                state[name] = [low + part * (high - low) for low, high in spec["domain"]]
        if any(figure.state()[name] != value for name, value in state.items()):  # else it is the first again
            yield state


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("sentences"), [make(name) for name in NAMES], static=True)


def test_every_state_says_its_own_sentence(browser, address):
    with live.open_page(browser, address) as page:
        live.all_ready(page)
        for index, name in enumerate(NAMES):
            page.wait_for_function(LIVE, arg=index)  # from the start it is there for a screen reader, too, and once
            found = [page.evaluate(SAID, [index, state]) for state in states(make(name))]
            said = [one["said"] for one in found]
            assert len(set(said)) == len(said), f"{name}: two states, one sentence: {said}"
            assert all(one["seen"] and one["hidden"] == "true" and one["after"] for one in found), name
            assert all(text.endswith(".") and " " in text and "NaN" not in text and "undefined" not in text for text in said), (
                said
            )
            assert not any("diverge" in text and "below the stability edge" in text for text in said), said
            assert len({one["caption"] for one in found}) == 1
            if name != "race":  # its title says whether each rule has its own best setting
                assert {one["title"] for one in found} == {make(name).title}
        for index in range(len(NAMES)):
            page.wait_for_function(LIVE, arg=index)  # what is announced, once all is still, is what is seen


# Of what may stand in no sentence: a plural of one, a capital or a hyphen for a minus inside it, a word where a sign stands
# elsewhere, thousands without a space, an exponent, a momentum below 1 that is called 1.
ILL = re.compile(
    r"(?<![\d.])(1 (steps|updates|books|pages|shelves|libraries|points)\b|\d{5})|every 0 steps|percent|(?<!\w)-\d|\de[+-]"
    r"|[,;] (A|Heavy|Gradient descent|Momentum)\b|Momentum 1 at"
)


def test_no_sentence_is_ill_said(browser, address):
    with live.open_page(browser, address) as page:
        live.all_ready(page)
        for index, name in enumerate(NAMES):
            for state in states(make(name)):
                said = page.evaluate(SAID, [index, state])["said"]
                assert not ILL.search(said), (name, state, ILL.search(said)[0], said)


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("ribbon", {"beta": 0.99999}, "Momentum 0.99999 at "),
        ("ribbon", {"beta": 0.1, "tokens": 1e3}, "a gradient counts half after 301 tokens, 0.753 pages."),
        ("ribbon", {"beta": 0.9, "tokens": 5e8}, "32\u202f900 books, 1.64 libraries."),
        ("memory", {"beta": 0.99999}, "Momentum 0.99999 at "),
        ("memory", {"beta": 0.5, "tokens": 1e3}, "which is 1 step."),
        ("scale", {"parameters": 1e12, "stage": 0}, "It fits no card: 80 GB and 141 GB are too small."),
        ("basin", {"rule": "heavy_ball"}, "learning rate 0.111, heavy ball goes round"),
        ("basin", {"rule": "nesterov", "lr": 0.15}, "learning rate 0.15, Nesterov "),
        ("basin", {"rule": "heavy_ball", "lr": 1 / 9}, " % of the starts shown end in a cycle."),
        ("filter", {"beta": 0}, "Momentum 0 keeps the newest gradient alone: no noise is taken away"),
        ("filter", {"beta": 0.5}, "the weights halve every 1 step and"),
        ("river", {"beta": 0}, "With momentum 0 both are gradient descent, and neither gets farther"),
        ("ravine", {"lr": 2.6, "kappa": 1000}, "the run diverges; rate 2599 per step, growing across the valley."),
        (
            "ravine",
            {"lr": 1, "kappa": 1},
            "1 step to one millionth of the distance; rate 0.0000 per step, both directions alike.",
        ),
        ("dial", {"lr": 0.001}, "more than 200 steps."),
        ("amounts", {}, " % left"),
    ],
    ids=lambda part: part if isinstance(part, str) and part in FIGURES else "",
)
def test_what_a_state_says(browser, tmp_path, name, state, words):
    with live.open_page(browser, live.write_page(tmp_path, [make(name)], static=True)) as page:
        live.ready(page)
        assert words in page.evaluate(SAID, [0, state])["said"]


def test_a_longer_sentence_moves_no_slider_back(browser, address):
    """Under the finger the page may grow once; it does not jump to and fro with the length of the words."""
    index = NAMES.index("ravine")
    with live.open_page(browser, address, width=390, height=844) as page:
        live.ready(page, index)
        top = """i => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => { const p =
            document.querySelectorAll('.live-figure[data-figure]')[i], box = (q) => p.querySelector(q).getBoundingClientRect();
            done(box('.lf-controls').top - box('.lf-pictures').bottom); })))"""
        tops = []
        for lr in (0.07, 0.9, 0.0001, 0.07, 0.9):
            page.evaluate(SAID, [index, {"lr": lr}])
            tops.append(page.evaluate(top, index))
        assert tops[-1] == tops[-2] == max(tops), tops
