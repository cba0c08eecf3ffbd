"""From the playground's state to what its views show: whose setting a rule runs at, what it is called, where its run ends."""

import json

import numpy as np
import pytest

from momentum_lib import descend, rules, surfaces
from momentum_lib.draws import draw_noise

MODULES = {"scenes": "play/scene", "playground": "kit/playground", "tune": "kit/tune", "rules": "generated/rules"}
BEFORE = """
const found = {}, latest = {};
const make = scenes.createScenes({ found: (key) => found[key], latest: (rule, key) => latest[`${rule} ${key}`] });
const scene = (changes) => make({ ...playground.FIRST, ...changes }, 1.5);
const settings = (changes) => scene(changes).lanes.map(({ hyper }) => hyper);
const here = scene({}).place;
"""
TYPED = "v = beta*v + grad\ntheta = theta - lr*v"


@pytest.fixture
def asked(js):
    return lambda expression, before="": js(expression, BEFORE + before)


def test_a_rule_runs_at_what_was_set_then_at_what_was_searched_then_at_its_best(asked):
    found = asked(
        """[settings({}), settings({ rules: [{ rule: "heavy_ball", hyper: { beta: 0.1 } }, { rule: "adam", hyper: {} }] }),
        (latest[`adam ${here}`] = { lr: 7, beta1: 0.25 }, settings({})[2]),
        (found[scenes.searchKey(rules.RULES.adam, here, [-2.7, -0.2])] = { lr: 8 }, settings({})[2]),
        settings({ starts: [[1, 1]] })[2], tune.bestOf("ravine", "heavy_ball"), tune.bestOf("ravine", "adam")]"""
    )
    first, own, searched, sure, elsewhere, heavy, adam = found
    assert first[1] == heavy and first[2] == {**rules.adam.hyper, **adam}
    assert own[0] == {**heavy, "beta": 0.1} and own[1] == first[2]
    assert searched == elsewhere == {**rules.adam.hyper, "lr": 7, "beta1": 0.25}
    assert sure == {**rules.adam.hyper, "lr": 8}


def test_at_one_rate_for_all_it_is_a_fifth_of_gradient_descents_best(asked):
    """Where there is no minimum there is no best, and the rate is the table's; the other numbers are the rules' own."""
    found = asked(
        """[settings({ fair: "same" }), settings({ fair: "same", surface: { kind: "library", name: "saddle", params: {} } }),
        tune.bestOf("ravine", "gradient_descent").lr, tune.bestOf("saddle", "gradient_descent").lr]"""
    )
    ravine, saddle, best, pace = found
    for rates, lr in ((ravine, float(f"{best / 5:.3g}")), (saddle, pace)):
        assert rates == [{"lr": lr}, {"lr": lr, "beta": 0.9}, {**rules.adam.hyper, "lr": lr}]


def test_what_is_typed_runs_at_a_guess_and_a_wrong_text_is_told_of_the_picked_rule_alone(asked):
    typed, plain = {"text": TYPED, "hyper": {}}, {"text": "theta = theta - lr*grad", "hyper": {}}
    wrong = {"text": "theta = theta - lr*", "hyper": {}}
    found = asked(
        f"""[{json.dumps([typed, plain, wrong])}].flatMap((rules) => [0, 2].map((picked) => {{
          const {{ lanes, wrong, picked: one }} = scene({{ rules, picked }});
          return [lanes.map(({{ hyper, title, rule }}) => [hyper, title, rule.name === "gradient_descent"]), wrong, one.index];
        }}))"""
    )
    (lanes, none, index), (_, told, other) = found
    assert [hyper for hyper, *_ in lanes[:2]] == [{"lr": 0.05, "beta": 0.8}, {"lr": 0.05}]
    assert [one[1:] for one in lanes] == [["Your own rule", False]] * 2 + [["Gradient descent", True]]
    assert none == {"surface": "", "rule": ""} and (index, other) == (0, 2)
    assert told["surface"] == "" and told["rule"].endswith(".")


def test_while_a_formula_is_wrong_the_last_good_surface_stays(asked):
    found = asked(
        """["x^2 + 3*y^2", "x^2 + 3*", "nothing"].map((text) => {
          const { surface, wrong, key } = scene({ surface: { kind: "formula", text } });
          return [surface.value(1, 2, {}), Boolean(wrong.surface), surface.minima.length, key];
        }).concat([[scenes.createScenes({ found() {}, latest() {} })({ ...playground.FIRST, surface: { kind: "formula",
          text: "(" } }, 1).surface.name]])"""
    )
    assert [one[:3] for one in found[:3]] == [[13, False, 1], [13, True, 1], [13, True, 1]]
    assert len({one[3] for one in found[:3]}) == 1 and found[3] == ["ravine"]


