"""What an optimiser refuses, each with one line that says what was given, what is allowed and what to do."""

import math
from difflib import get_close_matches

import numpy as np
import torch

from ..core import SIDES, check_number, nearest
from ..notation import QUANTITIES
from ..ranges import told
from ..rules import RULES
from ._step import LOW

OPTIONS = {"weight_decay": 0.0, "decoupled_weight_decay": True, "maximize": False}
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
KNOWN = {"beta", "beta1", "beta2", "betas", "momentum", "dampening", "nesterov", "eps", "amsgrad", "alpha"}
for _rule in RULES.values():
    KNOWN |= set(_rule.hyper)


def where_from(group, index, k):
    """A parameter in words: its name, or its place and shape."""
    names = group.get("param_names")
    shape = tuple(group["params"][k].shape)
    return f"parameter {names[k]!r}" if names else f"parameter {k} of group {index} (shape {shape}, no name given)"


def check_shape(p, state, rule, place):
    """Refuse a parameter whose shape or dtype is no longer that of its state: ``p.data`` has got another tensor."""
    wide = torch.float32 if p.dtype in LOW else p.dtype  # in which its state is kept
    for name in ("theta", *(name for name, how in rule.slots.items() if how not in SIDES)):
        value = state.get(name)
        if isinstance(value, torch.Tensor) and value.dtype != wide:
            raise ValueError(
                f"{where_from(*place)} is {p.dtype} now, and its {name} is the {value.dtype} that belonged to it before. Build a "
                "new optimiser on the converted model, or take its entry out of optimizer.state."
            )
        if isinstance(value, torch.Tensor) and value.shape != p.shape:
            raise ValueError(
                f"{where_from(*place)} has the shape {tuple(p.shape)} now, and its {name} is of the shape "
                f"{tuple(value.shape)} that it had. Build a new optimiser, or take its entry out of optimizer.state."
            )


def plain_number(name, value):
    """A hyper-parameter as a step uses it: a float, or a 0-D tensor that lives on an accelerator.

    A tensor must have one element.  One on the CPU is read; one on an accelerator stays there, unread, because reading
    it would make the step wait.  Raises TypeError and ValueError as :func:`momentum_lib.core.check_number` does.
    """
    if type(value) is float and math.isfinite(value):
        number = value
    elif isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element; it has shape {tuple(value.shape)}. Give one number.")
        if value.device.type != "cpu":
            return value.detach().reshape(())
        number = float(value.detach())
    else:
        check_number(name, value, unstable=True)
        if getattr(value, "shape", ()) not in ((), (1,)) or isinstance(value, (list, tuple)):
            raise ValueError(f"{name} is {told(value)}; allowed: one number. For a schedule use torch.optim.lr_scheduler.")
        number = float(np.asarray(value).item())
    quantity = QUANTITIES.get(name)
    if not math.isfinite(number) or (quantity and not quantity.accepts(number)):
        check_number(name, number, unstable=None)  # which says what is allowed
    return number


def check_names(rule, names, where):
    """Refuse names that look like hyper-parameters and are none of this rule's."""
    own = [*rule.hyper, *OPTIONS]
    for name in names:
        if name not in own and (name in KNOWN or get_close_matches(name, own, n=1, cutoff=0.8)):
            raise TypeError(f"{where}{rule.name}: " + nearest(name, own, "hyper-parameter"))


def check_options(rule, options, where, complete=True):
    """Refuse a malformed or contradictory option of one group, and a missing one unless it need not be ``complete``."""
    missing = [name for name in rule.hyper if options.get(name) is None]
    if missing and complete:
        raise TypeError(f"{where}{rule.name} needs {', '.join(missing)}; give it, for example {missing[0]}=0.1.")
    for name in (*rule.hyper, "weight_decay"):
        if name in options and name not in missing:
            plain_number(name, options[name])
    for name in ("maximize", "decoupled_weight_decay"):
        if not isinstance(options.get(name), bool):
            raise TypeError(f"{where}{name} is {told(options.get(name))}; allowed: True or False.")
    if "weight_decay" in rule.hyper and not options["decoupled_weight_decay"]:
        raise ValueError(
            f"{where}{rule.name} decays the weights itself, beside its step; decoupled_weight_decay=False would decay them "
            "a second time, through the gradient. Leave it out, or take a rule without weight decay of its own."
        )
    if "lr" not in rule.hyper and options["decoupled_weight_decay"] and options.get("weight_decay"):
        raise ValueError(
            f"{where}decoupled weight decay shrinks the point by lr * weight_decay, and {rule.name} has no lr. "
            "Pass decoupled_weight_decay=False, or weight_decay=0."
        )


def check_parameter(rule, p, what):
    """Refuse a parameter that no rule, or not this rule, can move."""
    if p.layout != torch.strided:
        raise TypeError(f"{what} is sparse ({p.layout}); allowed: dense tensors. Convert it with to_dense().")
    if p.is_complex():
        raise TypeError(f"{what} is complex ({p.dtype}); allowed: real floating dtypes. Optimise torch.view_as_real of it.")
    if not p.is_floating_point():
        raise TypeError(f"{what} has dtype {p.dtype}; allowed: a floating dtype, since steps are fractions.")
    if p.dtype not in DTYPES:
        raise TypeError(f"{what} has dtype {p.dtype}, in which torch cannot compute; allowed: {', '.join(map(str, DTYPES))}.")
    if getattr(rule, "matrix", False) and p.ndim != 2:
        raise ValueError(
            f"{what} has shape {tuple(p.shape)}; {rule.name} moves matrices only, shape (rows, columns). Put it into a group "
            "with an elementwise rule, such as adamw; matrices_with_adamw sorts a whole model."
        )


def check_state(rule, states, where):
    """Refuse a rule that was put in another's place and would go on with a state that is not its own."""
    foreign = next((state for state in states if not set(rule.slots) <= set(state)), None)
    if foreign is not None:
        kept = ", ".join(name for name in foreign if name not in ("step", "theta")) or "nothing"
        raise ValueError(
            f"{where}the rule is now {rule.name}, which keeps {', '.join(rule.slots)}, and the state so far holds {kept}. "
            "Build a new optimiser on the same parameters, or begin anew with optimizer.state.clear()."
        )


def check_gradient(p, what):
    """Refuse a sparse or complex gradient."""
    if p.grad.layout != torch.strided:
        raise RuntimeError(
            f"{what} has a sparse gradient ({p.grad.layout}); allowed: dense ones. Build its layer with sparse=False, "
            "or give the parameter to torch.optim.SparseAdam."
        )
    if p.grad.is_complex():
        raise RuntimeError(f"{what} has a complex gradient ({p.grad.dtype}); allowed: real ones.")
