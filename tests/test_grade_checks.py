"""Checks that teach: right answers pass in every spelling, each known mistake is named, types and shapes come first."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from momentum_lib import grade, rules, surfaces
from momentum_lib.grade import checks
from momentum_lib.grade.answers import Remote, answer, as_number
from momentum_lib.grade.checks import parameter, same
from momentum_lib.grade.likeness import fingerprint
from momentum_lib.grade.misconceptions import BOOK, CHAPTERS, chapter, misconceptions
from momentum_lib.grade.wire import Alien, Program, decode, dumps, encode
from momentum_lib.looks import in_sentence

SETTINGS = {"lr": 0.02, "beta": 0.8}
ADAM = {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 1e-3}


def settings(rule):
    full = ADAM if "beta1" in rule.hyper else SETTINGS
    return {key: value for key, value in full.items() if key in rule.hyper}


def student(step, rule):
    """A student's function from a raw ``step(theta, grad, state, hyper, t)``."""

    def mine(theta, grad, *state, t=1, **hyper):
        theta, state = step(theta, grad, state, hyper, t)
        return (theta, *state) if rule.slots else theta

    return mine


GRADED = [
    rules.gradient_descent,
    rules.classical_momentum,
    rules.heavy_ball,
    rules.averaged_momentum,
    rules.nesterov,
    rules.nesterov_torch,
    rules.adam,
]


@pytest.mark.parametrize("rule", GRADED, ids=lambda rule: rule.name)
def test_the_right_rule_passes(rule):
    said = grade.update_rule(student(rule.step, rule), rule, **settings(rule))
    assert f"the path of {in_sentence(rule)}, step" in said


@pytest.mark.parametrize(
    ("rule", "known"), [(rule, known) for rule in GRADED for known in misconceptions(rule)], ids=lambda x: x.name
)
def test_each_mistake_is_named_by_its_own_sentence(rule, known):
    """The mistake is recognised at other settings and on another surface than those on which it was defined."""
    look = {"look": student_look(known, rule)} if known.looks else {}
    hyper = settings(rule) | {key: value for key, value in (("beta", 0.7), ("lr", 0.013)) if key in rule.hyper}
    with pytest.raises(grade.Wrong) as wrong:
        grade.update_rule(
            student(known.step, rule), rule, surface=surfaces.ravine(kappa=9, angle=0.4), start=(2.0, -1.0), **look, **hyper
        )
    assert wrong.value.why == known.name
    assert known.sentence in str(wrong.value) and known.link in str(wrong.value)


def student_look(known, rule):
    return lambda theta, *state, **hyper: known.looks(theta, *state, **hyper)


def test_the_links_lead_to_pages_that_exist():
    from pathlib import Path

    root = Path(__file__).parents[1]
    links = {known.link for rule in GRADED for known in misconceptions(rule)} | {chapter(number) for number in CHAPTERS}
    for link in links:
        assert (root / "notebooks" / link.removeprefix(BOOK).replace(".html", ".ipynb")).exists(), link
    assert list(CHAPTERS) == [*range(1, len(CHAPTERS) + 1)]
    for number in CHAPTERS:
        assert f"/{number:02}-" in chapter(number)


def test_an_unknown_mistake_is_told_with_its_step():
    def mine(theta, grad, v, *, lr, beta):
        v = beta * v + grad * (1 if np.abs(theta).max() > 0.5 else 0.3)
        return theta - lr * v, v

    with pytest.raises(grade.Wrong, match=r"leaves the path of heavy ball at step \d+ of 40") as wrong:
        grade.update_rule(mine, "heavy_ball", steps=40, **SETTINGS)
    assert wrong.value.why is None


