"""How a rule looks beside the others of its family: one hue, a dash each."""

from .notation import LOOKS
from .rules import RULES


def dash(rule):
    """The SVG dash pattern, in pixels, that tells a rule from the others of its family; "" is solid."""
    look = LOOKS[rule.family]
    family = [other.name for other in RULES.values() if other.family == rule.family]
    family.sort(key=lambda name: name != look.lead)  # the lead first, the others as they are taught
    return look.member_dash(family.index(rule.name) if rule.name in family else len(family))
