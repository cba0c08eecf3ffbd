"""kit/engine.js by itself: what it compiles and how often, where runs end, how they are measured. Its paths: test_codegen.py."""

import json

import numpy as np
import pytest

from momentum_lib import descend, rules, surfaces

MODULES = {"engine": "kit/engine", "rules": "generated/rules", "surfaces": "generated/surfaces"}
NAMES = "const { RULES } = rules, { SURFACES } = surfaces;\n"


@pytest.fixture(scope="module")
def run(js):
    """Evaluate an expression over the engine, RULES and SURFACES, compiled or (``plain``) as on a page that forbids that."""
    forbid = "engine.forbidCompiling(true);\n"
    return lambda expression, before="", plain=False: js(expression, NAMES + forbid * plain + before)


both = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])

# -- what is compiled -----------------------------------------------------------------------------

EVERY = """const every = () => [
  [...engine.descend(RULES.adam, SURFACES.ravine, { hyper: { lr: 0.1 }, steps: 9 }).points],
  [...engine.stepsMap(RULES.adam, SURFACES.bowl, { xName: "lr", xs: [0.1, 1], yName: "beta1", ys: [0.5, 0.9], steps: 60 })],
  ((ends) => [[...ends.codes], [...ends.at]])(engine.endings(RULES.heavy_ball, SURFACES.lessard, [1, 3], { lr: [0.1, 0.1],
    beta: [0.4, 0.4] })),
  ((points) => (engine.noisyWalk(RULES.heavy_ball, { hyper: { lr: 0.1, beta: 0.5 }, curvature: 1, sigma: 1, draws: [1, 2, 3],
    steps: 3, first: 0, row: 1 }, points), [...points]))(new Float64Array(4)),
  ((at) => (engine.stepVector(RULES.heavy_ball, at, at, [at.slice()], 1, { lr: 0.1, beta: 0.5 }), [...at]))(
    Float64Array.of(1, 2)),
  [...engine.spotsOf("look", RULES.nesterov, Float64Array.of(1, 2), [Float64Array.of(3, 4)], 1, { lr: 0.1, beta: 0.5 },
    new Float64Array(2))],
];
const page = globalThis.Function, asked = [];
"""


def test_every_loop_is_compiled_once(run):
    """And none where that is forbidden; allowed again, each anew."""
    found = run(
        """(() => {
          globalThis.Function = function (text) { asked.push(text); return page(text); };
          const seen = [every(), asked.length, every(), asked.length, new Set(asked).size];
          for (const forbid of [true, false]) {
            engine.forbidCompiling(forbid);
            seen.push(every(), asked.length);
          }
          globalThis.Function = page;
          return seen;
        })()""",
        EVERY,
    )
    assert found[0] == found[2] == found[5] == found[7]
    assert [found[1], found[3], found[4], found[6], found[8]] == [6, 6, 6, 6, 12]


def test_a_page_that_forbids_code_is_asked_once_and_sees_the_same(run):
    found = run(
        """(() => {
          const compiled = every();
          engine.forbidCompiling(false);
          globalThis.Function = function (text) { asked.push(text); throw new EvalError("no code from text"); };
          const refused = every();
          globalThis.Function = page;
          const still = every();
          return [compiled, refused, still, asked.length];
        })()""",
        EVERY,
    )
    assert found[0] == found[1] == found[2] and found[3] == 1


def test_an_error_of_a_rules_own_text_is_no_refusal(run):
    found = run(
        """(() => {
          const plain = RULES.gradient_descent, said = [];
          const wrong = { ...plain, name: "wrong", template: { ...plain.template, step: ["v ="] } };
          for (const rule of [wrong, RULES.adam])
            try { said.push(engine.descend(rule, SURFACES.bowl, { hyper: { lr: 0.1 }, steps: 2 }).n); }
            catch (error) { said.push(error.name); }
          return said;
        })()"""
    )
    assert found == ["SyntaxError", 2]


