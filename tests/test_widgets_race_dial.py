"""The race and the beta dial on the Python side: state, tuning, theory; the JavaScript twins run under node."""

import functools
import json
import re

import numpy as np
import pytest

pytest.importorskip("anywidget")
import traitlets

from momentum_lib import conventions, descend, rules, surfaces, theory
from momentum_lib.widgets import Dial, Race, dial, race, tuning

CALM = [
    (s, r)
    for s in ("ravine", "bowl", "curved_valley", "plateau")
    for r in ("gradient_descent", "heavy_ball", "nesterov", "averaged_momentum", "adam")
]


MODULES = {
    "setup": "race/setup",
    "runs": "race/runs",
    "dial": "dial",
    "tune": "tune",
    "tuned": "generated/tuned",
    "engine": "engine",
    "rules": "generated/rules",
    "surfaces": "generated/surfaces",
}


def steps(rule, surface, setting, start=None, tol=tuning.TOLERANCES[0]):
    return descend(rules.get(rule), surfaces.get(surface), start=start, steps=tuning.BUDGET, **setting).steps_to(tol)


@functools.cache
def searched(surface, rule, start):
    """What the search finds now, for all tests that ask."""
    return tuning.tune(rules.get(rule), surfaces.get(surface), np.array(start))


# -- tuning -----------------------------------------------------------------------------------


def test_the_table_holds_every_rule_on_every_surface():
    assert tuning.main(["--check"]) == 0
    found = tuning.load()
    assert list(found) == [s.name for s in tuning.racing()]
    for settings in found.values():
        assert list(settings) == list(rules.ELEMENTWISE)


def test_what_the_table_lacks_is_searched_and_the_table_stays_what_was_written():
    found = tuning.best("crevice", "heavy_ball")
    assert found == tuning.tune(rules.heavy_ball, surfaces.crevice) and "crevice" not in tuning.load()
    found["lr"] = 7.0
    assert tuning.best("crevice", "heavy_ball")["lr"] != 7.0


@pytest.mark.parametrize(("surface", "rule"), CALM)
def test_the_table_is_as_good_as_a_search_now(surface, rule):
    best, now = tuning.best(surface, rule), searched(surface, rule, tuple(surfaces.get(surface).start))
    reached = next(tol for tol in tuning.TOLERANCES if steps(rule, surface, now, tol=tol) is not None)
    a, b = steps(rule, surface, best, tol=reached), steps(rule, surface, now, tol=reached)
    assert a is not None and a <= 1.02 * b + 1


def test_the_best_on_the_ravine_is_theorys():
    """On a quadratic the exact optimum is known: the search finds it within a few steps."""
    for rule, setting in (
        ("gradient_descent", theory.best_gradient_descent(1, 25)),
        ("heavy_ball", theory.best_heavy_ball(1, 25)),
        ("nesterov", theory.best_nesterov(1, 25)),
    ):
        exact = {"lr": setting.lr} if rule == "gradient_descent" else {"lr": setting.lr, "beta": setting.beta}
        mine, theirs = steps(rule, "ravine", tuning.best("ravine", rule)), steps(rule, "ravine", exact)
        assert mine <= theirs + 1, (rule, mine, theirs)
        assert tuning.best("ravine", rule)["lr"] == pytest.approx(setting.lr, rel=0.25)


def test_the_search_in_the_browser_finds_the_same(js):
    """Where runs contract, both searches choose the same setting: on each surface and by each rule from both starts, in turn."""
    starts = [(list(surfaces.get(s).start), [-1.3, 0.7]) for s, _ in CALM]
    jobs = [(s, r, starts[n][n % 2]) for n, (s, r) in enumerate(CALM)]  # five rules: the next surface starts with the other
    found = js(f"{json.dumps(jobs)}.map(([s, r, start]) => tune.tune(rules.RULES[r], surfaces.SURFACES[s], start))")
    for (surface, rule, start), theirs in zip(jobs, found, strict=True):
        mine = searched(surface, rule, tuple(start))
        assert set(theirs) == set(mine)
        a, b = steps(rule, surface, mine, start), steps(rule, surface, theirs, start)
        assert a == b or abs(a - b) <= 1, (surface, rule, start, mine, theirs)


