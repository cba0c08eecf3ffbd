"""The optimiser broken on purpose, one line at a time: the property named beside each mutant must notice it."""

import ast
import functools
import importlib.util
import itertools
import shutil
import sys
from pathlib import Path

import pytest
from optim_properties import PROPERTIES
from syntax import python_mutant

SOURCE = Path(__file__).resolve().parent.parent / "momentum_lib" / "optim"
NUMBER = itertools.count()

MUTANTS = {  # what is wrong -> where, the right text, the wrong text, the property that kills it
    "does not climb":
        ("_step", "grad = -grad", "grad = +grad",
         "agrees_with_torch"),
    "climbs by changing the gradient":
        ("_step", "grad = -grad", "grad = grad.neg_()",
         "leaves_gradients_alone"),
    "decays without the rate":
        ("_step", 'values["lr"] * values["weight_decay"]', 'values["weight_decay"]',
         "agrees_with_torch"),
    "decays after the step's point":
        ("_step",
         'if way.decay == "coupled":\n'
         '    grad = grad + values["weight_decay"] * (shown.to(theta.dtype) if way.rule.look_fn else point)\n'
         'elif way.decay == "decoupled":\n'
         '    point = point * (1 - values["lr"] * values["weight_decay"])',
         'if way.decay == "coupled":\n'
         '    grad = grad + values["weight_decay"] * (shown.to(theta.dtype) if way.rule.look_fn else point)\n'
         'elif way.decay == "decoupled":\n'
         '    grad = grad * (1 - values["lr"] * values["weight_decay"])',
         "agrees_with_torch"),
    "squares before it scales":
        ("_order.visit_BinOp", "name and not self._is_array(number)", "False",
         "goes_on_after_a_huge_gradient_as_torch_does"),
    "divides before it takes the root":
        ("_order.visit_Call", "not self._quotient(inside)", "True",
         "goes_on_after_a_huge_gradient_as_torch_does"),
    "penalty with the wrong sign":
        ("_step",
         'grad + values["weight_decay"] * (shown.to(theta.dtype) if way.rule.look_fn else point)',
         'grad - values["weight_decay"] * (shown.to(theta.dtype) if way.rule.look_fn else point)',
         "agrees_with_torch"),
    "slots that overwrite each other":
        ("_step.advance", "value.clone()", "value",
         "serves_a_rule_of_your_own"),
    "never looks ahead":
        ("_step.advance", "way.rule.look(theta, *slots, **way.hyper(values))", "theta",
         "looks_steps_and_reports_as_descend"),
    "starts every slot at zero":
        ("_step", "how == 0", "True",
         "looks_steps_and_reports_as_descend"),
    "keeps a low-precision state":
        ("_step", "torch.float32 if dtype in LOW else dtype", "dtype",
         "computes_low_precision_in_float32"),
    "steps from the rounded point":
        ("_step",
         "rule.look_fn is not None or rule.read_fn is not None or dtype in LOW",
         "rule.look_fn is not None or rule.read_fn is not None",
         "computes_low_precision_in_float32"),
    "takes a zero gradient for none":
        ("optimizer", "p.grad is not None", "p.grad is not None and p.grad.any()",
         "none_is_skipped_and_zero_steps"),
    "one count for all":
        ("optimizer",
         "state = self._state_of(p, way)\nstate[\"step\"] += 1",
         ("state = self._state_of(p, way)\n"
          'state["step"] = max(state["step"] + 1, *(other["step"] for other in self.state.values()))'),
         "none_now_and_then_agrees_with_torch"),
    "counts from two":
        ("optimizer",
         'plain.move(shown, theta, p.grad, slots, state["step"], self._hyper.get(p))',
         'plain.move(shown, theta, p.grad, slots, state["step"] + 1, self._hyper.get(p))',
         "agrees_with_torch"),
    "never sees a changed rate":
        ("optimizer", "seen and all(a is b and not isinstance(a, torch.Tensor) for a, b in zip(seen[0], now))", "seen",
         "agrees_with_torch"),
    "groups inherit nothing":
        ("optimizer",
         "{name: value for name, value in self._given.items() if name in options}",
         "{name: value for name, value in {}.items()}",
         "groups_have_their_own_options"),
    "groups keep other rules' names":
        ("optimizer", "del group[name]", "pass",
         "groups_have_their_own_options"),
    "closure without gradients":
        ("optimizer", "torch.enable_grad", "torch.no_grad",
         "calls_its_closure"),
    "steps at the reported point":
        ("optimizer.step", "self._reported", "False",
         "looks_steps_and_reports_as_descend"),
    "an inner report ends the outer":
        ("optimizer.reported", "not before", "True",
         "looks_steps_and_reports_as_descend"),
    "reports the look":
        ("optimizer", "way.rule.read if reported else way.rule.look", "way.rule.look",
         "looks_steps_and_reports_as_descend"),
    "overrules who writes the parameters":
        ("_step", "point = theta if shown is theta else followed(way, shown, theta, slots, before, slack)", "point = theta",
         "follows_who_writes_the_parameters"),
    "overrules who writes before a report":
        ("optimizer._follow", "wrote == p", "wrote == wrote", "follows_who_writes_through_data"),
    "forgets the digits of what nobody wrote":
        ("_step.followed", "torch.where(same, theta, shown.to(theta.dtype))",
         "theta if same.all() else shown.to(theta.dtype)",
         "follows_who_writes_through_data"),
    "looks back by the new rate":
        ("_step.followed", "way.rule.look(theta, *slots, **way.hyper(before))", "way.rule.look(theta, *slots, **way.hyper({**before, 'lr': 0.01}))",
         "looks_steps_and_reports_as_descend"),
    "takes the reported point for the one to look from":
        ("optimizer._check_arrivals", 'holds == "other"', "False",
         "tells_which_of_two_points_was_saved"),
    "follows the reported point when it goes back":
        ("optimizer._follow", 'holds != "exact" or (needed and hyper is None)', "needed and hyper is None",
         "tells_which_of_two_points_was_saved"),
    "momentum under torch's name is lost":
        ("_group.__setitem__", "super().__setitem__(own[0], value)", "super().__setitem__('momentum', value)",
         "cycles_momentum_as_torch_does"),
    "traced into a graph":
        ("optimizer.outside_graphs", "torch._disable_dynamo(torch.no_grad()(method))", "torch.no_grad()(method)",
         "is_left_out_of_a_compiled_graph"),
    "a copy forgets its options":
        ("optimizer",
         '("_rules", "_guard", "_flats", "_products", "_reported", "_main", "_given", "_loaded", "_hyper", "_read")',
         '("_rules", "_guard", "_flats", "_products", "_main", "_given", "_loaded", "_hyper", "_read")',
         "copies_and_pickles"),
    "a refused group stays":
        ("optimizer", "self.param_groups.pop()", "None",
         "refuses_what_it_cannot_move"),
    "lets infinities pass":
        ("_guard", "norms.isfinite().all()", "not norms.isnan().any()",
         "guards_against_non_finite_gradients"),
    "a row that never ends":
        ("_guard", "self.in_a_row = 0", "pass",
         "guards_against_non_finite_gradients"),
    "stops one step late":
        ("_guard", "self.in_a_row >= self.limit", "self.in_a_row > self.limit",
         "guards_against_non_finite_gradients"),
    "forgets what it skipped":
        ("_guard", 'counts.get("skipped", 0)', "0",
         "guards_against_non_finite_gradients"),
    "loads into the parameter's dtype":
        ("_state._entry", "work_dtype(p.dtype)", "p.dtype",
         "loads_across_dtypes"),
    "loads any shape":
        ("_state", "tuple(value.shape) != wanted", "False",
         "refuses_a_foreign_state"),
    "loads slots of the point's shape only":
        ("_state", "slot_shape(how, p.shape)", "tuple(p.shape)",
         "keeps_slots_as_wide_as_a_side"),
    "starts a square in the point's shape":
        ("_step", "how in SIDES", "False",
         "keeps_slots_as_wide_as_a_side"),
    "loads another rule's state":
        ("_state", 'saved["rule"] != own["rule"]', "False",
         "refuses_a_foreign_state"),
    "loads bad hyper-parameters":
        ("_state", "check_options(rule, complete, here)", "None",
         "refuses_a_foreign_state"),
    "reads a sparse gradient":
        ("optimizer", "check_gradient(p, where_from(group, index, k))", "None",
         "refuses_what_it_cannot_move"),
    "accepts a NaN rate":
        ("_checks",
         "not math.isfinite(number) or (quantity and not quantity.accepts(number))",
         "quantity and not quantity.accepts(number)",
         "refuses_bad_options"),
    "accepts other rules' names":
        ("_checks.check_names", "name not in own", "False",
         "refuses_bad_options"),
    "does not climb in place":
        ("_inplace.step_of", '"-grad"', '"grad"', "agrees_with_torch"),
    "decays in place without the rate":
        ("_inplace.step_of", '"(1 - lr * weight_decay) * theta"', '"(1 - weight_decay) * theta"', "agrees_with_torch"),
    "penalty in place with the wrong sign":
        ("_inplace.step_of", "f\"grad + weight_decay * {'shown' if rule.look_fn else 'theta'}\"",
         "f\"grad - weight_decay * {'shown' if rule.look_fn else 'theta'}\"", "agrees_with_torch"),
    "writes over what is still read":
        ("_inplace.holds", "self.until.get(value, -1) > step", "False", "agrees_with_torch"),
    "takes away what it should add":
        ("_inplace.joined", "'-' if op.name == 'sub' else ''", "''", "agrees_with_torch"),
    "a mean with its ends exchanged":
        ("_inplace._mean", "[x.args[0], y.args[0]]", "[y.args[0], x.args[0]]", "agrees_with_torch"),
    "keeps the numbers of the first step":
        ("_plain.numbers", "(t, *sides.values())", "(1, *sides.values())", "none_now_and_then_agrees_with_torch"),
    "overrules in place who writes the parameters":
        ("_plain._block", "self._follow(shown, theta, slots, before)", "None", "follows_who_writes_the_parameters"),
    "never looks ahead in place":
        ("_plain._block", "self._look(shown, theta, slots, self._look_numbers(self.values))", "shown.copy_(theta)",
         "looks_steps_and_reports_as_descend"),
    "shows another rounding than it writes":
        ("optimizer._point", "way.rule.look_fn and not reported and not self._flats.wanted", "False",
         "looks_steps_and_reports_as_descend"),
    "moves a vector by a matrix rule":
        ("_checks", "p.ndim != 2", "False",
         "refuses_what_it_cannot_move"),
}  # fmt: skip
COMPILED = {
    "forgets gradients that are not views":
        ("_flat", "self.outside(buffer)", "[]",
         "agrees_with_torch"),
    "one count for a buffer":
        ("_flat", "None in steps or (way.rule.uses_t and len(steps) > 1)", "None in steps",
         "none_now_and_then_agrees_with_torch"),
    "computes with old numbers":
        ("_program",
         "given = [values[name] for name in self.names]",
         'given = self.__dict__.setdefault("old", [values[name] for name in self.names])',
         "agrees_with_torch"),
    "steps where no gradient came":
        ("_flat", "not all(p in present for p in self.params)", "False",
         "trains_by_backward"),
    "moves what others look at":
        ("_flat.movable", "own and torch._C._storage_Use_Count(storage._cdata) == ALONE - 1 + known[storage._cdata]", "True",
         "keeps_what_a_person_holds"),
    "lends again what is held":
        ("_flat", "last is None and uses(buffer) == ALONE + len(self.lent)", "True",
         "keeps_what_a_person_holds"),
    "lends again what a window shows":
        ("_flat", "last is None and uses(buffer) == ALONE + len(self.lent)", "last is None",
         "keeps_what_a_person_holds"),
    "takes the gradient from a hook that cleared it":
        ("_flat", "not self.open or grad is None or grad.layout != torch.strided or grad.grad_fn is not None",
         "not self.open or grad.layout != torch.strided or grad.grad_fn is not None",
         "steps_inside_the_backward_pass"),
    "never looks where a slot lies":
        ("_flat.lie",
         "tensor.data_ptr() == begin + at * size and tensor.stride() == p.stride() and tensor.dtype == buffer.dtype",
         "tensor.stride() == p.stride()",
         "follows_a_state_that_was_put_in_place"),
}  # fmt: skip