@both
def test_loops_of_one_pair_that_differ_are_told_apart(run, plain):
    """A schedule or two, with what is kept beside the path or without."""
    found = run(
        """[{}, { lr: [0.1, 0.2, 0.3] }, { beta: [0.9, 0.5, 0] }, { lr: [0.1, 0.2, 0.3], beta: [0.9, 0.5, 0] }].flatMap((hyper) =>
          [false, true].map((extras) => [...engine.descend(RULES.heavy_ball, SURFACES.lessard, { start: [0.5], steps: 3,
            hyper: { lr: 0.01, beta: 0.8, ...hyper }, extras }).points]))""",
        plain=plain,
    )
    wanted = []
    for lr in (0.01, [0.1, 0.2, 0.3]):
        for beta in (0.8, [0.9, 0.5, 0]):
            x, v, path = 0.5, 0, [0.5]
            for rate, memory in zip(np.broadcast_to(lr, 3), np.broadcast_to(beta, 3), strict=True):
                v = memory * v + 25 * x if x < 1 else memory * v + (x + 24 if x < 2 else 25 * x - 24)
                x -= rate * v
                path.append(x)
            wanted.append(path)
    of = [wanted[0], wanted[2], wanted[1], wanted[3]]
    assert found == [pytest.approx(path) for path in of for _ in range(2)]


# -- one run --------------------------------------------------------------------------------------


@both
def test_what_nobody_says_is_the_rules_and_the_surfaces(run, plain):
    found = run(
        """(({ points, values, n, divergedAt }) => [[...points], [...values], n, divergedAt])(engine.descend(RULES.heavy_ball,
          SURFACES.ravine, { hyper: { lr: 0.02 } }))""",
        plain=plain,
    )
    path = descend(rules.heavy_ball, surfaces.ravine, lr=0.02)
    np.testing.assert_allclose(np.reshape(found[0], (-1, 2)), path.points, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[1], path.values, rtol=1e-9, atol=1e-15)
    assert found[2:] == [100, 0]
    told = "(() => { try { engine.descend(RULES.adam, SURFACES.bowl); } catch (error) { return String(error); } })()"
    assert run(told, plain=plain) == "TypeError: adam needs lr"


@both
@pytest.mark.parametrize("lr", [0.05, 2.5], ids=["it arrives", "it escapes"])
def test_what_is_kept_beside_a_path(run, plain, lr):
    """Slots after each step, gradients before it, none of the step that left the finite world."""
    found = run(
        f"""(({{ points, values, state, gradients, n, divergedAt }}) => [[...points], [...values], [...state.v], [...gradients],
          n, divergedAt])(engine.descend(RULES.nesterov, SURFACES.ravine, {{ start: [1, 2], steps: 40, extras: true,
          hyper: {{ lr: {lr}, beta: 0.5 }}, params: {{ kappa: 9 }} }}))""",
        plain=plain,
    )
    land, theta, v = surfaces.ravine(kappa=9), np.array([1.0, 2.0]), np.zeros(2)
    points, slots, grads, left = [theta], [v], [], 0
    for t in range(1, 41):
        grad = land.gradient(theta - lr * 0.5 * v)
        v = 0.5 * v + grad
        theta = theta - lr * v
        if not (abs(theta) <= 1e9 * 2).all():
            left = t
            break
        points, slots, grads = [*points, theta], [*slots, v], [*grads, grad]
    wanted = [points, [[land.value(point)] for point in points], slots, grads]
    for mine, theirs in zip(found, wanted, strict=False):
        np.testing.assert_allclose(mine, np.ravel(theirs), rtol=1e-9, atol=1e-12)
    assert found[4:] == [len(grads), left] and (left > 0) == (lr > 1)


@both
def test_a_run_ends_where_its_value_is_no_number_any_more(run, plain):
    """The point is still within bounds: a step before that is the last that is kept."""
    found = run(
        """(({ points, values, n, divergedAt }) => [[...points], [...values], n, divergedAt])(engine.descend(
          RULES.gradient_descent,
          { ...SURFACES.lessard, name: "cliff", minima: [], value: (x) => (x < 3 ? x : 1 / 0), gradient: () => [-1],
            template: { value: { lines: [], answer: ["(x$ < 3 ? x$ : 1 / 0)"] }, gradient: { lines: [], answer: ["-1"] } } },
          { start: [0], steps: 9, hyper: { lr: 1 } }))""",
        plain=plain,
    )
    assert found == [[0, 1, 2], [0, 1, 2], 2, 3]


