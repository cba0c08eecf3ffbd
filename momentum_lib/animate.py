"""Runs as a moving picture: a GIF, or an MP4 where ffmpeg exists.

Needs matplotlib (and Pillow, which comes with it) and tqdm for the progress bar.
"""

import math
import shutil
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path as FilePath

import numpy as np

from .ranges import told

WIDTH, HEIGHT, DPI = 640, 320, 100
"""Size of the picture in pixels, and dots per inch."""

TAIL = 14
"""Steps during which a trail fades behind its head."""

REST = 0.15
"""The last part of the film, in which the finished picture stands still."""

WRITERS = (".gif", ".mp4")


def frames(fps, seconds):
    """How many frames a film has: the product, rounded, at least two. Raises ValueError unless both are finite and positive."""
    for name, value in (("fps", fps), ("seconds", seconds)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
            raise ValueError(f"{name} is {told(value)}; allowed: a finite number > 0.")
    return max(2, round(fps * seconds))


def clock(count, steps):
    """The step shown in each of ``count`` frames, as floats from 0 to ``steps``:
    gathers speed, slows down, then rests. Shape (count,)."""
    part = np.clip(np.arange(count) / max(1, round((1 - REST) * (count - 1))), 0, 1)
    return steps * part**2 * (3 - 2 * part)


def between(points, at):
    """A run up to a fractional step: its points, and the head on its way to the next. Shape (k, dim), k >= 1."""
    last = min(int(at), len(points) - 1)
    part = at - last
    if last == len(points) - 1 or part <= 0:
        return points[: last + 1]
    return np.vstack([points[: last + 1], points[last] + part * (points[last + 1] - points[last])])


def save(paths, file, *, fps=25, seconds=6, progress=True, labels=None, domain=None):
    """Write runs on one surface of the plane as an animation and return the file's path.

    ``paths``     runs as :func:`momentum_lib.descend` returns them, all on the same surface of two dimensions
    ``file``      where to write; its ending, .gif or .mp4, chooses the format
    ``fps``       frames per second; ``seconds`` the length; the film has round(fps * seconds) frames
    ``progress``  show a progress bar (tqdm) on stderr
    ``labels``    one name per run; the rules' titles if not given
    ``domain``    ((x0, x1), (y0, y1)) to show; the surface's own if not given

    640 x 320 pixels: the paths from above on the left, the loss against the step on the right.  The same call
    gives the same frames.  Raises ValueError for an unknown ending, for runs on different surfaces or none, and
    RuntimeError for .mp4 where ffmpeg is missing.
    """
    file, paths = FilePath(file), list(paths.values()) if isinstance(paths, dict) else list(paths)
    if file.suffix.lower() not in WRITERS:
        raise ValueError(f"{file.name} ends in {file.suffix!r}; allowed: .gif, or .mp4 where ffmpeg is installed.")
    if not paths:
        raise ValueError("there is no run to show; give at least one, as descend returns it.")
    surface = paths[0].surface
    if any(
        (p.surface.name, getattr(p.surface, "params", None)) != (surface.name, getattr(surface, "params", None)) for p in paths
    ):
        raise ValueError(
            f"the runs are on different surfaces ({', '.join(sorted({p.surface.name for p in paths}))}); one film shows one "
            f"surface."
        )
    if surface.dim != 2:
        raise ValueError(f"{surface.name} has {surface.dim} dimension(s); a film needs a surface of the plane.")
    if labels is not None and len(labels) != len(paths):
        raise ValueError(f"there are {len(labels)} labels for {len(paths)} runs; give one per run.")
    if file.suffix.lower() == ".mp4" and shutil.which("ffmpeg") is None:
        raise RuntimeError(
            f"{file.name} needs the program ffmpeg, which is not on the PATH. Install it, or write a .gif instead."
        )
    count = frames(fps, seconds)

    import matplotlib

    from .plot import STYLE

    if progress:
        from tqdm import tqdm

        bar = tqdm(total=count, desc=file.name, unit="frame")
    else:
        bar = nullcontext()
    page = {"figure.facecolor": "white", "savefig.facecolor": "white", "savefig.transparent": False, "axes.facecolor": "white"}
    with matplotlib.rc_context({**matplotlib.rc_params_from_file(STYLE, use_default_template=False), **page}), bar:
        figure, show = _stage(paths, surface, labels, domain)
        writer = _writer(file.suffix.lower(), fps)
        with writer.saving(figure, str(file), DPI):
            for at in clock(count, max(len(p) for p in paths)):
                show(at)
                writer.grab_frame()
                if progress:
                    bar.update()
    return file


def _writer(ending, fps):
    """A matplotlib writer that takes the canvas as it stands: only what moves was drawn anew."""
    from matplotlib.animation import FFMpegWriter, PillowWriter
    from PIL import Image

    class Film(FFMpegWriter):
        def grab_frame(self, **_):
            self._proc.stdin.write(self.fig.canvas.buffer_rgba())

    class Gif(PillowWriter):
        def grab_frame(self, **_):
            self._frames.append(Image.fromarray(np.asarray(self.fig.canvas.buffer_rgba())[..., :3].copy()))

        def finish(self):
            """One palette for all frames and no dithering: what stands still costs nothing."""
            some = np.concatenate([np.asarray(f) for f in self._frames[:: max(1, len(self._frames) // 8)]])
            colours = np.reshape(Image.fromarray(some).quantize(64, dither=Image.Dither.NONE).getpalette(), (-1, 3))
            colours[colours.min(axis=1) > 244] = 255  # paper stays white: Pillow's search for the nearest colour is a rough one
            palette = Image.new("P", (1, 1))
            palette.putpalette(colours.ravel().tolist())
            first, *rest = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in self._frames]
            # A GIF counts hundredths of a second: each frame ends where it should, so the sum is right at any fps.
            ends = [round(100 * k / self.fps) for k in range(len(self._frames) + 1)]
            lasts = [10 * max(end - start, 1) for start, end in pairwise(ends)]
            first.save(self.outfile, save_all=True, append_images=rest, duration=lasts, loop=0, optimize=False)

    if ending == ".gif":
        return Gif(fps=fps)
    return Film(fps=fps, codec="h264", extra_args=["-pix_fmt", "yuv420p", "-crf", "20"])


def _stage(paths, surface, labels, domain):
    """The still part of the film, and the function that puts its moving part at a step."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from .notation import LOOKS
    from .plot import GREY, MARKERS, contours, rule_style

    INK = LOOKS["ink"].light

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, layout="none")
    canvas = FigureCanvasAgg(figure)
    plane = figure.add_axes((0.012, 0.03, 0.6, 0.8))
    fall = figure.add_axes((0.7, 0.17, 0.28, 0.66))
    (x0, x1), (y0, y1) = domain or surface.domain
    contours(surface, plane, domain=((x0, x1), (y0, y1)))
    plane.set_axis_off()
    start = plane.plot(*paths[0].points[0], "o", markersize=9, markerfacecolor="white", markeredgecolor=INK, markeredgewidth=1.6)[
        0
    ]

    floor = bool(getattr(surface, "minima", None))
    longest = max(max(len(p) for p in paths), 1)
    values = np.concatenate([p.values for p in paths])
    if floor:
        top = 10.0 ** math.ceil(math.log10(max(paths[0].values[0], 1e-6) * 1.5))
        fall.set(yscale="log", ylim=(top * 1e-10, top))
    else:
        first = paths[0].values[0]
        low = max(values.min(), first - 12 * max(abs(first), 1.0))
        fall.set(ylim=(low, first + 0.15 * (first - low)))
    fall.set(xlim=(0, longest), xlabel="step")
    fall.set_title("loss f", fontsize=10, loc="left", color=GREY)
    fall.tick_params(labelsize=8)

    cast = []
    for k, path in enumerate(paths):
        look = LOOKS[path.rule.family]
        style = {**rule_style(path.rule), "color": look.light, "marker": "", "label": ""}
        shape = {"dot": "o", "none": "o"}.get(look.marker) or MARKERS[look.marker]
        dot = {
            "marker": shape,
            "markersize": 6.5,
            "markeredgecolor": "white",
            "markeredgewidth": 0.8,
            "color": look.light,
            "linestyle": "",
        }
        if look.marker == "ring":
            dot.update(markerfacecolor="white", markeredgecolor=look.light, markeredgewidth=1.6)
        name = labels[k] if labels else path.rule.title
        past = plane.plot([], [], **{**style, "alpha": 0.3, "linewidth": 0.8 * look.width, "label": name})[0]
        trail = plane.plot([], [], **{**style, "linewidth": 0.9 * look.width})[0]
        head = plane.plot([], [], **dot)[0]
        line = fall.plot([], [], **{**style, "linewidth": 0.8 * look.width})[0]
        mark = fall.plot([], [], **{**dot, "markersize": 0.8 * dot["markersize"]})[0]
        cast.append((path, past, trail, head, line, mark))
    names = [past for _, past, *_ in cast]
    legend = figure.legend(
        names,
        [past.get_label() for past in names],
        loc="upper left",
        bbox_to_anchor=(0.005, 1),
        ncol=3,
        fontsize=9,
        frameon=False,
        labelcolor=INK,
    )
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    counter = fall.text(1, 1.045, "", transform=fall.transAxes, ha="right", fontsize=10, color=INK)

    moving = [*(line for column in list(zip(*cast, strict=True))[1:] for line in column), start, counter]
    for artist in moving:
        artist.set_animated(True)
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)

    def show(at):
        """Put heads, trails and curves at step ``at``, a float; at the end whole paths stand out again."""
        counter.set_text(f"step {int(at)}")
        for path, past, trail, head, line, mark in cast:
            drawn = between(path.points, at)
            done = at >= longest
            past.set_data(*drawn.T)
            past.set_alpha(0.9 if done else 0.3)
            trail.set_data(*([[], []] if done else drawn[-TAIL - 1 :].T))
            head.set_data(*drawn[-1:].T)
            value = between(path.values[:, None], at)[:, 0]
            step = np.minimum(np.arange(len(value)), min(at, len(path)))
            line.set_data(step, value)
            mark.set_data(step[-1:], value[-1:])
        canvas.restore_region(still)
        for artist in moving:
            artist.axes.draw_artist(artist)

    return figure, show
