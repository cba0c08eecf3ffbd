"""Under every figure's picture stands one sentence that its state makes; it changes with the state, and contradicts nothing."""

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
