"""Predict: you commit to an answer, with a button or by drawing a curve; then the library runs, and you are told how it compares.

One short notation serves the page (the directive ``{predict}``), the notebook (`Predict`), plain Markdown and the tests:

    Halve the learning rate. Does the path need fewer steps to the bottom, as many, or more?

    - [ ] **Fewer.** A path without a zigzag looks shorter. Its steps along the valley are shorter, too.
    - [x] **More, twice as many.** The short steps along the valley decide, and they are half as long.

    ---

    Draw the distance to the minimum.

    draw: show="distance", rule="heavy_ball", surface="ravine", kappa=25, start=(2, 1), steps=200, lr=0.05, beta=0.5
    given: lr=0.07, label="at 0.07"
    ask: steps to 1e-6

    - [low] Why a curve that gets there too soon is tempting.
    - [close] What to see where the curves agree.
    - [high] Why a curve that gets there too late is tempting.
"""

import ast
import html
import re
from dataclasses import dataclass, field

import anywidget
import ipywidgets
import numpy as np
import traitlets

from .. import rules, surfaces
from ..core import descend
from ..draws import draw_noise
from ._base import Source

SHOWS = {
    "distance": "distance to the minimum (start = 1)",
    "velocity": "velocity",
    "spread": "variance of the point",
    "steps": "steps to a millionth, at the best rate",
}
"""What a drawn curve can be, and the name of its axis."""
ASKS = ("steps to 1e-6", "at the end", "highest", "lowest at")
"""What of a drawn curve is compared with the run's."""
WALKERS, SEED = 600, 8
"""How many noisy runs a variance is measured on, and the seed of their noise."""
RATES = 240
"""How many learning rates are tried for the best one of a momentum."""
_ANSWER = re.compile(r"^- \[(x| |low|close|high)\] (.*)$")
_LINE = re.compile(r"^(draw|given|ask): (.*)$")


@dataclass
class Answer:
    """One answer: ``kind`` is "x" (right), " " (wrong), or where a drawn curve lies; ``label`` is what stands on its button."""

    kind: str
    label: str
    said: str


@dataclass
class Question:
    """What is asked, the answers, and for a curve to be drawn the run (``draw``, ``given``) and what is compared (``ask``)."""

    text: str
    answers: list = field(default_factory=list)
    draw: dict | None = None
    given: dict | None = None
    ask: str | None = None

    @property
    def right(self):
        """The answer that is right."""
        return next(answer for answer in self.answers if answer.kind in ("x", "close"))


# -- the notation -----------------------------------------------------------------------------


def _keywords(text, line):
    """``a=1, b="c"`` as a dict. Raises ValueError that shows the line."""
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        return {part.arg: ast.literal_eval(part.value) for part in call.keywords if part.arg} | (
            {"": 1} if call.args or any(part.arg is None for part in call.keywords) else {}
        )
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f'predict: {line!r} cannot be read; write names and values: {line[:5]} show="distance", lr=0.1'
        ) from error


def _need(condition, told):
    if not condition:
        raise ValueError(f"predict: {told}")


def _spec(values, line):
    """The run of a curve from its keywords, checked: what `truth` and the browser compute."""
    spec = dict(values)
    show, rule = spec.get("show"), spec.get("rule")
    _need(show in SHOWS, f"show={show!r} in {line!r}; allowed: {', '.join(SHOWS)}")
    _need(rule in rules.RULES, f"rule={rule!r} in {line!r}; allowed: {', '.join(rules.RULES)}")
    known = {"show", "rule", "steps", "label", "low", "high", "log"}
    hyper = set(rules.get(rule).hyper)
    more = {"distance": {"surface", "start", *_params(spec)}, "velocity": {"gradients"}, "spread": set(), "steps": {"kappa"}}
    strange = sorted(set(spec) - known - hyper - more[show])
    _need(not strange, f"{strange[0] if strange else ''!r} in {line!r}; allowed: {', '.join(sorted(known | hyper | more[show]))}")
    if show == "velocity":
        _need(spec.get("gradients") in ("ones", "zigzag"), f'gradients in {line!r}; allowed: "ones", "zigzag"')
    steps = spec.get("steps")
    _need(isinstance(steps, int) and 2 <= steps <= 2000, f"steps={steps!r} in {line!r}; allowed: a whole number from 2 to 2000")
    return {
        "show": show,
        "rule": rule,
        "steps": steps,
        "label": spec.get("label", ""),
        "low": spec.get("low", 1e-7 if show == "distance" else 0),
        "high": spec.get("high", 10 if show == "distance" else 1),
        "log": bool(spec.get("log", show == "distance")),
        "hyper": {name: spec[name] for name in sorted(hyper & set(spec))},
        "params": {name: spec[name] for name in sorted(_params(spec) & set(spec))},
        "surface": spec.get("surface", "ravine"),
        "start": list(spec.get("start", (2.0, 1.0))),
        "gradients": spec.get("gradients", ""),
        "look": rules.get(rule).family,
    }


def _params(spec):
    return set(surfaces.get(spec.get("surface", "ravine")).params)


