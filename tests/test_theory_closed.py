"""The closed forms: each is the answer that theory finds by its matrices, and JavaScript's is Python's to the last digit."""

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

from momentum_lib import conventions, rules, theory
from momentum_lib.printing.javascript import camel, closed_form_js
from momentum_lib.theory.best import Setting
from momentum_lib.theory.closed import CLOSED_FORMS, closed_form

MODULES = {"theory": "generated/theory"}
WIDGETS = Path(theory.__file__).resolve().parents[1] / "widgets" / "js"
FORMS = {
    name: conventions.form(name) for name in ("gradient_descent", "heavy_ball", "averaged_momentum", "nesterov", "nesterov_lerp")
}
# Where each argument may lie, and its corners; a name that is not here lies in (0.1, 2).
RANGES = {
    "beta": (0.0, 0.999), "omega": (0.0, np.pi), "mu": (0.1, 1.0), "L": (1.0, 1000.0), "rate": (0.01, 0.999), "tol": (1e-9, 0.5),
    "friction": (0.0, 12.0), "t": (0.0, 60.0), "x": (0.05, 0.95), "y": (0.0, 0.2), "steps": (0.2, 500.0), "lr": (0.001, 0.5),
    "start": (-3.0, 3.0), "velocity": (-3.0, 3.0), "step": (-2.0, 2.0),
    "share": (0.0, 1.0), "young": (0.0, 100.0), "old": (0.0, 100.0), "age": (0.0, 100.0), "k": (0.0, 80.0),
    "newest": (0.01, 1.0), "noise": (0.005, 1.0), "edge": (2.0, 400.0),
    "workers": (1.0, 16.0),
    "loss": (0.005, 1.0), "part": (0.01, 1.0), "sigma": (0.0, 2.0),
}  # fmt: skip


def hyper_of(name, lr, beta):
    return {"lr": lr} | ({"beta": beta} if rules.get(name).momentum else {})


def trials(fn, n=40):
    """Settings of a closed form: the ends of each range, random ones between; each flag both ways."""
    rng, names = np.random.default_rng(7), inspect.signature(fn).parameters
    for k in range(n):
        ends = {name: RANGES.get(name, (0.1, 2.0)) for name in names}
        drawn = {name: float(end[k] if k < 2 else rng.uniform(*end)) for name, end in ends.items()}
        yield {name: bool(k % 2) if isinstance(p.default, bool) else drawn[name] for name, p in names.items()}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_javascript_answers_as_python(js, name):
    """A formula that the printer turned into another one. The powers of two languages may differ in the last digit."""
    rows = list(trials(CLOSED_FORMS[name]))
    found = js(f"{json.dumps([list(row.values()) for row in rows])}.map((row) => theory.{camel(name)}(...row))")
    for row, theirs in zip(rows, found, strict=True):
        mine = getattr(theory, name)(**row)
        theirs = list(theirs.values()) if isinstance(theirs, dict) else theirs
        np.testing.assert_allclose(theirs, mine, rtol=4e-15, atol=2e-14 if name == "ball_with_friction" else 0, err_msg=str(row))


def test_the_table_of_forms_is_that_of_the_conventions(js):
    found = js("theory.FORMS")
    assert {name: conventions.form(name) for name in found} == found and set(FORMS) <= set(found)
    with pytest.raises(ValueError, match="adam has no closed form; allowed: gradient_descent, polyak"):
        conventions.form("adam")


def test_every_closed_form_has_a_reader():
    """A formula that every page downloads and no figure asks."""
    text = "".join(p.read_text("utf-8") for p in WIDGETS.rglob("*.js") if p.parent.name != "generated")
    assert [name for name in CLOSED_FORMS if not re.search(rf"\b{camel(name)}\b", text)] == []


