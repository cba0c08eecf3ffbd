"""Optimisers for a whole model in one call."""

import torch

from .optimizer import Optimizer

NOT_HIDDEN = ("embed", "wte", "wpe", "head")  # in a parameter's name: what reads tokens in, and what reads them out


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
    not_hidden=NOT_HIDDEN,
    **options,
):
    """Muon for the hidden matrices of a model, AdamW for everything else, as one optimiser.

    ``model``       a module, or its ``named_parameters()``.  Of a module, the weight of every ``torch.nn.Embedding`` counts
                    as an embedding, whatever its name, and so does a head that shares it.
    ``lr``          Muon's rate: 0.02 for steps of Muon's own size.  With ``rms=0.2`` its steps are as large as AdamW's, and
                    ``lr`` is then a rate of AdamW's kind.
    ``adamw_lr``    AdamW's rate.
    ``beta``        Muon's momentum; ``beta1``, ``beta2`` AdamW's.
    ``weight_decay``  decoupled, on matrices, embeddings and the head; vectors and numbers (norms, biases) are not decayed.
    ``not_hidden``  parts of names that mark what reads tokens in and out.
    ``options``     ``guard``, ``compiled``, ``maximize``, as for :class:`Optimizer`.

    The optimiser has three groups, each with its ``name``: "hidden" (Muon), "embedding and head" and "vectors" (AdamW).
    A parameter that needs no gradient is left out.  Tensors of more than two dimensions, such as convolutions, go to AdamW,
    with decay.  Raises ValueError if no hidden matrix is found: then AdamW alone is meant.

    Source: Jordan et al. 2024, Muon, and its advice on what not to give it.
    """
    module = model if isinstance(model, torch.nn.Module) else None
    named = [(name, p) for name, p in (module.named_parameters() if module else model) if p.requires_grad]
    embeddings = {id(m.weight) for m in (module.modules() if module else ()) if isinstance(m, torch.nn.Embedding)}
    sorts = {"hidden": [], "embedding and head": [], "vectors": []}
    for name, p in named:
        outside = id(p) in embeddings or any(part in name for part in not_hidden)
        sorts["vectors" if p.ndim < 2 else "hidden" if p.ndim == 2 and not outside else "embedding and head"].append((name, p))
    if not sorts["hidden"]:
        raise ValueError(
            f"none of the {len(named)} parameters is a hidden matrix: two dimensions, no embedding, and none of {not_hidden} "
            "in its name. Pass names (named_parameters()) and, if yours differ, not_hidden=...; or use Optimizer(..., 'adamw')."
        )
    adamw = {"rule": "adamw", "lr": adamw_lr, "beta1": beta1, "beta2": beta2}
    groups = [
        {
            "params": sorts["hidden"],
            "name": "hidden",
            "rule": "muon",
            "lr": lr,
            "beta": beta,
            "rms": rms,
            "weight_decay": weight_decay,
        },
        {"params": sorts["embedding and head"], "name": "embedding and head", **adamw, "weight_decay": weight_decay},
        {"params": sorts["vectors"], "name": "vectors", **adamw, "weight_decay": 0.0},
    ]
    return Optimizer([group for group in groups if group["params"]], "muon", **options)
