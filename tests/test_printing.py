"""What is printed from a rule means what its Python means, for any rule that may be written; everything else is refused."""

import ast
import ctypes
import json
import re
import subprocess

import hypothesis
import numpy as np
import pytest
import random_rules
import torch
from hypothesis import given, settings

from momentum_lib import core, notation, surfaces, sweep
from momentum_lib.kernels import build, program
from momentum_lib.kernels.lookup import Lookup
from momentum_lib.kernels.program import printed
from momentum_lib.printing import c, infix, javascript, latex, syntax, words
from momentum_lib.rules import gradient_descent
from momentum_lib.surfaces import surface

MODULES = {"engine": "kit/engine", "R": "generated/rules", "S": "generated/surfaces"}
BOWL = surfaces.bowl
THETA, GRAD = np.array([0.7, -1.3]), np.array([-0.4, 0.9])
STATE, T = [np.array([0.3, -0.2]), np.array([-1.1, 0.6])], 3
REFUSED = (TypeError, ValueError)


def numpy_step(rule, hyper, noise=0.0):
    """One step in NumPy: where the gradient is measured, theta, each slot; ``noise`` moves the input by so much."""
    theta, grad = THETA * (1 + noise), GRAD * (1 - noise)
    state = [slot * (1 + noise) for slot in STATE[: len(rule.slots)]]
    hyper = {name: value * (1 + noise) for name, value in hyper.items()}
    look = rule.look(theta, *state, **hyper)
    after, state = rule.step(theta, grad, state, hyper, T)
    return np.array([look, after, *state])


def torch_step(rule, hyper):
    theta, grad, *state = map(torch.from_numpy, [THETA, GRAD, *STATE[: len(rule.slots)]])
    after, state = rule.step(theta, grad, state, hyper, T)
    return np.array([rule.look(theta, *map(torch.from_numpy, STATE[: len(rule.slots)]), **hyper).numpy(), after, *state])


HELPERS = "const square = (a) => a * a, cube = (a) => a * a * a;\n"
PLAIN = """THETA.map((_, i) => {{
  const before = STATE.map((slot) => slot[i]);
  const [theta, state] = rule.step(THETA[i], GRAD[i], {t}, before, hyper);
  return [rule.lookAt(THETA[i], before, hyper), theta, ...state];
}})"""
PATH = """(({ points, state }) => {
  for (const name of Object.keys(state)) state[name] = [...state[name]];
  return { points: [...points], state };
})"""


def javascript_of(rule, hyper, js):
    """One step through the plain functions, and a path of two steps through the engine's loop."""
    fields = {"name": rule.name, "slots": rule.slots, "hyper": rule.hyper, "template": javascript.rule_templates(rule)}
    bowl = {"name": "bowl", "dim": 2, "params": BOWL.params, "minima": BOWL.minima}
    bowl["template"] = javascript.surface_templates(BOWL)
    before = HELPERS + f"const hyper = {json.dumps(hyper)}, THETA = {THETA.tolist()}, GRAD = {GRAD.tolist()};\n"
    before += f"const STATE = {json.dumps([slot.tolist() for slot in STATE[: len(rule.slots)]])};\n"
    before += f"const rule = {{ ...{json.dumps(fields)},\n{javascript.rule_functions(rule)}\n}};\n"
    before += f"const bowl = {{ ...{json.dumps(bowl)},\n{javascript.surface_functions(BOWL)}\n}};\n"
    path = f"{PATH}(engine.descend(rule, bowl, {{ start: THETA, steps: 2, hyper, extras: true }}))"
    return js(f"[{PLAIN.format(t=T)}, {path}]", before=before)


def close(ours, theirs, shaken, what):
    """Equal but for rounding, which shows in what a small change of the input changes."""
    tolerance = 1e-12 * (1 + np.abs(ours)) + 1e3 * np.abs(shaken - ours)
    assert np.shape(theirs) == ours.shape and (np.abs(theirs - ours) <= tolerance).all(), (what, ours, theirs)