def test_a_distance_is_that_to_the_nearest_minimum_over_the_first(run):
    found = run(
        """[[SURFACES.double_well, [3, 1.5, -2, 0]], [SURFACES.himmelblau, [3, 6, 3, 4, 3, 2, -2.805118, 4.131312]],
        [SURFACES.ravine, [0, 0, 1, 1]], [SURFACES.saddle, [1, 1]]].map(([surface, points]) => {
          const found = engine.relativeError(surface, points);
          return found && [...found];
        })"""
    )
    assert found[0] == pytest.approx([1, 0.25, 0.5, 0.5])
    assert found[1] == pytest.approx([1, 0.5, 0, 0.25], abs=1e-6)
    assert found[2:] == [None, None]
    assert run("[engine.stepsTo(null), engine.stepsTo([1, 1e-6, 2e-6, 1e-6]), engine.stepsTo([1, 2])]") == [None, 3, None]


# -- maps -----------------------------------------------------------------------------------------

SETTING = """{ start: [2, 1], steps: 30, tol: 1e-3, hyper: { beta: 0.3, nu: 0.7 }, params: { kappa: 4 } }"""


@both
@pytest.mark.parametrize("rule, names", [("qhm", ("lr", "nu")), ("adam", ("beta1", "lr")), ("heavy_ball", ("beta", "lr"))])
def test_a_map_has_the_steps_of_each_of_its_runs(run, plain, rule, names):
    """Row by row, in strips, each setting by itself: some arrive, some do not, some escape."""
    axes = {"lr": [0.02, 0.1, 0.3, 0.45, 1.5], "nu": [0.0, 0.5, 0.9], "beta1": [0.1, 0.6, 0.9], "beta": [0.0, 0.4, 0.95]}
    xs, ys = (axes[name] for name in names)
    asked = f"{{ ...{SETTING}, xName: '{names[0]}', xs: {xs}, yName: '{names[1]}', ys: {ys} }}"
    found = run(
        f"""(() => {{
          const asked = {asked}, cells = (rows) => [...engine.stepsMap(RULES.{rule}, SURFACES.ravine, {{ ...asked, rows }})];
          return [cells(), cells([0, 1]).concat(cells([1, asked.ys.length]))].map((all) => all.map(String));
        }})()""",
        plain=plain,
    )
    wanted = []
    for y in ys:
        for x in xs:
            known = {"beta": 0.3, "nu": 0.7} if rule == "qhm" else {}
            path = descend(
                rules.get(rule), surfaces.ravine(kappa=4), (2, 1), 30, unstable=True, **known | {names[0]: x, names[1]: y}
            )
            steps = path.steps_to(1e-3)
            wanted.append("NaN" if path.diverged_at else "Infinity" if steps is None else str(steps))
    assert found == [wanted, wanted] and len(set(wanted)) > 3


FROM = {"himmelblau": [(2, 3), (4, -1), (-2, 2)], "double_well": [(1.6,)], "beale": [(2.6, 0.3)]}


@both
@pytest.mark.parametrize("name, start", [(name, start) for name in FROM for start in FROM[name]])
def test_a_map_measures_from_the_nearest_minimum(run, plain, name, start):
    """Of several, none of them the origin: a fifth of the way that is left at first."""
    lrs, betas, steps = [0.002, 0.01, 0.03] if name == "beale" else [0.002, 0.008, 0.02], [0.0, 0.5, 0.9], 120
    asked = f"{{ start: {list(start)}, steps: {steps}, tol: 0.2, xName: 'lr', xs: {lrs}, yName: 'beta', ys: {betas} }}"
    found = run(f"[...engine.stepsMap(RULES.heavy_ball, SURFACES.{name}, {asked})].map(String)", plain=plain)
    wanted = []
    for beta in betas:
        for lr in lrs:
            points = descend(rules.heavy_ball, surfaces.get(name), start, steps, lr=lr, beta=beta).points
            ways = np.linalg.norm(points[:, None] - np.array(surfaces.get(name).minima), axis=2).min(axis=1)
            last = np.flatnonzero(ways > 0.2 * ways[0])[-1]
            wanted.append("Infinity" if last == steps else str(last + 1))
    assert found == wanted and len(set(wanted)) > 3