BOWL = """const bowl = (a, b) => ({ name: `bowl of ${a} and ${b}`, dim: 2, params: {}, minima: [[0, 0]], start: [1, 1],
  value: (x, y) => (a * x * x + b * y * y) / 2, gradient: (x, y) => [a * x, b * y], template: {
  value: { lines: [], answer: [`(${a} * x$ * x$ + ${b} * y$ * y$) / 2`] },
  gradient: { lines: [], answer: [`${a} * x$`, `${b} * y$`] } } });"""
SEARCHES = [  # a rule, curvatures along the axes, where it starts
    ("gradient_descent", (0.1, 0.1), (1, 1)),  # rate 10 takes one step
    ("gradient_descent", (1, 25), (1, 1)),
    ("gradient_descent", (1e-5, 1e-5), (1, 1)),  # no rate leaves less than a tenth, the largest less than a half
    ("gradient_descent", (1, 1e-6), (1, 1)),  # none gets half as near
    ("heavy_ball", (1, 1), (1, 1)),  # rate 1 without momentum takes one step
    ("heavy_ball", (1e-5, 1e-5), (1, 1)),
    ("heavy_ball", (1, 1e-6), (1, 1)),
    ("heavy_ball", (1, 1e-8), (1, 1)),  # the nearest end, at the largest momentum of the first grid
    ("nesterov_lerp", (1, 25), (1, 1)),  # in the units of another
    ("averaged_momentum", (1, 1e-6), (1, 1)),
    ("adam", (1, 25), (3, 1)),
    ("rmsprop", (1e-5, 1e-5), (1, 1)),  # its memory of squares, as long as it may be
    ("adagrad", (1, 1), (1, 1)),  # at the largest rate of an adaptive rule
    ("signum", (1, 1), (50, 50)),  # ten takes it there in five steps, but one is the largest of a sign rule
]


@pytest.mark.parametrize(("rule", "curvatures", "start"), SEARCHES)
def test_on_a_bowl_the_search_in_the_browser_finds_the_same_setting(js, rule, curvatures, start):
    """Whatever tolerance counts, and at the ends of what is searched, too."""
    found = js(f"tune.tune(rules.RULES.{rule}, bowl(...{list(curvatures)}), {list(start)})", BOWL)
    assert found == tuning.tune(rules.get(rule), surfaces.quadratic(curvatures), np.array(start, float))


def test_what_is_known_of_some_best_settings(js):
    """A quadratic's curvature 1 / lr leaves nothing after one step; an adaptive or a sign rule has no rate above 1."""
    found = js(
        """[rules.RULES.gradient_descent, { ...rules.RULES.gradient_descent, name: "a", family: "adaptive" },
        { ...rules.RULES.gradient_descent, name: "s", family: "sign" }, rules.RULES.heavy_ball]
        .map((rule) => tune.tune(rule, bowl(0.1, 0.1), [1, 1]))""",
        BOWL,
    )
    assert found == [{"lr": 10}, {"lr": 1}, {"lr": 1}, {"lr": 10, "beta": 0}]


@pytest.mark.parametrize("rule", ["gradient_descent", "heavy_ball"])
def test_the_search_knows_how_the_surface_is_set(js, rule):
    found = js(f"tune.tune(rules.RULES.{rule}, surfaces.SURFACES.ravine, [1, 1], {{ kappa: 4 }})")
    assert found == tuning.tune(rules.get(rule), surfaces.ravine(kappa=4), np.array([1.0, 1.0]))


