"""All that a small figure draws and says, told in one piece: `marks.py` reads the page, a test says in data what should be there.

Nothing may be missing and nothing may be too much: each path, mark, label, handle, read-out and slider of the figure is told, in
the units of its axes, from numbers that Python computed.
"""

import re
from dataclasses import dataclass, field

import numpy as np
import pytest

from momentum_lib.widgets import make
from momentum_lib.widgets._base import show
from tests.browser import live, marks


@dataclass
class Axis:
    """An axis: its ends, whether it is even in the logarithm, whether numbers stand at it, or which words stand at which."""

    low: float
    high: float
    log: bool = False
    written: bool | dict = False


class Bars(list):
    """Boxes (left, right, low, high) that are drawn as one path; one of no height need not be there."""


class Pieces(list):
    """Lines that are drawn as one path, each with points of shape (n, 2)."""


@dataclass
class Picture:
    """What one picture should show, all places in the units of its axes.

    ``lines``    what a path is called (its classes without ``lf-``, its look) -> each path of that name, in the order drawn:
                 points, shape (n, 2), or `Pieces`, or `Bars`
    ``marks``    the same for marks, with their shape: their middles
    ``words``    [(words, the place that they name)], or with a third, how many pixels from there they stand: right, down
    ``handles``  what a handle is called -> its place, or (its place, what it tells, the ends of its axis)
    ``key``      the words above the picture
    ``but``      paths that are decoration
    ``crowded``  words that find no room
    """

    x: Axis
    y: Axis
    lines: dict = field(default_factory=dict)
    marks: dict = field(default_factory=dict)
    words: list = field(default_factory=list)
    handles: dict = field(default_factory=dict)
    key: tuple = ()
    but: tuple = ()
    crowded: tuple = ()


@dataclass
class Slider:
    """What one slider should show: where its value lies between its ends, its words, its marks (words -> value); whether it is
    put away."""

    value: float
    low: float
    high: float
    even: str = "linear"
    words: str | None = None
    marks: dict = field(default_factory=dict)
    hidden: bool = False

    def part(self, value):
        """How far along the slider a value lies, 0 to 1."""
        to = {"linear": lambda v: v, "log": np.log, "near-one": lambda v: -np.log1p(-v)}[self.even]
        return np.clip((to(value) - to(self.low)) / (to(self.high) - to(self.low)), 0, 1)


BESIDE = 50
"""Pixels at most from words to what they name, which may move where there is no room; half of long words come on top."""


def agrees(shown, said, pictures=(), readouts=None, sliders=None):
    """All that is drawn and said is as it should be: no picture, path, mark, word or number is missing or is too much."""
    for k, picture in enumerate(pictures):
        _picture_agrees(on_axes(shown, k, picture), picture)
    assert shown.count == len(pictures)
    assert {name: _plain(words) for name, words in shown.readouts.items()} == (readouts or {})
    assert _plain(shown.sentence) == said
    assert sorted(shown.sliders) == sorted(sliders or {})
    for name, slider in (sliders or {}).items():
        there = shown.sliders[name]
        assert abs(there["at"] - slider.part(slider.value)) < 1e-6, name
        assert _plain(there["told"]) == (slider.words or show(slider.value)), name
        assert there["hidden"] == slider.hidden, name
        assert there["marks"].keys() == slider.marks.keys(), name
        for words, value in slider.marks.items():
            assert abs(there["marks"][words] - slider.part(value)) < 1e-4, (name, words)


def on_axes(shown, k, picture):
    """The k-th picture of a figure on the axes that it should have."""
    log = "".join(name for name in "xy" if getattr(picture, name).log)
    return shown.picture(k, *((axis.low, axis.high) for axis in (picture.x, picture.y)), log)


def _plain(text):
    """Words without the spaces that only keep them together."""
    return text.replace("\u00a0", " ")


def named(plot, but=()):
    """The paths that are drawn: what each is called -> those of that name, in order."""
    found = {}
    for part in plot.find():
        own = [name.removeprefix("lf-") for name in part["classes"] if name not in ("lf-line", "lf-dots")]
        name = " ".join(filter(None, [*own, part["shape"], part["look"]]))
        if part["d"] and not name.startswith(("band", "contour", *but)):
            found.setdefault(name, []).append(part)
    return found