def path_of(rule, hyper, start):
    """Two steps on the bowl: points, then each slot, as one array."""
    path = core.descend(rule, BOWL, start, 2, limit=1e300, **hyper)
    return np.array([path.points, *path.state.values()])


def agrees(text, js):
    """A random rule means the same in NumPy, torch, JavaScript and the sweep's program; or it is refused, with a reason."""
    rule = random_rules.made(text)
    hyper = {"lr": 0.3, **dict.fromkeys(text.settings, 0.75)}
    if text.refused:
        with pytest.raises(REFUSED, match="comparison|means something else"):
            javascript.rule_templates(rule)
        with pytest.raises(REFUSED, match="comparison|means something else"):
            javascript.rule_functions(rule)
        return None
    ours, shaken = numpy_step(rule, hyper), numpy_step(rule, hyper, 1e-13)
    close(ours, torch_step(rule, hyper), shaken, "torch")
    plain, path = javascript_of(rule, hyper, js)
    close(ours, np.array(plain).T, shaken, "JavaScript")
    mine, shaken = (path_of(rule, hyper, THETA * (1 + noise)) for noise in (0, 1e-13))
    theirs = [path["points"], *(path["state"][name] for name in rule.slots)]
    close(mine, np.reshape(theirs, mine.shape), shaken, "the engine's loop")
    found = sweep(rule, BOWL, steps=2, start=THETA, limit=1e300, engine="numpy", **{**hyper, "lr": [0.3]})
    np.testing.assert_array_equal(found.points[..., 0].ravel(), mine[0][-1])
    return rule, hyper


KINDS = [
    (2, {"fault": "True"}),
    (2, {"fault": "truth"}),
    (6, {"fault": "name"}),
    (8, {"slots": ["t", "v"], "least": 1}),
    (40, {}),
]
"""How many random rules of each kind are asked."""


def every_rule(js):
    """Ask random rules of every kind; returns those that may be printed, with their hyper-parameters."""
    kept = []
    for count, kind in KINDS:

        @settings(max_examples=count, database=None, derandomize=True, deadline=None, phases=[hypothesis.Phase.generate],
                  suppress_health_check=list(hypothesis.HealthCheck))  # fmt: skip
        @given(random_rules.rules(**kind))
        def ask(text):
            found = agrees(text, js)
            if found:
                kept.append(found)

        ask()
    return kept


@pytest.fixture(autouse=True)
def tidy():
    """The sources of random rules are gone after a test."""
    yield
    random_rules.forget()


def c_texts(rules):
    """One function a rule, ``step_k(numbers, answers)``, in C; and the numbers of each."""
    texts, given = [], []
    for k, (rule, hyper) in enumerate(rules):
        text = printed(rule, BOWL, ())
        looked = Lookup(text, {}, hyper, BOWL.params, np.dtype(float))
        known = {f"c{i}_theta": x for i, x in enumerate(THETA)} | {"t": 1.0} | looked.numbers
        known |= {f"c{i}_{slot}": 0.0 for slot in rule.slots for i in range(2)}
        known |= dict(zip(text.by_step, looked.by_step([1])[0]))
        lines = [f"const real {name} = n[{i}];" for i, name in enumerate(known)]
        lines += [f"const real {name} = {c.c(node)};" for name, node in text.step]
        lines += [f"out[{i}] = {name};" for i, name in enumerate(text.after.values())]
        texts.append(f"void step_{k}(const real *n, real *out) {{ {' '.join(lines)} }}")
        given.append((np.array(list(known.values())), list(text.after)))
    return "\n".join(["#include <tgmath.h>\ntypedef double real;", c.HELPERS, *texts]), given


