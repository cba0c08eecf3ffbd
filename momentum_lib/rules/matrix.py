"""Rules that move a whole matrix at once: Muon, Shampoo."""

from ..core import rule
from ..ops import columns, maximum, orthogonal, root, rows, sqrt, transpose, where


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


@rule(m=0, left="rows", right="columns", family="matrix", matrix=True, title="Shampoo")
def shampoo(theta, grad, m, left, right, *, lr, beta=0.9, beta2=0.95, eps=1e-12, t):
    """Shampoo: divide a matrix's momentum, from both sides, by the fourth root of its gradients' averaged squares.

    Convention: left averages grad grad', right grad' grad, both bias-corrected as in Adam, like m; the paper sums them and
    has no m. The roots are of exact eigenvalues, each raised by eps times the largest; a direction in which no gradient
    pointed is not moved. At beta = beta2 = 0 and eps = 0 the direction is U V' of the gradient's decomposition, which Muon
    approximates. Unit of lr: theta; eps is a share. Shapes: theta, grad and m alike, (..., rows, columns);
    left (..., rows, rows); right (..., columns, columns).
    Source: Gupta, Koren and Singer 2018, arXiv:1802.09568; averages after Shi et al. 2023, arXiv:2309.06497.
    """
    m = beta * m + (1 - beta) * grad
    left = beta2 * left + (1 - beta2) * grad @ transpose(grad)
    right = beta2 * right + (1 - beta2) * transpose(grad) @ grad
    m_hat = m / (1 - beta**t)
    left_hat = left / (1 - beta2**t)
    right_hat = right / (1 - beta2**t)
    return theta - lr * root(left_hat, -1 / 4, eps) @ m_hat @ root(right_hat, -1 / 4, eps), m, left, right