def _question(lines):
    """One question from its lines. Raises ValueError with what to do."""
    prose, answers, told = [], [], {}
    for line in lines:
        answer, setting = _ANSWER.match(line), _LINE.match(line)
        if answer:
            bold = re.match(r"\*\*(.+?)\*\*\s*(.*)$", answer[2])
            answers.append(Answer(answer[1], *(bold.groups() if bold else ("", answer[2]))))
        elif setting:
            told[setting[1]] = setting[2]
        elif answers and line.startswith("  "):
            answers[-1].said += " " + line.strip()
        else:
            _need(not answers or not line.strip(), f"{line!r} stands below an answer; indent it by two blanks")
            prose.append(line)
    question = Question("\n".join(prose).strip(), answers)
    _need(question.text, "a question without words; say what is asked")
    if "draw" in told:
        _of_a_curve(question, told)
    else:
        _need(not told, f"{', '.join(told)} without draw: a curve needs `draw: show=..., rule=..., steps=...`")
        _of_buttons(question)
    return question


def _of_buttons(question):
    about = f"the question {question.text[:50]!r}"
    count, rights = len(question.answers), [a for a in question.answers if a.kind == "x"]
    _need(2 <= count <= 4, f"{about} has {count} answers; allowed: two to four lines `- [ ] **Words of a button.** Why.`")
    _need(len(rights) == 1, f"{about} has {len(rights)} right answers; mark one with [x]")
    for answer in question.answers:
        _need(
            answer.kind in "x " and answer.label,
            f"{about}: write an answer as `- [ ] **Words of a button.** Why it is tempting.`",
        )
        _need(len(answer.said) > 20, f"{about}: the answer {answer.label!r} needs a sentence: why it is right, or tempting")


def _of_a_curve(question, told):
    about = f"the question {question.text[:50]!r}"
    values = _keywords(told["draw"], f"draw: {told['draw']}")
    question.draw = _spec(values, f"draw: {told['draw']}")
    if "given" in told:
        question.given = _spec(values | _keywords(told["given"], f"given: {told['given']}"), f"given: {told['given']}")
    question.ask = told.get("ask")
    _need(question.ask in ASKS, f"{about}: ask: {question.ask!r}; allowed: {', '.join(ASKS)}")
    kinds = sorted(answer.kind for answer in question.answers)
    _need(kinds == ["close", "high", "low"], f"{about}: a curve needs one sentence each for [low], [close] and [high]")
    for answer in question.answers:
        _need(len(answer.said) > 20, f"{about}: [{answer.kind}] needs a sentence: what it means, or why it is tempting")


def parse(text):
    """The questions of a box in the notation above, as a list of `Question`.

    Raises ValueError, with what is allowed, for a question without answers, with none or two that are right, for an answer
    without its sentence, and for a run that the library does not have.
    """
    parts, lines = [[]], text.strip("\n").split("\n")
    for line in lines:
        if line.strip() == "---":
            parts.append([])
        else:
            parts[-1].append(line)
    return [_question(part) for part in parts]


# -- the run ----------------------------------------------------------------------------------


def truth(spec):
    """The curve that a drawn one is compared with, computed by the library: (x, y) as arrays. The browser computes the same."""
    rule, steps, hyper = rules.get(spec["rule"]), spec["steps"], spec["hyper"]
    if spec["show"] == "distance":
        field_ = surfaces.get(spec["surface"])
        path = descend(rule, field_(**spec["params"]) if spec["params"] else field_, spec["start"], steps=steps, **hyper)
        return np.arange(len(path.error)), path.error
    if spec["show"] == "velocity":
        return np.arange(1, steps + 1), _memory(rule, spec["gradients"], steps, hyper)
    if spec["show"] == "spread":
        return np.arange(steps + 1), _spread(rule, steps, hyper)
    momenta = np.arange(20) * 0.05
    return momenta, np.array([_fewest(rule, spec, beta) for beta in momenta])


def _memory(rule, gradients, steps, hyper):
    """The velocity after each of the gradients 1, 1, 1 or 1, -1, 1."""
    state, found = rule.init(np.zeros(1)), []
    for k in range(steps):
        grad = np.array([1.0 if gradients == "ones" or k % 2 == 0 else -1.0])
        _, state = rule.step(np.zeros(1), grad, state, {**rule.hyper, **hyper, "lr": 0.0}, k + 1)
        found.append(float(np.ravel(next(iter(state.values())) if isinstance(state, dict) else state[0])[0]))
    return np.array(found)


def _spread(rule, steps, hyper):
    """The mean square of many points on a bowl of curvature 1, each gradient with noise of variance 1."""
    noise = np.array(draw_noise(WALKERS * steps, SEED)).reshape(steps, WALKERS)
    theta, found = np.zeros(WALKERS), [0.0]
    state = rule.init(theta)
    for k in range(steps):
        theta, state = rule.step(theta, theta + noise[k], state, {**rule.hyper, **hyper}, k + 1)
        found.append(float((theta**2).mean()))
    return np.array(found)


