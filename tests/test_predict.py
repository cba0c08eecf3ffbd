"""Predict: every box has answers, one that is right, and a sentence for each wrong one; its curves are the library's."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

pytest.importorskip("anywidget")

from momentum_lib.widgets import Predict, predict

ROOT = Path(__file__).parents[1]
MODULES = {"truth": "predict/truth", "pad": "kit/pad", "link": "play/link", "scenes": "play/scene", "engine": "engine"}
MODULES |= {"playground": "playground"}
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
DRAWN = {"01", "03", "04", "08", "11"}


def box(path):
    """The text of a chapter's box."""
    cells = nbformat.read(path, as_version=4).cells
    [cell] = [cell for cell in cells if "predict" in cell.metadata.get("tags", [])]
    [body] = re.findall(r"^```\{predict\}\n(.*?)^```$", cell.source, re.M | re.S)
    return cell.source, body.strip("\n")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_asks_and_answers(path):
    """`parse` refuses a question without answers, a right one, or a sentence for each: here it must have no reason to."""
    source, body = box(path)
    questions = predict.parse(body)
    assert questions and (path.stem[:2] not in DRAWN or any(question.draw for question in questions))
    assert "{admonition}" not in source and "{dropdown}" not in source
    for question in questions:
        assert question.right.said
        for answer in question.answers:
            assert answer.said.rstrip()[-1] in ".!?*", answer.said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Which?\n\n- [ ] **A.** Tempting, a whole sentence.\n- [ ] **B.** Tempting, a whole sentence.", "0 right answers"),
        ("Which?\n\n- [x] **A.** Right, and a whole sentence.", "1 answers"),
        ("Which?\n\n- [x] **A.** Right, and a whole sentence.\n- [ ] **B.** No.", "needs a sentence"),
        ("Which?\n\n- [x] A, and no bold words at all.\n- [ ] **B.** Tempting, and a sentence.", "write an answer as"),
        ("Draw.\n\ndraw: show=\"loss\", rule=\"adam\", steps=9", "show='loss'"),
        ("Draw.\n\ndraw: show=\"distance\", rule=\"adma\", steps=9", "rule='adma'"),
        ("Draw.\n\ndraw: show=\"distance\", rule=\"adam\", steps=9, betta=1\nask: at the end", "'betta'"),
        ("Draw.\n\ndraw: show=\"distance\", rule=\"adam\", steps=9\nask: soon", "ask: 'soon'"),
        ("Draw.\n\ndraw: show=\"distance\", rule=\"adam\", steps=9\nask: at the end\n\n- [low] Tempting.", "[low], [close] and"),
        ("ask: at the end\n\n- [x] **A.** Right, and a whole sentence.", "without words"),
        ("draw: __import__('os')\n\nDraw.", "cannot be read|show="),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(text, told):
    with pytest.raises(ValueError, match=told if "|" in told else re.escape(told)):
        predict.parse(text)


CURVES = [
    'show="distance", rule="gradient_descent", surface="ravine", kappa=25, start=(2, 1), steps=60, lr=0.081',
    'show="distance", rule="adam", surface="ravine", kappa=15000, start=(-2.5, 2.5), steps=10, lr=0.2',
    'show="velocity", rule="heavy_ball", gradients="ones", steps=40, beta=0.9',
    'show="velocity", rule="heavy_ball", gradients="zigzag", steps=40, beta=0.9',
    'show="spread", rule="heavy_ball", steps=12, lr=0.1, beta=0.9',
]


@pytest.mark.parametrize("line", CURVES)
def test_the_browser_runs_what_the_library_runs(js, line):
    spec = predict._spec(predict._keywords(line, line), line)
    x, y = predict.truth(spec)
    found = js(f"truth.truth({json.dumps(spec)})")
    np.testing.assert_allclose(found["x"], x)
    np.testing.assert_allclose(found["y"], y, rtol=1e-9, atol=1e-15)


def test_the_fewest_steps_are_those_of_the_best_rate(js, monkeypatch):
    line = 'show="steps", rule="heavy_ball", kappa=10, steps=120'
    spec = predict._spec(predict._keywords(line, line), line)
    found = dict(zip(*js(f"(({{x, y}}) => [x, y])(truth.truth({json.dumps(spec)}))"), strict=True))
    from momentum_lib import rules

    assert found[0] == predict._fewest(rules.heavy_ball, spec, 0.0) and min(found.values()) < found[0] / 2
    assert list(found) == pytest.approx([0.05 * k for k in range(20)])


def test_a_drawn_curve_is_measured_and_compared(js):
    falls = {"x": [0, 10, 20, 30], "y": [1, 1e-3, 1e-7, 1e-9]}
    assert js(f"truth.measure('steps to 1e-6', {json.dumps(falls)})") == 20
    assert js("truth.measure('steps to 1e-6', {x: [0, 1, 2], y: [1, 1e-7, 1]})") is None  # it has to stay there
    assert js("[1, 9, 13].map((yours) => truth.compare('at the end', yours, 10))") == ["low", "close", "high"]
    assert js("truth.compare('steps to 1e-6', null, 385)") == "high"
    half = js("pad.whole(Array.from({length: 61}, (_, k) => k < 3 || k > 57 ? null : k === 30 ? 0.5 : k < 30 ? 0 : 1))")
    assert len(half) == 61 and half[0] == 0 and half[60] == 1 and half[30] == 0.5
    assert js("pad.whole(Array.from({length: 61}, (_, k) => k < 40 ? 0.5 : null))") is None


