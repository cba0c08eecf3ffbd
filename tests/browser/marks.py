"""What a live figure draws, read back from the document in the units of its axes, and what it says, as words.

`drawn(page, ...)` gives a figure a state and reads it at once; a `Picture` of it compares its lines, marks, labels and ticks with
points that Python computed. Places are compared in pixels, since that is how exactly a picture can be drawn.
"""

import json
import re

import numpy as np
import pytest

from momentum_lib.widgets._base import show as say

READ = """i => {
  const figure = document.querySelectorAll('.live-figure[data-figure]')[i];
  figure.__figure.numbers(); // what is made by and by is made now
  const text = (node) => node.textContent, all = (node, what) => [...node.querySelectorAll(what)];
  const number = (node, name) => Number(node.getAttribute(name));
  const parts = (svg) => all(svg, '.lf-back, .lf-marks, .lf-front').flatMap((layer) =>
    all(layer, 'path, text, rect, .lf-handle').map((node) => ({
      tag: node.localName, classes: [...node.classList], look: node.dataset.look ?? null,
      shape: node.dataset.shape ?? null, of: node.dataset.of ?? null,
      layer: layer.classList[0].slice(3), d: node.getAttribute('d') ?? '', words: node.localName === 'text' ? text(node) : '',
      at: [number(node, 'x'), number(node, 'y')], size: [number(node, 'width'), number(node, 'height')],
      seen: node.getAttribute('visibility') !== 'hidden', move: node.getAttribute('transform') ?? '',
      opacity: node.style.strokeOpacity || node.getAttribute('fill-opacity'), dash: node.style.strokeDasharray,
      label: node.getAttribute('aria-label'), told: node.getAttribute('aria-valuetext'),
      slides: ['min', 'max', 'now'].map((name) => number(node, `aria-value${name}`)) })));
  const ticks = (svg) => all(svg, '.lf-axes > .lf-tick').map((node) =>
    [node.getAttribute('d'), text(node.nextElementSibling)]);
  const part = (node) => Number.parseFloat(node.style.getPropertyValue('--at')) / 100;
  const slider = (row) => { const bar = row.querySelector('input[type=range]'); return { at: part(bar),
    typed: row.querySelector('input[type=text]').value, told: bar.getAttribute('aria-valuetext'), hidden: row.hidden,
    marks: Object.fromEntries(all(row, '.lf-mark').map((mark) => [text(mark), part(mark)])) }; };
  return JSON.stringify({ // as one text
    sliders: Object.fromEntries(all(figure, '.lf-control').filter((row) => row.querySelector('input[type=range]'))
      .map((row) => [row.dataset.control, slider(row)])),
    legends: all(figure, '.lf-legend').map((legend) => all(legend, 'span').map(text).filter(Boolean)),
    rows: all(figure, '.lf-board tr, .lf-sides > li').map((row) => ({ out: row.matches('.is-out'), cells:
      all(row, 'th, td, b, small, .lf-side-now').map(text) })),
    sentence: text(figure.querySelector('.lf-sentence')), title: text(figure.querySelector('.lf-title')),
    readouts: all(figure, '.lf-readouts > div').map((row) => [text(row.querySelector('dt')), text(row.querySelector('dd'))]),
    pictures: all(figure, '.lf-plot').map((box) => {
      const svg = box.querySelector('.lf-svg'), cut = svg.querySelector('clipPath rect');
      return { label: svg.getAttribute('aria-label'), frame: ['x', 'y', 'width', 'height'].map((name) => number(cut, name)),
        key: all(box, '.lf-key span').map(text), names: all(svg, '.lf-axes > .lf-axis-label').map(text),
        ticks: ticks(svg), parts: parts(svg),
        look: [...svg.querySelector('.lf-marks').classList], cells: box.querySelector('canvas.lf-heat')?.width }; }) }); }"""


SHOW = """([i, state, presses]) => {
  const figure = document.querySelectorAll('.live-figure[data-figure]')[i], { set, flush } = figure.__figure;
  const press = (name) => [...figure.querySelectorAll('button')].find((button) => button.textContent === name).click();
  press('Reset');
  set(state);
  set(state); // what had to give way to the rest of the state that was
  flush();
  figure.__figure.numbers(); // what is made by and by is made now,
  flush(); // and told: a piece of it may have been made already, and its words wait for a frame
  for (let k = 0; k < presses; k++) press('Step'); }"""


def drawn(page, index=0, head=None, **state):
    """The index-th figure with this state, all the rest of it as it was when the page opened; the run up to step ``head``."""
    page.evaluate(SHOW, [index, state, 0 if head is None else head + 1])  # the first press shows the start
    return seen(page, index)


def seen(page, index=0):
    """The index-th figure as it now stands."""
    return Drawn(json.loads(page.evaluate(READ, index)))