def compiled_agrees(rules, folder):
    """The step of each rule, compiled in one file, is NumPy's."""
    text, given = c_texts(rules)
    (folder / "rules.c").write_text(text, encoding="utf-8")
    options = ["-O0", "-w", "-ffp-contract=off", "-shared", "-fPIC", "-o", folder / "rules.so", folder / "rules.c", "-lm"]
    subprocess.run([build.compiler(), *options], check=True)
    library, real = ctypes.CDLL(str(folder / "rules.so")), ctypes.POINTER(ctypes.c_double)
    for k, ((rule, hyper), (numbers, after)) in enumerate(zip(rules, given, strict=True)):
        out = np.empty(len(after))
        getattr(library, f"step_{k}")(numbers.ctypes.data_as(real), out.ctypes.data_as(real))
        mine, shaken = (path_of(rule, hyper, THETA * (1 + noise))[:, 1] for noise in (0, 1e-13))
        order = [after.index(f"c{i}_{name}") for name in ("theta", *rule.slots) for i in range(2)]
        close(mine, out[order].reshape(mine.shape), shaken, "C")


def test_any_rule_means_the_same_in_every_language(js, tmp_path, record_property):
    """A name, a constant or a nesting that is printed as something else."""
    kept = every_rule(js)
    record_property("measured", f"random rules: {len(kept)} mean the same in NumPy, torch, JavaScript, C and the sweep's program")
    assert len(kept) > 25
    if build.missing() is None:
        compiled_agrees(kept, tmp_path)


def bare_minus(self, node):
    """What the printer once did with a sign."""
    if isinstance(node, ast.UnaryOp):
        return "-" + self.print(node.operand, 3), 3
    return PARTS(self, node)


def any_constant(self, node):
    """What the check once did with a constant: nothing."""


def first_line_lost(fn):
    """What a look-ahead with a line of its own once lost."""
    return syntax.statements(fn)[1][0]


def power_by_repeating(self, base, exponent):
    times = exponent.value if isinstance(exponent, ast.Constant) else None
    return " * ".join(["(" + self.print(base) + ")"] * times) if times in (2, 3) else POWER(self, base, exponent)


