"""The state of a parameter: made, saved, and taken over from a file with every part of it checked."""

from collections import defaultdict
from copy import deepcopy

import torch

from ..core import SIDES, slot_shape
from ..ranges import told
from ._checks import check_options, plain_number, where_from
from ._step import keeps_point, start, work_dtype


def point(p):
    """The point behind a parameter, in the working dtype, a tensor of its own."""
    return p.detach().to(work_dtype(p.dtype), copy=True)


def fresh(rule, p):
    """The state before the first step."""
    apart = keeps_point(rule, p.dtype)
    theta = point(p) if apart else p.detach()
    state = {"step": 0, **dict(zip(rule.slots, start(rule, theta), strict=True))}
    return {**state, "theta": theta} if apart else state


def arrival(p, expected, other):
    """Which point a parameter holds that was loaded apart from its state.

    "exact": the expected one, or one that somebody else wrote; "rounded": the expected one, in other digits than it was
    saved in; "other": the other point of the rule.
    """
    right, wrong = (p == point.to(p.dtype) for point in (expected, other))
    if not right.all() and (right | wrong).all():
        return "other"
    if 2 * int(right.sum()) >= p.numel():
        return "exact"
    far, near = ((p.to(point.dtype) - point).abs().max() for point in (expected, other))
    if 2 * int(wrong.sum()) >= p.numel() or (close(p, other) and 4 * near < far):
        return "other"
    return "rounded" if close(p, expected) else "exact"


def close(p, point):
    """Whether every coordinate is the point's up to the rounding of a way through sixteen bits."""
    point, p = point.detach(), p.to(point.dtype)
    slack = 2**-7 * point.abs() + 16 * torch.finfo(point.dtype).eps * point.abs().max()
    return bool(((p - point).abs() <= slack).all())


def loaded(optimizer, saved):
    """``(header, groups, state, hyper)`` of a saved state, fit for this optimiser; raises ValueError if it is not for it."""
    if not isinstance(saved, dict) or not {"state", "param_groups"} <= set(saved):
        keys = sorted(map(str, saved)) if isinstance(saved, dict) else type(saved).__name__
        raise ValueError(f"this is no optimiser's state: it needs 'state' and 'param_groups'; got {keys}.")
    if not isinstance(saved["param_groups"], (list, tuple)) or not isinstance(saved["state"], dict):
        kinds = [type(saved[name]).__name__ for name in ("param_groups", "state")]
        raise ValueError(f"the saved param_groups and state are {kinds}; allowed: a list and a dict. The file is damaged.")
    header = _header(saved.get("momentum_lib", {}))
    groups = [_group(optimizer, index, group) for index, group in enumerate(_same_number(optimizer, saved["param_groups"]))]
    state, ids = defaultdict(dict), {}
    for index, (group, old) in enumerate(zip(groups, saved["param_groups"], strict=True)):
        for k, number in enumerate(old["params"]):
            ids[number] = (group, index, k)
    for number, entry in saved["state"].items():
        if number not in ids:
            raise ValueError(f"the saved state has an entry {number!r} that belongs to no parameter; the file is damaged.")
        group, index, k = ids[number]
        p = group["params"][k]
        rule = optimizer._rules[group["rule"]]
        state[p] = _entry(rule, p, entry, where_from(group, index, k))
    hyper = {}
    for number, shown in header.get("hyper", {}).items():
        if number in ids:  # one that is not belongs to no state either
            group, index, k = ids[number]
            hyper[group["params"][k]] = _hyper(optimizer._rules[group["rule"]], shown, where_from(group, index, k))
    return header, groups, state, hyper


def _header(saved):
    """What the optimiser itself counts and knows, checked."""
    if not isinstance(saved, dict) or not isinstance(saved.get("hyper", {}), dict):
        raise ValueError(
            f"the saved momentum_lib is {told(saved)}; allowed: what state_dict() writes there. The file is damaged."
        )
    for name in ("skipped", "skipped_in_a_row"):
        count = saved.get(name, 0)
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"the saved {name} is {told(count)}; allowed: a whole number >= 0. The file is damaged.")
    if not isinstance(saved.get("reported", False), bool):
        raise ValueError(f"the saved reported is {told(saved['reported'])}; allowed: True or False. The file is damaged.")
    return saved


