"""Well-known mistakes in momentum code, as rules of their own: an answer that makes the same path has made the same mistake.

Each entry is a wrong step with the signature of the right one, the sentence that helps, and the section
of the book that explains it.
"""

from dataclasses import dataclass

import numpy as np

from ..rules import get
from .chapters import CHAPTERS

BOOK = "https://momentum-course.github.io/momentum/notebooks/"  # written by book/_gen/address.py


def chapter(number):
    """The address of a chapter. Raises LookupError for a number that no chapter has."""
    if number not in CHAPTERS:
        raise LookupError(f"no chapter has the number {number}; there are {', '.join(map(str, CHAPTERS))}.")
    return f"{BOOK}{CHAPTERS[number]}.html"


@dataclass(frozen=True)
class Misconception:
    """One mistake: its name, the wrong ``step(theta, grad, state, hyper, t)``, the sentence that helps, where to read.

    ``looks`` replaces the place where the gradient is measured, where that is the mistake.
    """

    name: str
    step: object
    sentence: str
    link: str
    looks: object = None

    @property
    def message(self):
        """The sentence with the place to read on."""
        return f"{self.sentence} Read on: {self.link}"


def _like(rule, change):
    """The right rule's step with its inputs changed: ``change(grad, hyper, t) -> (grad, hyper, t)``."""

    def step(theta, grad, state, hyper, t):
        grad, hyper, t = change(grad, dict(hyper), t)
        return rule.step(theta, grad, state, hyper, t)

    return step


def _with(hyper, **changes):
    return {**hyper, **{key: value for key, value in changes.items() if key in hyper}}


def _instead(other):
    """Another rule's step in place of the right one's."""
    other = get(other)

    def step(theta, grad, state, hyper, t):
        return other.step(theta, grad, state, {key: value for key, value in hyper.items() if key in other.hyper}, t)

    return step


def _biased_adam(theta, grad, state, hyper, t):
    """Adam without bias correction."""
    m = hyper["beta1"] * state[0] + (1 - hyper["beta1"]) * grad
    s = hyper["beta2"] * state[1] + (1 - hyper["beta2"]) * grad**2
    return theta - hyper["lr"] * m / (np.sqrt(s) + hyper["eps"]), (m, s)


def _root_outside(theta, grad, state, hyper, t):
    """Adam with eps under the root."""
    m = hyper["beta1"] * state[0] + (1 - hyper["beta1"]) * grad
    s = hyper["beta2"] * state[1] + (1 - hyper["beta2"]) * grad**2
    return theta - hyper["lr"] * m / (1 - hyper["beta1"] ** t) / np.sqrt(s / (1 - hyper["beta2"] ** t) + hyper["eps"]), (m, s)


def misconceptions(like):
    """The mistakes that are known for one rule, most telling first.

    ``like`` is a rule or its name.
    """
    rule = get(like)
    found = []

    def add(name, step, sentence, number, looks=None):
        found.append(Misconception(name, step, sentence, chapter(number), looks))

    add(
        "sign",
        _like(rule, lambda grad, hyper, t: (-grad, hyper, t)),
        "Your step goes uphill: the gradient points to larger loss, so it is subtracted.",
        1,
    )
    if rule.momentum == "beta":
        for value in (0.9, 0.99, 0.5):
            add(
                "hard-coded beta",
                _like(rule, lambda grad, hyper, t, value=value: (grad, _with(hyper, beta=value), t)),
                f"Your rule uses beta = {value:g} whatever beta it is given: use the argument.",
                3,
            )
        add(
            "no memory",
            _like(rule, lambda grad, hyper, t: (grad, _with(hyper, beta=0.0), t)),
            "Your rule makes the path of gradient descent: either the old memory never enters the new one, or the new one is not "
            "returned.",
            3,
        )
    if rule.name == "averaged_momentum":
        add(
            "missing 1 - beta",
            _instead("heavy_ball"),
            "The factor 1 - beta on the gradient is missing: without it you keep a sum, which grows to 1/(1 - beta) gradients.",
            2,
        )
    if rule.name in ("heavy_ball", "classical_momentum"):
        add(
            "1 - beta too many",
            _instead("averaged_momentum")
            if rule.name == "heavy_ball"
            else _like(rule, lambda g, h, t: ((1 - h["beta"]) * g, h, t)),
            "You average the gradients (factor 1 - beta); the question asks for their sum.",
            2,
        )
        other = "classical_momentum" if rule.name == "heavy_ball" else "heavy_ball"
        where = ("inside", "outside") if rule.name == "heavy_ball" else ("outside", "inside")
        add(
            "rate inside or outside",
            _instead(other),
            f"Your learning rate is {where[0]} the velocity, the question's {where[1]}: the two differ as soon as the rate "
            f"changes.",
            3,
        )
    if rule.look_fn is not None:
        add(
            "look-ahead forgotten",
            rule.step,
            "Your gradient is measured at the point itself: Nesterov's is measured ahead, at theta - lr * beta * v.",
            3,
            looks=lambda theta, *state, **hyper: theta,
        )
    if rule.name == "nesterov_torch":
        add(
            "look-ahead forgotten",
            _instead("heavy_ball"),
            "That is heavy ball: the look-ahead is missing, which in this form is one more beta * v beside the gradient.",
            3,
        )
    if rule.name in ("adam", "adamw"):
        add(
            "no bias correction",
            _biased_adam,
            "The bias correction is missing: both averages start at zero, so divide them by 1 - beta**t.",
            2,
        )
        add(
            "eps under the root",
            _root_outside,
            "Your eps is under the root; the rule adds it to the root.",
            11,
        )
    if rule.uses_t:
        add(
            "steps count from 0",
            _like(rule, lambda grad, hyper, t: (grad, hyper, t + 1)),
            "Your step number is one too large: the first step has t = 1.",
            2,
        )
    return found
