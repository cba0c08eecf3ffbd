"""What every live figure shares on the Python side: checked state, a face without a kernel, a static picture."""

import decimal
import difflib
import hashlib
import html
import json
import math
import uuid

import anywidget
import ipywidgets
import traitlets

from ..notation import GREY, LOOKS, PALE, linestyle
from . import _saved

FIGURES = {}
"""Name -> class of every live figure that has been imported."""


# -- state: the same kinds and bounds as in js/kit/state.js ---------------------------------------


def _finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _plain(value):
    """NumPy scalars and arrays as Python numbers and lists."""
    return value.tolist() if hasattr(value, "tolist") else value


class _State(traitlets.TraitType):
    """A value of the figure's state: clamped into its bounds, refused where it is not of its kind."""

    def __init__(self, initial, **metadata):
        super().__init__(initial, **metadata)
        self.tag(sync=True, state=True)

    def refuse(self, value, allowed):
        raise traitlets.TraitError(f"{self.name} is {value!r}; allowed: {allowed}.")


class Number(_State):
    """A real number; outside [low, high] the nearest end is taken, NaN and infinity are refused."""

    def __init__(self, initial, low, high):
        super().__init__(float(initial))
        self.low, self.high = float(low), float(high)

    def validate(self, obj, value):
        value = _plain(value)
        if not _finite(value):
            self.refuse(value, f"a finite number from {self.low:g} to {self.high:g}")
        return min(max(float(value), self.low), self.high)

    def spec(self):
        return {"kind": "number", "initial": self.default_value, "min": self.low, "max": self.high}


class Integer(_State):
    """A whole number; outside [low, high] the nearest end is taken."""

    def __init__(self, initial, low, high):
        super().__init__(int(initial))
        self.low, self.high = int(low), int(high)

    def validate(self, obj, value):
        value = _plain(value)
        if not _finite(value) or value != int(value):
            self.refuse(value, f"a whole number from {self.low} to {self.high}")
        return min(max(int(value), self.low), self.high)

    def spec(self):
        return {"kind": "integer", "initial": self.default_value, "min": self.low, "max": self.high}


class Point(_State):
    """A point of the plane as a tuple of two floats, inside a box ((x0, x1), (y0, y1))."""

    def __init__(self, initial, domain):
        super().__init__(tuple(map(float, initial)))
        self.domain = tuple(tuple(map(float, side)) for side in domain)

    def validate(self, obj, value):
        value = _plain(value)
        if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(_finite(v) for v in map(_plain, value)):
            self.refuse(value, "two finite numbers, such as [1.0, -0.5]")
        return tuple(min(max(float(v), low), high) for v, (low, high) in zip(value, self.domain, strict=True))

    def spec(self):
        return {"kind": "point", "initial": list(self.default_value), "domain": [list(side) for side in self.domain]}


