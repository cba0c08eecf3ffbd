"""Any rule of the library as a ``torch.optim.Optimizer``."""

import functools
from collections.abc import Iterable
from contextlib import contextmanager

import torch

from .. import rules as library
from ..core import Rule, nearest
from ..ops import products_in
from ..ranges import told
from . import _state
from ._checks import (
    OPTIONS,
    check_gradient,
    check_names,
    check_options,
    check_parameter,
    check_shape,
    check_state,
    plain_number,
    where_from,
)
from ._flat import Flats
from ._group import Group
from ._guard import Guard
from ._plain import Plain, look
from ._step import Way, keeps_point


def outside_graphs(method):
    """Decorator: no gradients are recorded, and ``torch.compile`` leaves the method out of its graph, as written below."""
    uncompiled = torch._disable_dynamo(torch.no_grad()(method))

    @functools.wraps(method)
    def call(*args, **kwargs):
        return uncompiled(*args, **kwargs)

    return call


class Optimizer(torch.optim.Optimizer):
    """A rule of the library, applied to a model's parameters as ``torch.optim`` applies its own.

    ``params``   tensors, (name, tensor) pairs or group dicts, as for any torch optimiser; real, dense, floating.
    ``rule``     a Rule or its name.  A group may name another: ``{"params": ..., "rule": "adamw", "lr": 3e-4}``.
    ``weight_decay``            0, or the rule's own default where it has one.
    ``decoupled_weight_decay``  True: every step first shrinks the parameters by the share ``lr * weight_decay``.
                                False: ``weight_decay`` times the parameters joins the gradient, and so the momentum.
    ``maximize``  climb instead of descend.
    ``guard``     None, or n: a step whose gradients hold a NaN or an infinity is skipped whole and counted in
                  ``skipped``; the n-th in a row raises FloatingPointError.
    ``compiled``  False: the rule runs as it stands, tensor by tensor.  True: it runs over flat buffers, compiled from
                  the same text.  "auto": compiled where that pays (see ``engine``).
    ``products``  "bfloat16": Muon multiplies its matrices in sixteen bits, as torch.optim.Muon does, in half the time where the
                  processor can and with an error of one to two hundredths of a step.  "as given": in the working dtype, which is
                  what the rule's text says, and all that the records on a CPU were made with.
    ``hyper``     the rule's hyper-parameters: numbers, or 1-element tensors.

    Every option but ``guard``, ``compiled`` and ``products`` may differ from group to group, and a scheduler, or you, may
    change any of them between steps.  Groups inherit what you pass here.  A group answers to torch's names, too: ``momentum``
    is the rule's own momentum, whatever it is called, and ``betas`` the pair (beta1, beta2); so OneCycleLR and CyclicLR cycle it.

    ``compiled=True`` gathers parameters and state into common buffers, where nobody else looks at their memory: what shares it
    (an earlier ``state_dict()``, a NumPy array, another process) keeps seeing every step, and such a tensor steps the plain
    way.  Gathered tensors share one storage, which torch saves whole: ``clone()`` a single one before you save it.

    On a CPU the plain way takes as long as torch's for-loop and needs no compiler, so it is the default; the compiled one takes
    as long and as much memory as torch's fused optimisers, after a first step of ten to thirty seconds.  A rule that looks ahead
    is compared with its parameters at every step, in case somebody wrote there: plain, Schedule-Free takes 1.6 times as long as
    its authors' package, compiled as long.  ``make bench`` measures all this.

    ``torch.compile`` of a step, or of a function with a step in it, leaves the step out of its graph, so ``fullgraph=True``
    fails there: a graph would keep the rates of the day when it was made.  ``compiled`` compiles the step itself, and a
    changed rate compiles nothing again.  A CUDA graph, which would keep them too, is refused.

    Parameters in float16 and bfloat16 are computed in float32: the state keeps the point with all its digits, and the
    parameter is its rounding.  A gradient is scaled before it is squared, as torch does it: one of 1e20 in float32 leaves no
    infinity in Adam's state.  A gradient is read and never changed.  A parameter whose gradient is None is left out of a
    step; one whose gradient is zero is not.

    A rule may measure its gradient ahead of its point, or report a third one.  While you train, the parameters hold the
    point where the rule looks; :meth:`reported` puts in the one that it reports, for evaluation and export.  The point
    looked from is written at the end of a step, with that step's hyper-parameters.  If a scheduler changes them after it
    and the change should count at once, call :meth:`train` after the scheduler; ``descend`` counts it so.

    Whoever changes a parameter between steps is right, also through ``.data``: the run goes on from what the parameter holds.
    Where the optimiser keeps the point itself (a rule that looks ahead, sixteen bits), it compares, coordinate by coordinate,
    so that what nobody touched keeps all its digits.  A rule that looks ahead takes a change of a few units in the last digit for
    rounding, but for the compiled one on a CPU.

    Raises TypeError and ValueError for what it refuses, before anything is changed; RuntimeError for a sparse or complex
    gradient, by the parameter's name.

    >>> import torch
    >>> from momentum_lib.optim import Optimizer
    >>> model = torch.nn.Linear(3, 1)
    >>> optimizer = Optimizer(model.named_parameters(), "heavy_ball", lr=0.1, beta=0.9)
    >>> loss = model(torch.ones(3)).square().sum()
    >>> loss.backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params,
        rule,
        *,
        weight_decay=None,
        decoupled_weight_decay=None,
        maximize=None,
        guard=None,
        compiled=False,
        products="as given",
        **hyper,
    ):
        with products_in(products):
            self._products = products
        if not (isinstance(compiled, bool) or isinstance(compiled, str) and compiled == "auto"):
            raise ValueError(f"compiled is {told(compiled)}; allowed: True, False or 'auto'.")
        if not isinstance(params, Iterable):
            raise TypeError(
                f"params is {told(params)}; allowed: several tensors, or groups of them, such as model.named_parameters()."
            )
        self._rules = {}
        self._guard = Guard(guard)
        self._flats = Flats(compiled)
        self._reported = False
        self._loaded = set()  # parameters whose state was loaded, until they are looked at
        self._hyper = {}  # parameter -> the hyper-parameters by which its point to look from was last written
        self._read = {}  # the same of its reported point
        self._last = (None, None)  # the numbers of a step, and what of them is kept
        self._checked = {}  # group index -> (the options' objects, the Way, the numbers)
        self._main = self._register(rule)
        for name in hyper:
            if name not in self._main.hyper:
                raise TypeError(f"{self._main.name}: " + nearest(name, [*self._main.hyper, *OPTIONS], "hyper-parameter"))
        outside = {"weight_decay": weight_decay, "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize}
        self._given = {**hyper, **{name: value for name, value in outside.items() if value is not None}}
        defaults = {"rule": self._main.name, **self._options(self._main, {})}
        check_options(self._main, defaults, "", complete=False)  # a rate may come with each group
        super().__init__(params, defaults)
        fading = next((group["momentum"] for group in self.param_groups if group.rule.momentum), None)
        if fading is not None:  # what torch's schedulers ask for before they cycle it
            self.defaults["momentum"] = fading

    # -- groups ----------------------------------------------------------------------------

    def _register(self, rule):
        """The Rule behind a name; one name means one rule throughout an optimiser."""
        if not isinstance(rule, (str, Rule)):
            raise TypeError(f"rule is {told(rule)}; allowed: a Rule, or the name of one of the library's.")
        found = self._rules.get(rule) if isinstance(rule, str) else None
        found = found or library.get(rule)
        if self._rules.setdefault(found.name, found) is not found:
            raise ValueError(f"two different rules are called {found.name!r} here; rename one of the functions.")
        if {"step", "theta"} & set(found.slots):
            raise ValueError(f"{found.name} calls a slot 'step' or 'theta', which the state keeps beside the slots; rename it.")
        return found

    def _options(self, rule, own):
        """The complete options of a group: the rule's defaults, what the constructor was given, the group's own."""
        options = {**OPTIONS, **rule.hyper}
        options |= {name: value for name, value in self._given.items() if name in options}
        return options | {name: value for name, value in own.items() if name in options}

    def add_param_group(self, param_group):
        """Add a group of parameters: a dict with ``params`` and the options that differ from the constructor's."""
        if not isinstance(param_group, dict):
            raise TypeError(f"a parameter group is a dict with 'params'; got {type(param_group).__name__}.")
        if not isinstance(param_group.get("params"), (torch.Tensor, Iterable)):
            given = (
                repr(param_group["params"]) if "params" in param_group else f"a group of {sorted(param_group)} without 'params'"
            )
            raise TypeError(f"got {given}; allowed: a dict whose 'params' are a tensor, or several in a list or an iterator.")
        index = len(getattr(self, "param_groups", []))
        rule = self._register(param_group.get("rule", self._main))
        here = f"group {index}: "
        check_names(rule, set(param_group) - {"params", "param_names", "rule"}, here)
        options = self._options(rule, param_group)
        check_options(rule, options, here)
        group = {**param_group, "rule": rule.name, **options}
        super().add_param_group(group)
        wanted = {"params", "param_names", *param_group, "rule", *options}
        for name in [name for name in group if name not in wanted]:
            del group[name]  # another rule's hyper-parameter, filled in from the defaults
        group = self.param_groups[-1] = Group(self._rules, group)
        try:
            for k, p in enumerate(group["params"]):
                check_parameter(rule, p, where_from(group, index, k))
        except Exception:
            self.param_groups.pop()
            raise

    def _way(self, index):
        """How group ``index`` steps now: the :class:`Way` and the numbers, checked whenever one of them changed."""
        group = self.param_groups[index]
        rule = self._register(group.get("rule"))
        now = [rule, *(group.get(name) for name in ("maximize", "decoupled_weight_decay", *rule.hyper, "weight_decay"))]
        seen = self._checked.get(index)
        if seen and all(a is b and not isinstance(a, torch.Tensor) for a, b in zip(seen[0], now)):
            return seen[1:]
        check_options(rule, group, f"group {index}: ")
        if seen and seen[0][0] is not rule:
            check_state(rule, [self.state[p] for p in group["params"] if self.state.get(p)], f"group {index}: ")
        values = {name: plain_number(name, group.get(name)) for name in (*rule.hyper, "weight_decay")}
        decay = "decoupled" if group["decoupled_weight_decay"] else "coupled"
        outside = "weight_decay" not in rule.hyper and (
            isinstance(values["weight_decay"], torch.Tensor) or values["weight_decay"]
        )
        way = Way(rule, decay if outside else None, group["maximize"])
        self._checked[index] = (now, way, values)
        return way, values

    # -- the step --------------------------------------------------------------------------

    @outside_graphs
    def step(self, closure=None):
        """One step for every parameter that has a gradient; returns what ``closure`` returned.

        ``closure`` clears the gradients, computes the loss and its gradients, and returns the loss.  Everything is
        checked before anything is changed.  With a ``guard`` the gradients are read once more, and on an accelerator
        that one answer is waited for; without one the step never waits.
        """
        if self._reported:
            raise RuntimeError(
                "the parameters hold the reported point, where no step is taken; leave reported(), or call train()."
            )
        if torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing():
            raise RuntimeError(
                "a CUDA graph is being captured, which would repeat this step's rate and step number for ever. "
                "Capture the forward and backward pass, and step outside."
            )
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        work = list(self._work())
        if self._loaded:
            self._check_arrivals(work)
        if self._guard.limit and not self._guard.passes([(p, what) for *_, members in work for p, what in members]):
            return loss
        for index, way, values, members in work:
            left = self._flats.step(self, index, way, values, [p for p, _ in members])
            with products_in(self._products):
                self._step_plain(left, way, values)
        return loss

    def _work(self):
        """For each group its index, Way, numbers and those of its parameters that have a gradient."""
        for index, group in enumerate(self.param_groups):
            way, values = self._way(index)
            members = {}  # a parameter listed twice steps once
            for k, p in enumerate(group["params"]):
                if p.grad is not None:
                    if p.grad.layout != torch.strided or p.grad.is_complex():
                        check_gradient(p, where_from(group, index, k))
                    if state := self.state.get(p):
                        check_shape(p, state, way.rule, (group, index, k))
                    members[p] = (group, index, k)
            yield index, way, values, list(members.items())

    def _step_plain(self, params, way, values):
        """These parameters' step, in place, where they lie."""
        plain, shared = Plain(way, values, join=not self._flats.wanted), []
        for p in params:
            state = self._state_of(p, way)
            state["step"] += 1
            shown = p.detach()
            theta = state.get("theta", shown)
            slots = [state[name] for name in way.rule.slots]
            if plain.together(shown, theta, p.grad):
                shared.append((theta, p.grad, slots, state["step"]))
            else:
                plain.move(shown, theta, p.grad, slots, state["step"], self._hyper.get(p))
            if way.rule.look_fn is not None:
                self._hyper[p] = self._kept(way, values)
        plain.move_together(shared)

    def _state_of(self, p, way):
        """The state of a parameter, made at its first step."""
        state = self.state[p]
        if not state:
            state.update(_state.fresh(way.rule, p))
            self._hyper.pop(p, None)
            self._read.pop(p, None)
        elif "theta" not in state and keeps_point(way.rule, p.dtype):
            state["theta"] = _state.point(p)
        return state

    def _kept(self, way, values):
        """The rule's hyper-parameters as they are now; one in a tensor that a schedule may change in place is copied."""
        if self._last[0] is not values or any(isinstance(value, torch.Tensor) for value in values.values()):
            now = {name: v.clone() if isinstance(v, torch.Tensor) else v for name, v in way.hyper(values).items()}
            self._last = (values, now)
        return self._last[1]

    # -- the two points ---------------------------------------------------------------------

    def _point(self, way, state, hyper, reported):
        """The point that a parameter shows: where the rule looks from, or what it reports."""
        slots = [state[name] for name in way.rule.slots]
        if way.rule.look_fn and not reported and not self._flats.wanted:
            return look(way.rule, state["theta"], slots, hyper)
        verb = way.rule.read if reported else way.rule.look
        return verb(state["theta"], *slots, **hyper)

    def _arrival(self, p, way, values):
        """What a parameter whose state was loaded holds, for a rule with two points: see :func:`_state.arrival`."""
        if "theta" not in self.state[p]:  # saved without a point: what the parameter holds is all that is known
            return "exact"
        kept = (self._hyper, self._read)
        points = [self._point(way, self.state[p], kept[k].get(p) or way.hyper(values), bool(k)) for k in (0, 1)]
        return _state.arrival(p.detach(), *(reversed(points) if self._reported else points))

    def _check_arrivals(self, work):
        """Before the first step after loading: the parameters must not hold the reported point."""
        for _, way, values, members in work:
            for p in self._loaded & {p for p, _ in members}:
                holds = self._arrival(p, way, values)
                if holds == "other":
                    raise RuntimeError(
                        f"the parameters hold the point that {way.rule.name} reports, and the optimiser was saved outside "
                        "reported(): call train() once both are loaded, before the next gradient. Save them alike."
                    )
                if holds == "rounded":
                    self._hyper.pop(p, None)
                self._loaded.discard(p)

    def _follow(self, p, state, way, values):
        """Where somebody else wrote into the parameter, go on from there."""
        holds = self._arrival(p, way, values) if p in self._loaded else "exact"
        self._loaded.discard(p)
        if "theta" not in state:
            state["theta"] = _state.point(p)
        hyper = (self._read if self._reported else self._hyper).get(p)
        needed = way.rule.read_fn if self._reported else way.rule.look_fn
        if holds != "exact" or (needed and hyper is None):
            return
        hyper = hyper or way.hyper(values)
        wrote = self._point(way, state, hyper, self._reported).to(p.dtype)
        state["theta"].copy_(torch.where(wrote == p, state["theta"], p.to(wrote.dtype)))

    def _show(self, reported):
        for index, group in enumerate(self.param_groups):
            way, values = self._way(index)
            if way.rule.look_fn is None and way.rule.read_fn is None:
                continue  # one point, always shown
            for p in dict.fromkeys(group["params"]):
                if self.state.get(p):
                    self._follow(p, self.state[p], way, values)
                    p.detach().copy_(self._point(way, self.state[p], way.hyper(values), reported))
                    (self._read if reported else self._hyper)[p] = self._kept(way, values)
        self._reported = reported

    @outside_graphs
    def eval(self):
        """Put the reported point into the parameters, for evaluation and export; :meth:`train` takes it out."""
        self._show(reported=True)

    @outside_graphs
    def train(self):
        """Put the point where the rule looks into the parameters, by the hyper-parameters as they are now."""
        self._show(reported=False)

    @contextmanager
    def reported(self):
        """``with optimizer.reported():`` the parameters hold the point that the rule reports."""
        before = self._reported
        self.eval()
        try:
            yield self
        finally:
            if not before:
                self.train()

    # -- the guard, the engine ----------------------------------------------------------------

    @property
    def skipped(self):
        """How many steps the guard has skipped so far."""
        return self._guard.skipped

    @property
    def engine(self):
        """What runs the steps, in words: "plain", "compiled", or "plain: " and the reason."""
        return self._flats.engine

    @outside_graphs
    def zero_grad(self, set_to_none=True):
        """Set every gradient to None, or to zero where ``set_to_none`` is False."""
        super().zero_grad(set_to_none)

    # -- saving and loading ---------------------------------------------------------------------

    @outside_graphs
    def state_dict(self):
        """Everything that a run needs to go on, as plain containers, numbers and tensors.

        Beside torch's ``state`` and ``param_groups`` it holds ``momentum_lib``: the guard's counts and whether the
        parameters hold the reported point; for rules that look ahead or report another point also ``hyper``, by which
        hyper-parameters each parameter was last looked from.  Each parameter's state has ``step``, the rule's slots by name, and
        ``theta`` where the parameter does not hold the point itself.  Save model and optimiser both inside :meth:`reported`, or
        both outside; where they differ, the first step after loading says so.
        """
        out = super().state_dict()
        out["momentum_lib"] = {**self._guard.counts(), "reported": self._reported}
        if self._hyper:
            pairs = zip(self.param_groups, out["param_groups"], strict=True)
            numbers = {p: number for own, saved in pairs for p, number in zip(own["params"], saved["params"], strict=True)}
            out["momentum_lib"]["hyper"] = {numbers[p]: dict(hyper) for p, hyper in self._hyper.items() if p in numbers}
        return out

    def load_state_dict(self, state_dict):
        """Take over a saved state; the parameters' own values are the model's to load, before or after.

        The state may come from another device or dtype: each tensor goes to its parameter's device and working dtype.
        Raises ValueError, and changes nothing, if it was saved by another optimiser, with other rules, groups or shapes.
        """
        state_dict = dict(state_dict) if isinstance(state_dict, dict) else state_dict
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            state_dict = hook(self, state_dict) or state_dict
        header, groups, state, self._hyper = _state.loaded(self, state_dict)
        self._guard.load(header)
        self._reported = bool(header.get("reported", False))
        self._checked, self._read = {}, {}
        self._flats.forget()
        self.__setstate__({"state": state, "param_groups": [Group(self._rules, group) for group in groups]})
        two = [rule.name for rule in self._rules.values() if rule.look_fn or rule.read_fn]
        self._loaded = {p for group in groups if group["rule"] in two for p in group["params"] if state.get(p)}
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self):
        """For pickle and deepcopy: all but what is rebuilt at the next step."""
        own = ("_rules", "_guard", "_flats", "_products", "_reported", "_main", "_given", "_loaded", "_hyper", "_read")
        return {**super().__getstate__(), **{name: self.__dict__[name] for name in own}, "_checked": {}, "_last": (None, None)}