def mutated(folder, where, right, wrong):
    """The optimiser's class from a copy of the package with one place changed.

    What the rule's text does as it stands is seen where nothing runs in place.
    """
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / f"{where.partition('.')[0]}.py"
    path.write_text(ast.unparse(python_mutant(path.read_text("utf-8"), where, right, wrong)), "utf-8")
    name = f"momentum_lib.mutant{next(NUMBER)}"
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    if where.startswith(("_step", "_order")):
        inplace = sys.modules[f"{name}._inplace"]
        inplace.step_of = inplace.look_of = lambda *way: None
    return sys.modules[name].Optimizer


@pytest.mark.parametrize("name", [*MUTANTS, *COMPILED])
def test_the_named_property_kills(name, tmp_path):
    """A broken optimiser that its property lets pass."""
    where, right, wrong, killer = (MUTANTS | COMPILED)[name]
    broken = mutated(tmp_path / "optim", where, right, wrong)
    with pytest.raises(BaseException) as found:  # pytest's own "did not raise" is no Exception
        PROPERTIES[killer](functools.partial(broken, compiled=name in COMPILED))
    assert not isinstance(found.value, (KeyboardInterrupt, SystemExit, ImportError, NameError, SyntaxError))


def test_there_are_enough_mutants():
    """A list that shrank: a mutant for most properties, and some of the compiled path."""
    assert len(MUTANTS) >= 30 and len(COMPILED) >= 4
    assert len({killer for *_, killer in MUTANTS.values()}) >= 14