def _same_number(optimizer, groups):
    if len(groups) != len(optimizer.param_groups):
        raise ValueError(
            f"the saved state has {len(groups)} parameter group(s), this optimiser {len(optimizer.param_groups)}; "
            "it contains a different number of parameter groups. Build the optimiser as it was when it was saved."
        )
    return groups


def _group(optimizer, index, saved):
    """One saved group with this optimiser's parameters in it."""
    own = optimizer.param_groups[index]
    here = f"group {index}: "
    if not isinstance(saved, dict) or not isinstance(saved.get("params"), (list, tuple)):
        raise ValueError(f"{here}the saved group is {told(saved)}; allowed: a dict whose params are a list. The file is damaged.")
    if "rule" not in saved:
        raise ValueError(f"{here}the saved state names no rule, so another optimiser wrote it. Load it with that one.")
    if saved["rule"] != own["rule"]:
        raise ValueError(
            f"{here}saved with the rule {saved['rule']!r}, but this optimiser has {own['rule']!r}. Build it with the saved rule."
        )
    if len(saved["params"]) != len(own["params"]):
        raise ValueError(
            f"{here}the saved group has {len(saved['params'])} parameter(s), this optimiser's {len(own['params'])}. "
            "Build the optimiser on the same model."
        )
    rule = optimizer._rules[own["rule"]]
    try:
        complete = {name: saved[name] for name in optimizer._options(rule, {})}
        check_options(rule, complete, here)
    except KeyError as error:
        raise ValueError(f"{here}the saved state lacks {error}; another version, or another optimiser, wrote it.") from None
    except TypeError as error:
        raise ValueError(str(error)) from None
    names = {name: own[name] for name in ("param_names", "reasons") if name in own}
    return {**names, **deepcopy({name: value for name, value in saved.items() if name != "params"}), "params": own["params"]}


def _hyper(rule, saved, what):
    """The hyper-parameters by which a parameter was shown when it was saved."""
    if not isinstance(saved, dict) or set(saved) != set(rule.hyper):
        raise ValueError(f"{what}: the saved hyper is {told(saved)}; allowed: {sorted(rule.hyper)}, a number each.")
    try:
        return {name: plain_number(name, value) for name, value in saved.items()}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: the saved {error}") from None


def _entry(rule, p, saved, what):
    """One parameter's saved state, each tensor on its parameter's device, in its working dtype and layout."""
    names = {"step", *rule.slots}
    if not isinstance(saved, dict) or not names <= set(saved) <= names | {"theta"}:
        got = sorted(map(str, saved)) if isinstance(saved, dict) else type(saved).__name__
        raise ValueError(f"{what}: the saved state has {got}; {rule.name} keeps {sorted(names)}.")
    step = saved["step"]
    if isinstance(step, bool) or not isinstance(step, int) or step < 0:
        raise ValueError(f"{what}: the saved step is {told(step)}; allowed: a whole number >= 0.")
    out = {"step": step}
    for name in (*rule.slots, *(["theta"] if "theta" in saved and keeps_point(rule, p.dtype) else [])):
        value = saved[name]
        how = rule.slots.get(name, 0)
        wanted = slot_shape(how, p.shape)
        if not isinstance(value, torch.Tensor) or tuple(value.shape) != wanted or not value.is_floating_point():
            shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            square = f", and {name} with it {wanted}" if how in SIDES else ""
            raise ValueError(f"{what}: the saved {name} is {shape}; the parameter has shape {tuple(p.shape)}{square}.")
        like = p.detach().new_empty(wanted) if how in SIDES else p.detach()
        out[name] = torch.empty_like(like, dtype=work_dtype(p.dtype)).copy_(value)
    return out
