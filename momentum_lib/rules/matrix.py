"""Rules that move a whole matrix at once: Muon, Shampoo, SOAP."""

from ..core import rule
from ..ops import columns, eigenvectors, maximum, orthogonal, root, rows, sqrt, transpose, where


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


@rule(m=0, family="matrix", matrix=True, title="Muon without look-ahead")
def muon_plain(theta, grad, m, *, lr, beta=0.95, weight_decay=0.0, rms=0.0):
    """Muon without look-ahead: orthogonalise the momentum itself, the new gradient not blended in once more.

    Convention: as Muon's, whose direction is orth of beta m + (1 - beta) grad; here it is orth of m. At beta = 0 they are one.
    torch.optim.Muon takes the same step with nesterov=False, up to its bfloat16. Unit of lr: theta. Shapes: theta, grad and m
    alike, (..., rows, columns).
    Source: Jordan et al. 2024, Muon, its reference code with nesterov=False; rms after Liu et al. 2025, arXiv:2502.16982.
    """
    m = beta * m + (1 - beta) * grad
    direction = orthogonal(m)
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
    Source: Gupta, Koren and Singer 2018, arXiv:1802.09568, Algorithm 1, with averages in place of sums.
    """
    m = beta * m + (1 - beta) * grad
    left = beta2 * left + (1 - beta2) * grad @ transpose(grad)
    right = beta2 * right + (1 - beta2) * transpose(grad) @ grad
    m_hat = m / (1 - beta**t)
    left_hat = left / (1 - beta2**t)
    right_hat = right / (1 - beta2**t)
    return theta - lr * root(left_hat, -1 / 4, eps) @ m_hat @ root(right_hat, -1 / 4, eps), m, left, right


@rule(m=0, s=0, left="rows", right="columns", family="matrix", matrix=True, title="SOAP")
def soap(theta, grad, m, s, left, right, *, lr, beta1=0.95, beta2=0.95, eps=1e-8, t):
    """SOAP: Adam, with the gradient seen along the eigenvectors of Shampoo's two averages and the step turned back.

    Convention: left averages grad grad', right grad' grad; both bases are those of the memory before this gradient, so the
    first step only fills the memory, and m, s and their bias corrections begin with the second, as in the authors' code.
    Squares, roots and quotients go entry by entry; s[i, j] belongs to the i-th and j-th smallest eigenvalue. The ideal form:
    exact eigenvectors at every step, where the code refreshes them every ten by one QR step. A direction in which no
    gradient pointed before is not moved. Unit of lr: theta. Shapes: theta, grad, m and s alike, (..., rows, columns);
    left (..., rows, rows); right (..., columns, columns).
    Source: Vyas et al. 2025, arXiv:2409.11321, Algorithm 3.
    """
    k = maximum(t - 1, 1)
    q_left = eigenvectors(left)
    q_right = eigenvectors(right)
    m = where(t > 1, beta1 * m + (1 - beta1) * grad, m)
    s = beta2 * s + (1 - beta2) * (transpose(q_left) @ grad @ q_right) ** 2
    m_hat = m / (1 - beta1**k)
    s_hat = s / (1 - beta2**k)
    direction = transpose(q_left) @ m_hat @ q_right / (sqrt(s_hat) + eps)
    left = beta2 * left + (1 - beta2) * grad @ transpose(grad)
    right = beta2 * right + (1 - beta2) * transpose(grad) @ grad
    return theta - lr * q_left @ direction @ transpose(q_right), m, s, left, right
