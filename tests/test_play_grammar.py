"""What a reader types in the playground: formulas and rules, read strictly, differentiated, and run by the live engine."""

import json
import re

import pytest

from momentum_lib import surfaces
from momentum_lib.codegen import typed_js
from momentum_lib.printing.words import typed_formula, typed_text
from momentum_lib.rules import ELEMENTWISE

MODULES = {
    "grammar": "play/grammar",
    "formula": "play/formula",
    "typed": "play/rule_text",
    "checks": "../../../tests/js/play.mjs",
}


@pytest.fixture(scope="module")
def js(evaluate):
    """Evaluate an expression over MODULES."""
    from momentum_lib.widgets.bundle import JS

    uses = {name: JS / (path if path.endswith(".mjs") else f"{path}.js") for name, path in MODULES.items()}
    return lambda expression: evaluate({name: path.resolve() for name, path in uses.items()}, expression)


def refusals(js, texts, read="formula.surfaceFrom"):
    """The sentence and the place that each text is refused with; None for what is read."""
    return js(f"{json.dumps(list(texts))}.map((text) => {read}(text).error)")


# --- what is refused ------------------------------------------------------------------------------------------------

HOSTILE = r"""
constructor __proto__ prototype toString(x) hasOwnProperty(x) this window self globalThis document.cookie Function("x")
x.constructor x.y alert(1) eval("1") import("x") x=>1 (x)=>1 x;y x;alert(1) {x} [x] x[0] [] `1` `${x}` "x" 'x' x//y x/*y*/ /*x
\x41 \u0078 x\ $x ${x} x=1 x==y x++ !x ~x x&y x&&y x?1:2 x,y __defineGetter__ valueOf Math.PI Math NaN Infinity undefined null
true square(x) cube(x) u_x part0 x$ theta grad 1e999 1e309*x 0x10 1_000 1n 1..2 1.2.3 . x. 1e 2e* -- x+ + * () sin sin()
sin(x,y) max(x) where(x,1,2) where(x>0,1) where(1) x<y sinx xy 1/2x x^2y x(y) 2x(y) pi(x) (x|x) (x)) ((x) \(x\) x** x^^y |x x| ||
""".split()
HOSTILE += [
    "x !y",
    "sin x",
    "x y",
    "2 3",
    "import x",
    "new Date",
    "return x",
    "let x",
    "void 0",
    "typeof x",
    "",
    " ",
    "\t",
    "x\ny",
]
HOSTILE += [
    "\u0441os(x)",
    "\u0445",
    "x\u200by",
    "x\u2028y",
    "\uff58",
    "\u03c0",
    "x\u00b2",
    "\u221ax",
    "\U0001d465",
    "x\0",
    "\ud800",
]
HOSTILE += ["a" * 401, "x+" * 200 + "x", "(" * 100 + "x" + ")" * 100, "-" * 100 + "x"]


def test_hostile_formulas_are_refused_with_a_sentence_and_a_place(js):
    answers = refusals(js, HOSTILE)
    assert [text for text, error in zip(HOSTILE, answers, strict=True) if error is None] == []
    for text, error in zip(HOSTILE, answers, strict=True):
        assert 0 <= error["at"] <= len(text.encode("utf-16-le", "surrogatepass")) // 2, text
        assert error["text"].endswith(".") and len(error["text"]) < 220 and ":" in error["text"], (text, error)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2*z", "At place 3 “z” is not known: the names are x, y, pi and e."),
        ("xy", "At place 1 “xy” is not known: the names are x, y, pi and e. For a product write x*y."),
        ("x + sin(x", "At the end a “)” is missing: it closes sin(. Add it."),
        ("max(x)", "At place 1 max has 1 value and takes 2: write max(a, b)."),
        ("x # y", "Place 3 has “#”, which is not read here: use digits, plain letters, + - * / ^ and brackets."),
        ("1/2x", "At place 4 it is not clear what “/” takes: write * and put brackets, as in (1/2)*x or 1/(2*x)."),
        ("2e + 1", "At place 2 it is not clear whether 2e is one number: write 2*e."),
    ],
)
def test_a_refusal_says_what_was_given_what_is_allowed_what_to_do(js, text, sentence):
    assert refusals(js, [text])[0]["text"] == sentence


