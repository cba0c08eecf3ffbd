"""A rule's step as one compiled function of flat buffers, made from the same text as the plain step.

The text is traced once on small tensors.  What depends on the hyper-parameters and the step number alone (such as
``1 - beta1**t``) is split off and computed once a step, in float64; left inside, it would be computed for every
coordinate.  The rest is compiled, and the numbers go in as one small tensor, so that a schedule compiles nothing again.
"""

import functools
import importlib.util

import torch
from torch import fx
from torch.fx.experimental.proxy_tensor import make_fx

from ._step import advance, keeps_point, work_dtype


def missing(device):
    """Why nothing can be compiled for this device, as a phrase; None where it can."""
    if device.type == "cpu":
        from torch._inductor import cpp_builder, exc

        try:
            cpp_builder.get_cpp_compiler()
        except (exc.InvalidCxxCompiler, OSError, RuntimeError):
            return "no C++ compiler was found (on Debian and Ubuntu: apt install g++)"
        return None
    if device.type == "cuda":
        return None if importlib.util.find_spec("triton") else "triton is not installed"
    return f"nothing is compiled for {device.type}"


class Program:
    """The compiled step: ``program(shown, theta, grad, slots, values, t, before)``, in place, as ``advance`` does it.

    ``values``: a float or a 0-D tensor for each name of ``way.numbers``; ``before``: the same for the rule's hyper-parameters
    when the parameters were last written, or None.
    """

    def __init__(self, way, dtype, device):
        self.names, self.dtype = way.numbers, work_dtype(dtype)
        self.apart = keeps_point(way.rule, dtype)
        self.earlier = list(way.rule.hyper) if way.rule.look_fn else []
        traced, arrays = _trace(way, dtype, device)
        self.prologue, body = _split(traced, arrays)
        # a kernel made for a small model serves, and is kept on disk for, large ones: its threads are asked for when it runs
        self.body = torch.compile(body, fullgraph=True, dynamic=True, options={"cpp.dynamic_threads": True})
        self._last = (None, None)  # what the numbers were last made from, and they

    def __call__(self, shown, theta, grad, slots, values, t, before=None):
        given = [values[name] for name in self.names]
        if self.earlier:
            given += [(before or values)[name] for name in self.earlier] + [float(before is not None)]
        self.body(*([shown] if self.apart else []), theta, grad, *slots, self._numbers([*given, t], theta.device))

    def _numbers(self, given, device):
        """The numbers that arrays meet, on their device; those of one buffer serve the next."""
        home = next((value.device for value in given if isinstance(value, torch.Tensor)), None)
        if home is None and self._last[0] == (given, device):
            return self._last[1]
        if home is None:
            values = torch.tensor(given, dtype=torch.float64).unbind()
        else:
            values = [torch.as_tensor(value, dtype=torch.float64, device=home) for value in given]
        numbers = torch.stack([*self.prologue(*values), values[0].new_tensor(-0.0)]).to(device, self.dtype, non_blocking=True)
        if home is None:
            self._last = ((given, device), numbers)
        return numbers


program = functools.cache(Program)  # one for each way, dtype and kind of device, shared by all optimisers


def _trace(way, dtype, device):
    """``(graph, how many of its inputs are arrays)`` of one step; after the arrays comes a vector, then the numbers."""
    apart, count = keeps_point(way.rule, dtype), len(way.rule.slots)
    earlier = [*way.rule.hyper, "known"] if way.rule.look_fn else []
    # an accelerator's compiler may multiply and add in one rounding, so a look computed again can differ in its last digits
    slack = (4 if dtype == work_dtype(dtype) else 1) * torch.finfo(dtype).eps if earlier and device != "cpu" else 0.0

    def flat(*inputs):
        shown, inputs = (inputs[0], inputs[1:]) if apart else (inputs[0], inputs)
        theta, grad, *rest = inputs
        *numbers, t = rest[count + 1 :]
        values, before = numbers[: len(way.numbers)], numbers[len(way.numbers) :]
        before = dict(zip(earlier, before)) if earlier else None
        advance(way, shown, theta, grad, rest[:count], dict(zip(way.numbers, values)), t, before, slack)

    small = [torch.ones(4, dtype=work_dtype(dtype), device=device) for _ in range(1 + count)]
    low = [torch.ones(4, dtype=dtype, device=device) for _ in range(2)]
    arrays = [*low[:apart], small[0], low[1], *small[1:]]
    vector = torch.ones(4, dtype=work_dtype(dtype), device=device)  # not used yet: the graph without the numbers reads it
    numbers = [torch.tensor(0.5, dtype=torch.float64) for _ in (*way.numbers, *earlier, "t")]
    return make_fx(flat)(*arrays, vector, *numbers), len(arrays)


def _split(traced, arrays):
    """The traced step as two graph modules: numbers -> the few numbers that arrays meet; arrays and those -> in place."""
    nodes = list(traced.graph.nodes)
    inputs = [node for node in nodes if node.op not in ("call_function", "get_attr", "output")]
    alone = set(inputs[arrays + 1 :])
    for node in nodes:
        if node.op in ("call_function", "get_attr") and all(n in alone for n in node.all_input_nodes):
            alone.add(node)
    meet = [n for n in nodes if n in alone and any(user not in alone and user.op != "output" for user in n.users)]

    first, here = fx.Graph(), {}
    for node in nodes:
        if node in alone:
            here[node] = first.node_copy(node, here.__getitem__)
    first.output(tuple(_number(first, here[node], node) for node in meet))

    second = fx.Graph()
    there = {node: second.node_copy(node) for node in inputs[: arrays + 1]}
    entry = lambda i: second.call_function(torch.ops.aten.select.int, (there[inputs[arrays]], 0, i))
    for i, node in enumerate(meet):
        there[node] = entry(i)
        if _kind(node) == torch.bool:
            there[node] = second.call_function(torch.ops.aten.ne.Scalar, (there[node], 0))
    nothing = entry(len(meet))
    for node in nodes:
        if node in there or node in alone or node.op == "output":
            continue
        there[node] = second.node_copy(node, there.__getitem__)
        if node.target is torch.ops.aten.clone.default:
            # the compiler (2.13) drops the clone of a buffer that the step then overwrites; it cannot see that -0.0 adds nothing
            there[node].target, there[node].args = torch.ops.aten.add.Tensor, (*there[node].args, nothing)
    second.output(())
    return fx.GraphModule(traced, first), fx.GraphModule(traced, second)


def _kind(node):
    return node.meta["val"].dtype if "val" in node.meta else torch.float64


def _number(graph, copy, node):
    """A node's value as a 0-D float64 tensor."""
    return copy if _kind(node) == torch.float64 else graph.call_function(torch.ops.aten.to.dtype, (copy, torch.float64))