def test_there_is_nothing_to_search_without_a_minimum_or_from_one(js):
    tuned = "tune.tune(rules.RULES.gradient_descent, surfaces.SURFACES.{}, {})"
    there = surfaces.himmelblau.minima[1]
    starts = [list(there), [there[0], 0], [0, there[1]]]
    found = js(f"[{', '.join(tuned.format('himmelblau', start) for start in starts)}, {tuned.format('saddle', [1, 1])}]")
    assert found[0] is found[3] is None and found[1]["lr"] > 0 < found[2]["lr"]


def test_what_is_searched_beside_the_rate_is_the_same(js):
    found = js("Object.fromEntries(Object.values(rules.RULES).map((rule) => [rule.name, tune.memory(rule) ?? null]))")
    assert found == {name: tuning.memory(rule) for name, rule in rules.ELEMENTWISE.items()}
    assert found["rmsprop"] == "beta2" and found["gradient_descent"] is None


def test_what_is_newer_than_the_browsers_table_is_searched_once(js):
    """Where there is no best setting every rule has the same rate, and momentum 0.9."""
    found = js(
        """[tune.bestOf("bowl", "heavy_ball"), tune.bestOf("bowl", "heavy_ball") === tune.bestOf("bowl", "heavy_ball"),
        known, tune.bestOf("bowl", "adam"), ...["heavy_ball", "rmsprop", "gradient_descent"].map((rule) =>
        tune.bestOf("saddle", rule))]""",
        """const known = tuned.TUNED.bowl.adam;
        delete tuned.TUNED.bowl.heavy_ball;
        delete tuned.TUNED.saddle;""",
    )
    assert found[:2] == [tuning.tune(rules.heavy_ball, surfaces.bowl), True] and found[2] == found[3]
    assert found[4:] == [{"lr": 0.02, "beta": 0.9}, {"lr": 0.02, "beta2": 0.9}, {"lr": 0.02}]


def test_constants_of_the_search_agree(js):
    found = js("[tune.BUDGET, tune.MOMENTA, tune.RATES, tune.TOLERANCES]")
    assert found == [tuning.BUDGET, tuning.MOMENTA, tuning.RATES, list(tuning.TOLERANCES)]


def test_a_saddle_has_no_best_setting():
    with pytest.raises(ValueError, match="saddle has no minimum, so no setting is best"):
        tuning.tune(rules.heavy_ball, surfaces.saddle)
    assert {tuning.best("saddle", r)["lr"] for r in rules.ELEMENTWISE} == {tuning.PACES["saddle"]}


def test_what_is_newer_than_the_table_is_tuned_on_the_spot(monkeypatch):
    short = {"ravine": {}}
    monkeypatch.setattr(tuning, "load", lambda: short)
    assert tuning.best("ravine", "heavy_ball") == tuning.tune(rules.heavy_ball, surfaces.ravine)
    assert tuning.best("saddle", "heavy_ball") == {"lr": 0.05, "beta": 0.9}


def test_a_table_of_other_rules_is_refused(tmp_path, monkeypatch, capsys):
    stale = tmp_path / "tuned.js"
    stale.write_text(re.sub("// From .*", "// From 0", tuning.TABLE.read_text()))
    for name in ("rules", "surfaces"):
        (tmp_path / f"{name}.js").write_text((tuning.TABLE.parent / f"{name}.js").read_text())
    monkeypatch.setattr(tuning, "TABLE", stale)
    assert tuning.main(["--check"]) == 1 and "make generate" in capsys.readouterr().err
    assert tuning.main(["--wrong"]) == 2


# -- the race ----------------------------------------------------------------------------------


def test_start_and_settings_follow_the_surface():
    figure = Race(settings={"heavy_ball": {"lr": 0.05}})
    figure.surface = "beale"
    assert figure.start == surfaces.beale.start and figure.settings == {}
    assert Race(surface="himmelblau").start == surfaces.himmelblau.start
    assert Race(surface="himmelblau", start=(1, 1)).start == (1, 1)
    assert Race(start=(99, -99)).start == (3, -2)  # into the picture