@pytest.mark.parametrize(
    ("mine", "says"),
    [
        (3.0, "must be a function; it is a float"),
        (lambda theta, grad, v, *, lr, beta: None, "must return theta, v, in this order; it returned nothing"),
        (lambda theta, grad, v, *, lr, beta: theta, "it returned one value"),
        (lambda theta, grad, v, *, lr, beta: (theta, v, v), "it returned 3 values"),
        (lambda theta, grad, v, *, lr, beta: ([1.0, 2.0], v), "the theta that .* must be an array; it is a list"),
        (lambda theta, grad, v, *, lr, beta: (theta[:1], v), r"shape \(1,\); it must have shape \(2,\)"),
        (lambda theta, grad, v, *, lr, beta: (theta, v.sum()), "shape"),
        (lambda theta, grad, v, *, lr, beta: (theta.astype(np.float32), v), "changed the dtype of theta from float64 to float32"),
        (lambda theta, grad, v, *, lr, beta: (theta, v.astype(np.float32)), "changed the dtype of v from float64 to float32"),
        (lambda theta, grad, v: (theta, v), "TypeError"),
        (lambda theta, grad, v, *, lr, beta: (theta / 0 if False else 1 / 0, v), "ZeroDivisionError"),
    ],
)
def test_types_and_shapes_are_told_before_values(mine, says):
    with pytest.raises(grade.Wrong, match=says):
        grade.update_rule(mine, "heavy_ball", **SETTINGS)


def test_a_change_in_place_is_told_and_the_inputs_of_the_check_survive():
    def mine(theta, grad, v, *, lr, beta):
        v *= beta
        v += grad
        return theta - lr * v, v

    with pytest.raises(grade.Wrong, match="argument number 3 in place") as wrong:
        grade.update_rule(mine, "heavy_ball", **SETTINGS)
    assert wrong.value.why == "in-place"


def test_a_constant_rate_cannot_part_inside_from_outside_and_a_drop_does():
    inside = lambda theta, grad, v, *, lr, beta: (
        theta - (beta * v * lr + lr * grad),
        beta * v + grad,
    )  # heavy ball, spelt differently
    assert grade.update_rule(inside, "heavy_ball", **SETTINGS)
    kept = rules.classical_momentum
    with pytest.raises(grade.Wrong, match="differ as soon as the rate changes"):
        grade.update_rule(student(kept.step, kept), "heavy_ball", **SETTINGS)
    assert grade.update_rule(student(kept.step, kept), "heavy_ball", drop=False, **SETTINGS)


def test_float32_stays_float32():
    rule = rules.heavy_ball
    assert grade.update_rule(student(rule.step, rule), rule, dtype=np.float32, **SETTINGS)
    lifted = lambda theta, grad, v, *, lr, beta: (
        tuple(a.astype(float) for a in rule.step(theta, grad, (v,), {"lr": lr, "beta": beta})[:1]) + (v.astype(float),)
    )
    with pytest.raises(grade.Wrong, match="dtype of theta from float32 to float64"):
        grade.update_rule(lifted, rule, dtype=np.float32, **SETTINGS)


# -- numbers, functions, predictions ---------------------------------------------------------------


def test_numbers():
    assert grade.number(0.5, 0.5, name="rate") == "rate = 0.5 is right."
    assert grade.number(np.float64(0.5), 0.5 + 1e-9)
    with pytest.raises(grade.Wrong, match="is not the answer"):
        grade.number(0.6, 0.5)
    with pytest.raises(grade.Wrong, match="two roots of beta: the printed one is misprinted"):
        grade.number(2 * np.sqrt(0.9), np.sqrt(0.9), wrong={"two roots of beta: the printed one is misprinted": 2 * np.sqrt(0.9)})
    with pytest.raises(grade.Wrong, match="lies between 0 and 1"):
        grade.number(7.0, between=(0, 1))
    assert "in range" in grade.number(0.7, between=(0, 1))


@pytest.mark.parametrize("value", ["1", None, [1.0], {"a": 1}, True, 1j, np.nan, np.inf, np.ones(2), object(), lambda: 1])
def test_what_is_no_number_is_told_so(value):
    with pytest.raises(grade.Wrong, match="must be a (finite )?number"):
        grade.number(value, 1.0, name="x")


