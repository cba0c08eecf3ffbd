"""Figures laid out anew for a phone: as narrow as its page, panels one below the other, words no smaller than 11 pixels.

A figure is drawn for a page of 656 pixels. Shown on 350, its words shrink with it. ``svg`` draws the same Figure for that width;
where the words would then touch each other it gives up, and the page shows the wide one, which can be moved sideways.
The site keeps both in one file: ``joined`` puts the narrow one behind the wide one, ``parted`` takes them apart.
"""

import io
import re
import warnings
from contextlib import contextmanager
from functools import partial
from weakref import WeakKeyDictionary

WIDTH = 350 * 0.75
"""Points (72 to the inch) that a figure takes on a phone; a page counts 96 pixels to the inch."""
LEAST = 11 * 0.75
"""Points of the smallest word."""
MARK = "\n<!-- narrow -->\n"
QUICK = {"compress_level": 1}
"""How a PNG is packed that is made smaller before anybody sees it (book/_gen/reader.py)."""


def _words(figure):
    """Every text of a figure that is seen."""
    from matplotlib.text import Text

    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def _panels(figure):
    """The axes that stand in a grid, in the order of reading."""
    placed = [ax for ax in figure.axes if ax.get_subplotspec() is not None and not hasattr(ax, "_colorbar")]
    return sorted(placed, key=lambda ax: (ax.get_subplotspec().rowspan.start, ax.get_subplotspec().colspan.start))


def _shape(ax, figure):
    """Height over width that a panel wants: its own, but not flatter than 0.55, and a plane's from its numbers."""
    if ax.get_aspect() != "auto":
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        return abs(y1 - y0) / abs(x1 - x0)
    box, (wide, high) = ax.get_position(), figure.get_size_inches()
    return min(max(box.height * high / (box.width * wide), 0.55), 1.0)


@contextmanager
def _stacked(figure):
    """The figure narrow, its panels one below the other; afterwards it is what it was."""
    panels, size = _panels(figure), figure.get_size_inches().copy()
    specs = [ax.get_subplotspec() for ax in panels]
    shapes = [_shape(ax, figure) for ax in panels]
    words = [(text, text.get_fontsize()) for text in figure.findobj(lambda artist: hasattr(artist, "set_fontsize"))]
    hidden = [ax for ax in panels if ax.axison and not any(label.get_visible() for label in ax.get_yticklabels())]
    try:
        grid = figure.add_gridspec(len(panels), 1, height_ratios=shapes)
        for k, ax in enumerate(panels):
            ax.set_subplotspec(grid[k])
        for ax in hidden:  # beside a panel with the same axis it needed no numbers
            ax.tick_params(labelleft=True)
        for text, points in words:
            text.set_fontsize(min(max(0.82 * points, LEAST + 0.15), 10))
        wide = WIDTH / 72
        figure.set_size_inches(wide, sum(0.86 * wide * shape + 0.55 for shape in shapes))
        yield
    finally:
        for ax, spec in zip(panels, specs, strict=True):
            ax.set_subplotspec(spec)
        for ax in hidden:
            ax.tick_params(labelleft=False)
        for text, points in words:
            text.set_fontsize(points)
        figure.set_size_inches(*size)


def saved(figure, kind="svg", **options):
    """The Figure in a format, on a transparent ground: text for "svg", bytes for "png"; ``options`` of ``savefig``."""
    out = io.BytesIO()
    figure.savefig(out, format=kind, transparent=True, metadata={"Date": None} if kind == "svg" else None, **options)
    return out.getvalue().decode() if kind == "svg" else out.getvalue()