def test_step_follows_the_number_of_steps():
    figure = Race(steps=60)
    assert figure.step == 60
    figure.steps = 200
    assert figure.step == 200  # it stood at the end, and stays there
    figure.step = 30
    figure.steps = 100
    assert figure.step == 30
    figure.steps = 20
    assert figure.step == 20
    figure.step = 500
    assert figure.step == 20


def test_which_setting_runs():
    figure = Race(settings={"heavy_ball": {"beta": 0.7}})
    assert figure.setting("heavy_ball") == {**tuning.best("ravine", "heavy_ball"), "beta": 0.7}
    unfair = Race(tuned=False)
    assert {unfair.setting(r)["lr"] for r in unfair.rules} == {race.shared_rate(surfaces.ravine)}
    assert unfair.setting("heavy_ball")["beta"] == 0.9
    assert unfair.numbers()["heavy_ball"]["steps_to"] < unfair.numbers()["gradient_descent"]["steps_to"] / 3  # the unfair picture
    fair = {rule: shown["steps_to"] for rule, shown in Race().numbers().items()}
    assert fair["heavy_ball"] < fair["nesterov"] < fair["gradient_descent"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"rules": ["heavy_bal"]}, "did you mean 'heavy_ball'"),
        ({"rules": []}, "1 to 6 different names"),
        ({"rules": "adam"}, "a list of names"),
        ({"surface": "ravin"}, "did you mean 'ravine'"),
        ({"surface": "lessard"}, "one of ravine"),
        ({"settings": {"heavy_ball": {"lr": float("nan")}}}, r"settings\['heavy_ball'\]\['lr'\] is nan"),
        ({"settings": {"heavy_ball": {"momentum": 0.9}}}, "names 'momentum'.*lr, beta"),
        ({"settings": {"heavyball": {"lr": 0.1}}}, "did you mean 'heavy_ball'"),
        ({"settings": {"heavy_ball": 0.1}}, "a dict of numbers"),
        ({"settings": [1]}, "a dict of dicts"),
        ({"speed": float("inf")}, "speed is inf"),
        ({"steps": 2.5}, "a whole number"),
    ],
)
def test_bad_state_of_the_race(state, words):
    with pytest.raises(traitlets.TraitError, match=words):
        Race(**state)


def test_settings_are_clamped():
    assert Race(settings={"heavy_ball": {"lr": 1e9, "beta": -1}, "adam": {}}).settings == {
        "heavy_ball": {"lr": 100.0, "beta": 0.0}
    }


def test_a_table_is_not_shared_between_figures():
    one, two = Race(), Race()
    one.settings = {"adam": {"lr": 0.5}}
    assert two.settings == {} == Race().settings


def test_words_of_the_race_have_its_numbers():
    figure = Race()
    assert figure.alt() == (
        "Steps to a millionth of the first distance: gradient descent 174, heavy ball 36, Nesterov 54. "
        "Surface: Ravine; start: (−2.6, 1)."
    )
    assert [shown["steps_to"] for shown in figure.numbers().values()] == [174, 36, 54]
    wild = Race(settings={"gradient_descent": {"lr": 0.1}})
    assert f"diverges at step {wild.numbers()['gradient_descent']['diverged_at']}" in wild.alt()
    assert "leaves the picture at step" in Race(surface="saddle").alt()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"rules": ["polyak", "adam", "nesterov_torch"]},
        {"settings": {"gradient_descent": {"lr": 0.1}, "heavy_ball": {"lr": 1e-5}}},
        {"surface": "saddle"},
        {"surface": "saddle", "settings": {"heavy_ball": {"lr": 1e-6, "beta": 0.0}}},
    ],
)
def test_page_and_paper_say_the_same_of_a_race(js, state):
    figure = Race(**state)
    runs = [
        {"stepsTo": run["steps_to"], "neverAt": run["diverged_at"], "leavesAt": run["leaves_at"]}
        for run in figure.numbers().values()
    ]
    floor = json.dumps(bool(figure.field.minima))
    assert js(f"runs.sentence({json.dumps(list(zip(figure.rules, runs)))}, {floor})") == figure.sentence()


