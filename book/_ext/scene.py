"""Small pictures of 220 x 140 units, made of a few shapes: once as SVG in the page's own colours, once as PNG for a shared link.

A scene is a list of shapes. Colours are names of ``notation.LOOKS``, so a tile wears the colours of the figure that it stands
for, on light pages and on dark ones. A line that runs is drawn point by point when its tile is in view (scripts/tiles.js).
"""

import re
import textwrap
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

WIDTH, HEIGHT = 220, 140
MODULES = Path(__file__).resolve().parents[2] / "node_modules"


class Line(NamedTuple):
    """Points joined; ``runs``: drawn point by point when the tile plays, with a ball at its end; ``grows``: without."""

    points: np.ndarray
    look: str = "quiet"
    width: float = 2.0
    dash: str = ""
    runs: bool = False
    opacity: float = 1.0
    grows: bool = False


class Area(NamedTuple):
    """Closed outlines, filled; what lies inside two of them is outside (a ring is two outlines). ``edge``: width of its line."""

    outlines: tuple
    look: str = "quiet"
    opacity: float = 0.07
    edge: float = 0.0


class Dots(NamedTuple):
    """Discs of one radius; ``runs``: they appear one after another."""

    points: np.ndarray
    look: str = "quiet"
    radius: float = 2.0
    runs: bool = False
    opacity: float = 1.0


class View(NamedTuple):
    """The part of a plane that a scene shows: x from ``left`` to ``right``, y from ``low`` to ``high``."""

    left: float
    right: float
    low: float
    high: float

    def __call__(self, x, y):
        """Data (n,), (n,) -> points of the picture (n, 2), y downwards."""
        across = WIDTH * (np.asarray(x, float) - self.left) / (self.right - self.left)
        down = HEIGHT * (self.high - np.asarray(y, float)) / (self.high - self.low)
        return np.stack(np.broadcast_arrays(across, down), axis=-1)

    @classmethod
    def square(cls, centre, height):
        """A view of this height whose units are as long across as up."""
        half = height / 2
        wide = half * WIDTH / HEIGHT
        return cls(centre[0] - wide, centre[0] + wide, centre[1] - half, centre[1] + half)


def country(surface, view, levels=6, power=2.0):
    """The shapes of a surface of two coordinates: what lies higher is darker, with a thin line at each level."""
    from contourpy import contour_generator

    beyond = 0.02  # the edges of the areas lie outside the picture
    wide, tall = beyond * (view.right - view.left), beyond * (view.high - view.low)
    x = np.linspace(view.left - wide, view.right + wide, 49)
    y = np.linspace(view.low - tall, view.high + tall, 33)
    z = surface.value(np.array(np.meshgrid(x, y)))
    low, high = np.min(z), np.quantile(z, 0.97)
    lines = contour_generator(x, y, z, fill_type="OuterOffset")
    shapes = []
    for height in low + (high - low) * np.linspace(0.1, 1, levels) ** power:
        for points, offsets in zip(*lines.filled(height, np.inf), strict=True):
            shapes.append(Area(tuple(view(*points[a:b].T) for a, b in zip(offsets[:-1], offsets[1:], strict=True)), edge=0.7))
    return shapes


# --- SVG ------------------------------------------------------------------------------------------------------------
def _short(number):
    """A tenth of a unit is finer than a tile's pixels."""
    text = f"{number:.1f}".removesuffix(".0")
    text = re.sub(r"^(-?)0\.", r"\1.", text)
    return "0" if text == "-0" else text


def _points(points):
    return " ".join(f"{_short(x)},{_short(y)}" for x, y in np.clip(points, -400, 600))


def _outline(points):
    """A closed outline in relative coordinates, which take half the bytes."""
    tenths = np.round(10 * np.asarray(points)).astype(int)
    moves = np.diff(tenths, axis=0) / 10
    moves = moves[np.any(moves != 0, axis=1)]
    if len(moves) < 2:
        return ""  # an outline smaller than a tenth of a unit
    start = ",".join(map(_short, tenths[0] / 10))
    return f"M{start}l" + " ".join(f"{_short(dx)},{_short(dy)}" for dx, dy in moves) + "Z"


def _paint(look, opacity, what):
    return f'{what}="var(--look-{look})"' + (f' {what}-opacity="{opacity:g}"' if opacity < 1 else "")


