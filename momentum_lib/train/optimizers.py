"""The optimiser of a model, by the name of a rule."""

from .. import rules
from ..core import check_hyper, check_number
from ..optim import Optimizer, matrices_with_adamw
from . import parallel

BESIDE = {"adamw_lr": 0.003, "adamw_beta1": 0.9, "adamw_beta2": 0.95}  # of the parameters that a matrix rule leaves
DECAY = {"weight_decay": 0.0}  # unless a rule has its own
DEFAULTS = {"adamw": {"beta2": 0.95, "weight_decay": 0.0}}  # language models' beta2; no decay unless asked for


def complete(rule, lr, hyper):
    """(the rule's own hyper-parameters without lr, those of the AdamW beside a matrix rule), both complete.

    Raises ValueError for an unknown rule, TypeError or ValueError for a hyper-parameter that is not the rule's or out of range.
    """
    found = _rule(rule)
    beside = {name: hyper.get(name, value) for name, value in BESIDE.items()} if found.matrix else {}
    own = {name: value for name, value in hyper.items() if name not in beside}
    given = {**DEFAULTS.get(rule, {}), **own}
    if "lr" in given:
        raise ValueError("lr is an argument of its own; leave it out of the hyper-parameters.")
    full = check_hyper(found, {"lr": lr, **given}, unstable=None)
    for name, value in beside.items():
        _check_beside(name, value)
    return {name: value for name, value in full.items() if name != "lr"}, beside


def _check_beside(name, value):
    """Check a number of the AdamW beside a matrix rule, by the name that it has here."""
    try:
        check_number(name.removeprefix("adamw_"), value, unstable=None)
    except (TypeError, ValueError) as error:
        raise type(error)(f"adamw_{error}") from None


def _rule(name):
    try:
        return rules.get(name)
    except LookupError as error:
        raise ValueError(error.args[0]) from None


def whole(model, rule, lr, hyper, compiled=False, products="as given"):
    """The optimiser of one process: the rule for every parameter, or a matrix rule for the hidden ones and AdamW beside it.

    ``products``: as for :class:`momentum_lib.optim.Optimizer`.
    """
    own, beside = complete(rule, lr, hyper)
    if not beside:
        return Optimizer(model.named_parameters(), rule, lr=lr, compiled=compiled, products=products, **own)
    return matrices_with_adamw(model, rule, lr=lr, compiled=compiled, products=products, **DECAY | beside | own)


def make_optimizer(model, rule, lr, hyper, *, compiled=False, products="as given", shard="none", world=None):
    """The optimiser that moves a model by a rule of the library, its state divided among processes where asked.

    ``compiled``: as for :class:`momentum_lib.optim.Optimizer`; one process only, since several exchange gradients in
    buffers of their own.
    ``products``: likewise, for a matrix rule.
    ``hyper``: hyper-parameters by name, for a matrix rule also those of the AdamW beside it (``adamw_lr`` and so on).
    AdamW starts from beta2 = 0.95 and no weight decay here.  Raises as :func:`complete` does.
    """
    if shard == "zero" and (_rule(rule).look_fn or _rule(rule).read_fn):
        raise ValueError(
            f"{rule} measures its gradient, or reports its answer, away from its own point, which lies in one process's share of "
            f"the state; use --shard {'none' if _rule(rule).matrix else 'model, or none'}."
        )
    several = world is not None and world.many
    if several and shard == "model":
        return of_rows(model, rule, lr, hyper)
    optimizer = whole(model, rule, lr, hyper, False if several else compiled, products)
    if not several or shard == "none":
        return optimizer
    own, _ = complete(rule, lr, hyper)
    parts = [
        {name: value for name, value in group.items() if name not in ("param_names", "reasons")}
        for group in optimizer.param_groups
    ]
    return parallel.shard(lambda share: Optimizer(share, rule, lr=lr, products=products, **own), parts, world)


def of_rows(model, rule, lr, hyper):
    """The optimiser of a model whose rows are divided among the processes."""
    if _rule(rule).matrix:
        raise ValueError(
            f"{rule} needs whole matrices, of which --shard model leaves each process some rows; use --shard zero, which divides "
            "the optimiser's state by whole matrices."
        )
    own, _ = complete(rule, lr, hyper)
    return parallel.own_rows(lambda named: Optimizer(named, rule, lr=lr, **own), model)


def reported(optimizer):
    """The context in which the parameters hold the point that the rule reports; sharded or not."""
    return getattr(optimizer, "optim", optimizer).reported()


def state_bytes(optimizer):
    """How many bytes the optimiser keeps beside the parameters."""
    tensors = [value for state in optimizer.state.values() for value in state.values() if hasattr(value, "element_size")]
    return sum(value.numel() * value.element_size() for value in tensors)