@both
def test_a_map_may_be_one_setting(run, plain):
    """Whichever axis the rate stands at: heavy ball has none by itself."""
    found = run(
        """[["lr", [0.1], "beta", [0.3]], ["beta", [0.3], "lr", [0.1]]].map(([xName, xs, yName, ys]) =>
          [...engine.stepsMap(RULES.heavy_ball, SURFACES.bowl, { xName, xs, yName, ys })])""",
        plain=plain,
    )
    assert found == [[descend(rules.heavy_ball, surfaces.bowl, steps=200, lr=0.1, beta=0.3).steps_to(1e-6)]] * 2


@both
def test_what_a_map_is_not_told_is_as_usual(run, plain):
    """Two hundred steps to a millionth, from the surface's own start."""
    found = run(
        """[...engine.stepsMap(RULES.heavy_ball, SURFACES.ravine, { xName: "lr", xs: [0.01, 0.07], yName: "beta",
          ys: [0.3, 0.6] })].map(String)""",
        plain=plain,
    )
    settings = [(lr, beta) for beta in (0.3, 0.6) for lr in (0.01, 0.07)]
    steps = [descend(rules.heavy_ball, surfaces.ravine, steps=200, lr=lr, beta=beta).steps_to(1e-6) for lr, beta in settings]
    assert found == ["Infinity" if one is None else str(one) for one in steps]
    assert None in steps and max(filter(None, steps)) < 200


# -- where runs end -------------------------------------------------------------------------------


def period(points, longest, close, tol):
    """The smallest period to which the last points repeat within ``tol``, if any does within ``close``."""

    def repeats(p, gap):
        return (np.abs(points[-longest:] - points[-longest - p : -p]) <= gap).all()

    exact = [p for p in range(1, longest + 1) if repeats(p, close)]
    return next(p for p in range(1, exact[0] + 1) if p == exact[0] or repeats(p, tol)) if exact else 0


CYCLES = {
    "rest": np.full(30, 0.25),
    "rest from two sides": np.tile([1, 1 + 1e-7], 15),
    "three": np.tile([1.0, 2.0, 4.0], 10),
    "three from two sides": np.tile([1, 2, 4, 1 + 1e-7, 2 - 1e-7, 4], 5),
    "six": np.tile([1, 2, 4, 1 + 1e-3, 2, 4], 5),
    "longer than is looked for": np.tile(np.arange(10.0), 3),
    "as long as is looked for": np.resize(np.arange(8.0), 30),
    "none": np.sqrt(np.arange(30.0)),
    "not yet": np.r_[np.tile([1.0, 2.0], 5), 7.0, np.tile([1.0, 2.0], 9), 1.0],
    "no numbers": np.r_[np.full(25, 1.0), np.nan, np.full(4, 1.0)],
}


@pytest.mark.parametrize("name", CYCLES)
def test_the_period_of_a_run(run, name):
    points = CYCLES[name]
    given = json.dumps([None if np.isnan(v) else v for v in points.tolist()])
    found = run(f"[15, 20, 29].map((t) => engine.periodOf({given}.map((v) => v ?? NaN), t, 8, 1e-9, 1e-6))")
    assert found == [period(points[: t + 1], 8, 1e-9, 1e-6) for t in (15, 20, 29)]
    wanted = {"rest": 1, "rest from two sides": 1, "three": 3, "three from two sides": 3, "six": 6, "not yet": 2}
    assert found[-1] == wanted.get(name, 8 if name == "as long as is looked for" else 0)