def _picture_agrees(plot, picture):
    paths = named(plot, picture.but)
    lines = {name: [one for one in every if _is_seen(plot, one)] for name, every in picture.lines.items()}
    places = {name: [one for one in every if plot.within(one)] for name, every in picture.marks.items()}
    wanted_paths = {name: every for name, every in (lines | places).items() if every}
    assert sorted(paths) == sorted(wanted_paths)
    for name, every in wanted_paths.items():
        assert len(paths[name]) == len(every), name
        for part, wanted in zip(paths[name], every, strict=True):
            if name in places:
                plot.marks(part, wanted)
            elif isinstance(wanted, Bars):
                _same_bars(plot, strokes(part["d"]), wanted, name)
            else:
                _same_lines(plot, strokes(part["d"]), wanted if isinstance(wanted, Pieces) else [wanted], name)
    for name in "xy":
        _numbers_agree(plot, name, getattr(picture, name).written)
    written = [part for part in plot.find(tag="text") if part["words"]]
    assert sorted(_plain(part["words"]) for part in written) == sorted(words for words, *_ in picture.words)
    for words, place, *away in picture.words:
        stand = [part for part in written if _plain(part["words"]) == words]
        shift, within = (away[0], 1) if away else ((0, 0), BESIDE + 3.5 * len(words))
        near = any(part["seen"] and plot.apart(part, place, *shift) < within for part in stand)
        assert near or (words in picture.crowded and not all(part["seen"] for part in stand)), words
    assert len(plot.find("handle", tag="g")) == len(picture.handles)
    for name, wanted in picture.handles.items():
        (x, y), told, ends = wanted if len(wanted) == 3 else (wanted, None, None)
        (part,) = plot.find("handle", tag="g", label=name)
        assert _plain(plot.handle(name, (x, y))) == (f"x {show(x)}, y {show(y)}" if told is None else told), name
        *slides, now = part["slides"]
        assert min(abs(now - x), abs(now - y)) < 1e-6 * max(1, abs(now)), name
        if ends is not None:
            assert slides == pytest.approx(list(ends)), name
    assert plot.key == list(picture.key)


def _is_seen(plot, wanted):
    """Whether anything of a line is in the frame, at which it is cut."""
    pieces = wanted if isinstance(wanted, (Pieces, Bars)) else [wanted]
    return isinstance(wanted, Bars) or any(plot.within(_closer(np.reshape(piece, (-1, 2)))) for piece in pieces)


def _numbers_agree(plot, axis, written):
    """What is written at an axis stands where it says."""
    if written is True:
        plot.check_ticks(axis)
        return
    assert [words for _, words in plot.ticks[axis]] == list(written or ())
    for at, words in plot.ticks[axis]:
        place = [written[words], plot.ends[1, 0]] if axis == "x" else [plot.ends[0, 0], written[words]]
        assert abs(plot.pixels([place])[0]["xy".index(axis)] - at) < 0.06, words


def strokes(d):
    """The polylines of path data, in pixels."""
    found = []
    for command, rest in re.findall(r"([MLHVZzhv])([^MLHVZzhv]*)", d):
        values = [float(v) for v in re.findall(r"-?[\d.]+(?:e-?\d+)?", rest)]
        x, y = found[-1][-1] if found else (0, 0)
        if command == "M":
            found.append([tuple(values)])
        elif command in "Zz":
            found[-1].append(found[-1][0])
        else:
            steps = {"L": values, "H": [*values, y], "V": [x, *values], "h": [x + values[0], y], "v": [x, y + values[0]]}
            found[-1].append(tuple(steps[command]))
    return [np.array(piece) for piece in found]


def _same_lines(plot, drawn, wanted, name, tolerance=0.8):
    """Every corner of the drawn lines lies on the wanted ones, and the reverse; what lies outside of the picture is cut."""
    wanted = [plot.pixels(np.reshape(piece, (-1, 2))) for piece in wanted]
    corners = np.concatenate([_closer(piece) for piece in wanted])
    inside = ((corners > plot.low + 0.5) & (corners < plot.high - 0.5)).all(1)
    there, meant = marks.segments(drawn), marks.segments(wanted)
    assert marks.far(np.concatenate(drawn), meant) < tolerance, f"{name}: drawn where it should not be"
    assert not inside.any() or marks.far(corners[inside], there) < tolerance, f"{name}: not drawn where it should be"


def _closer(piece):
    """The same line with nineteen more points on each of its pieces, where they are few."""
    if len(piece) > 9:
        return piece
    along = np.arange(20 * len(piece) - 19) / 20
    return np.stack([np.interp(along, np.arange(len(piece)), values) for values in piece.T], axis=1)


def _same_bars(plot, drawn, wanted, name):
    """One closed path a bar, in order."""
    wanted = [plot.pixels([(left, low), (right, high)]) for left, right, low, high in wanted]
    drawn = [np.concatenate([box.min(0), box.max(0)]) for box in drawn]
    wanted = [np.concatenate([box.min(0), box.max(0)]) for box in wanted]
    near = lambda box, others: any(abs(box - other).max() < 0.16 for other in others)
    assert all(near(box, wanted) for box in drawn), f"{name}: a bar that should not be"
    assert all(near(box, drawn) for box in wanted if box[3] - box[1] > 0.2), f"{name}: a bar is missing"