def with_t(rule, surface, vary, minima):
    """A program in which every `t` is the step's number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule, "uses_t", True)
        return PRINT(rule, surface, vary, minima)


PARTS, POWER, PRINT = infix.Infix.parts, javascript.JavaScript.power, program._print
KEYWORDS = set(javascript.KEYWORDS.split())
FAULTS = {
    "two signs": (infix.Infix, "parts", bare_minus),
    "a reserved word": (javascript, "TAKEN", javascript.TAKEN - KEYWORDS),
    "a helper's name": (javascript, "TAKEN", KEYWORDS),
    "where(True, a, b)": (syntax._Check, "CHECKS", {**syntax._Check.CHECKS, ast.Constant: lambda self, node: "condition"}),
    "adding comparisons": (syntax._Check, "number", lambda self, node: self.kind(node)),
    "a setting assigned": (
        javascript.Names,
        "assign",
        lambda self, lines: [(self(name), javascript.js(v, self)) for name, v in lines],
    ),
    "a look-ahead of two lines": (javascript, "one_expression", first_line_lost),
    "a power of 2.0": (javascript.JavaScript, "power", power_by_repeating),
    "the engine's names": (javascript, "ENGINE", re.compile("nothing")),
    "a slot called t": (program, "_print", with_t),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_that_was_there_is_found(fault, js, monkeypatch):
    """A property that would not notice what it was written for; each is found among as many rules as the test above asks."""
    monkeypatch.setattr(*FAULTS[fault])
    monkeypatch.setattr(program, "_printed", {})
    with pytest.raises((AssertionError, TypeError, pytest.fail.Exception)):
        every_rule(js)


WORDS_AND_LATEX = [
    ("- -grad", "−(−g)", r"-\left(-g\right)"),
    ("beta * -grad", "β (−g)", r"\beta \, \left(-g\right)"),
    ("-grad * beta", "−g β", r"\left(-g\right) \, \beta"),
    ("beta - -grad * beta", "β − (−g β)", r"\beta - \left(-g\right) \, \beta"),
    ("1.23456789 * grad", "1.23456789 g", r"1.23456789 \, g"),
    ("grad * 1e-08", "g · 1e-08", r"g \cdot 10^{-8}"),
    ("grad * 2.5e-08", "g · 2.5e-08", r"g \cdot \left(2.5 \cdot 10^{-8}\right)"),
    ("(grad / beta) ** 2", "(g / β)²", r"{\left(\frac{g}{\beta}\right)}^{2}"),
    ("exp(grad) ** 2", "exp(g)²", r"{\left(e^{g}\right)}^{2}"),
    ("2 * where(grad > 0, grad, beta)", "2 (g if g > 0, else β)", r"2 \, \left(\begin{cases}"),
]


@pytest.mark.parametrize("text, plain, formula", WORDS_AND_LATEX)
def test_words_and_equations_keep_signs_digits_and_brackets(text, plain, formula):
    """An equation that reads as another one."""
    node = ast.parse(text, mode="eval").body
    assert words.words(node) == plain and latex.tex(node, colour=False).startswith(formula)


REFUSED_TEXTS = {
    "no return": ("theta = theta - lr * grad", "returns nothing"),
    "two returns": ("return theta\n    return grad", "nothing may follow the return"),
    "a chain": ("return where(0 < grad < 1, theta, grad)", "one comparison"),
    "an identity": ("return where(theta is grad, theta, grad)", "one comparison by < <= > >= =="),
    "unequal": ("return where(theta != grad, theta, grad)", "one comparison by < <= > >= =="),
    "a comparison that is compared": ("return where((theta < grad) < lr, theta, grad)", "a comparison is no number"),
    "a comparison with a comparison": ("return where(lr < (theta < grad), theta, grad)", "a comparison is no number"),
    "a comparison in a helper": ("return maximum(theta < grad, lr)", "a comparison is no number"),
    "a comparison in a sum": ("return theta + (theta < grad)", "a comparison is no number"),
    "a comparison with a sign": ("return theta - -(theta < grad)", "a comparison is no number"),
    "a product of matrices": ("return theta @ grad", r"allowed are \+ - \* / \*\*"),
    "a number to choose by": ("return where(grad, theta, lr)", "needs a comparison"),
    "infinity": ("return theta - 1e999 * grad", "a finite number"),
    "a large whole number": ("return theta - 9007199254740993 * grad", "a whole one at most"),
    "a global": ("return theta - THETA * grad", "none of its arguments"),
    "too early": ("a = b\n    b = grad\n    return a", "none of its arguments"),
    "a helper's name": ("sqrt = grad\n    return theta - sqrt", "the name of a helper"),
    "Greek": ("β = 2 * grad\n    return theta - β", "in ASCII"),
    "a plus": ("return theta - lr * +grad", "the minus"),
    "a remainder": ("return theta % grad", r"allowed are \+ - \* / \*\*"),
    "a choice": ("return theta if lr > 1 else grad", "found 'theta if lr > 1 else grad'"),
    "an attribute": ("return theta.T", "write the number out"),
    "one argument too few": ("return maximum(theta)", "takes 2 arguments"),
    "a comparison as answer": ("return theta > grad", "a comparison is no number"),
    "text": ("return theta - 'a'", "a finite number"),
    "one answer too many": ("return theta - lr * grad, grad", "must return 1"),
}


@pytest.mark.parametrize("case", REFUSED_TEXTS)
def test_what_could_mean_another_thing_is_refused_with_the_reason(case):
    """A text that one language reads otherwise than Python, or that none can read."""
    body, message = REFUSED_TEXTS[case]
    rule = random_rules.made(random_rules.Text(f"def random_rule(theta, grad, *, lr):\n    {body}\n", {}, [], "", ""))
    with pytest.raises(TypeError, match=message) as caught:
        javascript.rule_functions(rule)
    assert "random_rule" in str(caught.value)


def _with_a_remainder(theta, grad, *, lr):
    return theta % (orthogonal(grad) @ theta)  # noqa: F821


def _with_two_matrices(theta, grad, *, lr):
    return theta - lr * orthogonal(theta, grad)  # noqa: F821


@pytest.mark.parametrize(
    "fn, message", [(_with_a_remainder, r"allowed are \+ - \* /"), (_with_two_matrices, "takes 1 arguments")]
)
def test_a_matrix_rule_is_refused_what_its_helpers_do_not_take(fn, message):
    with pytest.raises(TypeError, match=message):
        syntax.statements(fn, matrix=True)


@pytest.mark.parametrize("name", random_rules.BAD_SETTINGS)
def test_a_setting_that_the_engine_calls_something_is_refused(name):
    """A hyper-parameter or a parameter that hides one of the loop's own variables."""
    with pytest.raises(ValueError, match=f"{name!r} means something else in the live figures' JavaScript"):
        javascript.check_shared([name], "rule 'mine'")