def test_functions():
    half_life = lambda beta: np.log(0.5) / np.log(beta)
    cases = [(0.5,), (0.9,), (0.99,)]
    assert "3 cases" in grade.function(half_life, half_life, cases)
    with pytest.raises(grade.Wrong, match="that is the total weight"):
        grade.function(
            lambda beta: 1 / (1 - beta), half_life, cases, wrong={"that is the total weight": lambda beta: 1 / (1 - beta)}
        )
    with pytest.raises(grade.Wrong, match=r"\(0.9\) is not right"):
        grade.function(lambda beta: 1.0, half_life, cases)
    pair = lambda mu, L: np.array([mu, L])
    assert grade.function(lambda mu, L: (mu, L), pair, [(1.0, 4.0)])
    with pytest.raises(grade.Wrong, match="must be an array"):
        grade.function(lambda mu, L: "both", pair, [(1.0, 4.0)])


def test_tolerances_are_shares_of_what_is_right():
    """Of the expected value and not of the given one, of its size and not of its sign; an answer at the edge is right."""
    path = np.array([[1.0], [0.0]])
    assert same(path, path) is True and same(path + [[0], [1e-9]], path) and not same(path + [[0], [1.0001e-9]], path)
    assert grade.number(1.5, 1.0, tol=0.5) and grade.number(-2 * (1 + 0.9e-6), -2.0)
    beyond = 1 + 1e-6 + 0.5e-12
    for value, mistake, known in ((beyond, 1.0, False), (1 + 0.9e-6, 1.0, True)):
        with pytest.raises(grade.Wrong) as wrong:
            grade.number(value, 5.0, wrong={"that is one": mistake})
        assert (wrong.value.why == "that is one") is known
    for value, goal, said in (
        (1 + 1.001e-6 + 0.5e-12, 1.0, "is not right. Work this case out"),
        (1.2e-9, 1.0, "is not right. Work this case out"),
        (2 * (1 + 5e-6), 1.0, "is not right. Work this case out"),
        (2 * (1 + 0.9e-6), 1.0, "twice as much"),
        (0.9e-9, 1.0, "nothing"),
    ):
        with pytest.raises(grade.Wrong, match=said):
            grade.function(
                lambda x, value=value: value, [goal], [1.0], wrong={"nothing": lambda x: 0, "twice as much": lambda x: 2}
            )
    assert grade.function(lambda x: x, (goal for goal in (1.0, 2.0)), [1.0, 2.0]).endswith("right on 2 cases.")


def test_a_prediction_only_has_to_be_one():
    assert grade.prediction(40, between=(0, 100), name="steps") == "You committed to 40."
    with pytest.raises(grade.Wrong, match="commit to a number between 0 and 100"):
        grade.prediction(-1, between=(0, 100))
    with pytest.raises(grade.Wrong, match="must be a number"):
        grade.prediction(None, between=(0, 100))


# -- bug hunts ---------------------------------------------------------------------------------------

STEP = "def step(theta, grad, v, *, lr, beta):\n    v = {v}\n    return theta - lr * v, v\n"
RIGHT = [Program(STEP.format(v=v), "step") for v in ("beta * v + grad", "grad + v * beta")]
BUGS = [Program(STEP.format(v=v), "step") for v in ("beta * v - grad", "0.9 * v + grad", "beta * v + (1 - beta) * grad")]


def good_test(step):
    theta, v = step(np.array([1.0]), np.array([2.0]), np.array([4.0]), lr=0.1, beta=0.5)
    return bool(np.allclose([theta[0], v[0]], [0.6, 4.0]))


