"""Words of the text that move a live figure.

    Halve the rate by hand, or {set}`here <ravine lr=0.035>`; let {set}`three rules <race.2 rules=adam,muon,lion>` race.

First comes the figure, as in the address that its Link button gives (the page's second `race` is `race.2`), then what is set,
written as in that address (a blank is %20). Values are checked when the page is read, and whether the page has the figure when
it is written. The script makes a button of the words (js/kit/sentence.js); without it, and on paper, they are words.
"""

import re
from urllib.parse import quote, unquote

import finding
from docutils import nodes
from sphinx.util.docutils import SphinxRole

FORM = re.compile(r"(?P<words>.+?)\s*<(?P<key>[a-z_]+(?:\.\d+)?)(?P<state>(?:\s+[a-z_0-9]+=[^\s=<>]+)+)>", re.S)
HELP = "write {set}`the words <figure name=value>`, as in {set}`halve the rate <ravine lr=0.035>`"


class moving_words(nodes.inline):
    """Words that move a figure: ``key``, ``state`` (name -> text), ``says`` (what is set, in words)."""


def parse(text):
    """(words, figure's key, {name: value as it is written in an address}) of a role's text; ValueError where it is no such."""
    found = FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{{set}}`{text}` says no figure and state; {HELP}")
    return " ".join(found["words"].split()), found["key"], dict(map(_read, found["state"].split()))


def _read(part):
    name, text = part.split("=")
    return name, unquote(text)


def value_of(text, spec):
    """A value as it is written in an address, read by its kind. Raises ValueError where it is none."""
    kind = spec["kind"]
    if kind == "number":
        return float(text)
    if kind == "integer":
        return int(text)
    if kind == "flag" and text in ("true", "false"):
        return text == "true"
    if kind == "point":
        return [float(part) for part in text.split(",")]
    if kind == "choices":
        return text.split(",")
    if kind in ("choice", "name"):
        return text
    raise ValueError(f"a value of kind {kind!r} cannot be {text!r}")


def accepted(key, state):
    """The state that a figure takes from these texts, by name. Raises ValueError where it would take another one."""
    from momentum_lib import widgets

    name = key.partition(".")[0]
    if name not in widgets.FIGURES:
        raise ValueError(f"no live figure is called {name!r}; there are: {', '.join(sorted(widgets.FIGURES))}")
    spec = widgets.FIGURES[name].spec()
    if unknown := [one for one in state if one not in spec]:
        raise ValueError(f"{name} has no state {unknown[0]!r}; it has {', '.join(spec)}")
    wanted = {one: value_of(text, spec[one]) for one, text in state.items()}
    taken = widgets.make(name, **wanted).state()
    if refused := [one for one, value in wanted.items() if taken[one] != value]:
        raise ValueError(f"{name} makes {refused[0]} {taken[refused[0]]!r} of {wanted[refused[0]]!r}: it is out of its bounds")
    return wanted


def said(key, state):
    """What pressing the words does, for whoever does not see it."""
    from momentum_lib import notation

    names = {name: notation.QUANTITIES[name].name if name in notation.QUANTITIES else name.replace("_", " ") for name in state}
    settings = ", ".join(f"{names[name]} {text.replace('_', ' ')}" for name, text in state.items())
    return f"Sets the figure: {settings}"


class Set(SphinxRole):
    def run(self):
        try:
            words, key, state = parse(self.text)
            accepted(key, state)
        except ValueError as error:
            message = self.inliner.reporter.error(str(error), line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        return [moving_words(self.rawtext, words, key=key, state=state, says=said(key, state))], []


def _visit(self, node):
    state = "&".join(f"{name}={quote(text, safe=',.-')}" for name, text in node["state"].items())
    marks = {"data-live": node["key"], "data-set": state, "data-says": node["says"]}
    self.body.append(self.starttag(node, "span", "", CLASS="set", **marks))


def _depart(self, node):
    self.body.append("</span>")


def keys(places):
    """The keys of a page's live figures, in their order: the second of a name is ``name.2`` (as in js/kit/host.js)."""
    count, found = {}, []
    for place in places:
        name = place["data-figure"]
        count[name] = count.get(name, 0) + 1
        found.append(name if count[name] == 1 else f"{name}.{count[name]}")
    return found


def check(soup, places):
    """Raise ValueError where words of a page move a figure that it does not have."""
    there = keys(places)
    for words in finding.find(soup, "span.set[data-live]"):
        if words["data-live"] not in there:
            raise ValueError(
                f"the words {words.get_text()!r} move {words['data-live']!r}; the page's figures are {', '.join(there) or 'none'}"
            )


def setup(app):
    app.add_role("set", Set())
    app.add_node(moving_words, html=(_visit, _depart))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
