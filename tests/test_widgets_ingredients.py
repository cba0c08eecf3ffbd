"""Adam line by line: every switched variant is a rule of the library or its paper's formula, and the browser's is Python's."""

import itertools
import json

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib import descend, rules
from momentum_lib.widgets import Ingredients
from momentum_lib.widgets.ingredients import ADAM, FIELDS, known_as, recipe

SETTING = {"lr": 0.13, "rate": 0.02, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.3}
NAMES = tuple(ADAM)
EVERY = [dict(zip(NAMES, on, strict=True)) for on in itertools.product((False, True), repeat=5)]


MODULES = {"part": "ingredients", "engine": "engine", "rules": "generated/rules", "surfaces": "generated/surfaces"}


def by_hand(parts, surface, start, steps):
    """The recipe written out with its switches, line by line, in plain floats: what each variant should be."""
    at, m, s, path = [float(v) for v in start], [0.0, 0.0], [0.0, 0.0], [list(start)]
    b1, b2 = (SETTING["beta1"] if parts["momentum"] else 0.0), SETTING["beta2"]
    for t in range(1, steps + 1):
        grad = surface.gradient(np.array(at))
        for i in (0, 1):
            g = float(grad[i])
            m[i] = b1 * m[i] + (1 - b1) * g
            s[i] = b2 * s[i] + (1 - b2) * g * g
            mean = m[i] / (1 - b1**t) if parts["correct_m"] else m[i]
            size = s[i] / (1 - b2**t) if parts["correct_s"] else s[i]
            if parts["ruler"]:
                kept = 1 - SETTING["lr"] * SETTING["weight_decay"] if parts["decay"] else 1.0
                at[i] = kept * at[i] - SETTING["lr"] * mean / (size**0.5 + 1e-8)
            else:
                at[i] -= SETTING["rate"] * mean
        path.append(list(at))
    return np.array(path)


@pytest.mark.parametrize("parts", EVERY, ids=lambda parts: "".join("x" if on else "-" for on in parts.values()))
def test_every_recipe_is_its_lines(parts):
    """All 32 of them: a schedule that takes a correction out must leave exactly the rule without it."""
    surface = FIELDS["turned"]["surface"]
    rule, hyper = recipe(parts, 60, **SETTING)
    run = descend(rule, surface, start=(-2.0, 0.7), steps=60, **hyper)
    np.testing.assert_allclose(run.points, by_hand(parts, surface, (-2.0, 0.7), 60), rtol=1e-11, atol=1e-12)


