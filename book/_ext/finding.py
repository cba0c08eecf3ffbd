"""Finding elements of a built page by CSS selector, outside its formulas.

Nine of ten elements of a page are the inside of formulas, where nothing is looked for; and few of the others have the name or
the class that a selector ends with. Beautiful Soup's own `select` asks all of them everything, which took a third of a build.
"""

import functools
import re

import soupsieve
from bs4 import Tag

OUTSIDE = r"(?![^(\[]*[)\]])"  # not within brackets


@functools.cache
def _parsed(selector):
    """The selector compiled; and the names, and the classes, one of which an element must have (None: any element will do)."""
    names, classes = set(), set()
    for alternative in re.split(r"," + OUTSIDE, selector):
        last = re.split(r"[\s>+~]+" + OUTSIDE, alternative.strip())[-1]
        bare = re.sub(r"\[[^\]]*\]|:[\w-]+(\([^)]*\))?", "", last)
        name, own = re.match(r"[A-Za-z][\w-]*", bare), re.findall(r"\.([\w-]+)", bare)
        if own:
            classes.add(own[0])
        elif name:
            names.add(name[0].lower())
        else:
            names = None
            break
    return soupsieve.compile(selector), names, classes


def _matches(root, selector):
    """The elements below ``root`` that match, in the order of the page; of a formula only its outermost one is looked at."""
    compiled, names, classes = _parsed(selector)
    waiting = root.contents[::-1]
    while waiting:
        node = waiting.pop()
        if type(node) is not Tag:
            continue
        own = node.attrs.get("class", ())
        if (names is None or node.name in names or not classes.isdisjoint(own)) and compiled.match(node):
            yield node
        if "katex" not in own:
            waiting += node.contents[::-1]


def find(root, selector):
    """Every element below ``root`` that the selector matches, in order: ``root.select(selector)``, but for formulas' insides."""
    return list(_matches(root, selector))


def first(root, selector):
    """The first of :func:`find`, or None."""
    return next(_matches(root, selector), None)
