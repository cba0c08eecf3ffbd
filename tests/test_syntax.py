"""Mutants find their place whatever the layout and the names of local variables, and say so when the place is gone."""

import ast
from importlib import import_module
from pathlib import Path

import pytest
import test_grade_mutants as grade
import test_optim_mutants as optim
import test_theory_mutants as theory
import test_widgets_mutants as widgets
from syntax import JavaScript, matches, only_match, python, python_mutant, python_snippet, renamed_python, walk

ROOT = Path(__file__).resolve().parent.parent
PRETTIER = ROOT / "node_modules" / "prettier" / "bin" / "prettier.cjs"
OTHER_LAYOUT = [
    "--no-config",
    "--print-width=60",
    "--single-quote",
    "--use-tabs",
    "--quote-props=preserve",
    "--write",
    "--log-level=warn",
]

PYTHON = [
    *(("momentum_lib.widgets", *row[:3]) for row in widgets.PYTHON),
    *(("momentum_lib.theory", *row[:3]) for row in theory.MUTANTS),
    *(("momentum_lib.grade", *row[:3]) for row in [*grade.MUTANTS, *grade.IN_THE_WORKER]),
    *(("momentum_lib.optim", *row[:3]) for row in [*optim.MUTANTS.values(), *optim.COMPILED.values()]),
]


def text_of(package, where):
    folder = Path(import_module(package).__file__).parent
    return (folder / f"{where.partition('.')[0]}.py").read_text("utf-8")


def place(code, snippet, where):
    """Which nodes of a module, counted from its start, a snippet describes."""
    nodes = [id(node) for node in walk(code.root)]
    return [nodes.index(id(node)) for node in only_match(snippet, "", code, where).nodes]


@pytest.mark.parametrize(("package", "where", "right", "wrong"), PYTHON)
def test_a_mutant_outlives_new_names_and_another_layout(package, where, right, wrong):
    """Every parameter and local variable renamed, the module printed anew: the mutant is still there, at the same place."""
    text = text_of(package, where)
    renamed, snippet = renamed_python(text), python_snippet(right)
    assert place(python(text), snippet, where) == place(python(renamed), snippet, where)
    assert ast.unparse(python_mutant(renamed, where, right, wrong)) != renamed != text


def in_another_layout(node, texts, folder):
    """JavaScript laid out by the formatter with other quotes, indents and lines half as long; all by one call of it."""
    files = [folder / f"{number}.js" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, "utf-8")
    node(PRETTIER, *OTHER_LAYOUT, *files)
    return [file.read_text("utf-8") for file in files]


def test_a_mutant_in_the_browser_outlives_new_names_and_another_layout(node, tmp_path):
    """The same for JavaScript, in another layout."""
    rows = [(widgets.text_of(where), where, right, wrong) for where, right, wrong, *_ in widgets.BROWSER]
    texts, snippets = [row[0] for row in rows], [text for row in rows for text in row[2:]]
    before = JavaScript(node, texts, snippets)
    texts = list(dict.fromkeys(texts))
    renamed = dict(zip(texts, in_another_layout(node, [before.renamed(text) for text in texts], tmp_path), strict=True))
    after = JavaScript(node, renamed.values(), snippets)
    for text, where, right, wrong in rows:
        other = renamed[text]
        nodes = before.snippets[right].nodes
        assert place(before.codes[text], nodes, where) == place(after.codes[other], nodes, where)
        assert after.mutant(other, where, right, wrong) != other != text


# -- what a snippet is ---------------------------------------------------------------------------------------------------

MODULE = """
import math
RATE = 0.1

def step(theta, v, beta, slope):
    v = beta * v + (slope)
    return theta - RATE * v

def again(a, b):
    return math.sqrt(a) - b * RATE, {"kept": [x * a for x in b]}
"""


def lines(snippet):
    code = python(MODULE)
    return [code.line(match.nodes[0]) for match in matches(python_snippet(snippet), code)]


