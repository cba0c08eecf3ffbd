"""The playground searches each rule's best setting beside the page: in a worker, or in the page where there can be none."""

import pytest

from momentum_lib.widgets.bundle import JS

MODULES = {"fair": "play/fair", "typed": "play/rule_text", "formula": "play/formula", "tune": "kit/tune", "engine": "kit/engine"}
MODULES |= {"rules": "generated/rules", "surfaces": "generated/surfaces", "scene": "play/scene"}

BEFORE = """
const typedRule = typed.ruleFrom("v = beta*v + grad\\ntheta = theta - lr*v").rule;
const place = { ...formula.surfaceFrom("(x^2 + 9*y^2)/2").surface, minima: [[0, 0]] };
const work = { rules: [rules.RULES.gradient_descent, typedRule, rules.RULES.signum], surface: place, start: [-2, 1], params: {} };
const want = work.rules.map((rule) => tune.tune(rule, place, work.start, {}));
/** A life without a page. */
const life = { onEnd() {}, after(ms, does) { const timer = setTimeout(does, ms); return () => clearTimeout(timer); } };
/** A worker in this process: what goes over is copied as a browser copies it. */
function worker(spoil) {
  const scope = { onmessage: null, postMessage(answer) { const copy = structuredClone(answer); setTimeout(() => {
    if (!ended) made.onmessage?.({ data: spoil(copy) });
  }, 0); } };
  let ended = false;
  fair.serve(scope);
  const made = { onmessage: null, terminate() { ended = true; }, postMessage(asked) {
    const copy = structuredClone(asked);
    setTimeout(() => scope.onmessage({ data: copy }), 0);
  } };
  return made;
}
/** All that a search tells, in its order. */
const told = (searcher, asked) => new Promise((done) => {
  const out = [];
  searcher.search(asked, (rule, setting) => {
    out.push([rule.name, setting]);
    if (out.length === asked.rules.length) done(out);
  });
});
const wanted = work.rules.map((rule, k) => [rule.name, want[k]]);
"""


@pytest.fixture(scope="module")
def run(evaluate):
    uses = {name: JS / f"{path}.js" for name, path in MODULES.items()}
    return lambda statements, expression: evaluate(uses, expression, BEFORE + statements)


@pytest.mark.parametrize(
    ("start", "alone"),
    [
        ("() => worker((answer) => answer)", False),
        ("() => null", True),  # no worker at all
        ("() => worker((answer) => (answer.k === 1 ? { ...answer, failed: true } : answer))", True),  # it may not compile
        (
            "(lost) => { setTimeout(lost, 0); return { onmessage: null, terminate() {}, postMessage() {} }; }",
            True,
        ),  # never starts
    ],
)
def test_every_rule_gets_its_setting_whoever_searches(run, start, alone):
    got = run(
        f"const searcher = fair.createSearcher(life, {start}); const out = await told(searcher, work);",
        "[out, wanted, searcher.alone()]",
    )
    assert got[0] == got[1] and got[2] is alone
    assert all(setting["lr"] > 0 for _, setting in got[0]) and "beta" in got[0][1][1]


def test_a_worker_that_may_not_compile_searches_all_the_same(run):
    """It makes the functions of a typed rule and of a typed surface itself, from what was typed."""
    got = run(
        """
const ground = { kind: "formula", text: "(x^2 + 9*y^2)/2", params: {} }, here = scene.resolve(ground, null);
const slope = (text) => ({ ...typed.ruleFrom(text).rule, text });
const asked = { rules: [slope("theta = theta - lr*grad")], surface: here.surface, ground, start: [-2, 1], params: {}, net: null };
const learns = { ...asked, rules: [slope("v = beta*v + grad\\ntheta = theta - lr*v")], net: { net: "curve", draw: 1, steps: 2 } };
const compiled = [tune.tune(asked.rules[0], here.surface, asked.start, {})];
engine.forbidCompiling(true);
const searcher = fair.createSearcher(life, () => worker((answer) => answer));
const out = [...(await told(searcher, asked)), ...(await told(searcher, learns))];
engine.forbidCompiling(false);
compiled.push((await told(fair.createSearcher(life, () => null), learns))[0][1]);
""",
        "[out.map(([, setting]) => setting), compiled, searcher.alone()]",
    )
    assert got[0] == got[1] and all(setting["lr"] > 0 for setting in got[0]) and got[2] is False


def test_a_network_is_searched_by_a_worker_and_by_the_page_alike(run):
    """A training at a time: the page may live between two of them."""
    asked = '{ ...work, rules: work.rules.slice(0, 1), net: { net: "curve", draw: 1, steps: 20 } }'
    got = run(
        "const alone = fair.createSearcher(life, () => null);\n"
        "const helped = fair.createSearcher(life, () => worker((answer) => answer));\n"
        f"const both = [await told(alone, {asked}), await told(helped, {asked})];",
        "both",
    )
    assert got[0] == got[1] and got[0][0][1]["lr"] > 0


def test_a_new_search_ends_the_last(run):
    got = run(
        """
const searcher = fair.createSearcher(life, () => worker((answer) => answer)), late = [];
searcher.search(work, (rule) => late.push(rule.name));
const out = await told(searcher, { ...work, rules: [work.rules[1]], start: [-1, 1.5] });
""",
        "[late, out, tune.tune(typedRule, place, [-1, 1.5], {})]",
    )
    assert got[0] == [] and got[1] == [[got[1][0][0], got[2]]]
