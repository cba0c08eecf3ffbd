"""Flat buffers: a group's parameters, gradients and slots side by side, so that one compiled loop steps them all."""

import warnings
import weakref

import torch

from ._program import missing, program
from ._step import keeps_point, work_dtype

AUTO = 2**20  # numbers in a buffer from which "auto" compiles: below, compiling takes longer than most runs
ALIGN = 16  # each parameter starts at a multiple of it, which is what matrix products like


class Flat:
    """Parameters of one group, dtype, device and step count, moved into common buffers.

    ``shown`` holds the parameters, ``theta`` the points (``shown`` itself where the parameters are the points), ``grad``
    the gradients, ``slots`` the state.  Parameters, their state and their gradients become views, so that every other
    path works on them unchanged.
    """

    def __init__(self, way, params, states):
        p = params[0]
        self.rule, self.params, self.home = way.rule, params, (p.dtype, p.device)
        self.offsets, self.total = [], 0
        for q in params:
            self.offsets.append(self.total)
            self.total += -(-q.numel() // ALIGN) * ALIGN
        work = work_dtype(p.dtype)
        self.grad = torch.zeros(self.total, dtype=p.dtype, device=p.device)
        self.shown = self._gather(params, p.dtype)
        self.theta = self._gather([s["theta"] for s in states], work) if keeps_point(way.rule, p.dtype) else self.shown
        self.slots = [self._gather([s[name] for s in states], work) for name in way.rule.slots]
        self.views = self._views(self.grad)
        for q, view in zip(params, self._views(self.shown)):
            q.data = view
        for name, buffer in (
            *zip(way.rule.slots, self.slots),
            *([("theta", self.theta)] if self.theta is not self.shown else []),
        ):
            for state, view in zip(states, self._views(buffer)):
                state[name] = view
        self.places = [q.data_ptr() for q in params]
        adopt = _adopt(weakref.ref(self))
        self.hooks = [
            q.register_post_accumulate_grad_hook(adopt(k)) for k, q in enumerate(params) if q.requires_grad and q.is_leaf
        ]

    def _views(self, buffer):
        return [buffer.as_strided(q.size(), q.stride(), at) for q, at in zip(self.params, self.offsets)]

    def _gather(self, tensors, dtype):
        buffer = torch.zeros(self.total, dtype=dtype, device=self.home[1])
        for view, tensor in zip(self._views(buffer), tensors):
            view.copy_(tensor.detach())
        return buffer

    def release(self):
        for hook in self.hooks:
            hook.remove()

    def stands(self, way, present, states):
        """Whether this step can be taken here: same rule, every gradient there, nothing moved, one step count."""
        return (
            way.rule is self.rule
            and all(p in present and p.data_ptr() == place for p, place in zip(self.params, self.places))
            and (not way.rule.uses_t or len({states[p].get("step", 0) for p in self.params}) == 1)
        )

    def step(self, optimizer, way, values):
        for p, view in zip(self.params, self.views):
            state = optimizer._state_of(p, way)
            state["step"] += 1
            if p.grad is not view:
                view.copy_(p.grad)
        program(way, self.home[0], self.home[1].type)(self.shown, self.theta, self.grad, self.slots, values, state["step"])
        torch.autograd.graph.increment_version(self.params)  # as if each had been written by itself
        if self.theta is not self.shown:
            for p in self.params:
                optimizer._written[p] = (p._version, values)


def _adopt(flat):
    """The hook of the k-th parameter: a fresh gradient moves into the buffer while it is still in the cache."""

    def of(k):
        @torch.no_grad()
        def hook(p):
            here = flat()
            if here is None or p.grad is here.views[k] or p.grad.layout != torch.strided or p.grad.grad_fn is not None:
                return
            here.views[k].copy_(p.grad)
            p.grad = here.views[k]

        return hook

    return of


class Flats:
    """The flat buffers of one optimiser, cut at the first step and anew when the parameters or their counts part.

    ``wanted``: True, False or "auto".  What does not fit into a buffer (a matrix rule's parameters, gradients that are
    not there this time) is left to the plain path, which works on the same tensors.
    """

    def __init__(self, wanted):
        self.wanted, self._refused = wanted, None
        self.forget()

    def __getstate__(self):
        return {"wanted": self.wanted}

    def __setstate__(self, state):
        self.__init__(state["wanted"])

    def forget(self):
        """Drop every buffer; parameters and state keep their values."""
        for flats in getattr(self, "_cut", {}).values():
            for flat in flats:
                flat.release()
        self._cut, self._clock, self._reason = {}, {}, None

    @property
    def engine(self):
        if not self.wanted:
            return "plain"
        if any(self._cut.values()):
            return "compiled"
        return f"plain: {self._refused or self._reason or 'no step was taken yet'}"

    def step(self, optimizer, index, way, values, members):
        """Step what lies in buffers; return the parameters that are left to the plain path."""
        if not self.wanted or self._refused or not members:
            return members
        present, states = set(members), optimizer.state
        standing = [flat for flat in self._cut.get(index, []) if flat.stands(way, present, states)]
        covered = {p for flat in standing for p in flat.params}
        if len(covered) < len(present) and self._due(index):
            left = [p for p in members if self._fits(way, p)]
            if any(p not in covered for p in left):
                standing = self._recut(optimizer, index, way, left)
                covered = {p for flat in standing for p in flat.params}
        for flat in standing:
            try:
                flat.step(optimizer, way, values)
            except (torch._dynamo.exc.TorchDynamoException, torch._inductor.exc.InductorError) as error:
                self._refuse(f"compiling failed: {str(error).splitlines()[0]}")
                return self._again(optimizer, flat, members, standing)
        return [p for p in members if p not in covered]

    def _again(self, optimizer, failed, members, standing):
        """After a failed compilation, which moved nothing: what this buffer and the later ones hold goes the plain way."""
        for p in failed.params:
            optimizer.state[p]["step"] -= 1
        done = {p for flat in standing[: standing.index(failed)] for p in flat.params}
        return [p for p in members if p not in done]

    def _due(self, index):
        """Whether buffers may be cut now: at the first step and then after ever longer times, since cutting copies all."""
        count, following = self._clock.get(index, (0, 0))
        self._clock[index] = (count + 1, 2 * count + 1 if count >= following else following)
        return count >= following

    def _fits(self, way, p):
        plain = type(p) in (torch.Tensor, torch.nn.Parameter) and p.numel() and torch.ops.aten.is_non_overlapping_and_dense(p)
        return plain and not way.rule.matrix

    def _recut(self, optimizer, index, way, members):
        """Gather the parameters by device, dtype and step count; the buffers that are worth compiling."""
        parts = {}
        for p in members:
            state = optimizer._state_of(p, way)
            parts.setdefault((p.device, p.dtype, state["step"] if way.rule.uses_t else 0), []).append(p)
        for flat in self._cut.get(index, []):
            flat.release()
        self._cut[index] = []
        for (device, _, _), params in parts.items():
            reason = missing(device)
            if reason:
                self._refuse(reason)
                return []
            if self.wanted == "auto" and sum(p.numel() for p in params) < AUTO:
                self._reason = f"fewer than {AUTO} numbers, which compiling is not worth"
            else:
                self._cut[index].append(Flat(way, params, [optimizer.state[p] for p in params]))
        return self._cut[index]

    def _refuse(self, reason):
        """Nothing is compiled from here on."""
        if self.wanted is True:
            warnings.warn(f"compiled=True, but {reason}; the plain path runs instead.", stacklevel=6)
        self.forget()
        self._refused = reason
