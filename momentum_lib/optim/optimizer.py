"""Any rule of the library as a ``torch.optim.Optimizer``."""

from contextlib import contextmanager

import torch

from .. import rules as library
from ..core import Rule, nearest
from . import _state
from ._checks import (
    OPTIONS,
    check_gradient,
    check_names,
    check_options,
    check_parameter,
    plain_number,
    where_from,
)
from ._flat import Flats
from ._guard import Guard
from ._step import Way, advance, keeps_point, pieces


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
    ``hyper``     the rule's hyper-parameters: numbers, or 1-element tensors.

    Every option but ``guard`` and ``compiled`` may differ from group to group, and a scheduler, or you, may change any of
    them between steps.  Groups inherit what you pass here.

    Parameters in float16 and bfloat16 are computed in float32: the state keeps the point with all its digits, and the
    parameter is its rounding.  A gradient is read and never changed.  A parameter whose gradient is None is left out of a
    step; one whose gradient is zero is not.

    A rule may measure its gradient ahead of its point, or report a third one.  While you train, the parameters hold the
    point where the rule looks; :meth:`reported` puts in the one that it reports, for evaluation and export.  The point
    looked from is written at the end of a step, with that step's hyper-parameters.  If a scheduler changes them after it
    and the change should count at once, call :meth:`train` after the scheduler; ``descend`` counts it so.

    Whoever changes a parameter between steps is right: the run goes on from what the parameter holds.

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
        **hyper,
    ):
        if compiled not in (True, False, "auto"):
            raise ValueError(f"compiled is {compiled!r}; allowed: True, False or 'auto'.")
        self._rules = {}
        self._guard = Guard(guard)
        self._flats = Flats(compiled)
        self._reported = False
        self._written = {}  # parameter -> (its version, the hyper-parameters) when the optimiser last wrote it
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

    # -- groups ----------------------------------------------------------------------------

    def _register(self, rule):
        """The Rule behind a name; one name means one rule throughout an optimiser."""
        found = self._rules.get(rule) if isinstance(rule, str) else None
        found = found or library.get(rule)
        if not isinstance(found, Rule):
            raise TypeError(f"rule is {rule!r}; allowed: a Rule, or the name of one of the library's.")
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
        try:
            for k, p in enumerate(group["params"]):
                check_parameter(rule, p, where_from(group, index, k))
        except Exception:
            self.param_groups.pop()
            raise

    def _way(self, index):
        """How group ``index`` steps now: the :class:`Way` and the numbers, checked whenever one of them changed."""
        group = self.param_groups[index]
        rule = self._register(group["rule"])
        now = [
            rule,
            group["maximize"],
            group["decoupled_weight_decay"],
            *(group[name] for name in rule.hyper),
            group["weight_decay"],
        ]
        seen = self._checked.get(index)
        if seen and all(a is b and not isinstance(a, torch.Tensor) for a, b in zip(seen[0], now)):
            return seen[1:]
        check_options(rule, group, f"group {index}: ")
        values = {name: plain_number(name, group[name]) for name in (*rule.hyper, "weight_decay")}
        decay = "decoupled" if group["decoupled_weight_decay"] else "coupled"
        outside = "weight_decay" not in rule.hyper and (
            isinstance(values["weight_decay"], torch.Tensor) or values["weight_decay"]
        )
        way = Way(rule, decay if outside else None, group["maximize"])
        self._checked[index] = (now, way, values)
        return way, values

    # -- the step --------------------------------------------------------------------------

    @torch.no_grad()
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
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        work = list(self._work())
        if self._guard.limit and not self._guard.passes([(p, what) for *_, members in work for p, what in members]):
            return loss
        for index, way, values, members in work:
            left = self._flats.step(self, index, way, values, [p for p, _ in members])
            for p in left:
                self._step_one(p, way, values)
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
                    members[p] = (group, index, k)
            yield index, way, values, list(members.items())

    def _step_one(self, p, way, values):
        """One parameter's step, in place."""
        state = self._state_of(p, way)
        state["step"] += 1
        shown = p.detach()
        theta = state.get("theta", shown)
        apart = theta is not shown
        for where, point, grad, *slots in pieces(way.rule, (shown, theta, p.grad, *(state[name] for name in way.rule.slots))):
            advance(way, where if apart else point, point, grad, slots, values, state["step"])
        if apart:
            self._written[p] = (p._version, values)

    def _state_of(self, p, way):
        """The state of a parameter, made at its first step and following what others wrote into the parameter."""
        state = self.state[p]
        if not state:
            state.update(_state.fresh(way.rule, p))
        elif keeps_point(way.rule, p.dtype):
            self._follow(p, state, way)
        return state

    # -- the two points ---------------------------------------------------------------------

    def _follow(self, p, state, way):
        """Where somebody else wrote into the parameter, go on from there."""
        version, values = self._written.get(p, (None, None))
        if "theta" not in state:
            state["theta"] = _state.point(p)
        if version == p._version or (values is None and (way.rule.look_fn or way.rule.read_fn)):
            return  # untouched, or just loaded together with its point
        wrote = self._point(way, state, values, self._reported)
        if not torch.equal(wrote.to(p.dtype), p.detach()):
            state["theta"].copy_(p.detach())

    @staticmethod
    def _point(way, state, values, reported):
        """The point that a parameter shows: where the rule looks from, or what it reports."""
        slots = [state[name] for name in way.rule.slots]
        verb = way.rule.read if reported else way.rule.look
        return verb(state["theta"], *slots, **(way.hyper(values) if values else {}))

    @torch.no_grad()
    def _show(self, reported):
        for index, group in enumerate(self.param_groups):
            way, values = self._way(index)
            if way.rule.look_fn is None and way.rule.read_fn is None:
                continue  # one point, always shown
            for p in dict.fromkeys(group["params"]):
                if p in self.state:
                    self._follow(p, self.state[p], way)
                    p.detach().copy_(self._point(way, self.state[p], values, reported))
                    self._written[p] = (p._version, values)
        self._reported = reported

    def eval(self):
        """Put the reported point into the parameters, for evaluation and export; :meth:`train` takes it out."""
        self._show(reported=True)

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

    def zero_grad(self, set_to_none=True):
        """Set every gradient to None, or to zero where ``set_to_none`` is False."""
        super().zero_grad(set_to_none)

    # -- saving and loading ---------------------------------------------------------------------

    def state_dict(self):
        """Everything that a run needs to go on, as plain containers, numbers and tensors.

        Beside torch's ``state`` and ``param_groups`` it holds ``momentum_lib``: the guard's counts and whether the
        parameters hold the reported point.  Each parameter's state has ``step``, the rule's slots by name, and
        ``theta`` where the parameter does not hold the point itself.
        """
        out = super().state_dict()
        out["momentum_lib"] = {**self._guard.counts(), "reported": self._reported}
        return out

    def load_state_dict(self, state_dict):
        """Take over a saved state; the parameters' own values are the model's to load, before or after.

        The state may come from another device or dtype: each tensor goes to its parameter's device and working dtype.
        Raises ValueError, and changes nothing, if it was saved by another optimiser, with other rules, groups or shapes.
        """
        state_dict = dict(state_dict) if isinstance(state_dict, dict) else state_dict
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            state_dict = hook(self, state_dict) or state_dict
        header, groups, state = _state.loaded(self, state_dict)
        self._guard.load(header)
        self._reported = bool(header.get("reported", False))
        self._written, self._checked = {}, {}
        self._flats.forget()
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self):
        """For pickle and deepcopy: all but what is rebuilt at the next step."""
        own = ("_rules", "_guard", "_flats", "_reported", "_main", "_given")
        return {**super().__getstate__(), **{name: self.__dict__[name] for name in own}, "_written": {}, "_checked": {}}