def test_a_bug_hunt_counts_what_is_found():
    assert grade.bug_hunt(good_test, right=RIGHT, bugs=BUGS, points=6) == 6
    blind = lambda step: bool(step(np.array([1.0]), np.array([2.0]), np.array([4.0]), lr=0.1, beta=0.9)[1][0] > 0)
    assert (
        grade.bug_hunt(blind, right=RIGHT, bugs=BUGS[:2] + [Program(STEP.format(v="beta * v - 9 * grad"), "step")], points=6) == 2
    )

    def asserting(step):
        assert good_test(step)

    assert grade.bug_hunt(asserting, right=RIGHT, bugs=BUGS, points=6) == 6


def test_chance_earns_next_to_nothing(monkeypatch):
    """Of 600 tests that answer by chance, at the chances that pay best: with two rounds one in twenty got a point."""
    monkeypatch.setattr(checks, "SECRET", "the same at each run")
    paid = 0
    for seed in range(600):
        rng = np.random.default_rng(seed)
        guess = lambda run, rng=rng, sure=(0.7, 0.75, 0.8, 0.85)[seed % 4]: bool(rng.random() < sure)  # noqa: E731
        try:
            grade.bug_hunt(guess, right=[*RIGHT, RIGHT[0]], bugs=(BUGS * 3)[:8], points=1)
            paid += 1
        except grade.Wrong:
            pass
    assert paid <= 3


def test_in_the_first_round_each_implementation_is_shown_to_a_process_that_has_seen_no_other():
    """A test that remembers what it saw before, and judges by that."""
    seen = []
    student = SimpleNamespace(seed="ada", name="t", fresh=lambda: seen.append("fresh"), call=lambda program: seen.append(program))
    programs = [(name, True) for name in "abcd"]
    assert checks.verdicts(student, programs, "first") == dict.fromkeys(range(4), True)
    assert seen[0::2] == ["fresh"] * 4 and sorted(seen[1::2]) == list("abcd")
    seen.clear()
    checks.verdicts(student, programs, "together", together=True)
    assert seen[0] == "fresh" and sorted(seen[1:]) == list("abcd")


def test_a_bug_hunt_that_cries_wolf_or_sleeps_earns_nothing():
    with pytest.raises(grade.Wrong, match="rejects an implementation that is right"):
        grade.bug_hunt(lambda step: False, right=RIGHT, bugs=BUGS, points=6)
    with pytest.raises(grade.Wrong, match="accepts all 3 planted bugs"):
        grade.bug_hunt(lambda step: True, right=RIGHT, bugs=BUGS, points=6)
    with pytest.raises(grade.Wrong, match="must return True or False"):
        grade.bug_hunt(lambda step: "yes", right=RIGHT, bugs=BUGS, points=6)
    with pytest.raises(grade.Wrong, match="KeyError"):
        grade.bug_hunt(lambda step: {}["x"], right=RIGHT, bugs=BUGS, points=6)


# -- drawn curves and tables of properties -------------------------------------------------------------

RUN = np.array([0.0, -1.0, -2.0, -3.0])


@pytest.mark.parametrize(("off", "earned"), [(0.1, 4), (0.25, 4), (0.5, 3), (0.75, 2), (1.2, 0.2)])
def test_a_drawn_curve_is_scored_by_its_mean_distance(off, earned):
    """4 points up to a quarter, none from 1.25 on, a straight line between; the sign of an error does not matter."""
    drawn = RUN + off * np.array([1, -1, -1, 1])
    assert grade.curve(drawn, RUN, points=4, close=0.25, far=1.25) == pytest.approx(earned)
    assert grade.curve(list(drawn), RUN, points=4, close=0.25, far=1.25) == pytest.approx(earned)
    assert grade.curve(2 * drawn, 2 * RUN, points=4, close=0.5, far=2.5) == pytest.approx(earned), "in other units"


def test_a_curve_far_off_earns_nothing_and_is_told_how_far():
    with pytest.raises(grade.Wrong, match=r"sketch is 2 decades from the run on average: 0 of 4 points"):
        grade.curve(RUN + 2, RUN, points=4, close=0.25, far=1.25, name="sketch", unit="decades")
    said = grade.curve(RUN + 0.5, RUN, points=4, close=0.25, far=1.25, name="sketch", unit="decades").said
    assert said == "sketch is 0.5 decades from the run on average: 3 of 4 points."