def test_twins_are_told_apart_by_their_momentum_and_their_dash(asked):
    runs = [("heavy_ball", {"beta": 0.9}), ("heavy_ball", {"beta": 0.5}), ("gradient_descent", {"lr": 0.01}), ("adam", {})]
    runners = [{"rule": rule, "hyper": hyper} for rule, hyper in [*runs, ("gradient_descent", {})]]
    found = asked(
        f"""scene({{ rules: {json.dumps(runners)} }}).lanes.map(({{ title, dash, own, index }}) => [title, dash, own, index])
        .concat([["heavy_ball", "gradient_descent", "adam"].map((name) => rules.RULES[name].dash)])"""
    )
    lanes, dashes = found[:5], found[5]
    assert [title for title, *_ in lanes[:4]] == ["Heavy ball 0.9", "Heavy ball 0.5", "Gradient descent 0.01", "Adam"]
    assert lanes[4][0].startswith("Gradient descent 0.07")
    assert [own for _, _, own, _ in lanes] == [True, True, True, False, False] and [one[3] for one in lanes] == [0, 1, 2, 3, 4]
    assert [dash for _, dash, *_ in lanes] == [dashes[0], "9 5", dashes[1], dashes[2], "9 5"]


def test_each_start_has_its_run_and_an_end_is_told_of_the_first_within_the_whole_budget(asked):
    starts, land = [[-2, 1], [1, 2]], surfaces.ravine(kappa=9, angle=0.2)
    ravine = {"kind": "library", "name": "ravine", "params": {"kappa": 9, "angle": 0.2}}
    state = {"starts": starts, "steps": 12, "surface": ravine}
    state["rules"] = [{"rule": "heavy_ball", "hyper": {"lr": lr, "beta": 0.6}} for lr in (0.1, 0.4)]
    found = asked(
        f"""scene({json.dumps(state)}).lanes.map(({{ runs, end }}) => [runs.map((run) => [...run.points]), end])
        .concat([scene({json.dumps(state)}).key])"""
    )
    calm, wild = found[:2]
    for points, start in zip(calm[0], starts, strict=True):
        path = descend(rules.heavy_ball, land, start, 12, lr=0.1, beta=0.6)
        np.testing.assert_allclose(np.reshape(points, (-1, 2)), path.points, rtol=1e-9, atol=1e-12)
    long = descend(rules.heavy_ball, land, starts[0], 2000, lr=0.1, beta=0.6)
    assert calm[1] == {"steps": long.steps_to(1e-6), "divergedAt": 0, "loss": pytest.approx(long.values[12], rel=1e-9)}
    broken = descend(rules.heavy_ball, land, starts[0], 2000, lr=0.4, beta=0.6, unstable=True)
    assert wild[1]["steps"] is None and wild[1]["divergedAt"] == broken.diverged_at > 12
    assert json.loads(found[2]) == ["ravine", {"kappa": 9, "angle": 0.2}]


def test_what_is_shown_beside_the_runs(asked):
    """The surface's own numbers, the picked rule, and the same rule for the same text: what is compiled for it is kept."""
    typed = json.dumps([{"text": TYPED, "hyper": {}}])
    found = asked(
        f"""(({{ params, picked, net, box: [[left, right], [low, high]], key, place }}) => [params, picked.index, net,
          right - left >= high - low, key === place])(scene({{ picked: 9 }})).concat([
          scene({{ rules: {typed} }}).lanes[0].rule === scene({{ rules: {typed}, steps: 7 }}).lanes[0].rule,
          ["lr", "eps", "dampening", "beta"].map(scenes.boundsOf)])"""
    )
    bounds = [[1e-6, 100], [0, 1], [0, 1], [0, 0.9999]]
    assert found == [{"kappa": 25, "angle": 0.3}, 2, None, True, True, True, bounds]


def test_noise_is_each_steps_own_and_the_seeds(asked):
    """Two draws a step, in the gradient; where a run ends is told without it."""
    bowl = {"kind": "library", "name": "bowl", "params": {}}
    state = {"steps": 5, "noise": 0.4, "seed": 3, "surface": bowl, "starts": [[1, -1]]}
    state["rules"] = [{"rule": "gradient_descent", "hyper": {"lr": 0.1}}]
    noisy, other, calm = asked(
        f"""[{{}}, {{ seed: 4 }}, {{ noise: 0 }}].map((more) => {{
          const [{{ runs, end }}] = scene({{ ...{json.dumps(state)}, ...more }}).lanes;
          return [[...runs[0].points], end.steps];
        }})"""
    )
    theta, draws = np.array([1.0, -1.0]), draw_noise(10, 3).reshape(5, 2)
    path = [theta]
    for draw in draws:
        theta = theta - 0.1 * (surfaces.bowl.gradient(theta) + 0.4 * draw)
        path.append(theta)
    np.testing.assert_allclose(np.reshape(noisy[0], (-1, 2)), path, rtol=1e-9)
    assert other[0] != noisy[0] != calm[0] and noisy[1] == other[1] == calm[1] > 5