COLOURED = """() => Object.fromEntries([
    ['.lf-key span', (node) => node.textContent], ['.lf-readouts dd', (node) => node.previousSibling.textContent],
    ['.lf-handle', (node) => node.getAttribute('aria-label')], ['.lf-control', (node) => node.dataset.control],
    ['.lf-front > text', (node) => node.textContent]].flatMap(([selector, name]) =>
        [...document.querySelectorAll(`.lf :is(${selector})[data-look]`)].map((node) => [name(node), node.dataset.look]))
    .filter(([name]) => name))"""


PLAY = """ms => { const real = window.requestAnimationFrame, waiting = [];
    const press = (name) => [...document.querySelectorAll('.lf button')].find((one) => one.textContent === name).click(),
        frame = (now) => waiting.splice(0).forEach((callback) => callback(now));
    window.requestAnimationFrame = (callback) => waiting.push(callback);
    window.__still = () => { window.requestAnimationFrame = real; press('Pause'); };
    press('Play');
    frame(1);
    frame(1 + ms); }"""  # the page's time stands still then


def smooth(part):
    """Where the pen is on its way from one step to the next."""
    return part * part * (3 - 2 * part)


def moves(page, knob):
    """What is a draggable point to who does not see it is moved along both axes by the arrow keys."""
    for key in ("Shift+ArrowUp", "Shift+ArrowRight"):  # away from the end of an axis, or of a quarter of a circle
        knob.press(key)
    for there, back in (("ArrowUp", "ArrowDown"), ("ArrowRight", "ArrowLeft")):
        before, presses = live.numbers(page)["state"], [*[there] * 3, *[back] * 6]
        while presses and live.numbers(page)["state"] == before:
            knob.press(presses.pop(0))
        assert live.numbers(page)["state"] != before, (knob.get_attribute("aria-label"), there)


class Cases(dict):
    """For each figure a function that says what a widget of it should show, states to try, and what hands do.

    Beside values a state may have a ``head``, the step up to which a run is shown, or ``played``: (after so many milliseconds of
    playing, the pen is here).  The function is given what is shown, too, for places that are told in pixels, and for ``pen``,
    where the pen is, None at the end.  Besides what `agrees` takes it returns

    ``also``      what else is asked, with the page
    ``copied``    what is asked of the copied Python's names and of what it printed
    ``coloured``  a family's colour -> the words, handles, sliders and read-outs that have it in the first state
    """

    def add(self, name, *states, opens=None, drags=(), presses=()):
        """Register the decorated function; ``opens``: the state in which the page opens; ``drags``: (handle, where it is dragged
        to, what that sets); ``presses``: (button, what is asked of the state then)."""

        def register(expected):
            self[name] = expected, states, opens or {}, drags, presses
            return expected

        return register

    def hold(self, launched, folder, name):
        """One page, and on it every state of the figure, and every hand."""
        expected, states, opens, drags, presses = self[name]
        with live.open_page(launched, live.write_page(folder, [make(name, **opens)])) as page:
            assert not re.search("undefined|NaN", live.first(page).evaluate("figure => figure.outerHTML"))
            initial = live.numbers(page)["state"]
            for state in states:
                values = {key: value for key, value in state.items() if key not in ("head", "played")}
                shown = marks.drawn(page, head=state.get("head"), **values)
                shown.pen = state.get("head")
                if "played" in state:
                    milliseconds, pen = state["played"]
                    page.evaluate(PLAY, milliseconds)
                    shown = marks.seen(page)
                    shown.pen = pen
                    page.evaluate("() => window.__still()")
                wanted = expected(make(name, **opens | values), shown)
                also, copied, coloured = (wanted.pop(key, None) for key in ("also", "copied", "coloured"))
                agrees(shown, **wanted)
                if also:
                    also(page)
                if copied:
                    copied(*live.run_python(live.python_of(page)))
                if coloured is not None and state is states[0]:
                    assert page.evaluate(COLOURED) == {words: look for look, every in coloured.items() for words in every}
            for button, right in presses:
                live.button(page, button).click()
                assert right(make(name, **live.numbers(page)["state"])), button
            for handle, place, sets in drags:
                shown = marks.drawn(page)
                shown.pen = None
                pictures = expected(make(name, **opens), shown)["pictures"]
                self._drag(page, shown, pictures, handle, place)
                assert live.numbers(page)["state"] == {**initial, **sets}, handle
            for knob in page.locator('.lf-handle[data-axis="both"]:visible').all():
                moves(page, knob)

    def _drag(self, page, shown, pictures, handle, to):
        """Drag a handle to a place in the units of its picture's axes."""
        k = next(k for k, picture in enumerate(pictures) if handle in picture.handles)
        plot, knob = on_axes(shown, k, pictures[k]), page.locator(f'.lf-handle[aria-label="{handle}"]').first
        begin = pictures[k].handles[handle]
        way = plot.pixels([to])[0] - plot.pixels([begin[0] if len(begin) == 3 else begin])[0]
        live.drag(page, knob.locator(".lf-core"), *way, steps=2)