def test_a_curve_that_was_copied_from_the_run_earns_nothing():
    for copied in (RUN, RUN + 0.002, RUN - 0.0025):
        with pytest.raises(grade.Wrong, match="made before the run") as wrong:
            grade.curve(copied, RUN, points=4, close=0.25, far=1.25)
        assert wrong.value.why == "copied"
    nothing = np.zeros(3)
    with pytest.raises(grade.Wrong, match="made before the run"):
        grade.curve(nothing + 0.01, nothing, points=4, close=1, far=2)
    assert grade.curve(nothing + 0.00995 + 0.0001, nothing.tolist(), points=4, close=1, far=2) == 4
    one_place = RUN + [0, 0, 0, 0.003]
    assert grade.curve(one_place, RUN, points=4, close=0.25, far=1.25) == 4


@pytest.mark.parametrize(
    "drawn", [..., None, "down", [0, 1], np.zeros((4, 1)), [0, 1, np.nan, 2], [0, 1, -np.inf, 2], lambda x: x]
)
def test_what_is_no_curve_is_told_so(drawn):
    with pytest.raises(grade.Wrong, match="still blank|must be an array|shape|not finite"):
        grade.curve(drawn, RUN, points=4, close=0.25, far=1.25, name="sketch")
    with pytest.raises(grade.Wrong, match="still blank|must be an array|shape|not finite"):
        grade.curve(drawn, close=0.25, far=1.25, shape=(4,), name="sketch")


def test_before_the_run_a_curve_only_has_to_be_one():
    assert (
        grade.curve(RUN, close=0.25, far=1.25, shape=(4,), name="sketch") == "you drew 4 numbers in sketch. Now run, and compare."
    )
    for close, far in ((2, 1), (1, 1), (-1, 1)):
        with pytest.raises(ValueError, match=f"close is {close} and far is {far}; allowed: 0 <= close < far"):
            grade.curve(RUN, close=close, far=far, shape=(4,))
    assert grade.curve(RUN, close=0, far=1, shape=(4,))
    with pytest.raises(grade.Wrong, match="0 of 0 points"):
        grade.curve(RUN + 0.5, RUN, close=0.25, far=1.25)


TABLE = [
    ("it is odd.", lambda call: call(-2.0) == -call(2.0)),
    ("it grows.", lambda call: call(3.0) > call(2.0)),
    ("it doubles.", lambda call: call(3.0) == 6.0),
    ("it is nothing at 0.", lambda call: call(0.0) == 0),
]
STILL = [("it gives a number.", lambda call: isinstance(call(1.0), float))]


def test_a_table_of_properties_pays_each_row():
    whole = grade.properties(lambda x: 2 * x, TABLE, points=6, conditions=STILL)
    assert whole == 6 and "has all 5 properties" in whole.said
    assert grade.properties(abs, TABLE[3:], points=1).said == "abs has the property."
    part = grade.properties(lambda x: 3 * x, TABLE, points=6, conditions=STILL)
    assert part == 4.5 and part.said.endswith("3 of 4 rows hold. This one does not: it doubles.")


def test_what_a_call_returned_is_an_array_of_finite_numbers():
    assert np.array_equal(grade.returned((1, 2.5), (2,), "pair"), [1, 2.5])
    assert grade.returned(3, (), "start") == 3 and grade.returned(answer(3.5), (), "start") == 3.5
    for value, said in [
        ((1, "2"), "pair must be an array; it is a tuple"),
        ((1, 2, 3), r"pair has shape \(3,\); it must have shape \(2,\)"),
        (np.array([1, np.inf]), "pair holds a number that is not finite"),
        ([Alien("function"), 1], "pair must be an array; it is a list"),
    ]:
        with pytest.raises(grade.Wrong, match=said):
            grade.returned(value, (2,), "pair")