def test_a_hundred_thousand_random_texts_touch_nothing(js):
    found = js("checks.fuzz(100000)")
    assert found["odd"] == []
    assert found["untouched"]
    assert found["formulas"] > 500 and found["rules"] > 500  # the fuzz reaches past the grammar


RULES_REFUSED = {
    "theta = theta - lr*this": "“this” cannot be a name here",
    "constructor = grad; theta = theta": "“constructor” cannot be a name here",
    "__proto__ = grad; theta = theta": "“__proto__” cannot be a name here",
    "lambda = 1; theta = theta": "“lambda” cannot be a name here",
    "let = grad; theta = theta": "“let” cannot be a name here",
    "grad = 0; theta = theta - lr*grad": "“grad” is given and cannot be assigned",
    "t = 1; theta = theta": "“t” is given and cannot be assigned",
    "v = grad": "No line says what theta becomes",
    "theta == theta": "is no step of a rule",
    "theta - lr*grad": "is no step of a rule",
    "fetch(x)": "is no step of a rule",
    "theta = theta - lr*fetch(x)": "“fetch” is no function",
    "v = beta*v + grad\nlook = theta\ntheta = theta - v": "look says where the gradient is measured",
    "look = theta - grad\ntheta = theta - lr*grad": "look cannot use grad",
    "theta = theta - look": "give it a line of its own",
    "v_0 = 3\nv = v + grad\ntheta = theta - v": "A memory starts at 0 or at theta",
    "v_0 = theta\nv = grad\ntheta = theta - v": "v_0 starts a memory",
    "theta = theta - lr*grad\n" * 13: "The rule has 13 lines and at most 12 are read",
    "theta = theta - " + "lr*" * 300 + "grad": "characters and at most 800 are read",
    "theta = a+b+c+d+f+g+h+i+j": "The rule has 9 settings",
}


def test_hostile_rules_are_refused_with_a_sentence(js):
    answers = refusals(js, RULES_REFUSED, "typed.ruleFrom")
    for (text, part), error in zip(RULES_REFUSED.items(), answers, strict=True):
        assert error is not None and part in error["text"] and error["text"].endswith("."), (text, error)


def test_own_names_are_written_with_a_mark(js):
    text = "slots = gamma*slots + grad\nthetas = slots\ntheta = theta - lr*thetas"
    slots, hyper, template = js(f"(({{ rule }}) => [rule.slots, rule.hyper, rule.template])(typed.ruleFrom({json.dumps(text)}))")
    assert slots == {"u_slots_": 0} and hyper == {"lr": None, "u_gamma_": 0.9}
    assert template["step"] == [
        "u_slots_$ = u_gamma_ * u_slots_$ + grad$;",
        "u_thetas_$ = u_slots_$;",
        "theta$ = theta$ - lr * u_thetas_$;",
    ]
    assert js('["u_gamma_", "beta"].map(typed.plainName)') == ["gamma", "beta"]


# --- how it is read -------------------------------------------------------------------------------------------------

MEANS = {
    "-2^2": -4,
    "2^3^2": 512,
    "2^-1": 0.5,
    "-x^2": -9,
    "2x": 6,
    "2(x+1)(y-1)": 8,
    "(x)(y)": 6,
    "3x^2": 27,
    "1/2*x": 1.5,
    "8/2/2": 2,
    "8-2-2": 4,
    "x - -y": 5,
    "--x": 3,
    "|x-5|": 2,
    "|x|*|y|": 6,
    "2**3": 8,
    "2\u22121": 1,
    "2\u00b7x": 6,
    "ln(e)": 1,
    "cos(pi)": -1,
    "where(x > y, 1, 2)": 1,
    "max(x, y) - min(x, y)": 1,
    "sign(-x)": -1,
    "absolute(-x)": 3,
    "maximum(x, y)": 3,
    "1e-3*1000": 1,
    ".5*x": 1.5,
}


