"""How much text a momentum remembers: half-lives in tokens, and the beta that keeps one at another batch size."""

import math

from ..ranges import Range, asks

REMEMBERS = Range(0, 1, above=True, below=True, one=True, why=", so that a memory has a half-life")


@asks(beta=REMEMBERS)
def half_life(beta, tokens):
    """After how many tokens the weight of a gradient has halved: ln(1/2)/ln(beta) steps of ``tokens`` each.

    ``beta`` is the momentum of a sum or an average (a pure number in (0, 1)), ``tokens`` the
    tokens that one step reads.  Returns tokens.  Raises ValueError outside these ranges.
    """
    return math.log(0.5) / math.log(beta) * float(tokens)


@asks()
def beta_for(half_life_tokens, tokens):
    """The beta whose memory halves after ``half_life_tokens`` tokens when one step reads ``tokens``.

    The inverse of :func:`half_life`.  Raises ValueError unless both are finite and positive.
    """
    steps = float(half_life_tokens) / float(tokens)
    return 0.5 ** (1 / steps)


@asks(beta=REMEMBERS)
def same_memory(beta, tokens, new_tokens):
    """The beta that remembers as many tokens at ``new_tokens`` a step as ``beta`` does at ``tokens``: beta^(new/old).

    Both batch sizes in one unit (tokens or sequences per step).
    Source: the rule that Marek et al. 2025, arXiv:2507.07101, apply to Adam's beta2.
    """
    return float(beta) ** (float(new_tokens) / float(tokens))