CAUGHT = "const texts = [], Made = Function; globalThis.Function = function (text) { texts.push(text); return Made(text); };\n"


def test_every_name_of_the_engines_loops_is_refused_for_settings(js):
    """A variable that somebody adds to the engine, and that a setting may then be called."""
    from momentum_lib import rules

    adam = rules.adam
    asked = """(() => {
      const { adam } = R.RULES, { ravine, lessard } = S.SURFACES;
      const one = { lr: [0.1], beta1: [0.5], beta2: [0.9], eps: [0.1] }, hyper = { lr: 1, beta1: 0, beta2: 0, eps: 1 };
      engine.descend(adam, ravine, { hyper: { lr: [0.1, 0.1] }, steps: 2, extras: true });
      engine.stepsMap(adam, ravine, { xName: 'lr', xs: [0.1], yName: 'beta1', ys: [0.5], steps: 2 });
      engine.endings(adam, lessard, [1], one, { steps: 2 });
      engine.noisyWalk(adam, { hyper, curvature: 1, sigma: 1, draws: [0], steps: 1, first: 0, row: 1 }, []);
      return [texts];
    })()"""
    [texts] = js(asked, before=CAUGHT)
    assert len(texts) == 4
    names = {name for text in texts for name in re.findall(r"(?<![\w$.])[A-Za-z_][\w$]*", text)}
    own = {name for name in names if "$" not in name} - {*adam.hyper, *surfaces.ravine.params, "t", "a", "use", "strict", "abs"}
    own -= {name for name in own if name in random_rules.PYTHONS}
    free = {name for name in own if name not in javascript.TAKEN and not javascript.ENGINE.fullmatch(name)}
    assert own and not free, f"say in printing/javascript.py that the engine uses {sorted(free)}"
    assert not any(javascript.ENGINE.fullmatch(name) for r in rules.RULES.values() for name in r.hyper)


@surface(domain=((-2, 2), (-2, 2)), start=(0.5, -1.5), minima=[])
def renamed(u, x, *, new_weight=2.0):
    """A surface whose coordinates have names of their own, with variables called like other things."""
    i = u + x
    y = u * x
    square = new_weight * i
    x = x + y
    new_weight = new_weight + 1
    return square**2 + x * new_weight


@renamed.grad
def _(u, x, *, new_weight):
    i = u + x
    function = 2 * new_weight * i
    return function * new_weight + x * (new_weight + 1), function * new_weight + (1 + u) * (new_weight + 1)


def test_a_surface_may_call_its_variables_as_it_likes(js):
    """Coordinates that are not x and y, a variable `i` (which became `if`), a parameter that is assigned."""
    fields = {
        "name": "renamed",
        "dim": 2,
        "params": renamed.params,
        "minima": [],
        "template": javascript.surface_templates(renamed),
    }
    before = f"{HELPERS}const f = {{ ...{json.dumps(fields)},\n{javascript.surface_functions(renamed)}\n}};\n"
    run = "engine.descend(R.RULES.gradient_descent, f, { start: [0.5, -1.5], steps: 3, hyper: { lr: 0.01 } })"
    asked = "[f.value(0.5, -1.5, f.params), f.gradient(0.5, -1.5, f.params), [...run.points], [...run.values]]"
    value, gradient, points, values = js(f"(() => {{ const run = {run}; return {asked}; }})()", before=before)
    start = np.array([0.5, -1.5])
    path = core.descend(gradient_descent, renamed, start, 3, lr=0.01)
    assert value == renamed.value(start) and gradient == renamed.gradient(start).tolist()
    np.testing.assert_allclose(np.reshape(points, (-1, 2)), path.points, rtol=1e-13)
    np.testing.assert_allclose(values, path.values, rtol=1e-13)