def _nearest(value, options):
    near = difflib.get_close_matches(str(value), options, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + "one of " + ", ".join(options)


class Choice(_State):
    """One name out of ``options``."""

    def __init__(self, initial, options):
        super().__init__(initial)
        self.options = list(options)

    def validate(self, obj, value):
        if value not in self.options:
            self.refuse(value, _nearest(value, self.options))
        return value

    def spec(self):
        return {"kind": "choice", "initial": self.default_value, "options": self.options}


class Choices(_State):
    """Several different names out of ``options``, ``least`` to ``most`` of them, as a tuple."""

    def __init__(self, initial, options, least=1, most=None):
        super().__init__(tuple(initial))
        self.options, self.least = list(options), least
        self.most = len(self.options) if most is None else most

    def validate(self, obj, value):
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            self.refuse(value, "a list of names: " + ", ".join(self.options))
        for name in value:
            if name not in self.options:
                self.refuse(name, _nearest(name, self.options))
        names = tuple(dict.fromkeys(value))
        if not self.least <= len(names) <= self.most:
            self.refuse(value, f"{self.least} to {self.most} different names")
        return names

    def spec(self):
        return {
            "kind": "choices",
            "initial": list(self.default_value),
            "options": self.options,
            "least": self.least,
            "most": self.most,
        }


class Flag(_State):
    """True or False."""

    def validate(self, obj, value):
        value = _plain(value)
        if not isinstance(value, bool):
            self.refuse(value, "True or False")
        return value

    def spec(self):
        return {"kind": "flag", "initial": self.default_value}


class Numbers(_State):
    """Named real numbers, each clamped into its bounds; a name left out keeps its initial value."""

    def __init__(self, initial, bounds):
        super().__init__({name: float(value) for name, value in initial.items()})
        self.bounds = {name: (float(low), float(high)) for name, (low, high) in bounds.items()}

    def make_dynamic_default(self):
        return dict(self.default_value)

    def validate(self, obj, value):
        if not isinstance(value, dict):
            self.refuse(value, "a dict of numbers with the names " + ", ".join(self.bounds))
        for name, number in value.items():
            if name not in self.bounds:
                self.refuse(name, _nearest(name, list(self.bounds)))
            if not _finite(_plain(number)):
                raise traitlets.TraitError(f"{self.name}[{name!r}] is {number!r}; allowed: a finite number.")
        return {
            n: min(max(float(_plain(value.get(n, self.default_value[n]))), low), high) for n, (low, high) in self.bounds.items()
        }

    def spec(self):
        return {"kind": "numbers", "initial": dict(self.default_value), "bounds": {n: list(b) for n, b in self.bounds.items()}}


class Table(_State):
    """Rows of named real numbers, each clamped into its bounds; any row and any number may be left out."""

    def __init__(self, initial, bounds):
        super().__init__({row: dict(columns) for row, columns in initial.items()})
        self.bounds = {
            row: {n: (float(low), float(high)) for n, (low, high) in columns.items()} for row, columns in bounds.items()
        }

    def make_dynamic_default(self):
        return {row: dict(columns) for row, columns in self.default_value.items()}

    def validate(self, obj, value):
        if not isinstance(value, dict):
            self.refuse(value, "a dict of dicts of numbers, for the rows " + ", ".join(self.bounds))
        for row, columns in value.items():
            if row not in self.bounds:
                self.refuse(row, _nearest(row, list(self.bounds)))
            if not isinstance(columns, dict):
                raise traitlets.TraitError(
                    f"{self.name}[{row!r}] is {columns!r}; allowed: a dict of numbers with the names "
                    f"{', '.join(self.bounds[row])}."
                )
            for name, number in columns.items():
                if name not in self.bounds[row]:
                    raise traitlets.TraitError(f"{self.name}[{row!r}] names {name!r}; {_nearest(name, list(self.bounds[row]))}.")
                if not _finite(_plain(number)):
                    raise traitlets.TraitError(f"{self.name}[{row!r}][{name!r}] is {number!r}; allowed: a finite number.")
        rows = {
            row: {n: min(max(float(_plain(value[row][n])), low), high) for n, (low, high) in columns.items() if n in value[row]}
            for row, columns in self.bounds.items()
            if row in value
        }
        return {row: columns for row, columns in rows.items() if columns}

    def spec(self):
        bounds = {row: {n: list(b) for n, b in columns.items()} for row, columns in self.bounds.items()}
        return {"kind": "table", "initial": self.make_dynamic_default(), "bounds": bounds}


class Name(_State):
    """A short text that names something in the figure's own data; what it does not name, the figure ignores."""

    LONGEST = 400

    def validate(self, obj, value):
        if not isinstance(value, str) or len(value) > self.LONGEST:
            self.refuse(value, f"a text of at most {self.LONGEST} characters")
        return value

    def spec(self):
        return {"kind": "name", "initial": self.default_value}


def minus(text):
    """A number's text with the sign that is a minus."""
    return text.replace("-", "−")


class Runs(_State):
    """Curves of runs, by experiment: what ``curves.excerpts`` makes of records.  It is no part of a link."""

    LISTS = ("steps", "held_steps", "sides", "place")
    SIDE = {
        **dict.fromkeys(("name", "title", "group", "of", "look", "dash"), str),
        **dict.fromkeys(("training", "held_out", "ends", "tried"), list),
        "lr": (int, float),
    }

    def __init__(self):
        super().__init__({})

    def make_dynamic_default(self):
        return {}

    def validate(self, obj, value):
        if not isinstance(value, dict) or not all(self._whole(part) for part in value.values()):
            raise traitlets.TraitError(f"{self.name} is not what it should be; allowed: what curves.excerpts(*records) returns.")
        return value

    def _whole(self, part):
        if not isinstance(part, dict) or not all(isinstance(part.get(name), str) for name in ("title", "kind", "label")):
            return False
        if not all(isinstance(part.get(name), list) and part[name] for name in self.LISTS):
            return False
        return all(
            isinstance(side, dict)
            and all(isinstance(side.get(name), kind) for name, kind in self.SIDE.items())
            and side["look"] in LOOKS
            and side["training"]
            for side in part["sides"]
        )

    def spec(self):
        return {"kind": "runs", "initial": {}}


# -- what the figures of a class share in a notebook ------------------------------------------------


class Source(ipywidgets.Widget):
    """The module and the styles of one class of figures, sent to a notebook once; every figure of the class refers to it.

    ``key`` names the content, so that a page that has it already, from before the kernel was started anew, keeps its own.
    """

    key = traitlets.Unicode().tag(sync=True)
    module = traitlets.Unicode().tag(sync=True)
    styles = traitlets.Unicode().tag(sync=True)
    colours = traitlets.Unicode().tag(sync=True)

    @classmethod
    def of(cls, figure, styles=""):
        """The source of the figure ``figure`` (its name), made anew where all widgets were closed since.

        ``styles``: a sheet of its own, beside the one of all figures.
        """
        if figure not in _SOURCES or _SOURCES[figure].comm is None:
            from . import bundle

            texts = {
                "module": bundle.module(figure),
                "styles": bundle.notebook_styles(styles),
                "colours": bundle.colours(),
            }
            key = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:16]
            _SOURCES[figure] = cls(key=f"{figure} {key}", **texts)
        return _SOURCES[figure]