def test_a_condition_that_fails_takes_all_points_and_so_does_a_table_without_a_row_that_holds():
    with pytest.raises(grade.Wrong, match="must hold, and does not: it gives a number") as wrong:
        grade.properties(lambda x: 2 * int(x), TABLE, points=6, conditions=STILL)
    assert wrong.value.why == "it gives a number."
    with pytest.raises(grade.Wrong, match="0 of 4 rows hold. This one does not: it is odd"):
        grade.properties(lambda x: 1 + x * x - 9 * x, TABLE, points=6)
    with pytest.raises(grade.Wrong, match="ZeroDivisionError"):
        grade.properties(lambda x: 1 / x, TABLE, points=6)
    with pytest.raises(grade.Wrong, match="still blank"):
        grade.properties(..., TABLE, points=6)


# -- the published solution ----------------------------------------------------------------------------

SOLUTION = """
def running(signal, beta):
    \"\"\"The bias-corrected average.\"\"\"
    ### BEGIN SOLUTION
    m, out = 0.0, []
    for t, value in enumerate(signal, start=1):
        m = beta * m + (1 - beta) * value  # the memory
        out.append(m / (1 - beta**t))
    return np.array(out)
    ### END SOLUTION
"""


def test_a_solution_is_known_by_its_structure():
    known = fingerprint(SOLUTION)
    renamed = SOLUTION.replace("value", "x").replace("out", "result").replace("# the memory", "").replace('"""The', '"""My')
    assert known is not None and fingerprint(renamed) == known
    assert fingerprint(renamed.replace("    m, result", "\n\n    m, result").replace("1 - beta)", "1-beta)")) == known
    for other in (SOLUTION.replace("0.0", "1.0"), SOLUTION.replace("beta * m", "m * beta"), SOLUTION.replace("array", "stack")):
        assert fingerprint(other) not in (None, known)
    assert fingerprint("def edge(beta, c):\n    return 2 * (1 + beta) / c\n") is None, "short answers are alike by themselves"
    assert fingerprint(f"x = [{'1, ' * 40}]") is None and fingerprint(f"x = [{'1, ' * 41}]") is not None, "44 parts and 45"
    assert fingerprint(f"x = {'1 + ' * 20}1") is None, "signs are no parts"
    assert fingerprint("%time x = (") is None and fingerprint("x = " + "-" * 100_000 + "1") is None


# -- parameters ---------------------------------------------------------------------------------------


def test_a_parameter_depends_on_the_student_and_the_question_and_nothing_else():
    assert parameter("ada", "kappa", iter("x" * 3)) == "x"
    choices = list(range(1000))
    assert parameter("ada", "q1", choices) == parameter("  ADA ", "q1", choices)
    drawn = {parameter(f"student {n}", "q1", choices) for n in range(200)}
    assert len(drawn) > 150
    assert parameter("ada", "q1", choices) != parameter("ada", "q2", choices)
    counts = np.bincount([parameter(str(n), "q", range(4)) for n in range(4000)], minlength=4)
    assert np.all(np.abs(counts - 1000) < 150)  # five standard deviations
    with pytest.raises(ValueError, match="write your own name"):
        parameter(" ", "q1", choices)
    with pytest.raises(ValueError, match="no choices"):
        parameter("ada", "q1", [])


# -- what may cross ------------------------------------------------------------------------------------

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def alike(a, b):
    if isinstance(a, float) and np.isnan(a):
        return isinstance(b, float) and np.isnan(b)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


@given(PLAIN)
def test_plain_data_crosses_unchanged(value):
    assert alike(value, decode(encode(value)))
    dumps(encode(value))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool", "uint8"])
