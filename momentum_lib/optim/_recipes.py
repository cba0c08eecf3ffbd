"""Optimisers for a whole model in one call."""

import warnings
from dataclasses import dataclass

import torch
from torch import nn

from .. import rules
from .optimizer import Optimizer

HIDDEN, OUTSIDE, VECTORS = "hidden", "embedding and head", "vectors"
READS_IN = ("wte", "wpe", "embed")  # how a word in a name begins that means an embedding: asked only where no module is given


@dataclass
class Place:
    """A parameter in its model: its name, the tensor, the modules on the way to it (outermost first), and if it repeats."""

    name: str
    p: torch.Tensor
    path: tuple = ()
    inside: bool = False

    @property
    def owner(self):
        return self.path[-1] if self.path else None

    @property
    def matrix(self):
        return self.p.ndim == 2 and min(self.p.shape) > 1


def muon_with_adamw(
    model,
    *,
    lr=0.02,
    adamw_lr=3e-4,
    beta=0.95,
    beta1=0.9,
    beta2=0.95,
    weight_decay=0.01,
    rms=0.0,
    nesterov=True,
    hidden=(),
    not_hidden=None,
    **options,
):
    """Muon for the hidden matrices of a model, AdamW for everything else, as one optimiser.

    ``model``       a module.  Its ``named_parameters()`` will do, but then the sorting is a guess from names and shapes.
    ``lr``          Muon's rate: 0.02 for steps of Muon's own size.  With ``rms=0.2`` its steps are as large as AdamW's, and
                    ``lr`` is then a rate of AdamW's kind.
    ``adamw_lr``    AdamW's rate.
    ``beta``        Muon's momentum; ``beta1``, ``beta2`` AdamW's.
    ``nesterov``    False: the rule ``muon_plain``, without the look-ahead, as torch.optim.Muon's option of that name.
    ``weight_decay``  decoupled, on matrices, embeddings and the head; vectors and numbers (norms, biases) are not decayed.
    ``hidden``      parts of names: the matrices with such a name go to Muon, whatever they are.
    ``not_hidden``  parts of names: the matrices with such a name go to AdamW.  Give it, even empty, and nothing is guessed.
    ``options``     ``guard``, ``compiled``, ``maximize``, as for :class:`Optimizer`.

    A parameter is sorted by its module and its shape into one of three groups, by the group's ``name``; a parameter that
    needs no gradient is left out:

    ``vectors``             AdamW, no decay: fewer than two dimensions, a single row or column, and all that a norm layer owns.
    ``embedding and head``  AdamW: the weight of an ``Embedding`` or ``EmbeddingBag`` and whatever shares it; the head; and
                            weights of more than two dimensions, such as convolutions (channels out, channels in, window).
    ``hidden``              Muon: every other matrix (rows, columns), attention's ``in_proj_weight`` and recurrent layers'
                            included.

    The head is the last ``Linear`` outside the repeated blocks with as many rows as an embedding has entries, and those beside
    it in one ``ModuleList``.  Repeated blocks are what a ``ModuleList``, or a ``Sequential`` with several alike, holds;
    attention, recurrent and transformer layers count as blocks too.

    Guesses warn (UserWarning).  Where no ``Linear`` shares an embedding, the last matrix outside blocks is a head, whatever its
    shape.  Where one does, a square ``Linear`` outside blocks with as many rows as an embedding is a head too, and an earlier
    ``Linear`` outside blocks with as many rows is none.  A bare matrix outside blocks, which may be an embedding, is a weight.

    The dict ``reasons`` of each group says why each of its parameters is there, by name.

    Raises ValueError if no hidden matrix is found (then AdamW alone is meant), if ``hidden`` or ``not_hidden`` names no
    parameter, or if both name the same matrix; TypeError if ``model`` is neither a module nor pairs of name and tensor.

    Source: Jordan et al. 2024, Muon, and its advice on what not to give it.
    """
    muon = {"beta": beta, "weight_decay": weight_decay, "rms": rms}
    adamw = {"adamw_lr": adamw_lr, "adamw_beta1": beta1, "adamw_beta2": beta2}
    return _with_adamw(model, "muon" if nesterov else "muon_plain", lr, muon, adamw, hidden, not_hidden, options)


