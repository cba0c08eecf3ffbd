"""Rules that give every coordinate a ruler of its own: AdaGrad, RMSProp, Adam, AdamW, NAdam."""

from ..core import rule
from ..ops import sqrt


@rule(s=0, family="adaptive", title="AdaGrad", same_as="torch.optim.Adagrad(params, lr=lr, eps=eps)")
def adagrad(theta, grad, s, *, lr, eps=1e-10):
    """AdaGrad: divide each coordinate's step by the root of its summed squares.

    Convention: s sums, it never forgets. Unit of lr: theta. Shapes: theta, grad and s alike.
    Source: Duchi, Hazan and Singer 2011, JMLR 12, diagonal form.
    """
    s = s + grad**2
    return theta - lr * grad / (sqrt(s) + eps), s


@rule(s=0, family="adaptive", title="RMSProp", same_as="torch.optim.RMSprop(params, lr=lr, alpha=beta2, eps=eps)")
def rmsprop(theta, grad, s, *, lr, beta2=0.99, eps=1e-8):
    """RMSProp: divide each coordinate's step by the root of its averaged squares.

    Convention: s averages, so it forgets; no bias correction. Unit of lr: theta.
    Shapes: theta, grad and s alike.
    Source: Tieleman and Hinton 2012, Coursera lecture 6.5.
    """
    s = beta2 * s + (1 - beta2) * grad**2
    return theta - lr * grad / (sqrt(s) + eps), s


@rule(m=0, s=0, family="adaptive", title="Adam", same_as="torch.optim.Adam(params, lr=lr, betas=(beta1, beta2), eps=eps)")
def adam(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, t):
    """Adam: averaged momentum divided by the root of the averaged squares, both bias-corrected.

    Convention: s is the paper's v. Unit of lr: theta. Shapes: theta, grad, m and s alike.
    Source: Kingma and Ba 2015, Algorithm 1, arXiv:1412.6980.
    """
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    s_hat = s / (1 - beta2**t)
    return theta - lr * m_hat / (sqrt(s_hat) + eps), m, s


@rule(
    m=0,
    s=0,
    family="adaptive",
    title="AdamW",
    same_as="torch.optim.AdamW(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
)
def adamw(theta, grad, m, s, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, t):
    """AdamW: Adam, and beside it every parameter shrinks by the same share of itself.

    Convention: the decay is outside Adam's ratio ("decoupled"): a share lr * weight_decay of theta
    a step, whatever the gradients. Unit of lr: theta. Shapes: theta, grad, m and s alike.
    Source: Loshchilov and Hutter 2019, Algorithm 2, with the rate in the decay, as PyTorch has it.
    """
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    s_hat = s / (1 - beta2**t)
    return (1 - lr * weight_decay) * theta - lr * m_hat / (sqrt(s_hat) + eps), m, s


@rule(
    m=0,
    s=0,
    gathered=0,
    family="adaptive",
    title="NAdam",
    same_as="torch.optim.NAdam(params, lr=lr, betas=(beta1, beta2), eps=eps, momentum_decay=momentum_decay)",
)
def nadam(theta, grad, m, s, gathered, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, momentum_decay=0.004, t):
    """NAdam: Adam whose step blends the new gradient in once more, with a momentum that warms up.

    Convention: beta_now and beta_next are the momentum of this step and of the next, from half of beta1 up to beta1;
    m averages with beta1 itself. gathered is 1 minus the product of all momenta so far, one number that every
    coordinate keeps: the average of ones, by which the average of gradients is corrected. torch keeps that
    product in float32, so the two agree to eight digits, to 1e-12 after torch.set_default_dtype(torch.float64).
    Weight decay is the optimiser's. Unit of lr: theta. Shapes: theta, grad, m, s and gathered alike.
    Source: Dozat 2016, ICLR workshop; this spelling is PyTorch's, version 2.13.
    """
    beta_now = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    beta_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    m = beta1 * m + (1 - beta1) * grad
    s = beta2 * s + (1 - beta2) * grad**2
    gathered = beta_now * gathered + (1 - beta_now)
    m_hat = (1 - beta_now) * grad / gathered + beta_next * m / (1 - beta_next + beta_next * gathered)
    s_hat = s / (1 - beta2**t)
    return theta - lr * m_hat / (sqrt(s_hat) + eps), m, s, gathered
