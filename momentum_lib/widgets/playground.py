"""The playground in a notebook: any surface, any rules, seven views over one state, which Python reads and sets."""

import html

import anywidget
import ipywidgets
import traitlets

from ..rules import ELEMENTWISE
from ..surfaces import SURFACES
from ._base import Choice, Integer, Number, Source, _finite, _nearest, _plain, _State

VIEWS = ("map", "land", "curves", "settings", "flow", "steps", "predict")
"""The views, as the browser calls them."""
NETS = ("digits", "curve")
"""The networks, as the browser calls them."""
MOST_RULES, MOST_STARTS, LONGEST = 6, 5, 400


def _numbers(trait, value, allowed, whose):
    """Named finite numbers with names out of ``allowed``, or with any name where it is None."""
    for name, number in value.items():
        if allowed is not None and name not in allowed:
            trait.refuse(name, f"a number of {whose}; " + (_nearest(name, list(allowed)) if allowed else "it has none"))
        if not _finite(_plain(number)):
            trait.refuse(number, f"a finite number for {name}")
    return {name: float(_plain(number)) for name, number in value.items()}


class Ground(_State):
    """What is descended: a surface, ``"ravine"`` or ``{"name": "ravine", "kappa": 50}``; a formula; ``{"net": "digits"}``."""

    def validate(self, obj, value):
        if isinstance(value, str):
            if value.isidentifier() and value not in ("x", "y"):
                value = {"name": value}
            else:
                return {"kind": "formula", "text": self._short(value), "params": {}}
        if not isinstance(value, dict):
            self.refuse(value, "a surface's name, a dict with its name and numbers, or a formula of x and y")
        if value.get("kind") == "formula":
            return {"kind": "formula", "text": self._short(value.get("text")), "params": {}}
        if value.get("kind") == "drawn":
            bumps = [list(map(float, bump)) for bump in value.get("bumps", [])]
            if any(len(bump) != 4 for bump in bumps):
                self.refuse(value, "hills and hollows of four numbers: x, y, height, width")
            return {"kind": "drawn", "bumps": bumps}
        if "net" in value or value.get("kind") == "net":
            net = value.get("net", value.get("name"))
            if net not in NETS:
                self.refuse(net, _nearest(net, list(NETS)))
            return {"kind": "net", "name": net}
        name = value.get("name")
        if name not in SURFACES:
            self.refuse(name, _nearest(name, list(SURFACES)))
        given = value["params"] if "params" in value else {key: one for key, one in value.items() if key not in ("name", "kind")}
        return {"kind": "library", "name": name, "params": _numbers(self, given, SURFACES[name].params, name)}

    def _short(self, text):
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST:
            self.refuse(text, f"a formula of x and y with at most {LONGEST} characters")
        return text


class Runners(_State):
    """The rules that run: names, ``{"rule": "adam", "lr": 0.1}``, or typed, ``"v = beta*v + grad; theta = theta - lr*v"``."""

    def validate(self, obj, value):
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= MOST_RULES:
            self.refuse(value, f"1 to {MOST_RULES} rules, as a list")
        return [self._one(one) for one in value]

    def _one(self, one):
        if isinstance(one, str):
            one = {"text": one} if "=" in one else {"rule": one}
        if not isinstance(one, dict) or ("rule" in one) == ("text" in one):
            self.refuse(one, 'a rule\'s name, a typed rule, or a dict with either as "rule" or "text", and numbers')
        rest = {key: value for key, value in one.items() if key not in ("rule", "text", "hyper")}
        given = {**one.get("hyper", {}), **rest}
        if "text" in one:
            if not isinstance(one["text"], str) or not 0 < len(one["text"]) <= LONGEST:
                self.refuse(one["text"], f"a typed rule of at most {LONGEST} characters")
            return {"text": one["text"], "hyper": _numbers(self, given, None, "the rule")}
        if one["rule"] not in ELEMENTWISE:
            self.refuse(one["rule"], _nearest(one["rule"], list(ELEMENTWISE)))
        return {"rule": one["rule"], "hyper": _numbers(self, given, ELEMENTWISE[one["rule"]].hyper, one["rule"])}