def _fewest(rule, spec, beta):
    """The fewest steps to a millionth among learning rates up to the stability edge, at this momentum; or all the steps."""
    valley, best = surfaces.ravine(kappa=spec["params"]["kappa"]), spec["steps"]
    edge = 2 * (1 + beta) / spec["params"]["kappa"]
    for k in range(1, RATES):
        path = descend(rule, valley, spec["start"], steps=best, lr=edge * k / RATES, **{rule.momentum: beta})
        best = min(best, path.steps_to(1e-6) or best)
    return best


# -- faces ------------------------------------------------------------------------------------


def asked(question):
    """A question as Markdown: its words and, for buttons, the answers to choose from."""
    labels = (re.sub(r"^(\d+)\.(?=\s|$)", r"\1\\.", answer.label) for answer in question.answers)  # "2." alone begins a list
    choices = "\n".join(f"- {label}" for label in labels) if question.draw is None else ""
    return f"{question.text}\n\n{choices}".strip()


def answered(question):
    """What is said to each answer, the right one first, as (answer, Markdown)."""
    order = [question.right, *(answer for answer in question.answers if answer is not question.right)]
    lead = {"x": "**{0}** {1}", " ": "*{0}* {1}", "close": "{1}", "low": "*A lower curve:* {1}", "high": "*A higher curve:* {1}"}
    if question.ask == "steps to 1e-6":
        lead |= {"low": "*Fewer steps:* {1}", "high": "*More steps:* {1}"}
    return [(answer, lead[answer.kind].format(answer.label, answer.said)) for answer in order]


_LETTERS = {
    "beta": "β", "eta": "η", "lambda": "λ", "kappa": "κ", "theta": "θ", "sqrt": "√", "cdot": "·", "times": "×",
    "omega": "ω", "gamma": "γ", "mu": "μ", "le": "≤", "ge": "≥",
}  # fmt: skip


def plain(text):
    """MyST as plain words, for a place that sets neither roles nor mathematics."""
    text = re.sub(r"\{\w[\w:]*\}`([^`<]+?)\s*(?:<[^`]*>)?`", r"\1", text)
    text = re.sub(r"\\textcolor\{[^}]*\}\{((?:[^{}]|\{[^}]*\})*)\}", r"\1", text)
    text = re.sub(r"\\([a-z]+)", lambda found: _LETTERS.get(found[1], found[1]), text)
    return re.sub(r"[{}$*`\\]", "", text)


class Predict(anywidget.AnyWidget):
    """A box of predictions in a notebook, from the notation of this module: buttons to press, or a curve to draw.

    >>> from momentum_lib.widgets import Predict
    >>> box = Predict('''
    ... Does momentum 0.9 widen the range of stable learning rates?
    ...
    ... - [x] **Yes.** The edge rises from 2 to 3.8 divided by the curvature.
    ... - [ ] **No.** Tempting, since momentum makes steps longer.
    ... ''')
    >>> box.predictions
    {}

    ``predictions`` is what the reader committed to, by the number of the question from 0: a dict with ``said`` (in words),
    ``right`` (bool) and ``answer`` (the button's words, or the drawn curve as heights from 0 to 1).  Raises ValueError for a
    text that is not in the notation (see `parse`).
    """

    questions = traitlets.List().tag(sync=True)
    predictions = traitlets.Dict().tag(sync=True)
    _source = traitlets.Instance(Source).tag(sync=True, **ipywidgets.widget_serialization)

    def __init__(self, text):
        from . import bundle

        if "_esm" not in vars(Predict):
            Predict._esm = bundle.notebook_module()
        self._asked = parse(text)
        super().__init__(_source=Source.of("predict/widget"), questions=[_told(question) for question in self._asked])

    def __repr__(self):
        return "\n\n".join(plain(asked(question)) for question in self._asked)

    def _repr_html_(self):
        """The face without a kernel: the questions, and the answers in a fold."""
        parts = []
        for question in self._asked:
            lines = plain(asked(question)).split("\n- ")
            choices = "".join(f"<li>{html.escape(line)}</li>" for line in lines[1:])
            fold = "".join(f"<p>{html.escape(plain(said))}</p>" for _, said in answered(question))
            parts.append(
                f"<p>{html.escape(lines[0].strip())}</p>{f'<ul>{choices}</ul>' if choices else ''}"
                f"<details><summary>Then open this</summary>{fold}</details>"
            )
        return "".join(parts)

    def _repr_mimebundle_(self, **kwargs):
        made = super()._repr_mimebundle_(**kwargs)
        data, metadata = made if isinstance(made, tuple) else (made or {}, {})
        return {**data, "text/plain": repr(self), "text/html": self._repr_html_()}, metadata


def curve(question):
    """What the browser needs to have a curve drawn and to compare it, or None for buttons."""
    if question.draw is None:
        return None
    return {"draw": question.draw, "given": question.given, "ask": question.ask, "axis": SHOWS[question.draw["show"]]}


def _told(question):
    """A question as plain data for the browser, in plain words."""
    answers = [{"kind": a.kind, "label": plain(a.label), "said": plain(a.said)} for a in question.answers]
    return {"text": plain(question.text), "answers": answers, "curve": curve(question)}
