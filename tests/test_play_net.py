"""Networks in the playground: trained as in Python, seen in the plane of their paths, and copied as code that agrees."""

import json

import numpy as np
import pytest
from test_play_code import printed

from momentum_lib import networks, rules
from momentum_lib.rules import ELEMENTWISE
from momentum_lib.widgets.bundle import JS

MODULES = {"net": "play/net", "plane": "play/plane", "code": "play/code", "scene": "play/scene", "ruleText": "play/rule_text"}
MODULES |= {"engine": "kit/engine", "playground": "kit/playground", "rules": "generated/rules"}
STEPS, RATE = 6, 0.01
NETS = {
    "curve": (networks.Network((1, 12, 12, 1)), networks.chebyshev().take(slice(0, 19))),
    "digits": (networks.Network((64, 32, 10), "cross-entropy"), networks.digits(300, 297).train.take(slice(0, 100))),
}
TYPED = "look = theta - lr*gamma*v\nv = gamma*v + grad\ntheta = theta - lr*v"

HELP = """
const ruleOf = (runner) => runner.text === undefined ? rules.RULES[runner.rule] : ruleText.ruleFrom(runner.text).rule;
const hyperOf = (rule) => Object.fromEntries(Object.entries(rule.hyper).map(([name, usual]) => [name, usual ?? RATE]));
const trained = (name, runner, draw = 3) => {
  const rule = ruleOf(runner), run = net.begin(name, rule, hyperOf(rule), draw);
  net.advance(run, STEPS);
  return run;
};
const told = (name, runner) => ({ ground: { kind: "net", name }, params: {}, start: [3, 0], steps: STEPS, runner,
  rule: ruleOf(runner), hyper: hyperOf(ruleOf(runner)) });
const show = (run) => [run.values[run.t], ...run.points[run.t]];
/** A scene whose networks have learnt all they are to learn. */
const sceneOf = (changes, page) => scene.createScenes({ found: () => undefined, latest: () => undefined }, page)(
  { ...playground.FIRST, starts: [[1, 0]], steps: 40, ...changes }, 1.5, true);
""".replace("STEPS", str(STEPS)).replace("RATE", str(RATE))


@pytest.fixture(scope="module")
def run(evaluate):
    uses = {name: JS / f"{path}.js" for name, path in MODULES.items()}
    return lambda expression, before="": evaluate(uses, expression, HELP + before)


def test_every_rule_trains_a_network_as_python_does(run):
    """Where a rule looks ahead or reports another point, too; compiled, and by the plain functions."""
    runners = [{"rule": name} for name in ELEMENTWISE]
    net, data = NETS["curve"]
    want = [networks.train(net, data, ELEMENTWISE[name], net.start(3), STEPS, lr=RATE).theta for name in ELEMENTWISE]
    for forbid in ("false", "true"):
        found = run(
            f"{json.dumps(runners)}.map((runner) => show(trained('curve', runner)))", f"engine.forbidCompiling({forbid});"
        )
        run("(engine.forbidCompiling(false), 0)")
        for name, (loss, *theta), expected in zip(ELEMENTWISE, found, want, strict=True):
            assert theta == pytest.approx(expected, rel=1e-9, abs=1e-11), name
            assert loss == pytest.approx(net.loss(expected, data), rel=1e-9), name


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("target", ["momentum_lib", "torch", "optax"])
def test_the_copied_code_trains_the_network_to_the_same_weights(run, name, target):
    runners = [{"rule": "heavy_ball"}, {"rule": "adam"}, {"rule": "nesterov"}, {"text": TYPED}]
    pairs = f"{json.dumps(runners)}.map((one) => [code.codeOf('{target}', told('{name}', one)), show(trained('{name}', one))])"
    for text, numbers in run(pairs):
        compile(text, target, "exec")
        if target == "optax":
            pytest.importorskip("optax", reason="optax and JAX are not installed")
        if target != "optax" or name == "curve":  # JAX takes seconds for each
            assert printed(text, target) == pytest.approx(numbers[:3], abs=1e-10), text


def test_the_plane_goes_through_the_start_along_the_steps(run):
    """Unit vectors at a right angle; a path of two directions lies in it whole."""
    seen = "[dot(p.across, p.across), dot(p.up, p.up), dot(p.across, p.up), plane.shareOf(p, bent), plane.placeIn(p, zero)]"
    got = run(seen, """
      const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0), zero = new Float64Array(9);
      const at = (a, b) => Float64Array.from(zero, (_, i) => (i === 2 ? a : i === 5 ? b : 0));
      const bent = [zero, at(1, 0), at(2, 1), at(2, 3)], p = plane.planeOf([bent], null);""")  # fmt: skip
    assert got[:4] == pytest.approx([1, 1, 0, 1], abs=1e-6) and got[4] == pytest.approx([0, 0], abs=1e-12)