@pytest.mark.parametrize(
    ("snippet", "found"),
    [
        ("beta * v + slope", [6]),
        ("(p\n * q) + r", [6]),
        ("q * q + r", []),  # two variables are not one
        ("p - RATE * q", [7]),
        ("p - q * RATE", []),  # math.sqrt(a) is no variable
        ("math.sqrt(p) - q * RATE", [10]),
        ("numpy.sqrt(p)", []),
        ("r - q * p", []),  # RATE is the module's, and goes by its own name alone
        ("'kept': [y * p for y in q]", [10]),
        ("[y * y for y in q]", []),
        ("v = b * v + s\nreturn t - RATE * v", [6]),
        ("v = b * v + s\nreturn v - RATE * v", []),
    ],
)
def test_a_snippet_means_its_syntax_and_any_local_names(snippet, found):
    assert lines(snippet) == found


def test_the_wrong_text_speaks_of_the_places_variables():
    made = ast.unparse(python_mutant(MODULE, "m.step", "p * q + r", "q - [p for w in r]"))
    assert "v = v - [beta for w in slope]" in made


@pytest.mark.parametrize(
    ("where", "right", "wrong", "said"),
    [
        ("m", "p / q", "p", "m has nothing like `p / q` any more"),
        ("m", "RATE", "0", r"m has `RATE` 3 times \(lines 3, 7, 10\)"),
        ("m.stop", "p * q", "p", "m has no 'stop' any more"),
        ("m", "p * q + r", "p * other", r"`p \* other` uses \['other'\]"),
    ],
)
def test_a_mutant_without_its_one_place_fails_and_says_so(where, right, wrong, said):
    with pytest.raises(LookupError, match=said):
        python_mutant(MODULE, where, right, wrong)


SCRIPT = """
const RATE = 0.1;
export const step = (theta, v, { lr, slope }) => theta - lr * (v + slope);
export function again(lr, t) {
  const at = t + 1,
    kept = lr * at;
  return { lr, kept: kept - RATE };
}
"""


@pytest.mark.parametrize(
    ("where", "right", "wrong", "made"),
    [
        ("m", "a * (b + c)", "a / (b + c)", "theta - (lr / (v + slope))"),
        ("m.step", "p - q * (r + t)", "q", "=> (lr)"),
        ("m", "const p = q * r", "const p = q / r", "kept = lr / at;"),
        ("m", "const p = q + 1", "const p = q - 1", "const at = t - 1,"),
        ("m", "kept: p - RATE", "kept: RATE - p", "kept: RATE - kept"),
        ("m", "return { lr: p, kept: q - RATE };", "return { lr: q, kept: p };", "return { lr: kept, kept: lr };"),
        ("m", "({ lr, kept: q - RATE })", "({ lr: Math.abs(lr) })", "({ lr: Math.abs(lr) })"),
    ],
)
def test_javascript_is_changed_where_the_snippet_is(node, where, right, wrong, made):
    code = JavaScript(node, [SCRIPT], [right, wrong])
    assert made in code.mutant(SCRIPT, where, right, wrong)


def test_a_short_property_keeps_its_name_when_its_variable_is_renamed(node):
    renamed = JavaScript(node, [SCRIPT]).renamed(SCRIPT)
    assert "{ lr: local" in renamed and "slope: local" in renamed and "kept: local" in renamed


def test_a_mutant_of_javascript_without_its_one_place_fails_and_says_so(node):
    code = JavaScript(node, [SCRIPT], ["p ** q", "a * b", "extra * b"])
    with pytest.raises(LookupError, match=r"m has nothing like `p \*\* q` any more"):
        code.mutant(SCRIPT, "m", "p ** q", "a * b")
    with pytest.raises(LookupError, match=r"uses \['extra'\]"):
        code.mutant(SCRIPT, "m.again", "a * b", "extra * b")


def test_none_is_lost():
    """A table that shrank: as many mutants as there were when a mutant was a piece of text."""
    assert len(PYTHON) >= 241 and len(widgets.BROWSER) >= 70