LIBRARY = {
    "gradient descent": (dict.fromkeys(NAMES, False), rules.gradient_descent, {"lr": 0.02}),
    "averaged momentum": (dict.fromkeys(NAMES, False) | {"momentum": True}, rules.averaged_momentum, {"lr": 0.02, "beta": 0.9}),
    "RMSProp": (dict.fromkeys(NAMES, False) | {"ruler": True}, rules.rmsprop, {"lr": 0.13, "beta2": 0.99}),
    "Adam": (ADAM, rules.adam, {"lr": 0.13, "beta2": 0.99}),
    "AdamW": (ADAM | {"decay": True}, rules.adamw, {"lr": 0.13, "beta2": 0.99, "weight_decay": 0.3}),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_a_recipe_with_a_name_is_that_rule(name):
    parts, rule, hyper = LIBRARY[name]
    assert known_as(parts) == name
    mine, setting = recipe(parts, 80, **SETTING)
    f = FIELDS["rosenbrock"]["surface"]
    ours, theirs = descend(mine, f, steps=80, **setting), descend(rule, f, steps=80, **hyper)
    np.testing.assert_allclose(ours.points, theirs.points, rtol=1e-11, atol=1e-12)


def test_what_has_no_effect_changes_no_name():
    """Without the ruler s corrects nothing and decay is off; without momentum there is no m to correct."""
    assert len({known_as(parts) for parts in EVERY}) == 15
    for parts in EVERY:
        if not parts["ruler"]:
            assert known_as(parts) == known_as(parts | {"correct_s": True, "decay": True})
        if not parts["momentum"]:
            assert known_as(parts) == known_as(parts | {"correct_m": not parts["correct_m"]})


def test_the_first_step_of_each_correction():
    """In learning rates: 1 complete, 1 - beta1 without m's, 1 / sqrt(1 - beta2) without s's, their product without both."""
    for off, expected in (
        ((), 1.0),
        (("correct_m",), 0.1),
        (("correct_s",), 1000**0.5),
        (("correct_m", "correct_s"), 0.1 * 1000**0.5),
    ):
        first = Ingredients(**dict.fromkeys(off, False)).numbers()["first"]
        np.testing.assert_allclose(first, expected, rtol=1e-6)


@pytest.mark.parametrize("surface", FIELDS)
def test_a_surface_brings_its_own_beginning(surface):
    begin = FIELDS[surface]["begin"]
    figure = Ingredients(surface=surface)
    assert {name: getattr(figure, name) for name in begin} == begin
    moved = Ingredients()
    moved.surface = surface
    assert moved.state() == figure.state()
    assert Ingredients(surface=surface, lr=0.01).lr == 0.01
    whole, plain = Ingredients(surface=surface).numbers(), Ingredients(surface=surface, ruler=False).numbers()
    first = figure.field.value(np.array(begin["start"]))
    assert whole["loss"] < 0.2 * first and plain["loss"] < 0.2 * first, (
        "both kinds of rule get somewhere at the rates they begin with"
    )


def test_the_start_stays_in_the_picture():
    figure = Ingredients(surface="rosenbrock")
    figure.start = (9, 9)
    assert figure.start == (2.0, 3.0)


def test_words_and_picture_follow_the_switches():
    whole, none = Ingredients(), Ingredients(ruler=False, momentum=False)
    assert "complete Adam" not in whole.alt() and "complete Adam" in none.alt() and "gradient descent" in none.alt()
    assert "31.6 learning rates long along x and 31.6 along y" in Ingredients(correct_s=False).alt()
    for figure in (whole, none, Ingredients(correct_s=False, decay=True)):
        figure.picture().draw_without_rendering()


def test_a_diverging_recipe_is_cut_and_said():
    gone = Ingredients(surface="beale", ruler=False, rate=2)
    found = gone.numbers()
    assert found["diverged_at"] and found["loss"] is None and "diverges" in gone.alt()
    gone.picture().draw_without_rendering()


# -- the browser's arithmetic -----------------------------------------------------------------


def test_recipes_and_names_are_the_same_in_the_browser(js):
    found = js(f"{json.dumps(EVERY)}.map((parts) => [part.recipe(parts, 40, {json.dumps(SETTING)}), part.knownAs(parts)])")
    for parts, (theirs, name) in zip(EVERY, found, strict=True):
        rule, hyper = recipe(parts, 40, **SETTING)
        assert (theirs["rule"], name) == (rule.name, known_as(parts)) and set(theirs["hyper"]) == set(hyper)
        for key, value in hyper.items():
            given = theirs["hyper"][key]
            given = [given[str(k)] for k in range(40)] if isinstance(given, dict) else given
            np.testing.assert_allclose(given, value, rtol=1e-12, err_msg=f"{parts}, {key}")


def test_fields_say_the_same_in_the_browser(js):
    found = js("part.FIELDS")
    assert list(found) == list(FIELDS)
    for name, mine in FIELDS.items():
        theirs, surface = found[name], mine["surface"]
        assert theirs["surface"] == surface.name and theirs["params"] == pytest.approx(surface.params)
        assert theirs["begin"] == {**mine["begin"], "start": list(mine["begin"]["start"])}
    assert js("part.ADAM") == ADAM
    assert js("Array.from(part.strides([0, 0, 1, -2, 1, 1]))") == [1, 2, 0, 3]


@pytest.mark.parametrize("surface", FIELDS)
def test_paths_are_the_same_in_the_browser(js, surface):
    begin = FIELDS[surface]["begin"]
    setting = {**SETTING, "lr": begin["lr"], "rate": begin["rate"]}
    found = js(
        f"{json.dumps(EVERY)}.map((parts) => {{ const f = part.FIELDS['{surface}'], r = part.recipe(parts, 30, "
        f"{json.dumps(setting)});"
        f" return Array.from(engine.descend(rules.RULES[r.rule], surfaces.SURFACES[f.surface], {{ start: "
        f"{json.dumps(begin['start'])}, steps: 30, hyper: r.hyper, params: f.params }}).points); }})"
    )
    for parts, theirs in zip(EVERY, found, strict=True):
        rule, hyper = recipe(parts, 30, **setting)
        run = descend(rule, FIELDS[surface]["surface"], start=begin["start"], steps=30, **hyper)
        assert run.diverged_at is None
        np.testing.assert_allclose(np.reshape(theirs, (-1, 2)), run.points, rtol=1e-8, atol=1e-8, err_msg=str(parts))