class Drawn:
    """A figure at one moment: its pictures, its title and its sentence, its read-outs (name -> words) and its sliders (name ->
    the part of the way ``at`` which it stands, the value ``typed``, the words ``told``, the parts at which ``marks`` stand)."""

    def __init__(self, read):
        self.sentence, self.title, self.readouts = read["sentence"], read["title"], dict(read["readouts"])
        self.sliders, self.legends, self.rows = read["sliders"], read["legends"], read["rows"]
        self._pictures = read["pictures"]

    @property
    def count(self):
        """How many pictures it has."""
        return len(self._pictures)

    def frame(self, k):
        """Left, top, width and height of the k-th picture's frame, in pixels."""
        return self._pictures[k]["frame"]

    def slides(self, name, value, low, high, log=False):
        """A slider from ``low`` to ``high`` stands where this value lies; one outside stands at the nearer end."""
        ends = np.log([low, high]) if log else np.array([low, high])
        part = ((np.log(value) if log and value else value) - ends[0]) / (ends[1] - ends[0])
        assert self.sliders[name]["at"] == pytest.approx(min(max(part, 0), 1), abs=1e-6), name

    def picture(self, k=0, x=(0, 1), y=(0, 1), log=""):
        """The k-th picture with axes of these ends; ``log`` names those that are even in the logarithm ("x", "y", "xy")."""
        return Picture(self._pictures[k], x, y, log)


SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def value_of(words):
    """The number that stands at a tick: −2, 12 000, 10⁻⁶, 5·10¹¹; None where it is something else."""
    text = re.sub(r"[\s\u202f]", "", words.replace("−", "-"))
    found = re.fullmatch(r"(?:(-?[\d.]+)[·×])?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    if found:
        return float(found[1] or 1) * 10.0 ** int(found[2].translate(SUPERSCRIPTS))
    return float(text) if re.fullmatch(r"-?[\d.]+", text) else None


def vertices(part):
    """Polylines of a path in pixels, each (n, 2)."""
    lines = part["d"].split("M")[1:]
    return [np.array([pair.split(",") for pair in line.strip("Z").split("L")], dtype=float) for line in lines]


SHAPES = {"lf-minimum": "cross", "lf-exploded": "cross", "lf-best": "diamond"}
"""Marks that mean the same in every figure."""


class Picture:
    """One picture: frame and parts in pixels, with the two axes that turn them into numbers."""

    def __init__(self, read, x, y, log):
        self.label, self.key, self.names, self.parts = (read[name] for name in ("label", "key", "names", "parts"))
        self.cells = read.get("cells")  # of a map along an axis
        self.look = {name.removeprefix("lf-") for name in read["look"]}  # what its marks are like as a whole
        left, top, width, height = read["frame"]
        self.low, self.high = np.array([left, top]), np.array([left + width, top + height])
        self.ends, self.log = np.array([x, y], dtype=float), [axis in log for axis in "xy"]
        self.ticks = {"x": [], "y": []}
        for data, words in read["ticks"]:
            px, py = data[1:].replace("v5", "").replace("h-5", "").split(",")
            axis = "x" if "v" in data else "y"
            self.ticks[axis].append((float(px if axis == "x" else py), words))

    # -- between numbers and pixels ----------------------------------------------------------------

    def pixels(self, points):
        """Where points (n, 2) belong, in pixels; a number that a log axis does not have lies far below it."""
        found = np.empty(np.shape(points))
        for k, (ends, log) in enumerate(zip(self.ends, self.log, strict=True)):
            values = np.asarray(points, dtype=float)[..., k]
            with np.errstate(divide="ignore", invalid="ignore"):
                low, high, values = (np.log(v) if log else v for v in (*ends, values))
            part = (values - low) / (high - low)
            part = 1 - part if k else part
            found[..., k] = np.nan_to_num(self.low[k] + part * (self.high[k] - self.low[k]), nan=np.nan, posinf=1e6, neginf=-1e6)
        return found

    def numbers(self, pixels):
        """The reverse: what lies at these pixels (n, 2)."""
        found = np.empty(np.shape(pixels))
        for k, (ends, log) in enumerate(zip(self.ends, self.log, strict=True)):
            part = (np.asarray(pixels)[..., k] - self.low[k]) / (self.high[k] - self.low[k])
            low, high = np.log(ends) if log else ends
            value = low + (1 - part if k else part) * (high - low)
            found[..., k] = np.exp(value) if log else value
        return found

    def even(self):
        """One unit is as long upwards as across."""
        across, up = (self.high - self.low) / (self.ends[:, 1] - self.ends[:, 0])
        assert across == pytest.approx(up, rel=1e-3), self.label

    def check_ticks(self, *axes):
        """On each of these axes numbers are written, and each stands at its place."""
        for axis in axes or "xy":
            k, told = "xy".index(axis), [(at, value_of(words)) for at, words in self.ticks[axis]]
            told = [(at, value) for at, value in told if value is not None]
            assert told, (self.label, axis, self.ticks[axis])
            places = np.tile(self.ends[:, :1].T, (len(told), 1))
            places[:, k] = [value for _, value in told]
            np.testing.assert_allclose(
                [at for at, _ in told], self.pixels(places)[:, k], atol=0.06, err_msg=f"{self.label}: {axis}"
            )

    # -- what is drawn -----------------------------------------------------------------------------

    def find(self, *classes, tag="path", **more):
        """The parts of these classes (without "lf-"; "!guide": not of it) whose attributes are as ``more`` says, in order."""
        return [
            part
            for part in self.parts
            if part["tag"] == tag
            and all((f"lf-{name.lstrip('!')}" in part["classes"]) is not name.startswith("!") for name in classes)
            and all(part[name] == value for name, value in more.items())
        ]

    def lines(self, part):
        """Polylines of a line in the axes' units."""
        return [self.numbers(line) for line in vertices(part)]

    def dots(self, part):
        """Centres of marks in the axes' units; each mark begins at its centre."""
        places = re.findall(r"M(-?[\d.]+),(-?[\d.]+)", part["d"])
        return self.numbers(np.array(places, dtype=float).reshape(-1, 2))

    def follows(self, part, points, within=0.35):
        """A line goes through these points (n, 2) from the first to the last, cut at the frame; ``within`` so many pixels."""
        seen, meant = (
            _long(segments(vertices(part))),
            _long(self._cut(self.pixels(np.asarray(points, dtype=float).reshape(-1, 2)))),
        )
        what = f"{self.label}: {part['classes']}, {part['look']}"
        if not len(meant) or np.ptp(meant.reshape(-1, 2), axis=0).max() < 0.3:
            assert len(seen) <= len(meant), what  # nothing, or a dot
            return
        assert len(seen), what
        assert far(seen.reshape(-1, 2), meant) < within, what
        assert far(meant.reshape(-1, 2), seen) < within + 0.2, what  # vertices nearer than 0.3 pixels are not drawn

    def follow_all(self, part, lines):
        """One path goes through each of these lines, and through nothing else."""
        cuts = [self._cut(self.pixels(line)) for line in lines]
        seen = segments(vertices(part))
        assert (len(seen) > 0) == any(map(len, cuts)), self.label
        if len(seen):
            assert far(seen.reshape(-1, 2), np.concatenate(cuts)) < 0.1, self.label
            assert max(far(cut.reshape(-1, 2), seen) for cut in cuts if len(cut)) < 0.55, self.label

    def marks(self, part, points, within=0.02):
        """Marks lie at those of these points (n, 2) that are in the frame, one where some would lie on each other."""
        places, seen = self.pixels(np.asarray(points, dtype=float).reshape(-1, 2)), self.pixels(self.dots(part))
        places = places[((places > self.low - 1e-6) & (places < self.high + 1e-6)).all(1)]
        what = f"{self.label}: {part['classes']}, {part['look']}"
        assert (len(seen) > 0) == (len(places) > 0), what
        assert all(part["shape"] == shape for name, shape in SHAPES.items() if name in part["classes"]), what
        if len(places):
            apart = np.linalg.norm(seen[:, None] - places[None], axis=2)
            assert apart.min(1).max() < within and apart.min(0).max() < within + 0.45, what

    def within(self, points):
        """Whether any of these points (n, 2) is in the frame."""
        places = self.pixels(np.asarray(points, dtype=float).reshape(-1, 2))
        return bool(((places > self.low - 1e-6) & (places < self.high + 1e-6)).all(1).any())

    def apart(self, part, place, dx=0.0, dy=0.0):
        """How many pixels a label stands from where it belongs."""
        return np.hypot(*np.subtract(part["at"], self.pixels(np.array([place], dtype=float))[0] + (dx, dy)))

    def stands(self, part, place, dx=0.0, dy=0.0, within=30):
        """A label is seen, and stands ``within`` so many pixels of where it belongs (others may have moved it)."""
        assert part["seen"] and part["words"], (self.label, part)
        apart = self.apart(part, place, dx, dy)
        assert apart < within, (self.label, part["words"], apart)

    def beside(self, within=40, **lines):
        """The labels of these lines (words, spaces as _ -> points) that are seen, each within so many pixels of its own."""
        named = []
        for words, points in lines.items():
            for part in self.find(tag="text"):
                if part["words"] == words.replace("_", " ") and part["seen"]:
                    cut = self._cut(self.pixels(np.asarray(points, dtype=float)))
                    assert len(cut) and far(np.array([part["at"]]), cut) < within, (self.label, words, part["at"])
                    named.append(part["words"])
        return named

    def word(self, words):
        """The one label with these words."""
        found = [part for part in self.find(tag="text") if part["words"] == words]
        assert len(found) == 1, (words, [part["words"] for part in self.find(tag="text")])
        return found[0]

    def words(self):
        """All labels that are seen, in order."""
        return [part["words"] for part in self.find(tag="text") if part["seen"] and part["words"]]

    def handle(self, label, place, within=0.02):
        """The handle of this name stands there; returns what it tells a screen reader."""
        (part,) = self.find("handle", tag="g", label=label)
        at = [float(v) for v in re.findall(r"-?[\d.]+", part["move"])]
        np.testing.assert_allclose(at, self.pixels(np.array([place], dtype=float))[0], atol=within, err_msg=label)
        return part["told"]

    def leaves(self, points, **more):
        """The one way out of a path through these points: where it leaves the frame for good stands an arrow along it, and words
        say at which step that is and where the path ends; nothing of both where it ends inside."""
        (arrow,), (words,) = self.find("exit", **more), self.find("exit-words", tag="text", **more)
        inside = ((points >= self.ends[:, 0]) & (points <= self.ends[:, 1])).all(1)
        if inside[-1] or not inside.any():
            assert arrow["d"] == words["words"] == "", (self.label, words)
            return
        step = int(np.flatnonzero(inside)[-1]) + 1
        place = ", ".join(say(value, 2) for value in points[-1])
        assert words["words"] == f"left the picture at step {step}, last at ({place})", self.label
        way = self.pixels(points[step - 1 : step + 1])
        ((left, tip, right),), ((_, out),) = vertices(arrow), self._cut(way)
        np.testing.assert_allclose(tip, out, atol=0.06, err_msg=self.label)
        for barb in (left, right):
            along = (tip - barb) @ (way[1] - way[0]) / np.hypot(*(tip - barb)) / np.hypot(*(way[1] - way[0]))
            assert np.arccos(along) == pytest.approx(0.5, abs=0.03), self.label
        if words["seen"]:
            self.stands(words, self.numbers(out), within=90)

    def level(self, function, within=5):
        """Contours are those of this function of x and y, the highest first: each lies ``within`` so many pixels of its level's
        own place, but for a tenth of it (a grid is coarse where a valley is narrow)."""
        values = []
        for part in self.find("contour"):
            if not (lines := vertices(part)):
                continue
            places = np.concatenate(lines)
            found, *beside = (function(*self.numbers(places + shift).T) for shift in ((0, 0), (1, 0), (0, 1)))
            steep = np.hypot(*(one - found for one in beside))
            values.append(np.median(found))
            away = abs(found - values[-1]) / np.maximum(steep, 1e-300)
            assert np.percentile(away, 90) < within, (self.label, values[-1], np.percentile(away, 90))
        assert len(values) > 2 and values == sorted(values, reverse=True), (self.label, values)

    def _cut(self, places):
        """The segments of a polyline inside the frame, (m, 2, 2); of a slow one every vertex that is a quarter of a pixel on."""
        found, kept = [], list(places[:1])
        for place in places[1:-1]:
            if not abs(place - kept[-1]).max() < 0.25:
                kept.append(place)
        kept.extend(places[1:][-1:])
        for one, two in zip(kept[:-1], kept[1:], strict=True):
            step, enter, leave = two - one, 0.0, 1.0
            if not np.isfinite([one, two]).all():
                continue
            for k in range(2):
                for p, q in ((-step[k], one[k] - self.low[k]), (step[k], self.high[k] - one[k])):
                    if p == 0:
                        leave = leave if q >= 0 else -1.0
                    elif p < 0:
                        enter = max(enter, q / p)
                    else:
                        leave = min(leave, q / p)
            if enter <= leave:
                found.append((one + enter * step, one + leave * step))
        return np.array(found).reshape(-1, 2, 2)


def segments(lines):
    """All segments of polylines, (m, 2, 2)."""
    return np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in lines] or [np.empty((0, 2, 2))])


def _long(segments):
    """Those of the segments whose ends lie apart."""
    return segments[(segments[:, 0] != segments[:, 1]).any(1)]


def far(points, segments):
    """How far the farthest of these points lies from the nearest segment."""
    (x, y), (ax, ay), (bx, by) = np.unique(points, axis=0).T[..., None], segments[:, 0].T, segments[:, 1].T
    dx, dy = bx - ax, by - ay
    part = np.clip(((x - ax) * dx + (y - ay) * dy) / np.maximum(dx**2 + dy**2, 1e-12), 0, 1)
    return np.sqrt(((x - ax - part * dx) ** 2 + (y - ay - part * dy) ** 2).min(1).max())
