"""Rules that mix memories of different ages: QHM, two-memory momentum, AdEMAMix."""

from ..core import rule
from ..ops import sqrt


@rule(m=0, family="averaged", title="QHM", same_as="pytorch_optimizer.QHM(params, lr=lr, momentum=beta, nu=nu)")
def qhm(theta, grad, m, *, lr, beta=0.999, nu=0.7):
    """Quasi-hyperbolic momentum: step along a blend of the new gradient and the average of all.

    Convention: m averages gradients (weight 1 - beta), nu is its share of the step, and the defaults are the
    paper's rule of thumb. It is gradient_descent at nu = 0, averaged_momentum at nu = 1, nesterov_lerp at
    nu = beta, and there nesterov_torch with the rate lr (1 - beta). Shapes and units as in averaged_momentum.
    Source: Ma and Yarats 2019, arXiv:1810.06801.
    """
    m = beta * m + (1 - beta) * grad
    return theta - lr * ((1 - nu) * grad + nu * m), m


@rule(m=0, slow=0, family="averaged", title="Two-memory momentum")
def two_memory_momentum(theta, grad, m, slow, *, lr, beta1=0.75, beta2=0.9722, nu=0.5):
    """Two-memory momentum: step along a mixture of a short and a long average of the gradients.

    Convention: m averages with beta1, slow with beta2, and nu is the share of slow. The gradients in an average
    are beta / (1 - beta) steps old on average: 3 and 35 at the defaults, 19 in their mixture. That is the age of
    one average with 0.95, which gives the newest gradient the weight 0.05; the mixture gives it 0.139.
    At beta1 = 0 it is qhm. Shapes and units as in averaged_momentum.
    Source: KellerJordan/modded-nanogpt 2026, pull request 340 of its optimisation benchmark, where Muon
    orthogonalises such a mixture.
    """
    m = beta1 * m + (1 - beta1) * grad
    slow = beta2 * slow + (1 - beta2) * grad
    return theta - lr * ((1 - nu) * m + nu * slow), m, slow


@rule(
    m=0,
    slow=0,
    s=0,
    family="adaptive",
    title="AdEMAMix",
    same_as="pytorch_optimizer.AdEMAMix(params, lr=lr, betas=(beta1, beta2, beta3), alpha=alpha, eps=eps, "
    "weight_decay=weight_decay, weight_decouple=True)",
)
def ademamix(theta, grad, m, slow, s, *, lr, beta1=0.9, beta2=0.999, beta3=0.9999, alpha=5.0, eps=1e-8, weight_decay=0.0, t):
    """AdEMAMix: AdamW whose step adds a second average of the gradients, a hundred times or more as long.

    Convention: m, s and weight_decay are AdamW's; slow averages with beta3 and is not corrected for its start at
    zero. The paper's warm-ups of alpha and beta3 are schedules, so they are the caller's, as the rate's is: over
    T steps alpha rises in proportion to t, and 1 / log(beta3) linearly from 1 / log(beta1) to its end.
    Unit of lr: theta. Shapes: theta, grad, m, slow and s alike.
    Source: Pagliardini, Ablin and Grangier 2024, arXiv:2409.03137.
    """
    m = beta1 * m + (1 - beta1) * grad
    slow = beta3 * slow + (1 - beta3) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    s_hat = s / (1 - beta2**t)
    return (1 - lr * weight_decay) * theta - lr * (m_hat + alpha * slow) / (sqrt(s_hat) + eps), m, slow, s