def test_the_engines_count_of_steps_takes_an_error_equal_to_the_tolerance_as_arrived(js):
    """As ``Path.steps_to`` does: at or below, from there to the end."""
    assert js("[1, 1 / 4, 1 / 8, 0.1].map((tol) => engine.stepsTo([1, 1 / 2, 1 / 4, 1 / 8], tol))") == [0, 2, 3, None]
    assert js("engine.stepsTo([1, 0.1, 0.5, 0.1], 0.2)") == 3


IN_EACH_LANGUAGE = {  # an expression -> as words, as LaTeX, as JavaScript, as C
    "beta * m + (1 - beta) * grad": (
        "β m + (1 − β) g", r"\beta \, m + \left(1 - \beta\right) \, g",
        "beta * m + (1 - beta) * grad", "beta * m + ((real)1 - beta) * grad",
    ),
    "-(theta - grad)": ("−(θ − g)", r"-\left(\theta - g\right)", "-(theta - grad)", "-(theta - grad)"),
    "-theta * grad": ("−θ g", r"\left(-\theta\right) \, g", "-theta * grad", "-theta * grad"),
    "theta - (grad - lr)": ("θ − (g − η)", r"\theta - \left(g - \eta\right)", "theta - (grad - lr)", "theta - (grad - lr)"),
    "theta - (grad + lr)": ("θ − (g + η)", r"\theta - \left(g + \eta\right)", "theta - (grad + lr)", "theta - (grad + lr)"),
    "theta / (grad / lr)": ("θ / (g / η)", r"\frac{\theta}{\frac{g}{\eta}}", "theta / (grad / lr)", "theta / (grad / lr)"),
    "theta / grad / lr": ("θ / g / η", r"\frac{\frac{\theta}{g}}{\eta}", "theta / grad / lr", "theta / grad / lr"),
    "theta / grad * lr": ("(θ / g) η", r"\frac{\theta}{g} \, \eta", "theta / grad * lr", "theta / grad * lr"),
    "theta * (grad / lr)": ("θ (g / η)", r"\theta \, \frac{g}{\eta}", "theta * (grad / lr)", "theta * (grad / lr)"),
    "theta / (grad * lr)": ("θ / (g η)", r"\frac{\theta}{g \, \eta}", "theta / (grad * lr)", "theta / (grad * lr)"),
    "(theta + grad) * lr": ("(θ + g) η", r"\left(\theta + g\right) \, \eta", "(theta + grad) * lr", "(theta + grad) * lr"),
    "(theta + grad) / lr": ("(θ + g) / η", r"\frac{\theta + g}{\eta}", "(theta + grad) / lr", "(theta + grad) / lr"),
    "theta ** 2": ("θ²", r"{\theta}^{2}", "(theta * theta)", "square(theta)"),
    "theta ** 3": ("θ³", r"{\theta}^{3}", "(theta * theta * theta)", "cube(theta)"),
    "(theta + grad) ** 2": ("(θ + g)²", r"{\left(\theta + g\right)}^{2}", "square(theta + grad)", "square(theta + grad)"),
    "(theta + grad) ** 3": ("(θ + g)³", r"{\left(\theta + g\right)}^{3}", "cube(theta + grad)", "cube(theta + grad)"),
    "beta ** t": ("βᵗ", r"{\beta}^{t}", "Math.pow(beta, t)", "pow(beta, t)"),
    "theta ** (lr + 1)": ("θ^(η + 1)", r"{\theta}^{\eta + 1}", "Math.pow(theta, lr + 1)", "pow(theta, lr + (real)1)"),
    "theta ** 0.5": ("θ^0.5", r"{\theta}^{0.5}", "Math.pow(theta, 0.5)", "sqrt(theta)"),
    "(theta ** 2) ** 3": ("(θ²)³", r"{\left({\theta}^{2}\right)}^{3}", "cube((theta * theta))", "cube(square(theta))"),
    "theta ** (lr ** 2)": ("θ^(η²)", r"{\theta}^{{\eta}^{2}}", "Math.pow(theta, (lr * lr))", "pow(theta, square(lr))"),
    "-theta ** 2": ("−θ²", r"-{\theta}^{2}", "-(theta * theta)", "-square(theta)"),
    "(-theta) ** 2": ("(−θ)²", r"{\left(-\theta\right)}^{2}", "square(-theta)", "square(-theta)"),
    "2 ** theta": ("2^θ", r"{2}^{\theta}", "Math.pow(2, theta)", "pow((real)2, theta)"),
    "sqrt(s)": ("√s", r"\sqrt{s}", "Math.sqrt(s)", "sqrt(s)"),
    "sqrt(s + eps)": ("√(s + ε)", r"\sqrt{s + \epsilon}", "Math.sqrt(s + eps)", "sqrt(s + eps)"),
    "sqrt(s) ** 2": ("(√s)²", r"{\sqrt{s}}^{2}", "square(Math.sqrt(s))", "square(sqrt(s))"),
    "absolute(theta)": ("abs(θ)", r"\left|\theta\right|", "Math.abs(theta)", "fabs(theta)"),
    "sign(grad)": ("sign(g)", r"\operatorname{sign}\left(g\right)", "Math.sign(grad)", "sign(grad)"),
    "maximum(theta, 0.5)": ("max(θ, 0.5)", r"\max\left(\theta, 0.5\right)", "Math.max(theta, 0.5)", "larger(theta, (real)0.5)"),
    "exp(theta)": ("exp(θ)", r"e^{\theta}", "Math.exp(theta)", "exp(theta)"),
    "sin(theta)": ("sin(θ)", r"\sin \theta", "Math.sin(theta)", "sin(theta)"),
    "cos(theta) ** 2": ("cos(θ)²", r"{\left(\cos \theta\right)}^{2}", "square(Math.cos(theta))", "square(cos(theta))"),
    "sin(theta + 1)": ("sin(θ + 1)", r"\sin\left(\theta + 1\right)", "Math.sin(theta + 1)", "sin(theta + (real)1)"),
    "where(theta > 0, grad, lr)": (
        "g if θ > 0, else η", r"\begin{cases} g & \text{if } \theta > 0 \\ \eta & \text{otherwise} \end{cases}",
        "(theta > 0 ? grad : lr)", "(theta > (real)0 ? grad : lr)",
    ),
    "where(theta <= grad, 1, 2) + lr": (
        "(1 if θ <= g, else 2) + η",
        r"\left(\begin{cases} 1 & \text{if } \theta \le g \\ 2 & \text{otherwise} \end{cases}\right) + \eta",
        "(theta <= grad ? 1 : 2) + lr", "(theta <= grad ? (real)1 : (real)2) + lr",
    ),
    "where(theta == grad, 1, 2) * lr": (
        "(1 if θ = g, else 2) η",
        r"\left(\begin{cases} 1 & \text{if } \theta = g \\ 2 & \text{otherwise} \end{cases}\right) \, \eta",
        "(theta === grad ? 1 : 2) * lr", "(theta == grad ? (real)1 : (real)2) * lr",
    ),
    "where(theta >= grad, -1, -theta)": (
        "−1 if θ >= g, else −θ", r"\begin{cases} -1 & \text{if } \theta \ge g \\ -\theta & \text{otherwise} \end{cases}",
        "(theta >= grad ? -1 : -theta)", "(theta >= grad ? -(real)1 : -theta)",
    ),
    "where(theta < 1, 2, 3) ** 2": (
        "(2 if θ < 1, else 3)²",
        r"{\left(\begin{cases} 2 & \text{if } \theta < 1 \\ 3 & \text{otherwise} \end{cases}\right)}^{2}",
        "square((theta < 1 ? 2 : 3))", "square((theta < (real)1 ? (real)2 : (real)3))",
    ),
    "theta * 0.5 * grad": ("θ · 0.5 g", r"\theta \cdot 0.5 \, g", "theta * 0.5 * grad", "theta * (real)0.5 * grad"),
    "1e-08 * grad": ("1e-08 g", r"10^{-8} \, g", "1e-08 * grad", "(real)1e-08 * grad"),
    "2.5e-08": ("2.5e-08", r"2.5 \cdot 10^{-8}", "2.5e-08", "(real)2.5e-08"),
    "1e-08 ** 2": ("1e-08²", r"{\left(10^{-8}\right)}^{2}", "square(1e-08)", "square((real)1e-08)"),
    "6.283185307179586 ** 2": (
        "6.283185307179586²", r"{\left(2\pi\right)}^{2}",
        "square(6.283185307179586)", "square((real)6.283185307179586)",
    ),
    "1.23456789012": ("1.23456789012", r"1.23456789012", "1.23456789012", "(real)1.23456789012"),
    "100000000.0": ("1e+08", r"10^{8}", "100000000.0", "(real)100000000.0"),
}  # fmt: skip