# What a figure would type if it typed the theory by hand: an edge, a critical rate, a half-life, a sum of weights,
# a noise ball, a best rate.
TYPED = [
    r"2 \* \(1 \+ \w*(beta|b)\b",
    r"1 \+ 2 \* \w*(beta|b)\b",
    r"Math\.sqrt\((beta|b)\)",
    r"\(1 - (beta|b)\) / \(1 \+ (beta|b)\)",
    r"\(1 \+ (beta|b)\) / \(1 - (beta|b)\)",
    r"/ \(1 - (beta|b|fig\.get\(\"beta\"\)|now\.beta|best\.beta)\)",
    r"\w \* \(1 - (beta|b)\)",
    r"Math\.log\(0?\.5\)",
    r"Math\.log\((GOAL|tol)\) / Math\.log",
    r"2 / \(1 \+ (kappa|L)\)",
    r"2 / (CURVATURE|kappa)",
    r"1 - (beta|b) \* (beta|b)",
    r"friction \* friction",
    r"beta \* Math\.sin",
]


@pytest.mark.parametrize("path", sorted(p for p in WIDGETS.rglob("*.js") if p.parent.name != "generated"), ids=lambda p: p.stem)
def test_no_figure_types_the_theory_by_hand(path):
    """A formula of the theory, or one of the course's text that happens to be printed, in the code of a figure."""
    code = re.sub(r"`(?:\\.|[^`\\])*`|/\*.*?\*/|//[^\n]*", "", path.read_text("utf-8"), flags=re.S)  # without texts and comments
    found = [match[0] for pattern in TYPED for match in re.finditer(pattern, code)]
    assert not found, f"{path.name} types {found}; take it from generated/theory.js, or make it a closed form there"


# -- each is what the matrices say ----------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.99])
def test_the_edge(name, beta):
    beta = beta if rules.get(name).momentum else 0.0
    hyper = {k: v for k, v in hyper_of(name, 1.0, beta).items() if k != "lr"}
    for curvature in (1.0, 25.0):
        exact = theory.stability_edge(rules.get(name), curvature, **hyper)
        assert theory.momentum_edge(curvature, beta, **FORMS[name]) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("name", ["heavy_ball", "averaged_momentum", "nesterov"])
def test_critical_rates_are_where_the_pair_meets(name):
    """On one side of the rate the roots are real, on the other a pair; heavy ball's meet again at the flipping rate."""
    for beta in (0.2, 0.81):
        flags = FORMS[name]
        rates = [(theory.critical_rate(3.0, beta, **flags), False)]
        if not flags["ahead"]:
            rates.append((theory.flipping_rate(3.0, beta, averaged=flags["averaged"]), True))
        for lr, swings_below in rates:
            below, above = (
                np.abs(theory.eigenvalues(rules.get(name), 3.0, lr=lr * f, beta=beta).imag).max() for f in (0.999, 1.001)
            )
            assert (below > 0) == swings_below and (above > 0) != swings_below
    assert theory.critical_beta(theory.critical_rate(3.0, 0.4), 3.0) == pytest.approx(0.4)


@pytest.mark.parametrize("name", ["heavy_ball", "averaged_momentum", "nesterov"])
def test_the_setting_of_a_pair_has_that_pair(name):
    for x, y in ((0.7, 0.4), (0.9, 0.05), (0.2, 0.5)):
        lr, beta = theory.setting_of_pair(7.0, x, y, **FORMS[name])
        np.testing.assert_allclose(
            np.sort_complex(theory.eigenvalues(rules.get(name), 7.0, lr=lr, beta=beta)), [x - 1j * y, x + 1j * y]
        )
    lr = theory.rate_of_eigenvalue(7.0, -0.6, 0.7)
    assert np.abs(theory.eigenvalues(rules.nesterov, 7.0, lr=lr, beta=0.7) + 0.6).min() < 1e-12