STARTS = [3.3, 2.9, 0.4, -2.0, 5.2, 4.0, 1e-3, 0.0]
ENDS = [(1 / 9, 4 / 9), (0.15, 0.9), (0.05, 0.2), (0.118, 4 / 9), (0.2, 0.9), (0.5, 0.1)]


@both
def test_how_runs_end(run, plain):
    """Rest, cycles, neither within the steps, escape; and the step at which that is seen, with other options than the usual."""
    jobs = [(start, lr, beta) for start in STARTS for lr, beta in ENDS]
    starts, lrs, betas = map(list, zip(*jobs, strict=True))
    usual = {"steps": 1000, "tol": 1e-6, "longest": 24, "close": 1e-9, "every": 100}
    for options in ({}, {"steps": 70, "tol": 1e-3, "longest": 5, "close": 1e-5, "every": 12}):
        o = {**usual, **options}
        found = run(
            f"""(({{ codes, at }}) => [[...codes], [...at]])(engine.endings(RULES.heavy_ball, SURFACES.lessard, {starts},
              {{ lr: {lrs}, beta: {betas} }}, {json.dumps(options)}))""",
            plain=plain,
        )
        wanted = []
        for start, lr, beta in jobs:
            x, v, track, end = start, 0.0, [start], (-1, o["steps"])
            for t in range(1, o["steps"] + 1):
                v = beta * v + surfaces.lessard.gradient(np.array([x]))[0]
                x = x - lr * v
                track.append(x)
                if not abs(x) <= 1e9 * max(1, abs(start)):
                    end = (-2, t)
                elif abs(x) <= o["tol"] and abs(track[-2]) <= o["tol"]:
                    end = (0, t)
                elif t % o["every"] == 0 and (p := period(np.array(track), o["longest"], o["close"], o["tol"])):
                    end = (p, t)
                else:
                    continue
                break
            wanted.append(end)
        assert list(zip(*found, strict=True)) == wanted
        assert {code for code, _ in wanted} >= {-1, 0, -2, 3}


# -- vectors --------------------------------------------------------------------------------------


@both
def test_where_a_rule_looks_and_what_it_reports(run, plain):
    """Of a whole vector; where that is the point itself, it is that array."""
    found = run(
        """(() => {
          const theta = Float64Array.of(1, -2, 4), slots = [Float64Array.of(0.5, 1, -1)], hyper = { lr: 0.1, beta: 0.5 };
          const told = { ...RULES.heavy_ball, name: "told", readAt: (theta, [v], { beta }) => theta + beta * v,
            template: { ...RULES.heavy_ball.template, read: "theta$ + beta * v$" } };
          const out = new Float64Array(3), at = (which, rule) => engine.spotsOf(which, rule, theta, slots, 1, hyper, out);
          const look = at("look", RULES.nesterov), looked = [...look], read = at("read", told);
          return [look === out, looked, read === out, [...read], at("look", told) === theta,
            at("read", RULES.nesterov) === theta];
        })()""",
        plain=plain,
    )
    theta, v = np.array([1, -2, 4]), np.array([0.5, 1, -1])
    look, read = theta - 0.1 * 0.5 * v, theta + 0.5 * v
    assert found == [True, pytest.approx(look), True, pytest.approx(read), True, True]


@both
def test_noise_moves_a_coordinate_from_rest(run, plain):
    """Draws and places of one walk among several: its own column of a table."""
    draws = np.random.default_rng(3).normal(size=15)
    found = run(
        f"""(() => {{
          const points = new Float64Array(18).fill(7);
          engine.noisyWalk(RULES.heavy_ball, {{ hyper: {{ lr: 0.1, beta: 0.5 }}, curvature: 2, sigma: 0.3, steps: 4,
            draws: {draws.tolist()}, first: 1, row: 3 }}, points);
          return [...points];
        }})()""",
        plain=plain,
    )
    x, v, wanted = 0.0, 0.0, np.full(18, 7.0)
    for t in range(4):
        v = 0.5 * v + 2 * x + 0.3 * draws[1 + 3 * t]
        x -= 0.1 * v
        wanted[4 + 3 * t] = x
    assert found == pytest.approx(wanted)