def test_what_is_compared_of_a_curve(js):
    curve = json.dumps({"x": [0, 10, 20, 30], "y": [3, 1, 5, 2]})
    asks = ["at the end", "highest", "lowest at", "steps to 1e-6"]
    assert js(f"{asks}.map((ask) => truth.measure(ask, {curve}))") == [2, 5, 10, None]
    there = (
        "[[1e-7, 1e-8], [1e-6, 1e-6], [1e-5, 1e-6], [1e-7, 2e-6]].map((y) => truth.measure('steps to 1e-6', { x: [5, 6], y }))"
    )
    assert js(there) == [5, 5, 6, None]


COMPARED = [  # what is asked, the two numbers, how the first lies
    ("at the end", 7.9, 10, "low"), ("at the end", 8.1, 10, "close"), ("at the end", 12.4, 10, "close"),
    ("at the end", 12.6, 10, "high"), ("highest", 0, 0, "close"), ("steps to 1e-6", 20, 20, "close"),
    ("steps to 1e-6", None, None, "close"), ("steps to 1e-6", 20, None, "low"), ("steps to 1e-6", None, 20, "high"),
    ("lowest at", 0.5, 0.5, "close"), ("lowest at", 0.36, 0.5, "close"), ("lowest at", 0.34, 0.5, "low"),
    ("lowest at", 0.66, 0.5, "high"),
]  # fmt: skip


@pytest.mark.parametrize("ask, yours, theirs, where", COMPARED)
def test_where_a_drawn_curve_lies(js, ask, yours, theirs, where):
    assert js(f"truth.compare({json.dumps(ask)}, {json.dumps(yours)}, {json.dumps(theirs)})") == where


SAID = [
    ("at the end", 0.5, 0.25, "You end at <0.5>; the run ends at <0.25>."),
    ("highest", 2, 3, "Your curve climbs to <2>; the run's climbs to <3>."),
    ("lowest at", 0.5, 0.9, "You put the lowest point at <0.5>; it is at <0.9>."),
    ("steps to 1e-6", 1, 384.7, "You drew 1 step to a millionth; the run takes <385>."),
    ("steps to 1e-6", 12.3, None, "You drew 12 steps to a millionth; the run does not get there, in the steps shown."),
    ("steps to 1e-6", None, 20, "Your curve does not come to a millionth; the run takes <20>."),
    ("steps to 1e-6", None, None, "Your curve does not come to a millionth; nor does the run, in the steps shown."),
]


@pytest.mark.parametrize("ask, yours, theirs, said", SAID)
def test_a_comparison_is_a_sentence(js, ask, yours, theirs, said):
    numbers = f"{json.dumps(yours)}, {json.dumps(theirs)}"
    assert js(f"truth.sentence({json.dumps(ask)}, {numbers}, (value) => `<${{value}}>`)") == said


def test_the_box_in_a_notebook():
    found = Predict("Does the limit fall?\n\n- [ ] **Yes.** Tempting, for a reason.\n- [x] **No.** It rises, to $2(1+\\beta)$.")
    assert found.predictions == {} and "Then open this" in found._repr_html_() and "<details>" in found._repr_html_()
    assert "2(1+β)" in found._repr_html_() and "$" not in found._repr_html_()
    assert found.questions[0]["answers"][1] == {"kind": "x", "label": "No.", "said": "It rises, to 2(1+β)."}
    data, _ = found._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data


def test_an_answer_that_is_a_number_with_a_full_stop_is_no_list():
    """A label "2." as Markdown is an empty list, and its button had no word on it."""
    (question,) = predict.parse(
        "How many?\n\n- [x] **2.** One for each of the two walls.\n- [ ] **10.** Tempting, but there are only two walls."
    )
    assert "- 2\\." in predict.asked(question) and "- 10\\." in predict.asked(question)
    assert question.answers[0].label == "2."


def test_a_run_that_is_predicted_is_the_playgrounds(js):
    """What a box opens there: the same rule, numbers, start and steps, and so the same curve; other quantities are no run."""
    specs = [predict.curve(q)["draw"] for path in CHAPTERS for q in predict.parse(box(path)[1]) if q.draw]
    runs = [spec for spec in specs if spec["show"] == "distance"]
    others = [spec for spec in specs if spec["show"] != "distance"]
    assert len(runs) >= 2 and others
    assert js(f"{json.dumps(others)}.map(truth.played)") == [None] * len(others)
    found = js(f"{json.dumps(runs)}.map(both)", """
      const make = scenes.createScenes({ found: () => undefined, latest: () => undefined });
      const both = (spec) => {
        const read = link.fromHash(playground.toHash({ ...playground.FIRST, ...truth.played(spec) })), scene = make(read, 1.5);
        return [read.view, engine.relativeError(scene.surface, scene.picked.runs[0].points), truth.truth(spec).y].map((one) =>
          typeof one === "string" ? one : Array.from(one));
      };""")  # fmt: skip
    for view, theirs, mine in found:
        assert view == "predict" and theirs == pytest.approx(mine, rel=1e-5)
