"""The code that the playground copies ends where the page's own run ends: momentum_lib, PyTorch, optax."""

import contextlib
import io
import itertools
import json

import numpy as np
import pytest
import torch

from momentum_lib.rules import ELEMENTWISE
from momentum_lib.widgets.bundle import JS

MODULES = ("play/code", "play/rule_text", "play/formula", "kit/engine", "generated/rules", "generated/surfaces")
TYPED = [
    "v = beta*v + grad\ntheta = theta - lr*v",
    "s = rho*s + (1-rho)*grad^2\nv = gamma*v + grad/(sqrt(s) + eps)\ntheta = theta - lr*max(v, -3)",
    "look = theta - lr*gamma*v\nz_0 = theta\nv = where(t > 3, gamma*v, 0*v) + grad\nz = z + 0.1*(theta - z)\n"
    "theta = theta - lr*v + 0.01*(z - theta)",
    "lam = 2*sqrt(gamma)\nx = min(grad, lam) + 0.1*tanh(x)\ntheta = theta - lr*x",
]
GROUNDS = [
    {"kind": "library", "name": "ravine", "params": {"kappa": 20, "angle": 0.4}},
    {"kind": "library", "name": "rosenbrock", "params": {}},
    {"kind": "library", "name": "plateau", "params": {"width": 0.7}},
    {"kind": "library", "name": "lessard", "params": {}},
    {"kind": "formula", "text": "(1 - x)^2 + 4(y - x^2)^2 + |x|/5 + max(y, 0.3x) + e^(-x^2)", "params": {}},
    {"kind": "formula", "text": "where(x > y, x^2, 2y^2 - x) + log(2 + x^2)*2^-1", "params": {}},
    {"kind": "formula", "text": "3 + pi", "params": {}},
    {"kind": "drawn", "bumps": [[0.5, 0.2, -1.5, 0.8], [-1, 0.5, 0.7, 0.4]]},
]

RUN = """
const made = (ground, runner, steps) => {
  const rule = runner.text === undefined ? rules.RULES[runner.rule] : ruleText.ruleFrom(runner.text).rule;
  const place = ground.kind === "library" ? surfaces.SURFACES[ground.name] : null;
  const params = place ? { ...place.params, ...ground.params } : {};
  const tree = code.treeOf(ground, params);
  const surface = formula.surfaceOfTree(tree);
  const hyper = Object.fromEntries(Object.entries(rule.hyper).map(([name, usual]) => [name, usual ?? 0.0005]));
  const start = [-0.9, 0.7], run = engine.descend(rule, surface, { start, steps, hyper });
  const told = { ground, params, start, steps, runner, rule, hyper };
  const texts = Object.fromEntries(["momentum_lib", "torch", "optax"].map((target) => [target, code.codeOf(target, told)]));
  return { texts, end: [run.points[2 * run.n], run.points[2 * run.n + 1]], steps: run.n };
};
"""


@pytest.fixture(scope="module")
def programs(evaluate):
    """Every pair that is tried: the three texts, and where the page's run ends after so many steps."""
    runners = [{"rule": name, "hyper": {}} for name in ELEMENTWISE] + [{"text": text, "hyper": {}} for text in TYPED]
    pairs = [(GROUNDS[0], one) for one in runners]
    pairs += [(ground, one) for ground, one in itertools.product(GROUNDS[1:], [runners[3], *runners[-3:]])]
    names = {path.split("/")[1]: path for path in MODULES}
    uses = {{"rule_text": "ruleText"}.get(name, name): JS / f"{path}.js" for name, path in names.items()}
    found = evaluate(uses, f"{json.dumps(pairs)}.map(([ground, runner]) => made(ground, runner, 25))", RUN)
    return [(pair, one) for pair, one in zip(pairs, found, strict=True)]


def printed(text, name):
    """The point that a program prints."""
    said, before = io.StringIO(), torch.get_default_dtype()
    try:
        with contextlib.redirect_stdout(said):
            exec(compile(text, name, "exec"), {"__name__": name})
    finally:
        torch.set_default_dtype(before)
    return json.loads(said.getvalue())


@pytest.mark.parametrize("target", ["momentum_lib", "torch"])
def test_the_copied_code_ends_where_the_page_does(programs, target):
    gaps = {}
    for pair, program in programs:
        assert program["steps"] == 25, pair
        end = printed(program["texts"][target], target)
        gaps[json.dumps(pair)] = float(np.max(np.abs(np.subtract(end, program["end"]))))
    assert len(gaps) == len(ELEMENTWISE) + len(TYPED) + 4 * (len(GROUNDS) - 1)
    assert {pair: gap for pair, gap in gaps.items() if not gap <= 1e-10} == {}


def test_optax_code_is_python_and_ends_there_too(programs):
    """Each is Python that names only what it defines; every eighth is run, since JAX compiles each of them anew."""
    for _, program in programs:
        compile(program["texts"]["optax"], "optax", "exec")
    pytest.importorskip("optax", reason="optax and JAX are not installed")
    for pair, program in programs[::8]:
        assert printed(program["texts"]["optax"], "optax") == pytest.approx(program["end"], abs=1e-10), pair


def test_no_word_of_the_reader_stands_in_the_code_without_its_prefix(programs):
    texts = [text for (_, runner), program in programs if "gamma" in runner.get("text", "") for text in program["texts"].values()]
    assert texts and all("my_gamma" in text and " gamma" not in text for text in texts)
