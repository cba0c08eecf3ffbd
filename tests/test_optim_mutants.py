"""The optimiser broken on purpose, one line at a time: the property named beside each mutant must notice it."""

import functools
import importlib.util
import itertools
import shutil
import sys
from pathlib import Path

import pytest
from optim_properties import PROPERTIES

SOURCE = Path(__file__).resolve().parent.parent / "momentum_lib" / "optim"
NUMBER = itertools.count()

MUTANTS = {  # what is wrong -> the file, its text, the text in its place, the property that kills it
    "does not climb": ("_step", "grad = -grad", "grad = +grad", "agrees_with_torch"),
    "climbs by changing the gradient": ("_step", "grad = -grad", "grad = grad.neg_()", "leaves_gradients_alone"),
    "decays without the rate": (
        "_step",
        '(1 - values["lr"] * values["weight_decay"])',
        '(1 - values["weight_decay"])',
        "agrees_with_torch",
    ),
    "decays after the step's point": ("_step", "point = point * (1 - values", "grad = grad * (1 - values", "agrees_with_torch"),
    "penalty with the wrong sign": (
        "_step",
        'grad = grad + values["weight_decay"]',
        'grad = grad - values["weight_decay"]',
        "agrees_with_torch",
    ),
    "slots that overwrite each other": ("_step", "value.clone() if any", "value if any", "serves_a_rule_of_your_own"),
    "never looks ahead": (
        "_step",
        "shown.copy_(way.rule.look(theta, *slots, **way.hyper(values)))",
        "shown.copy_(theta)",
        "looks_steps_and_reports_as_descend",
    ),
    "starts every slot at zero": (
        "_step",
        "if how == 0 else theta.clone()",
        "if True else theta.clone()",
        "looks_steps_and_reports_as_descend",
    ),
    "keeps a low-precision state": (
        "_step",
        "return torch.float32 if dtype in LOW else dtype",
        "return dtype",
        "computes_low_precision_in_float32",
    ),
    "steps from the rounded point": (
        "_step",
        "rule.read_fn is not None or dtype in LOW",
        "rule.read_fn is not None",
        "computes_low_precision_in_float32",
    ),
    "takes a zero gradient for none": (
        "optimizer",
        "if p.grad is not None:",
        "if p.grad is not None and p.grad.any():",
        "none_is_skipped_and_zero_steps",
    ),
    "one count for all": (
        "optimizer",
        'values, state["step"])',
        'values, max(s["step"] for s in self.state.values()))',
        "none_now_and_then_agrees_with_torch",
    ),
    "counts from two": ("optimizer", 'values, state["step"])', 'values, state["step"] + 1)', "agrees_with_torch"),
    "never sees a changed rate": (
        "optimizer",
        "if seen and all(a is b and not isinstance(a, torch.Tensor) for a, b in zip(seen[0], now)):",
        "if seen:",
        "agrees_with_torch",
    ),
    "groups inherit nothing": (
        "optimizer",
        "for name, value in self._given.items() if name in options",
        "for name, value in {}.items()",
        "groups_have_their_own_options",
    ),
    "groups keep other rules' names": ("optimizer", "del group[name]", "pass", "groups_have_their_own_options"),
    "closure without gradients": ("optimizer", "with torch.enable_grad():", "with torch.no_grad():", "calls_its_closure"),
    "steps at the reported point": ("optimizer", "if self._reported:", "if False:", "looks_steps_and_reports_as_descend"),
    "an inner report ends the outer": ("optimizer", "if not before:", "if True:", "looks_steps_and_reports_as_descend"),
    "reports the look": (
        "optimizer",
        "way.rule.read if reported else way.rule.look",
        "way.rule.look",
        "looks_steps_and_reports_as_descend",
    ),
    "overrules who writes the parameters": (
        "optimizer",
        'state["theta"].copy_(p.detach())',
        "pass",
        "follows_who_writes_the_parameters",
    ),
    "distrusts a loaded look": (
        "optimizer",
        "values is None and (way.rule.look_fn or way.rule.read_fn)",
        "False",
        "resumes_bit_for_bit",
    ),
    "a copy forgets its options": ("optimizer", '"_guard", "_flats", "_reported"', '"_guard", "_flats"', "copies_and_pickles"),
    "a refused group stays": ("optimizer", "self.param_groups.pop()", "pass", "refuses_what_it_cannot_move"),
    "lets infinities pass": (
        "_guard",
        "norms.isfinite().all()",
        "not norms.isnan().any()",
        "guards_against_non_finite_gradients",
    ),
    "a row that never ends": (
        "_guard",
        "            self.in_a_row = 0\n",
        "            pass\n",
        "guards_against_non_finite_gradients",
    ),
    "stops one step late": (
        "_guard",
        "self.in_a_row >= self.limit",
        "self.in_a_row > self.limit",
        "guards_against_non_finite_gradients",
    ),
    "forgets what it skipped": ("_guard", 'counts.get("skipped", 0), counts', "0, counts", "guards_against_non_finite_gradients"),
    "loads into the parameter's dtype": (
        "_state",
        "dtype=work_dtype(p.dtype)).copy_",
        "dtype=p.dtype).copy_",
        "loads_across_dtypes",
    ),
    "loads any shape": ("_state", "value.shape != p.shape", "False", "refuses_a_foreign_state"),
    "loads another rule's state": ("_state", 'if saved["rule"] != own["rule"]:', "if False:", "refuses_a_foreign_state"),
    "loads bad hyper-parameters": ("_state", "check_options(rule, complete, here)", "pass", "refuses_a_foreign_state"),
    "reads a sparse gradient": (
        "optimizer",
        "check_gradient(p, where_from(group, index, k))",
        "pass",
        "refuses_what_it_cannot_move",
    ),
    "accepts a NaN rate": ("_checks", "if not math.isfinite(number) or", "if", "refuses_bad_options"),
    "accepts other rules' names": ("_checks", "name not in own and (", "False and (", "refuses_bad_options"),
    "moves a vector by a matrix rule": ("_checks", "and p.ndim != 2:", "and False:", "refuses_what_it_cannot_move"),
}
COMPILED = {
    "forgets gradients that are not views": ("_flat", "view.copy_(p.grad)", "pass", "agrees_with_torch"),
    "one count for a buffer": ("_flat", "(not way.rule.uses_t or len(", "(True or len(", "none_now_and_then_agrees_with_torch"),
    "computes with old numbers": ("_program", "given = torch.tensor([*given, t], dtype=torch.float64).unbind()", "given = self.__dict__.setdefault('old', torch.tensor([*given, t], dtype=torch.float64).unbind())", "agrees_with_torch"),
    "steps where no gradient came": ("_flat", "all(p in present and p.data_ptr()", "all(p.data_ptr()", "trains_by_backward"),
}  # fmt: skip


def mutated(folder, file, old, new):
    """The optimiser's class from a copy of the package with one text changed."""
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / f"{file}.py").read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file}.py holds {old!r} {text.count(old)} times; the mutant needs it once"
    (folder / f"{file}.py").write_text(text.replace(old, new), encoding="utf-8")
    name = f"momentum_lib.mutant{next(NUMBER)}"
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name].Optimizer


@pytest.mark.parametrize("name", [*MUTANTS, *COMPILED])
def test_the_named_property_kills(name, tmp_path):
    """A broken optimiser that its property lets pass."""
    file, old, new, killer = (MUTANTS | COMPILED)[name]
    broken = mutated(tmp_path / "optim", file, old, new)
    with pytest.raises(BaseException) as found:  # pytest's own "did not raise" is no Exception
        PROPERTIES[killer](functools.partial(broken, compiled=name in COMPILED))
    assert not isinstance(found.value, (KeyboardInterrupt, SystemExit, ImportError, NameError, SyntaxError))


def test_there_are_enough_mutants():
    """A list that shrank: a mutant for most properties, and some of the compiled path."""
    assert len(MUTANTS) >= 30 and len(COMPILED) >= 4
    assert len({killer for *_, killer in MUTANTS.values()}) >= 14