@pytest.mark.parametrize("name", [s.name for s in tuning.racing()])
def test_static_pictures_of_every_surface(name, tmp_path):
    figure = Race(surface=name, rules=["gradient_descent", "heavy_ball", "adam"], steps=60)
    figure.picture().savefig(tmp_path / "a.svg", transparent=True)
    assert (tmp_path / "a.svg").stat().st_size > 5000
    (x0, x1), (y0, y1) = figure.frame
    assert (x1 - x0) / (y1 - y0) == pytest.approx(1.5)


def test_frames_rates_and_settings_agree_with_javascript(js):
    names = [s.name for s in tuning.racing()]
    found = js(f"""{json.dumps(names)}.map((surface) => [setup.frameOf(surface), setup.sharedRate(surface),
          Object.keys(rules.RULES).map((rule) =>
              setup.settingOf({{ surface, tuned: true, settings: {{ adam: {{ beta1: 0.5 }} }} }}, rule))])""")
    for name, (frame, shared, settings) in zip(names, found, strict=True):
        figure = Race(surface=name, settings={"adam": {"beta1": 0.5}})
        np.testing.assert_allclose(frame, figure.frame)
        assert shared == race.shared_rate(figure.field)
        assert settings == [figure.setting(rule) for rule in rules.ELEMENTWISE]


# -- the dial ------------------------------------------------------------------------------------

LINEAR = [r for r in Dial.rule.options if r in conventions.CONVENTIONS]


@pytest.mark.parametrize("rule", LINEAR)
def test_the_edge_is_theorys(rule):
    for curvature in (1.0, 25.0):
        for beta in (0.0, 0.3, 0.9, 0.99):
            assert dial.stability_edge(rule, curvature, beta) == pytest.approx(
                theory.stability_edge(rules.get(rule), curvature, beta=beta), rel=1e-9
            )


@pytest.mark.parametrize("rule", LINEAR)
def test_the_critical_rate_is_where_two_roots_meet(rule):
    """There the rule's own iteration matrix has a double eigenvalue: real just below it, complex just above."""
    for curvature in (1.0, 25.0):
        for beta in (0.2, 0.5, 0.9):
            lr = dial.critical_rate(rule, curvature, beta)

            def swings(rate, curvature=curvature, beta=beta):
                roots = np.linalg.eigvals(theory.iteration_matrix(rules.get(rule), curvature, lr=rate, beta=beta))
                return np.abs(roots.imag).max() > 1e-9

            assert not swings(lr * (1 - 1e-4)) and swings(lr * (1 + 1e-4))


def test_heavy_balls_critical_rate_inverts_the_librarys():
    for lr in (0.001, 0.01, 0.2):
        assert dial.critical_rate("heavy_ball", 3.0, theory.critical_beta(lr, 3.0)) == pytest.approx(lr, rel=1e-12)