def test_the_notation_means_what_it_says(js):
    found = js(f"{json.dumps(list(MEANS))}.map((text) => formula.surfaceFrom(text).surface.value(3, 2))")
    assert dict(zip(MEANS, found, strict=True)) == pytest.approx(MEANS, abs=1e-15)


# --- slopes ---------------------------------------------------------------------------------------------------------

SMOOTH = """
0.5*(x^2 + 50*y^2); 20 + x^2 - 10*cos(2*pi*x) + y^2 - 10*cos(2*pi*y); -exp(-(x^2 + y^2)); sqrt(x^2 + y^2 + 1); log(1 + x^2 + y^4)
tanh(x*y) + x/(1 + y^2); tan(x/4)*y; (x^2 + 1)^y; (1 + y^2)^(x/3); sin(x)^3 - cos(y/4)^-2; x^4 - 3*x^3*y + 2; 1/(1 + exp(-x*y))
where(x + y > 0, x^2*y, x*y^2); max(x^2, y^2 + 0.2*x) + min(x, 2*y); |x - 0.123| + y^3; -(-x)*(-(y - 2))/3; sign(x)*y + pi*e
"""


def test_slopes_are_finite_differences(js):
    texts = [text.strip() for text in SMOOTH.replace("\n", ";").split(";") if text.strip()]
    gaps = js(f"{json.dumps(texts)}.map(checks.slopeGap)")
    assert len(texts) == 17
    assert {text: gap for text, gap in zip(texts, gaps, strict=True) if not gap < 1e-10} == {}


TYPED_SURFACES = {
    "ravine": "((cos(0)*x)^2 + 25*y^2)/2",
    "bowl": "(x^2 + y^2)/2",
    "saddle": "(x^2 - y^2)/2",
    "rosenbrock": "(1 - x)^2 + 100*(y - x^2)^2",
    "beale": "(1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2 + (2.625 - x + x*y^3)^2",
    "himmelblau": "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
    "rastrigin": "2*10 + x^2 - 10*cos(2*pi*x) + y^2 - 10*cos(2*pi*y)",
    "monkey_saddle": "x^3 - 3*x*y^2",
}


def test_typed_surfaces_are_the_librarys(js):
    assert set(TYPED_SURFACES) < set(surfaces.SURFACES)
    gaps = js(f"Object.entries({json.dumps(TYPED_SURFACES)}).map(([name, text]) => checks.libraryGap(name, text))")
    assert max(gaps) < 1e-10, dict(zip(TYPED_SURFACES, gaps, strict=True))


# --- rules ----------------------------------------------------------------------------------------------------------


def test_the_tables_have_every_rule_of_the_plane_and_every_surface():
    rules, formulas = (json.loads(part.split(";\n")[0]) for part in re.split(r"export const \w+ = ", typed_js())[1:])
    assert rules == {name: typed_text(rule) for name, rule in ELEMENTWISE.items()}
    assert formulas == {name: typed_formula(surface) for name, surface in surfaces.SURFACES.items()}


def test_every_typed_rule_takes_the_librarys_path_bit_for_bit(js):
    """Compiled and plain, on two surfaces, with its state; and its map of settings."""
    assert js("checks.typedDifferences()") == []


def test_a_typed_rule_reads_as_the_librarys_lines(js):
    assert js("checks.shownOtherwise()") == ["polyak"]  # typed line after line, it names the point that comes after


def test_a_name_read_before_it_is_assigned_is_a_memory(js):
    text = json.dumps("d = grad - old\nold = grad\nv = beta*v + d\ntheta = theta - lr*v")
    found = js(f"(({{ memories, locals, hyper, usesT }}) => [memories, locals, hyper, usesT])(typed.readRule({text}))")
    assert found == [["old", "v"], ["d"], ["lr", "beta"], False]
