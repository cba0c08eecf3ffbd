"""How a rule looks beside the others of its family, one hue and a dash each; and how it is called."""

from .notation import LOOKS
from .rules import RULES

SHORT = {"nesterov": "Nesterov", "polyak": "Heavy ball (two-point)", "nesterov_torch": "Nesterov (PyTorch)"}
"""Names that are shorter than the rule's title, and have no comma. The module kit/looks.js has the same."""
COMMON = {"Averaged", "Generalised", "Gradient", "Heavy", "Momentum", "Two-memory"}
"""Rules are called by these common words; the others by a name, which is written large."""


def in_sentence(rule):
    """The rule's name inside a sentence: "heavy ball", "Nesterov"."""
    name = SHORT.get(rule.name, rule.title)
    return name[0].lower() + name[1:] if name.split()[0] in COMMON else name


def dash(rule):
    """The SVG dash pattern, in pixels, that tells a rule from the others of its family; "" is solid."""
    look = LOOKS[rule.family]
    family = [other.name for other in RULES.values() if other.family == rule.family]
    family.sort(key=lambda name: name != look.lead)  # the lead first, the others as they are taught
    return look.member_dash(family.index(rule.name) if rule.name in family else len(family))
