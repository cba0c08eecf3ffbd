"""A surface of the plane shaded as country, light from the north-west: what lies behind the contours of a drawn figure.

The shades are those of the live figures (``widgets/js/kit/relief.js``).  There a page paints them in its own colours; a drawn
figure is one transparent picture for the light page and the dark one, so its shadows are thin black and its lit slopes thin
white: the first are seen by day and the second by night.
"""

import numpy as np

LIGHT = (-np.sqrt(3 / 8), np.sqrt(3 / 8), 0.5)
"""Towards the light: left, up, and as high as makes flat ground half bright."""
STEEP, SKY, HEIGHT = 1.2, 0.45, 0.25
"""A slope of one in median slopes; light that comes round the hills; how much brighter the tops are."""
GROUND = 0.68
"""The brightness that leaves the page as it is."""
SHADOW, SHINE = 0.26, 0.3
"""How opaque the black is where there is no light, and the white where there is all of it."""
CELLS = 120


def shades(values, ratio=1.0):
    """How bright every point of a grid of heights (rows, columns) is, from 0 to 1, the same shape.

    Lambert's term, with some light from the sky, and tops brighter than floors.  Slopes count in units of the median slope, so
    that a bowl and Rosenbrock's valley are equally hilly.  ``ratio``: how wide a cell of the grid is, over how high.  Rows go
    upwards, as y does.  Where heights are not finite, the ground counts as flat.
    """
    values = np.asarray(values, dtype=float)
    with np.errstate(invalid="ignore", over="ignore"):
        across, up = (np.nan_to_num(np.gradient(values, axis=axis), nan=0, posinf=0, neginf=0) for axis in (1, 0))
        up = up * ratio
        sizes = np.sort(np.hypot(across, up).ravel()[::9])
        unit = STEEP * sizes[len(sizes) // 2] or 1.0
        across, up = across / unit, up / unit
        lambert = (LIGHT[2] - across * LIGHT[0] - up * LIGHT[1]) / np.sqrt(1 + across**2 + up**2)
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
        height = np.nan_to_num(np.sqrt((values - low) / (high - low))) if high > low else 0.0
        bright = (1 - HEIGHT) * ((lambert + SKY) / (1 + SKY)) + HEIGHT * height
    return np.nan_to_num(np.clip(bright, 0, 1))


def draw(surface, ax, domain=None):
    """Shade a surface of the plane on a matplotlib Axes, behind everything; ``domain``: ((x0, x1), (y0, y1)), else its own."""
    (x0, x1), (y0, y1) = domain or surface.domain
    tall = max(12, round(CELLS * (y1 - y0) / (x1 - x0)))
    x, y = np.linspace(x0, x1, CELLS + 1), np.linspace(y0, y1, tall + 1)
    found = shades(surface.value(np.stack(np.meshgrid(x, y))), (x[1] - x[0]) / (y[1] - y[0]))
    paint = np.empty((*found.shape, 4))
    paint[..., :3] = (found > GROUND)[..., None]
    paint[..., 3] = np.where(found > GROUND, SHINE * (found - GROUND) / (1 - GROUND), SHADOW * (GROUND - found) / GROUND)
    return ax.imshow(paint, extent=(x0, x1, y0, y1), origin="lower", aspect="auto", interpolation="none", zorder=0)