class Starts(_State):
    """Where the runs start: points of the plane."""

    def validate(self, obj, value):
        points = _plain(value)
        whole = isinstance(points, (list, tuple)) and 1 <= len(points) <= MOST_STARTS
        if not whole or any(len(point) != 2 or not all(map(_finite, point)) for point in points if hasattr(point, "__len__")):
            self.refuse(value, f"1 to {MOST_STARTS} points, such as [[-2.7, -0.2]]")
        if not all(hasattr(point, "__len__") for point in points):
            self.refuse(value, f"1 to {MOST_STARTS} points, such as [[-2.7, -0.2]]")
        return [[float(x), float(y)] for x, y in points]


class Playground(anywidget.AnyWidget):
    """The course's playground: its state can be read and set from Python while the hand plays with it.

    >>> from momentum_lib.widgets import Playground
    >>> play = Playground(surface="(1 - x)^2 + 4*(y - x^2)^2", rules=["heavy_ball", {"rule": "adam", "lr": 0.1}], steps=80)
    >>> play.rules[1]
    {'rule': 'adam', 'hyper': {'lr': 0.1}}

    ``surface``  a surface's name, ``{"name": "ravine", "kappa": 50}``, a formula of x and y, or a network that learns,
                 ``{"net": "digits"}`` or ``{"net": "curve"}``
    ``rules``    1 to 6 rules: names, dicts with a name and numbers, or rules typed in a few lines
    ``picked``   which of them the dials turn, from 0
    ``fair``     "best": each rule at its own best setting; "same": one learning rate for all
    ``starts``   1 to 5 points of the plane; of a network, ``[k, 0]`` is its k-th draw of first weights
    ``steps``    how many steps are drawn, 1 to 1000
    ``noise``    the spread of the noise in every gradient, 0 to 5, and ``seed`` its seed, 1 to 99
    ``view``     "map", "land", "curves", "settings", "flow", "steps" or "predict"

    What is typed is read in the browser by a small grammar and never run as Python or as JavaScript; what is wrong with it is
    said there.  Numbers outside their range are clamped.  Raises ``traitlets.TraitError`` for unknown names and for values of
    the wrong kind, TypeError for an unknown keyword.
    """

    view = Choice("map", VIEWS)
    surface = Ground({"kind": "library", "name": "ravine", "params": {"kappa": 25.0, "angle": 0.3}})
    rules = Runners([{"rule": name, "hyper": {}} for name in ("gradient_descent", "heavy_ball", "adam")])
    picked = Integer(1, 0, MOST_RULES - 1)
    fair = Choice("best", ("best", "same"))
    starts = Starts([[-2.7, -0.2]])
    steps = Integer(60, 1, 1000)
    noise = Number(0, 0, 5)
    seed = Integer(1, 1, 99)
    _source = traitlets.Instance(Source).tag(sync=True, **ipywidgets.widget_serialization)

    def __init__(self, **state):
        from . import bundle

        known = self.class_trait_names(state=True)
        for name in state:
            if name not in known:
                raise TypeError(f"Playground: {name!r} is unknown; {_nearest(name, known)}.")
        if "_esm" not in vars(Playground):
            Playground._esm = bundle.notebook_module()
        if "picked" not in state and "rules" in state:
            state["picked"] = 0
        source = Source.of("play/widget", styles=(bundle.JS / "play" / "play.css").read_text(encoding="utf-8"))
        super().__init__(_source=source, **state)

    def state(self):
        """The state now, as plain data in the order of the names."""
        return {name: getattr(self, name) for name in sorted(self.class_trait_names(state=True))}

    def __repr__(self):
        return f"Playground({', '.join(f'{name}={value!r}' for name, value in self.state().items())})"

    def _repr_html_(self):
        """The face without a kernel: what would be played, in a sentence."""
        ground = self.surface.get("name") or self.surface.get("text") or "a surface drawn by hand"
        runners = ", ".join(one.get("rule", "a rule of one's own").replace("_", " ") for one in self.rules)
        return f"<p>Playground: {html.escape(runners)} on {html.escape(ground)}. Run the cell to play.</p>"

    def _repr_mimebundle_(self, **kwargs):
        made = super()._repr_mimebundle_(**kwargs)
        data, metadata = made if isinstance(made, tuple) else (made or {}, {})
        return {**data, "text/plain": repr(self), "text/html": self._repr_html_()}, metadata