def _svg_of(shape):
    if isinstance(shape, Area):
        outlines = "".join(map(_outline, shape.outlines))
        edge = f' {_paint(shape.look, 0.4, "stroke")} stroke-width="{shape.edge:g}"' if shape.edge else ""
        return f'<path d="{outlines}" fill-rule="evenodd" {_paint(shape.look, shape.opacity, "fill")}{edge}/>'
    if isinstance(shape, Dots):
        discs = "".join(f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{shape.radius:g}"/>' for x, y in shape.points)
        return f"<g {'class=tile-dots ' if shape.runs else ''}{_paint(shape.look, shape.opacity, 'fill')}>{discs}</g>"
    dash = f' stroke-dasharray="{shape.dash}"' if shape.dash else ""
    line = f'points="{_points(shape.points)}" stroke-width="{shape.width:g}"{dash} {_paint(shape.look, shape.opacity, "stroke")}'
    if not shape.runs:
        return f"<polyline {'class=tile-line ' if shape.grows else ''}{line}/>"
    x, y = shape.points[-1]
    ball = f'<circle cx="{x:.4g}" cy="{y:.4g}" r="4.5" {_paint(shape.look, 1, "fill")}/>'
    return f'<g><polyline class="tile-line" {line}/>{ball}</g>'


def svg(shapes):
    """The scene as an SVG element; what it says is said in words beside it."""
    return (
        f'<svg class="tile" viewBox="0 0 {WIDTH} {HEIGHT}" fill="none" stroke-linejoin="round" stroke-linecap="round" '
        f'aria-hidden="true" focusable="false">{"".join(map(_svg_of, shapes))}</svg>'
    )


# --- PNG ------------------------------------------------------------------------------------------------------------
@cache
def _hex(look):
    from momentum_lib import notation

    return notation.LOOKS[look].light


def _draw(shape, ax, unit):
    """Draw one shape; ``unit``: points of type to a unit of the picture."""
    from matplotlib.colors import to_rgba
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    colour = _hex(shape.look)
    if isinstance(shape, Area):
        joined = Path.make_compound_path(*(Path(outline, closed=True) for outline in shape.outlines))
        paint = {"facecolor": to_rgba(colour, shape.opacity), "edgecolor": to_rgba(colour, 0.4)}
        ax.add_patch(PathPatch(joined, linewidth=shape.edge * unit, **paint))
    elif isinstance(shape, Dots):
        size = (2 * shape.radius * unit) ** 2
        ax.scatter(*np.transpose(shape.points), s=size, color=colour, alpha=shape.opacity, linewidths=0, zorder=2)
    else:
        style = (0, [float(part) / shape.width for part in shape.dash.split()]) if shape.dash else "-"
        ax.plot(*np.transpose(shape.points), color=colour, linewidth=shape.width * unit, linestyle=style, alpha=shape.opacity)
        if shape.runs:
            ax.plot(*shape.points[-1], "o", color=colour, markersize=9 * unit)


@cache
def _serif():
    """The family of titles, known to matplotlib afterwards."""
    from matplotlib import font_manager

    from momentum_lib import typeface

    file = typeface.true_type(MODULES / "@fontsource" / "source-serif-4" / "files" / "source-serif-4-latin-600-normal.woff2")
    font_manager.fontManager.addfont(file)
    return [font_manager.FontProperties(fname=file).get_name(), typeface.PLAIN]


def _write(figure, lines, y, size, face, look, weight="normal"):
    """Write lines one below the other from ``y`` inches down; return where the next one belongs."""
    tall = figure.get_size_inches()[1]
    for line in lines:
        figure.text(0.045, y / tall, line, fontsize=size, fontfamily=face, fontweight=weight, color=_hex(look))
        y -= size * (1.2 if size > 30 else 1.37) / 72
    return y


def card(shapes, title, claim, site, file):
    """Write a share picture, 1200 x 630: the words at the left, the scene at the right. ``file``: where the PNG goes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from momentum_lib import typeface

    sans, serif = typeface.families(), _serif()
    wide, tall, picture = 12, 6.3, 6.3  # inches, 100 dots each
    high = picture * HEIGHT / WIDTH
    with mpl.rc_context({"path.simplify": False, "figure.constrained_layout.use": False}):
        figure = Figure(figsize=(wide, tall), dpi=100, facecolor="#ffffff")
        ax = figure.add_axes((1 - (picture + 0.5) / wide, (tall - high) / 2 / tall, picture / wide, high / tall))
        ax.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), xticks=(), yticks=(), facecolor="#eef0f3")
        for spine in ax.spines.values():
            spine.set_visible(False)
        for shape in shapes:
            _draw(shape, ax, picture * 72 / WIDTH)
        lines = textwrap.wrap(title, 19)
        size = 42 if len(lines) < 4 else 34
        y = _write(figure, lines, (tall + high) / 2 - size / 90, size, serif, "ink", "semibold")
        _write(figure, textwrap.wrap(claim, 38)[: int((y - 1.4) / 0.4)], y, 21, sans, "quiet")
        _write(figure, [site], (tall - high) / 2, 18, sans, "momentum")
        figure.savefig(file, format="png", transparent=False, metadata={"Software": None})
