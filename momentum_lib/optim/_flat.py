"""Flat buffers: a group's parameters, gradients and slots side by side, so that one compiled loop steps them all."""

import ctypes
import functools
import os
import sys
import warnings
import weakref
from collections import Counter

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from ._program import missing, program
from ._step import keeps_point, work_dtype

AUTO = 2**20  # numbers in a buffer from which "auto" compiles: below, compiling takes longer than most runs
ALIGN = 16  # each parameter starts at a multiple of it, which is what matrix products like
SHARES = 8  # parts in which a large group moves into buffers: one of them, no more, lies in memory twice meanwhile
PAGED = ("cpu",)  # devices where memory is taken page by page as it is filled, and fresh pages cost as much as a step


class Flat:
    """Parameters of one group, dtype, device and step count, moved into common buffers.

    ``shown`` holds the parameters, ``theta`` the points (``shown`` itself where the parameters are the points), ``slots`` the
    state.  Parameters and their state become views, so that every other path works on them unchanged; whoever moves one away
    again, or holds its old memory, is right (:func:`movable`, :meth:`stands`).  Gradients lie in ``grads``.  What lay elsewhere
    goes back to the system, one tensor after the other, so that cutting takes little more memory than there is.
    """

    def __init__(self, way, params, states):
        p = params[0]
        self.rule, self.params, self.home = way.rule, params, (p.dtype, p.device)
        self.offsets, self.total = [], 0
        for q in params:
            self.offsets.append(self.total)
            self.total += -(-q.numel() // ALIGN) * ALIGN
        work = work_dtype(p.dtype)
        ends = [at + q.numel() for at, q in zip(self.offsets, params)]
        gaps = [(end, begin) for end, begin in zip(ends, [*self.offsets[1:], self.total]) if end < begin]
        self.make = functools.partial(room, self.total, gaps, p.device)
        self.shown = self._gather(params, p.dtype)
        self.apart = keeps_point(way.rule, p.dtype)
        self.theta = self._gather([s["theta"] for s in states], work) if self.apart else self.shown
        self.slots = [self._gather([s[name] for s in states], work) for name in way.rule.slots]
        self.grads = Lending(params, self.offsets, self.make)
        for k, q in enumerate(relieved(params)):
            self.grads.adopt(k, q)

    def _gather(self, tensors, dtype):
        """One buffer with the tensors' values in it, of which they become views."""
        made = self.make(dtype)
        for tensor, at in zip(relieved(tensors), self.offsets):
            view = made.as_strided(tensor.size(), tensor.stride(), at)
            view.copy_(tensor.detach())
            tensor.data = view
        return made

    def release(self):
        """Give up the buffers; what lies in them stays where it is."""
        self.grads.close()
        self.shown = self.theta = self.grads = None
        self.slots = []

    def stands(self, optimizer, way, present):
        """Whether this step can be taken here: same rule, every gradient there, nothing moved, one step count."""
        if way.rule is not self.rule or not all(p in present for p in self.params):
            return False
        states = [optimizer.state[p] for p in self.params]
        steps = {state.get("step") for state in states}
        if None in steps or (way.rule.uses_t and len(steps) > 1):
            return False
        first, *others = (optimizer._hyper.get(p) for p in self.params)
        if any(hyper is not first and hyper != first for hyper in others):
            return False
        kept = [*zip(way.rule.slots, self.slots), *([("theta", self.theta)] if self.apart else [])]
        return lie(self.shown, self.offsets, self.params, self.params) and all(
            all(name in state for state in states) and lie(buffer, self.offsets, [state[name] for state in states], self.params)
            for name, buffer in kept
        )

    def step(self, optimizer, way, values):
        states = [optimizer.state[p] for p in self.params]
        for state in states:
            state["step"] += 1
        t, before = states[0]["step"], optimizer._hyper.get(self.params[0])
        run = program(way, self.home[0], self.home[1].type)
        run(self.shown, self.theta, self.grads.gather(), self.slots, values, t, before)
        torch.autograd.graph.increment_version(self.params)  # as if each had been written by itself
        if way.rule.look_fn is not None:
            optimizer._hyper |= dict.fromkeys(self.params, optimizer._kept(way, values))


def room(total, gaps, device, dtype):
    """Room for ``total`` numbers, with zeros between the parameters' places."""
    made = torch.empty(total, dtype=dtype, device=device)
    for end, begin in gaps:
        made[end:begin].zero_()
    return made


def relieved(tensors):
    """Each tensor in turn; after every share of them, glibc gives back what was freed, which it keeps between what is used."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    bound, done = sum(tensor.numel() for tensor in tensors) / SHARES, 0
    for tensor in tensors:
        yield tensor
        done += tensor.numel()
        if trim and done >= bound:
            trim(0)
            done = 0


def lie(buffer, offsets, tensors, params):
    """Whether each tensor still is its parameter's place in the buffer."""
    begin, size = buffer.data_ptr(), buffer.element_size()
    return all(
        tensor.data_ptr() == begin + at * size and tensor.stride() == p.stride() and tensor.dtype == buffer.dtype
        for at, tensor, p in zip(offsets, tensors, params)
    )


def shares(params):
    """The parameters in order, a list for each buffer: on a CPU one, else up to SHARES of about one size, no small ones."""
    if params[0].device.type in PAGED:
        yield params
        return
    bound, some = max(AUTO, sum(p.numel() for p in params) / SHARES), []
    for p in params:
        some.append(p)
        if sum(q.numel() for q in some) >= bound:
            yield some
            some = []
    if some:
        yield some


def index_of(value, among):
    """Where an equal value stands in a list; it is appended where none does (a dict with tensors cannot be a key)."""
    for k, other in enumerate(among):
        if value is other or value == other:
            return k
    among.append(value)
    return len(among) - 1


def uses(tensor):
    """How many hold the memory of a tensor: it, its views, arrays that show it, whoever holds the storage."""
    return torch._C._storage_Use_Count(tensor.untyped_storage()._cdata)


ALONE = uses(torch.zeros(1))  # what a tensor that nobody shares answers


def movable(tensors, known):
    """Whether no one but the ``known`` tensors (storage -> how many of them) looks at the memory of these."""

    def free(tensor):
        storage = tensor.untyped_storage()
        own = storage.resizable() and not (tensor.device.type == "cpu" and storage.is_shared())  # else NumPy's, a file's, shared
        return own and torch._C._storage_Use_Count(storage._cdata) == ALONE - 1 + known[storage._cdata]

    return all(map(free, tensors))


class Lending:
    """A buffer for the gradients of ``params``, lent to them: a fresh gradient moves in while it is still in the cache.

    On an accelerator the buffer is there as long as a gradient lies in it, so that ``zero_grad`` frees it for the next forward
    pass.  What is lent stays its holder's.  Where a gradient is held beyond its ``zero_grad``, the holder keeps the whole buffer,
    and from then on nothing is lent: gradients stay where autograd puts them and are copied at the step.  ``make`` makes a
    buffer of a dtype.
    """

    def __init__(self, params, offsets, make):
        self.params, self.offsets, self.make, self.dtype = params, offsets, make, params[0].dtype
        self.lent, self.last, self.open = weakref.WeakSet(), [None] * len(params), True
        self._buffer = self._memory = None  # references to the buffer, and to its memory a weak one
        self.refer = (lambda made: lambda: made) if params[0].device.type in PAGED else weakref.ref
        adopt = _adopt(weakref.ref(self))
        self.hooks = [
            q.register_post_accumulate_grad_hook(adopt(k)) for k, q in enumerate(params) if q.requires_grad and q.is_leaf
        ]

    def close(self):
        for hook in self.hooks:
            hook.remove()

    def buffer(self):
        """The buffer that gradients lie in; a new one where none does."""
        buffer = self._buffer and self._buffer()
        if buffer is None:
            buffer = self.make(self.dtype)
            self._buffer, self._memory = self.refer(buffer), StorageWeakRef(buffer.untyped_storage())
        return buffer

    def place(self, buffer, k):
        """The part of the buffer for the k-th gradient."""
        return buffer.as_strided(self.params[k].size(), self.params[k].stride(), self.offsets[k])

    def outside(self, buffer):
        """Which gradients lie elsewhere."""
        places = enumerate(zip(self.offsets, self.params))
        return [k for k, (at, p) in places if not lie(buffer, [at], [p.grad], [p])]

    def free(self, k):
        """Whether nobody holds what was lent to the k-th parameter, as far as one can tell."""
        buffer, last = self._buffer and self._buffer(), self.last[k] and self.last[k]()
        if buffer is None:
            return self._memory is None or self._memory.expired()
        return last is None and uses(buffer) == ALONE + len(self.lent)

    def adopt(self, k, p):
        """Let the k-th gradient move in, unless somebody else holds it or it lies here already."""
        grad = p.grad
        if not self.open or grad is None or grad.layout != torch.strided or grad.grad_fn is not None:
            return
        if grad.dtype != self.dtype or uses(grad) != ALONE:
            return
        del grad
        if sys.getrefcount(p.grad) != UNHELD:  # another hook took it
            return
        if not self.free(k):
            self.retire()
            return
        place = self.place(self.buffer(), k)
        place.copy_(p.grad)
        self.lent.add(place)
        self.last[k] = weakref.ref(place)
        p.grad = place

    def retire(self):
        """Leave the buffer to whoever holds a part of it, and lend no more."""
        self._buffer, self.open = None, False

    def gather(self):
        """The buffer with every gradient in it; one that lies elsewhere is copied."""
        buffer = self.buffer()
        outside = self.outside(buffer)
        if self.open and not all(map(self.free, outside)):
            self.retire()
            return self.gather()
        if outside:
            torch._foreach_copy_([self.place(buffer, k) for k in outside], [self.params[k].grad for k in outside])
        return buffer


def _unheld():
    """What sys.getrefcount says of a gradient that only its parameter holds."""
    p = torch.zeros(1, requires_grad=True)
    p.grad = torch.zeros(1)
    return sys.getrefcount(p.grad)


UNHELD = _unheld()


def _adopt(lending):
    """The hook of the k-th parameter."""

    def of(k):
        @torch._disable_dynamo
        @torch.no_grad()
        def hook(p):
            here = lending()
            if here is not None:
                here.adopt(k, p)

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
        present = set(members)
        standing = [flat for flat in self._cut.get(index, []) if flat.stands(optimizer, way, present)]
        covered = {p for flat in standing for p in flat.params}
        if len(covered) < len(present) and self._due(index):
            left = [p for p in members if p not in covered and self._fits(way, p)]
            if left:
                standing = self._recut(optimizer, index, way, standing, left)
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

    def _recut(self, optimizer, index, way, standing, left):
        """Keep the buffers that stand; gather the parameters left by device, dtype, step count and what they are shown by."""
        for flat in self._cut.get(index, []):
            if flat not in standing:
                flat.release()
        self._cut[index] = standing
        parts, shown_by = {}, []
        for p in left:
            state = optimizer.state.get(p, {})
            hyper = optimizer._hyper.get(p) if state else None
            key = (p.device, p.dtype, state.get("step", 0) if way.rule.uses_t else 0, index_of(hyper, shown_by))
            parts.setdefault(key, []).append(p)
        known = self._known(optimizer)
        for (device, *_), params in parts.items():
            reason = missing(device)
            if reason:
                self._refuse(reason)
                return []
            tensors = lambda p: [p, *(v for v in optimizer.state.get(p, {}).values() if isinstance(v, torch.Tensor))]
            free = [p for p in params if movable(tensors(p), known)]
            if not free:
                self._reason = (
                    "others look at the parameters' memory (a state_dict, an array, a process), so it stays where it is"
                )
            elif self.wanted == "auto" and sum(p.numel() for p in free) < AUTO:
                self._reason = f"fewer than {AUTO} numbers, which compiling is not worth"
            else:
                self._cut[index] += [Flat(way, some, [optimizer._state_of(p, way) for p in some]) for some in shares(free)]
        return self._cut[index]

    def _known(self, optimizer):
        """How many of the optimiser's own tensors, and of the buffers that stand, lie in each storage."""
        tensors = {id(p): p for group in optimizer.param_groups for p in group["params"]}
        for state in optimizer.state.values():
            tensors |= {id(v): v for v in state.values() if isinstance(v, torch.Tensor)}
        for flat in (flat for flats in self._cut.values() for flat in flats):
            tensors |= {id(buffer): buffer for buffer in (flat.shown, flat.theta, *flat.slots)}
        return Counter(tensor.untyped_storage()._cdata for tensor in tensors.values())

    def _refuse(self, reason):
        """Nothing is compiled from here on."""
        if self.wanted is True:
            warnings.warn(f"compiled=True, but {reason}; the plain path runs instead.", stacklevel=6)
        self.forget()
        self._refused = reason
