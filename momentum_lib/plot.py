"""Figures of the course: contours, paths, errors and maps, all in one look.

Every function draws on a matplotlib Axes that you give (or on a new one) and returns it.
Colours, dashes and markers come from ``notation.LOOKS``; the colours here are mid-tones between
the light and the dark variant, because one transparent SVG serves both pages.
"""

from colorsys import hls_to_rgb, rgb_to_hls
from pathlib import Path as FilePath

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb

from . import relief, typeface
from .looks import dash
from .notation import GREY, LOOKS, QUANTITIES, linestyle

STYLE = FilePath(__file__).with_name("momentum.mplstyle")
MARKERS = {
    "dot": ".",
    "disc": "o",
    "triangle": "^",
    "ring": "o",
    "square": "s",
    "diamond": "D",
    "cross": "X",
    "none": "",
}
TEXT_SIZE, FULL_SIZE = (7.2, 4.2), (10.4, 4.4)

plt.style.use(STYLE)
plt.rcParams["font.family"] = typeface.families()


def colour(look):
    """The mid-tone of a meaning, legible on the white page and on the dark one; look is a key of LOOKS."""
    light, dark = (rgb_to_hls(*to_rgb(getattr(LOOKS[look], side))) for side in ("light", "dark"))
    hue, _, saturation = light
    return hls_to_rgb(hue, (light[1] + dark[1]) / 2, min(saturation, dark[2]))


def rule_style(rule):
    """Keyword arguments for ``ax.plot`` that give a rule its colour, dash, width and marker."""
    look = LOOKS[rule.family]
    return {
        "color": colour(rule.family),
        "linestyle": linestyle(dash(rule), look.width),
        "linewidth": look.width,
        "marker": MARKERS[look.marker],
        "markersize": 4,
        "markerfacecolor": "none" if look.marker == "ring" else colour(rule.family),
        "label": rule.title,
    }


def _axes(ax, size=TEXT_SIZE):
    return plt.subplots(figsize=size)[1] if ax is None else ax


def label(name):
    """An axis label: the quantity's name and its symbol."""
    quantity = QUANTITIES[name]
    return f"{quantity.name} {quantity.symbol}"


def _tolerance(result):
    """A sweep's tolerance as it is set in type: a power of ten as such."""
    mantissa, _, exponent = f"{result.tol:e}".partition("e")
    return f"$10^{{{int(exponent)}}}$" if float(mantissa) == 1 else f"{result.tol:g}"


def contours(surface, ax=None, *, levels=14, domain=None):
    """The surface as quiet contour lines over shaded country, its minima as small crosses. ``levels``: how many lines."""
    ax = _axes(ax)
    (x0, x1), (y0, y1) = domain or surface.domain
    x, y = np.meshgrid(np.linspace(x0, x1, 241), np.linspace(y0, y1, 241))
    z = surface.value(np.array([x, y]))
    low, high = z.min(), z.max()
    heights = low + (high - low) * np.linspace(0.02, 1, levels) ** 2.5  # closer together near the floor
    relief.draw(surface, ax, domain)
    ax.contour(x, y, z, levels=heights, colors=GREY, linewidths=0.7, alpha=0.55)
    for minimum in surface.minima:
        ax.plot(*minimum, marker="+", markersize=9, color=GREY, markeredgewidth=1.6)
    ax.set(xlim=(x0, x1), ylim=(y0, y1), xlabel=label("x"), ylabel=label("y"))
    return ax


def path(run, ax=None, *, steps=None, **style):
    """A run's points, joined, in the look of its rule. ``steps`` cuts the run; ``style`` overrides."""
    ax = _axes(ax)
    points = run.points[: None if steps is None else steps + 1]
    ax.plot(points[:, 0], points[:, 1], **{**rule_style(run.rule), **style})
    ax.plot(*points[0], marker="o", markersize=8, markerfacecolor="none", markeredgecolor=GREY, markeredgewidth=1.4)
    return ax


def error(*runs, ax=None, labels=None, quantity="error"):
    """Distance to the minimum (``quantity="error"``) or value (``"values"``) against the step, on a log axis.

    Each curve is named at its end instead of in a legend.
    """
    ax = _axes(ax)
    for i, run in enumerate(runs):
        y = np.asarray(getattr(run, quantity))
        style = {**rule_style(run.rule), "marker": ""}
        name = labels[i] if labels else run.rule.title
        ax.plot(np.arange(len(y)), y, **{**style, "label": name})
        ax.annotate(
            name,
            (len(y) - 1, y[-1]),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=style["color"],
            annotation_clip=False,
        )
    ax.set_yscale("log")
    words = {"error": "distance to the minimum, start = 1", "values": "loss f"}
    ax.set(xlabel="step", ylabel=words[quantity])
    return ax


def _geometric(x):
    """Whether an axis rises by a constant factor, so that it wants a logarithmic scale."""
    ratios = x[1:] / x[:-1] if (x > 0).all() and len(x) > 2 else np.array([1.0])
    return len(ratios) > 1 and ratios[0] > 1 and np.allclose(ratios, ratios[0])


def steps_curve(result, ax=None, **style):
    """A one-axis sweep's steps to converge as a curve in the look of its rule; gaps where a run did not arrive.

    ``style`` overrides the look.  A cross on the lower edge marks each setting that diverges.
    """
    ax = _axes(ax)
    ((name, x),) = result.axes.items()
    ax.plot(x, np.where(np.isfinite(result.steps), result.steps, np.nan), **{**rule_style(result.rule), "marker": ".", **style})
    lost = x[result.diverged_at > 0]
    ax.plot(lost, np.full(len(lost), 0.02), "x", color=GREY, markersize=5, transform=ax.get_xaxis_transform())
    if _geometric(x):
        ax.set_xscale("log")
    ax.set(xlabel=label(name), ylabel=f"steps to {_tolerance(result)}" + (" (crosses: diverges)" if len(lost) else ""))
    return ax


def steps_map(result, ax=None, *, colorbar=True, vmax=None):
    """A two-axis sweep's steps to converge as a map: cividis, diverged hatched, not converged plain.

    The first axis of the sweep runs along x, the second along y.
    """
    ax = _axes(ax)
    (x_name, x), (y_name, y) = result.axes.items()
    z = np.ma.masked_invalid(result.steps).T
    mesh = ax.pcolormesh(x, y, z, shading="nearest", cmap="cividis_r", vmax=vmax, rasterized=True)
    diverged = (result.diverged_at > 0).T.astype(float)
    if diverged.any():
        ax.contourf(x, y, diverged, levels=[0.5, 1.5], hatches=["////"], colors="none")
        ax.contour(x, y, diverged, levels=[0.5], colors=GREY, linewidths=1)
    if _geometric(x):
        ax.set_xscale("log")
    ax.set(xlabel=label(x_name), ylabel=label(y_name))
    if colorbar:
        bar = ax.figure.colorbar(mesh, ax=ax)
        bar.set_label(f"steps to {_tolerance(result)} (hatched: diverges)")
        bar.outline.set_visible(False)
    return ax