_SOURCES = {}


# -- numbers in words, as js/kit/dom.js says them ---------------------------------------------


def _power(exponent):
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _rounded(value, digits):
    return decimal.Context(prec=digits, rounding=decimal.ROUND_HALF_UP).create_decimal(value)


def show(value, digits=3):
    """A number for the reader's eye: a true minus, thin spaces in thousands, powers of ten where it is tiny or huge."""
    value = float(value)
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size, sign = abs(value), "−" if value < 0 else ""
    if size and not 1e-4 <= size < 1e7:
        mantissa, exponent = f"{_rounded(size, digits):.{digits - 1}e}".split("e")
        return sign + ("" if float(mantissa) == 1 else f"{mantissa} × ") + _power(int(exponent))
    if size >= 10**digits or size == int(size):
        return sign + _grouped(math.floor(size + 0.5))
    whole, _, fraction = f"{_rounded(size, digits):f}".partition(".")
    fraction = fraction.rstrip("0")
    return sign + _grouped(int(whole)) + (f".{fraction}" if fraction else "")


def _grouped(whole):
    return f"{whole:,}".replace(",", "\u202f") if whole >= 10_000 else str(whole)


def near_one(value, digits=3):
    """A number below 1 by the digits of what it lacks, ``digits`` of them: 0.999 and 0.99999 are not both 1."""
    rest = 1 - value
    if not (value > 0.5 and rest > 1e-12):
        return show(value, digits)
    return f"{value:.{digits - 1 - math.floor(math.log10(1.0000001 * rest))}f}".rstrip("0").rstrip(".")


def many(value, one, more=None, digits=3):
    """So many of something: "1 step", "2 steps", "0.5 steps"; ``more`` where an s does not make it."""
    said = show(value, digits)
    return f"{said} {one if said == '1' else more or one + 's'}"


# -- the figure -------------------------------------------------------------------------------