def matrices_with_adamw(
    model,
    rule,
    *,
    lr,
    adamw_lr=3e-4,
    adamw_beta1=0.9,
    adamw_beta2=0.95,
    weight_decay=0.01,
    hidden=(),
    not_hidden=None,
    **options,
):
    """A matrix rule (Shampoo, SOAP, Muon, one of yours) for the hidden matrices, AdamW for the rest, as one optimiser.

    ``rule``        a Rule or its name, and ``lr`` its rate.
    ``options``     the rule's own hyper-parameters, and ``guard``, ``compiled``, ``maximize``, as for :class:`Optimizer`.

    Everything else as for :func:`muon_with_adamw`, which says how a model is sorted; AdamW's numbers begin with ``adamw_`` here.
    Raises as it does, and LookupError for an unknown rule.
    """
    own = {"weight_decay": weight_decay, **{name: options.pop(name) for name in rules.get(rule).hyper if name in options}}
    adamw = {"adamw_lr": adamw_lr, "adamw_beta1": adamw_beta1, "adamw_beta2": adamw_beta2}
    return _with_adamw(model, rule, lr, own, adamw, hidden, not_hidden, options)


def _with_adamw(model, rule, lr, own, beside, hidden, not_hidden, options):
    """The optimiser of both recipes; ``own``: the options of the matrices' group, ``beside``: AdamW's numbers."""
    title = rules.get(rule).title
    sorts, guesses = _sorted(_places(model), title, _parts(hidden), None if not_hidden is None else _parts(not_hidden))
    members = {
        group: [(place.name, place.p) for place, found, _ in sorts if found == group] for group in (HIDDEN, OUTSIDE, VECTORS)
    }
    if not members[HIDDEN]:
        raise ValueError(
            f"none of the {len(sorts)} parameters is a hidden matrix: two dimensions, several rows and columns, no embedding and "
            f"no head. Name the matrices that {title} should move with hidden=(...), or use Optimizer(..., 'adamw')."
        )
    if guesses:
        warnings.warn(
            f"the sorting guesses: {'; '.join(guesses)}. Confirm or change it with hidden=(...) or not_hidden=(...).",
            stacklevel=3,
        )
    adamw = {"rule": "adamw", **{name.removeprefix("adamw_"): value for name, value in beside.items()}}
    ways = {
        HIDDEN: {"rule": rule, "lr": lr, **own},
        OUTSIDE: {**adamw, "weight_decay": own["weight_decay"]},
        VECTORS: {**adamw, "weight_decay": 0.0},
    }
    why = {group: {place.name: reason for place, found, reason in sorts if found == group} for group in ways}
    groups = [{"params": members[name], "name": name, **way, "reasons": why[name]} for name, way in ways.items() if members[name]]
    return Optimizer(groups, rule, **options)


def _parts(given):
    return (given,) if isinstance(given, str) else tuple(given)


# -- where a parameter is --------------------------------------------------------------------------


def _places(model):
    """The :class:`Place` of every parameter, frozen ones too, once each; the path is empty where no module is given."""
    if not isinstance(model, nn.Module):
        pairs = list(model)
        if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
            raise TypeError("model holds something else than (name, tensor) pairs; give a module, or its named_parameters().")
        return [Place(name, p, (), any(part.isdigit() for part in name.split(".")[:-2])) for name, p in pairs]
    modules = dict(model.named_modules(remove_duplicate=False))
    blocks = {id(block) for module in modules.values() for block in _blocks(module)}
    tables = {id(m.weight): (m,) for m in modules.values() if isinstance(m, (nn.Embedding, nn.EmbeddingBag))}
    tied = {
        id(m.weight): (m, *tables[id(m.weight)]) for m in modules.values() if isinstance(m, nn.Linear) and id(m.weight) in tables
    }
    places = []
    for name, p in model.named_parameters():
        parts = name.partition(".parametrizations.")[0].split(".") if ".parametrizations." in name else name.split(".")[:-1]
        path = tuple(modules[".".join(parts[:k])] for k in range(len(parts) + 1))
        inside = any(id(module) in blocks for module in path)
        places.append(Place(name, p, (*path, *(tables | tied).get(id(p), ())), inside))
    return places