def test_arrays_cross_with_shape_and_dtype(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    back = decode(encode(array))
    assert back.dtype == array.dtype and back.shape == (2, 3) and np.array_equal(back, array)
    scalar = decode(encode(array[1, 1]))
    assert scalar.dtype == array.dtype and scalar == array[1, 1]


def test_two_hundred_thousand_parts_cross_and_no_more():
    """The list itself is one of them."""
    assert encode([0] * 199_999)["list"][-1] == 0
    assert encode([0] * 200_000)["list"][-2:] == [0, {"alien": "value of too many parts"}]


def test_everything_else_crosses_as_its_name():
    class Mine(np.ndarray):
        pass

    for value in (object(), Mine((2,)), np.array([None]), 1j, b"x", {1, 2}, lambda: 0, 2**70, np.zeros(300_000)):
        assert isinstance(decode(encode(value)), Alien)
    nested = []
    for _ in range(50):
        nested = [nested]
    dumps(encode(nested))


@pytest.mark.parametrize(
    "data",
    [
        [1],
        {},
        {"float": "1.0"},
        {"array": [1, 2], "shape": [3], "dtype": "float64"},
        {"array": ["x"], "shape": [1], "dtype": "float64"},
        {"array": [1], "shape": [1], "dtype": "object"},
        {"scalar": 1, "dtype": "object"},
        {"program": "import os", "name": "os"},
        {"dict": [[{"list": []}, 1]]},
        {"dict": [1]},
    ],
)
def test_what_encode_never_writes_is_refused(data):
    with pytest.raises((ValueError, TypeError)):
        decode(data)


def test_a_remote_answer_that_makes_no_sense_is_a_wrong_answer():
    for reply in (
        {"value": {"array": [1], "shape": [-5, 7], "dtype": "float64"}},
        {"value": [1]},
        {"error": 3},
        {"missing": True},
        {"value": {"scalar": "x", "dtype": "int8"}},
    ):
        remote = Remote("mine", lambda request, reply=reply: reply, 1.0)
        with pytest.raises(grade.Wrong):
            as_number("mine", remote.value())


def test_only_the_copys_own_words_are_a_blank():
    """An error of another kind that says so, and one of its kind that says something else, are told as they are."""
    for error, said in (
        (NotImplementedError("this answer is still blank"), "f is still blank."),
        (NotImplementedError("for matrices"), "f stopped with NotImplementedError: for matrices"),
        (ValueError("still blank"), "f stopped with ValueError: still blank"),
    ):

        def f(error=error):
            raise error

        with pytest.raises(grade.Wrong) as wrong:
            answer(f).call()
        assert (str(wrong.value), wrong.value.kind) == (said, type(error).__name__)


def test_an_answer_may_be_given_twice_wrapped():
    once = answer(3.0)
    assert answer(once) is once and once.value() == 3.0


def test_in_a_notebook_a_check_prints_and_stops_nothing(capsys):
    assert grade.check("q1", grade.number, 0.5, 0.5, name="rate") is None  # a notebook would show a bare True
    assert grade.check("q1", grade.number, 0.4, 0.5, name="rate") is None
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "q1: rate = 0.5 is right." and re.match(r"q1: not yet\. rate = 0\.4", printed[1])


def test_arrays_of_numbers():
    assert grade.array(np.array([1.0, 2.0]), [1, 2], name="x") == "x is right."
    assert grade.array((1, 2.0), [1, 2], name="x") and grade.array([np.float64(1), 2], [1, 2])
    with pytest.raises(grade.Wrong, match=r"shape \(3,\); it must have shape \(2,\)"):
        grade.array([1.0, 2.0, 3.0], [1, 2], name="x")
    with pytest.raises(grade.Wrong, match="must be an array; it is a str"):
        grade.array("12", [1, 2], name="x")
    with pytest.raises(grade.Wrong, match="you went uphill"):
        grade.array([1.0, 3.0], [1, 2], name="x", wrong={"you went uphill": [1, 3]})
    with pytest.raises(grade.Wrong, match="not the right numbers"):
        grade.array([1.0, np.nan], [1, 2], name="x", wrong={"you went uphill": [1, 3]})
