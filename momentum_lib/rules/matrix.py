"""Rules that move a whole matrix at once: Muon."""

from ..core import rule
from ..ops import columns, maximum, orthogonal, rows, sqrt, where


@rule(m=0, family="matrix", matrix=True, title="Muon")
def muon(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    """Muon: orthogonalise the momentum of a matrix, so that every direction in it moves alike.

    Convention: m averages gradients, and is blended with the new one as in nesterov_lerp; a sum would
    give the same direction. orth is five Newton-Schulz steps. The step is scaled by
    sqrt(max(1, rows / columns)), or, where rms > 0, to that root mean square: 0.2 takes over an AdamW's rate.
    Weight decay is decoupled. torch.optim.Muon takes the same step with orth in bfloat16, so it agrees to
    two or three digits. Unit of lr: theta. Shapes: theta, grad and m alike, (..., rows, columns).
    Source: Jordan et al. 2024, Muon, its reference code; rms after Liu et al. 2025, arXiv:2502.16982.
    """
    m = beta * m + (1 - beta) * grad
    direction = orthogonal(beta * m + (1 - beta) * grad)
    scale = where(rms > 0, rms * sqrt(maximum(rows(m), columns(m))), sqrt(maximum(1.0, rows(m) / columns(m))))
    return (1 - lr * weight_decay) * theta - lr * scale * direction, m
