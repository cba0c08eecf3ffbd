"""How much text a momentum remembers: half-lives in tokens, and the beta that keeps one at another batch size."""

import math


def _positive(value, name, unit):
    if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {value!r}; allowed: a finite number > 0, in {unit}.")
    return float(value)


def _momentum(beta):
    if not (isinstance(beta, (int, float)) and 0 < beta < 1):
        raise ValueError(f"beta is {beta!r}; allowed: a number between 0 and 1, both excluded, so that a memory has a half-life.")
    return float(beta)


def half_life(beta, tokens):
    """After how many tokens the weight of a gradient has halved: ln(1/2)/ln(beta) steps of ``tokens`` each.

    ``beta`` is the momentum of a sum or an average (a pure number in (0, 1)), ``tokens`` the
    tokens that one step reads.  Returns tokens.  Raises ValueError outside these ranges.
    """
    return math.log(0.5) / math.log(_momentum(beta)) * _positive(tokens, "tokens", "tokens per step")


def beta_for(half_life_tokens, tokens):
    """The beta whose memory halves after ``half_life_tokens`` tokens when one step reads ``tokens``.

    The inverse of :func:`half_life`.  Raises ValueError unless both are finite and positive.
    """
    steps = _positive(half_life_tokens, "half_life_tokens", "tokens") / _positive(tokens, "tokens", "tokens per step")
    return 0.5 ** (1 / steps)


def same_memory(beta, tokens, new_tokens):
    """The beta that remembers as many tokens at ``new_tokens`` a step as ``beta`` does at ``tokens``: beta^(new/old).

    Both batch sizes in one unit (tokens or sequences per step).
    Source: the rule that Marek et al. 2025, arXiv:2507.07101, apply to Adam's beta2.
    """
    ratio = _positive(new_tokens, "new_tokens", "tokens per step") / _positive(tokens, "tokens", "tokens per step")
    return _momentum(beta) ** ratio