@pytest.mark.parametrize("name", ["heavy_ball", "nesterov"])
def test_pairs_lie_on_their_circle(name):
    centre, radius = theory.circle_of_pairs(0.7, ahead=FORMS[name]["ahead"])
    lr = np.linspace(0.05, 0.9, 40)
    values = theory.eigenvalues(rules.get(name), 1.0, lr=lr, beta=0.7)
    pairs = values[np.abs(values.imag) > 1e-6]
    assert pairs.size > 20
    np.testing.assert_allclose(np.abs(pairs - centre), radius, rtol=1e-9)


def test_steps_and_half_lives():
    assert 0.9 ** theory.steps_at_rate(0.9, 1e-6) == pytest.approx(1e-6)
    assert theory.half_life(0.0) == 0 and 0.8 ** theory.half_life(0.8) == pytest.approx(0.5)
    assert theory.beta_at_half_life(theory.half_life(0.97)) == pytest.approx(0.97)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.99])
def test_gain_and_delay_are_the_response(beta):
    omega = np.array([1e-3, 0.3, 2.0, 3.0])
    response = theory.frequency_response(beta, omega)
    np.testing.assert_allclose(theory.wave_gain(beta, omega), np.abs(response), rtol=1e-12)
    np.testing.assert_allclose(theory.wave_delay(beta, omega), -np.angle(response) / omega, rtol=1e-9, atol=1e-15)
    assert (
        theory.wave_delay(beta, 0.0) == pytest.approx(theory.wave_delay(beta, 1e-7), abs=1e-6)
        and theory.wave_delay(beta, np.pi) == 0
    )


def test_the_ball_as_a_setting():
    """The setting of a ball has its friction, its longest step is where that setting stands at its edge."""
    lr, beta = theory.setting_of_ball(0.5, 0.3)
    assert theory.friction(lr, beta) == pytest.approx(0.5)
    for friction, curvature in ((0.5, 2.0), (0.0, 25.0)):
        lr, beta = theory.setting_of_ball(friction, theory.longest_step(curvature, friction))
        assert theory.rate(rules.heavy_ball, curvature, lr=lr, beta=beta) == pytest.approx(1, abs=1e-7)  # a double root
        assert lr == pytest.approx(theory.momentum_edge(curvature, beta))
    for factor, swings in ((0.99, True), (1.01, False)):
        x, _ = theory.ball_with_friction(4.0, factor * theory.critical_friction(4.0), np.linspace(0, 60, 60001))
        assert (x < 0).any() == swings


def test_energy_of_a_step():
    """Without a gradient a step keeps beta of the last one, and friction takes the rest of its energy."""
    last, now = 0.3, 0.8 * 0.3
    lost = theory.kinetic_energy(last, 0.05) - theory.kinetic_energy(now, 0.05)
    assert lost == pytest.approx(theory.friction_share(0.8) * theory.kinetic_energy(last, 0.05))


# -- the decorator and the printer ----------------------------------------------------------------


def test_a_closed_form_takes_numbers_lists_and_arrays():
    assert type(theory.effective_rate(1, 0)) is float
    np.testing.assert_array_equal(theory.effective_rate([0.1, 0.2], 0.5), [0.2, 0.4])
    assert theory.best_heavy_ball(1, 1) == Setting(1.0, 0.0, 0.0) and type(theory.best_heavy_ball(1, 9).beta) is float
    np.testing.assert_allclose(theory.best_heavy_ball(1, [4, 9]).rate, [1 / 3, 1 / 2])


def test_what_is_no_straight_line_is_refused():
    def branch(beta):
        """A branch."""
        if beta > 0:
            return 1.0
        return 0.0

    def shadow(beta):
        """A name of the printed text."""
        square = beta**2
        return square

    for fn, error, words in ((branch, TypeError, "found If"), (shadow, ValueError, "shadow: 'square' means something else")):
        try:
            closed_form(fn)
            with pytest.raises(error, match=words):
                closed_form_js(fn)
        finally:
            del CLOSED_FORMS[fn.__name__]