@pytest.mark.parametrize("text", IN_EACH_LANGUAGE)
def test_an_expression_in_each_language(text):
    """A bracket too few, a digit, a sign that another language writes."""
    node = ast.parse(text, mode="eval").body
    assert (words.words(node), latex.tex(node, colour=False), javascript.js(node), c.c(node)) == IN_EACH_LANGUAGE[text]


OF_MATRICES = {
    "theta @ transpose(grad)": r"\theta \, {g}^{\top}",
    "transpose(theta + grad)": r"{\left(\theta + g\right)}^{\top}",
    "root(left, -1 / 4, eps)": r"{L}_{\epsilon}^{-1/4}",
    "root(left + right, -0.25, eps + 1)": r"{\left(L + R\right)}_{\epsilon + 1}^{-0.25}",
    "orthogonal(theta)": r"\operatorname{orth}\left(\theta\right)",
    "rows(theta) / columns(theta)": r"\frac{\operatorname{rows}\left(\theta\right)}{\operatorname{columns}\left(\theta\right)}",
    "eigenvectors(left)": r"\operatorname{eigenvectors}\left(L\right)",
    "theta @ (grad @ left)": r"\theta \, \left(g \, L\right)",
    "(theta + grad) @ left": r"\left(\theta + g\right) \, L",
    "maximum(1, rows(theta)) ** 0.5": r"{\max\left(1, \operatorname{rows}\left(\theta\right)\right)}^{0.5}",
}


@pytest.mark.parametrize("text", OF_MATRICES)
def test_a_product_of_matrices_is_an_equation(text):
    assert latex.tex(ast.parse(text, mode="eval").body, colour=False) == OF_MATRICES[text]


def test_a_quantity_has_its_colour_and_a_name_that_is_none_stands_upright():
    light = notation.LOOKS[notation.QUANTITIES["beta"].look].light
    assert latex.symbol("beta") == rf"\textcolor{{{light}}}{{\beta}}" and latex.symbol("beta", colour=False) == r"\beta"
    assert latex.symbol("x") == "x" and latex.symbol("a_name") == r"\mathrm{a name}"
    for text in ("theta % grad", "theta if lr else grad", "not theta"):
        node = ast.parse(text, mode="eval").body
        for language in (words.words, latex.tex, javascript.js, c.c):
            with pytest.raises((TypeError, KeyError)):
                language(node)