def test_theory_and_axes_agree_with_javascript(js):
    betas = [0.0, 0.2, 0.55, 0.9, 0.989]
    kappas = (1.0, 25.0, 300.0)  # only the ravine has one; elsewhere they take turns, so that one that is used is seen
    pairs = [(s, r) for s in Dial.surface.options for r in Dial.rule.options]
    setups = [(s, r, k) for n, (s, r) in enumerate(pairs) for k in (kappas if s == "ravine" else kappas[n % 3 :][:1])]
    found = js(f"""{json.dumps(setups)}.map(([surface, rule, kappa]) => {{
          const setup = {{ surface, rule, kappa }}, grid = dial.axes(setup, 7);
          return [dial.rateRange(setup), dial.curvatures(setup),
              !{json.dumps(LINEAR)}.includes(rule) ? [] :
                {json.dumps(betas)}.map((b) => [dial.stabilityEdge(rule, 3, b), dial.criticalRate(rule, 3, b)]),
            [...grid.xs], [...grid.ys], dial.budget(setup)]; }})""")
    for (surface, rule, kappa), (ends, curved, lines, xs, ys, enough) in zip(setups, found, strict=True):
        figure = Dial(surface=surface, rule=rule, kappa=kappa)
        np.testing.assert_allclose(ends, figure.rate_range, rtol=1e-12)
        if surface in ("ravine", "bowl", "curved_valley", "plateau"):  # elsewhere the tuned runs are chaotic
            assert figure.steps == enough
        assert (None if curved is None else tuple(curved)) == figure.curvatures
        mine = [[dial.stability_edge(rule, 3, b), dial.critical_rate(rule, 3, b)] for b in betas] if rule in LINEAR else []
        np.testing.assert_allclose(lines, mine, rtol=1e-12)
        np.testing.assert_allclose(xs, figure.axes(7)[0], rtol=1e-12)
        np.testing.assert_allclose(ys, figure.axes(7)[1], rtol=1e-12)


@pytest.mark.parametrize(("rule", "kappa"), [("heavy_ball", 25), ("nesterov", 60), ("averaged_momentum", 10)])
def test_the_map_in_the_browser_is_sweeps(js, rule, kappa):
    figure = Dial(rule=rule, kappa=kappa, steps=200)
    before = f"""const grid = dial.axes({{ surface: "ravine", rule: "{rule}", kappa: {kappa} }}, 48);
        const map = engine.stepsMap(rules.RULES.{rule}, surfaces.SURFACES.ravine, {{ start: {json.dumps(list(figure.start))},
            steps: 200, tol: 1e-6,
          params: {{ kappa: {kappa} }}, xName: "lr", xs: grid.xs, yName: "beta", ys: grid.ys }});"""
    found = js("[...map].map((v) => Number.isNaN(v) ? -1 : v === Infinity ? 1e9 : v)", before)
    mine = figure.map(48)
    theirs = np.where(mine.diverged_at > 0, -1, np.where(np.isinf(mine.steps), 1e9, mine.steps)).T.ravel()
    np.testing.assert_array_equal(found, theirs)


def test_the_dial_finds_polyaks_optimum():
    """The best cell lies where critical damping meets the stability edge, at Polyak's setting."""
    best, exact = Dial(kappa=100).best(), theory.best_heavy_ball(1, 100)
    assert best["lr"] == pytest.approx(exact.lr, rel=0.1) and best["beta"] == pytest.approx(exact.beta, abs=0.03)


def test_words_of_the_dial_have_its_numbers():
    figure = Dial()
    assert f"needs {figure.numbers()['steps_to']} steps" in figure.alt()
    assert f"{figure.best()['steps']:.0f}" in figure.alt()
    assert "diverges at step" in Dial(lr=0.2).alt()
    assert "more than 20 steps" in Dial(steps=20).alt() and "no setting converges" in Dial(steps=20).alt()


def test_the_budget_suits_the_surface():
    assert Dial().steps == 200 and Dial(kappa=1000).steps == 1000 and Dial(kappa=1000, steps=60).steps == 60
    for name in ("rosenbrock", "curved_valley"):
        assert Dial(surface=name).best() is not None  # the map is not blank


def test_state_of_the_dial():
    figure = Dial(surface="beale")
    assert figure.start == surfaces.beale.start
    figure.surface = "ravine"
    assert figure.start == surfaces.ravine.start
    figure.start = (50, 50)
    assert figure.start == (3, 2)
    with pytest.raises(traitlets.TraitError, match="one of"):
        figure.rule = "gradient_descent"  # it has no momentum to turn
    with pytest.raises(traitlets.TraitError, match="one of"):
        figure.surface = "saddle"
    figure.beta = 3
    assert figure.beta == 0.99