def test_a_scene_shows_the_networks_own_losses(run):
    """The paths are projections of the weights, the picture is the loss in that plane, and the share is what the plane holds."""
    got = run("""(() => {
      const s = sceneOf({ surface: { kind: "net", name: "curve" } }), [lane] = s.lanes, [run] = s.net.trainings[0];
      const { n, points, values } = lane.runs[0];
      const far = run.points[run.t].reduce((sum, v, i) => sum + (v - run.points[0][i]) ** 2, 0);
      return { first: s.surface.value(0, 0, {}), loss: values[0], n, end: values[n], own: run.values[run.t], share: s.net.share,
        seen: points[2 * n] ** 2 + points[2 * n + 1] ** 2, far, start: Array.from(points.slice(0, 2)), done: s.net.done };
    })()""")
    assert got["done"] and got["n"] == 40 and got["end"] == got["own"]
    assert got["first"] == pytest.approx(got["loss"], rel=0.01)  # the start lies in the plane; between two points of the grid
    assert got["start"] == pytest.approx([0, 0], abs=1e-12)
    assert 0.5 < got["share"] <= 1 and 0.5 * got["far"] < got["seen"] <= got["far"] * (1 + 1e-9)


def test_a_network_learns_on_from_frame_to_frame_and_the_plane_stays_while_a_dial_is_held(run):
    got = run("""(() => {
      let asked = 0, held = false;
      const nothing = { found: () => undefined, latest: () => undefined };
      const make = scene.createScenes(nothing, { again: () => asked++, held: () => held });
      const at = (lr) => make({ ...playground.FIRST, surface: { kind: "net", name: "curve" }, starts: [[1, 0]], steps: 40,
        fair: "same", rules: [{ rule: "heavy_ball", hyper: { lr, beta: 0.8 } }], picked: 0 }, 1.5);
      let now = at(0.05), frames = 1;
      while (!now.net.done && frames++ < 200) now = at(0.05);
      const box = String(now.box), before = asked;
      held = true;
      for (let k = 0; k < 20; k++) now = at(0.1);
      const still = String(now.box) === box;
      held = false;
      for (let k = 0; k < 40; k++) now = at(0.1);
      return { before, frames, still, moved: String(now.box) !== box, done: now.net.done };
    })()""")
    assert got["before"] > 0 and got["frames"] < 200
    assert got["still"] and got["moved"] and got["done"]


def test_the_search_has_a_bounded_budget_and_beats_the_first_guess(run):
    got = run("""(() => {
      const rule = rules.RULES.heavy_ball, work = { net: "curve", draw: 1, steps: 60 }, search = net.searchNet(rule, work);
      let trainings = 0, part = search.next();
      while (!part.done) { trainings++; part = search.next(); }
      const loss = (hyper) => { const one = net.begin("curve", rule, hyper, 1); net.advance(one, 60); return one.values[60]; };
      return [trainings, loss(part.value), loss(net.usualSetting("curve", rule)), part.value];
    })()""")
    trainings, found, guess, setting = got
    assert 40 <= trainings <= 70 and found < guess and set(setting) == {"lr", "beta"}


def test_the_weights_that_are_watched_are_the_trainings_own(run):
    """The view with the equations: each row is one step of the rule for that weight, memory and all."""
    watched = run("net.watchedRun(trained('curve', { rule: 'heavy_ball' }), 5)")
    as_list = lambda values: np.array(list(values.values()) if isinstance(values, dict) else values)  # noqa: E731
    points, v, grads = (as_list(one).reshape(-1, 2) for one in (watched["points"], watched["state"]["v"], watched["gradients"]))
    beta = rules.heavy_ball.hyper["beta"]
    assert watched["n"] == 5 and points.shape == v.shape == (6, 2) and grads.shape == (5, 2)
    assert v[1:] == pytest.approx(beta * v[:-1] + grads)
    assert points[1:] == pytest.approx(points[:-1] - RATE * v[1:])


def test_a_training_that_flies_off_says_so(run):
    """In the frame in which it does, too, where nothing else of it changes; the picture stays that of the others."""
    got = run("""(() => {
      const make = scene.createScenes({ found: () => undefined, latest: () => undefined });
      const state = { ...playground.FIRST, surface: { kind: "net", name: "curve" }, starts: [[1, 0]], steps: 40, picked: 0,
        rules: [{ rule: "gradient_descent", hyper: { lr: 60 } }, { rule: "adam", hyper: { lr: 0.02 } }] };
      let now = make(state, 1.5), frames = 0;
      while (!now.net.done && frames++ < 200) now = make(state, 1.5);
      const [wild, calm] = now.lanes, far = Math.max(...now.box.flat().map(Math.abs));
      return [wild.end.divergedAt, wild.runs[0].n, calm.end.divergedAt, calm.end.loss, far];
    })()""")
    assert 0 < got[0] <= 40 and got[1] == got[0] - 1 and got[2] == 0 and got[3] < 0.3 and got[4] < 100