def touching(figure):
    """How many pairs of words of a figure lie over each other, as it is laid out now."""
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in _words(figure)]
    boxes = [box.shrunk(0.92, 0.7) for box in boxes if box.width > 1 and box.height > 1]
    return sum(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def svg(figure):
    """The Figure as SVG for a phone, or None where it has no panels or does not fit: words touch, or leave no room."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if not _panels(figure) or figure.get_size_inches()[0] * 72 <= WIDTH:
        return None
    canvas = figure.canvas
    try:
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
        before = touching(figure)
        with _stacked(figure), warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # there is no room for the panels beside their words
            figure.draw_without_rendering()
            box = figure.get_tightbbox(figure.canvas.get_renderer())
            if touching(figure) > before or box.width * 72 > WIDTH * (LEAST + 0.15) / LEAST + 2:
                return None
            return saved(figure, bbox_inches="tight", pad_inches=0.01)
    except UserWarning:
        return None
    finally:
        figure.set_canvas(canvas)


_MEASURED = {}


@contextmanager
def _words_measured_once():
    """Within, matplotlib keeps how large a text is; it would find that out about ten times for each picture of it.

    The layout of a text rests on these properties alone, and not on where it stands.
    """
    from matplotlib import rcParams
    from matplotlib.text import Text

    fonts = tuple((name, repr(rcParams[name])) for name in sorted(rcParams) if name.startswith(("font.", "mathtext.", "text.")))
    plain, kept = Text._get_layout, _MEASURED.setdefault(fonts, {})

    def layout(text, renderer):
        if text.get_wrap() or text.get_usetex() or text.get_transform_rotates_text():
            return plain(text, renderer)
        kind = type(getattr(renderer, "_renderer", renderer))  # one that mixes lines and dots asks another
        said = text.get_text(), text.get_fontproperties().copy(), text.get_parse_math(), text._linespacing
        turned = text.get_rotation(), text.get_rotation_mode()
        sides = text.get_horizontalalignment(), text.get_verticalalignment(), text._get_multialignment()
        key = kind, text.get_figure(root=True).dpi, said, turned, sides
        if key not in kept:
            kept[key] = plain(text, renderer)
        return kept[key]

    Text._get_layout = layout
    try:
        yield
    finally:
        Text._get_layout = plain


@_words_measured_once()
def both(figure, write_svg, write_png):
    """A figure as it goes to a page: (SVG, wide and narrow in one; PNG, laid out as the wide SVG is).

    ``write_svg``, ``write_png``: give the wide figure in that format, at any number of dots to the inch.
    """
    wide, engine = write_svg(), figure.get_layout_engine()
    figure.set_layout_engine("none")
    png = write_png()
    figure.set_layout_engine(engine)
    return joined(wide, svg(figure)), png


def smallest(text, width):
    """Pixels of the smallest word of an SVG (words as paths) that is shown so many pixels wide; None without words."""
    box = re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+)', text)
    sizes = [100 * float(size) for size in re.findall(r'scale\(([\d.]+) -[\d.]+\)"', text)]
    return min(sizes) * width / float(box[1]) if box and sizes else None


def joined(wide, narrow):
    """Both SVGs as one text: browsers and other readers see the wide one."""
    return wide if narrow is None else wide + MARK + "<!--" + narrow.replace("--", "- -") + "-->"


def parted(text):
    """(wide, narrow) of what ``joined`` made; narrow is None where there is none."""
    wide, mark, rest = text.partition(MARK)
    return wide, rest.strip()[4:-3].replace("- -", "--") if mark else None


def load_ipython_extension(shell):
    """In the kernels that run the course's notebooks for the site: every SVG comes with its narrow one, and its PNG."""
    from IPython.core import pylabtools

    plain, drawn = pylabtools.print_figure, WeakKeyDictionary()  # a figure's PNG from its SVG, for which IPython asks first

    def print_figure(fig, fmt="png", **options):
        if fmt == "svg" and (fig.axes or fig.lines):
            png = partial(plain, fig, "retina", **options, pil_kwargs=QUICK)
            made, drawn[fig] = both(fig, partial(plain, fig, "svg", **options), png)
            return made
        return drawn.pop(fig) if fmt == "retina" and fig in drawn else plain(fig, fmt, **options)

    pylabtools.print_figure = print_figure