class LiveFigure(anywidget.AnyWidget):
    """A picture that answers to the hand: one class here, one small module ``js/<figure>.js`` in the browser.

    A subclass sets ``figure`` (the module's name) and ``title``, declares its state by the kinds above,
    and says in ``picture()``, ``alt()`` and ``caption`` what a reader without JavaScript sees.  In Jupyter
    state is shared with the browser both ways; on a static page the same module starts from the state
    that the text/html face carries.
    """

    figure = ""
    title = ""
    caption = ""
    _source = traitlets.Instance(Source).tag(sync=True, **ipywidgets.widget_serialization)
    _stand_in = traitlets.Unicode().tag(sync=True)

    def __init_subclass__(cls, **kwargs):
        if "figure" in vars(cls):
            FIGURES[cls.figure] = cls
        super().__init_subclass__(**kwargs)

    def __init__(self, **state):
        unknown = [name for name in state if name not in self.spec()]
        if unknown:
            raise TypeError(f"{type(self).__name__}: {unknown[0]!r} is unknown; {_nearest(unknown[0], sorted(self.spec()))}.")
        if "_esm" not in vars(LiveFigure):
            from . import bundle

            LiveFigure._esm = bundle.notebook_module()
        super().__init__(_source=Source.of(self.figure), _stand_in=uuid.uuid4().hex, **state)

    @classmethod
    def spec(cls):
        """Kind, initial value and bounds of each value of the state; the module's STATE says the same."""
        return {name: trait.spec() for name, trait in cls.class_traits(state=True).items()}

    def state(self):
        """The state now, as plain data in the order of the names."""
        return json.loads(json.dumps({name: getattr(self, name) for name in sorted(self.spec())}, allow_nan=False))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.spec())})"

    def _repr_html_(self):
        """The face without a kernel: deterministic, so that a notebook's stored output guards the state."""
        state = json.dumps(self.state(), sort_keys=True, allow_nan=False)
        return (
            f'<div class="live-figure" data-figure="{self.figure}" data-state="{html.escape(state)}" '
            f'role="group" aria-label="{html.escape(self.title)}"></div>'
        )

    def _repr_mimebundle_(self, **kwargs):
        bundle_ = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle_ if isinstance(bundle_, tuple) else (bundle_ or {}, {})
        return {**data, "text/plain": repr(self), "text/html": self._repr_html_()}, metadata

    def _ipython_display_(self):
        """In a notebook that is saved with its outputs, a picture goes with the figure; elsewhere IPython shows the bundle."""
        if not _saved.in_a_notebook():
            raise NotImplementedError
        _saved.show(self)

    def picture(self):
        """The state as a matplotlib Figure, computed with momentum_lib: what stands on paper."""
        raise NotImplementedError

    def alt(self):
        """What the picture says, in a sentence with its numbers."""
        raise NotImplementedError


# -- static pictures --------------------------------------------------------------------------

INK, QUIET = GREY, PALE
"""Mid-tones that can be read on the white and on the dark page: a static picture has no theme."""


def canvas(width=7.2, height=3.2, columns=(1,), mosaic=None, **grid):
    """A transparent matplotlib Figure and its axes, one per entry of ``columns`` (their relative widths).

    With ``mosaic`` (and what else ``Figure.subplot_mosaic`` takes) the axes come as a dict by name.
    """
    from matplotlib.figure import Figure

    from .. import plot  # noqa: F401  (sets the style and the typeface)

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = (
        figure.subplot_mosaic(mosaic, **grid)
        if mosaic
        else figure.subplots(1, len(columns), width_ratios=columns, squeeze=False)[0]
    )
    for ax in axes.values() if mosaic else axes:
        ax.patch.set_alpha(0)
        ax.tick_params(colors=INK, labelsize=9, which="both")
        ax.xaxis.label.set(color=INK, size=9)
        ax.yaxis.label.set(color=INK, size=9)
        for side, spine in ax.spines.items():
            spine.set(color=QUIET, linewidth=0.8, visible=side in ("left", "bottom"))
    return figure, axes


def contours(surface, ax, domain=None, count=9):
    """The surface's contours on ``ax`` as js/kit/plot.js draws them: levels at quantiles, one quiet hue, over shaded country."""
    import numpy as np

    from .. import relief

    (x0, x1), (y0, y1) = domain or surface.domain
    x, y = np.linspace(x0, x1, 301), np.linspace(y0, y1, 201)
    values = surface.value(np.stack(np.meshgrid(x, y)))
    levels = np.unique(np.quantile(values, ((np.arange(1, count + 1) - 0.25) / count) ** 2))
    relief.draw(surface, ax, domain)
    ax.contour(x, y, values, levels=levels, colors=QUIET, linewidths=0.7, alpha=0.75)
    ax.set(xlim=(x0, x1), ylim=(y0, y1), aspect="equal")
    ax.set_axis_off()


def stroke(look):
    """Keyword arguments for ``ax.plot`` that draw a line in the colour and dash of a meaning."""
    style = LOOKS[look]
    return {"color": style.light, "linewidth": style.width, "linestyle": linestyle(style.dash, style.width)}