def _blocks(module):
    """The children of a module that are repeated blocks, and the module itself if it is a layer that others repeat."""
    if isinstance(module, (nn.MultiheadAttention, nn.RNNBase, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
        return [module]
    children = [child for child in module.children() if next(child.children(), None) is not None]
    if isinstance(module, nn.ModuleList):
        return children
    kinds = [[type(part) for part in child.modules()] for child in children]
    return [child for child, kind in zip(children, kinds) if kinds.count(kind) > 1] if isinstance(module, nn.Sequential) else []


# -- what it is ------------------------------------------------------------------------------------


def _sorted(places, title, hidden, not_hidden):
    """([(place, group, reason)] of what is trained, [the guesses in words]); ``title``: what moves the hidden matrices."""
    _check_parts(places, "hidden", hidden)
    _check_parts(places, "not_hidden", not_hidden or ())
    heads = _heads(places)
    sorts, guesses = [], []
    for place in places:
        if not place.p.requires_grad:
            continue
        group, reason, certain = _named(place, hidden, not_hidden or ()) or _kind(
            place, heads.get(place.name), not_hidden is not None
        )
        sorts.append((place, group, reason))
        if not certain:
            guesses.append(f"{place.name!r} {tuple(place.p.shape)} to {title if group == HIDDEN else 'AdamW'} ({reason})")
    return sorts, guesses


def _check_parts(places, option, parts):
    for part in parts:
        if not any(part in place.name for place in places):
            names = ", ".join(place.name for place in places if place.matrix)
            raise ValueError(f"{option} has {part!r}, which is in no parameter's name; allowed: parts of these names: {names}.")


def _named(place, hidden, not_hidden):
    """(group, reason, True) of a matrix that the caller's words name, or None."""
    ways = [parts and next((part for part in parts if part in place.name), None) for parts in (hidden, not_hidden)]
    if not place.matrix or not any(ways):
        return None
    if all(ways):
        raise ValueError(
            f"hidden has {ways[0]!r} and not_hidden {ways[1]!r}, and {place.name!r} holds both; name it in one of them."
        )
    return (HIDDEN, f"hidden={ways[0]!r}", True) if ways[0] else (OUTSIDE, f"not_hidden={ways[1]!r}", True)


def _kind(place, head, told):
    """(group, reason, whether that is certain) by module and shape, of what no word of the caller names.

    ``head``: what :func:`_heads` says of it; ``told``: the caller wants no guesses.
    """
    owner, what = place.owner, type(place.owner).__name__
    if _reads_in(place) and (owner or not told):
        return OUTSIDE, f"weight of an {what}" if owner else "named as an embedding", owner is not None
    if place.p.ndim < 2 or (place.p.ndim == 2 and not place.matrix):
        return VECTORS, "a vector or a number" if place.p.ndim < 2 else "a single row or column", True
    if isinstance(owner, (nn.LayerNorm, nn.RMSNorm)) or (isinstance(owner, nn.MultiheadAttention) and place.p.ndim > 2):
        return VECTORS, f"scale, shift or bias of a {what}", True
    if place.p.ndim > 2:
        return OUTSIDE, f"{place.p.ndim} dimensions, no matrix", True
    if head and (head[2] or not told):
        return head
    known = isinstance(owner, nn.Linear) or type(owner).__module__.startswith("torch.nn.")
    if owner and not (place.inside or known or told):
        return HIDDEN, f"a bare matrix of {what}, taken for a weight", False
    return HIDDEN, f"matrix of a {what}" if owner else "a matrix", True


def _reads_in(place):
    if place.path:
        return isinstance(place.owner, (nn.Embedding, nn.EmbeddingBag))
    return place.p.ndim == 2 and any(word.startswith(READS_IN) for word in place.name.lower().replace("_", ".").split("."))


def _heads(places):
    """{name: (group, reason, whether that is certain)} of what is a head or may be one."""
    tables = [place for place in places if _reads_in(place)]
    entries = {place.p.shape[0] for place in tables}
    outside = [place for place in places if place.p.ndim == 2 and not place.inside and not _reads_in(place)]
    onto = [place for place in outside if isinstance(place.owner, nn.Linear) and place.p.shape[0] in entries]
    shared = any(isinstance(module, nn.Linear) for place in tables for module in place.path)
    found = {}
    if outside and not shared:
        found[outside[-1].name] = (OUTSIDE, "the last matrix outside repeated blocks, taken for a head", False)
    for place in onto:
        beside = place is onto[-1] or (place.path[-2] is onto[-1].path[-2] and isinstance(place.path[-2], nn.ModuleList))
        certain = not shared or place.p.shape[0] != place.p.shape[1]  # beside a shared one, a square matrix may be any other
        last = (OUTSIDE, "the last projection onto the vocabulary", certain)
        found[place.name] = last if beside else (HIDDEN, "rows as an embedding's, but not the last such, taken for hidden", False)
    return found
