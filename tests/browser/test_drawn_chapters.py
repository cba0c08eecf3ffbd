"""What small figures of the chapters draw and say, beside what momentum_lib computes: every path, mark, word and number."""

import math

import numpy as np
import pytest

from momentum_lib import rules, surfaces, theory
from momentum_lib import scale as at_scale
from momentum_lib.conventions import CONVENTIONS, convert
from momentum_lib.notation import LOOKS
from momentum_lib.scale.state import count, size, three
from momentum_lib.widgets import crosswalk, kernel, ribbon, river, rods, rotation, scale, turning, workers
from momentum_lib.widgets import filter as of_signals
from momentum_lib.widgets._base import many, near_one, show
from tests.browser import drawn
from tests.browser.drawn import Axis, Bars, Picture, Pieces, Slider

CASES = drawn.Cases()
NEAR = {"rel": 2e-3}


def pairs(x, y):
    return np.stack(np.broadcast_arrays(x, y), axis=1)


def momentum_at_scale(beta):
    return Slider(beta, 0.1, 0.99999, "near-one", marks={"0.9": 0.9, "0.99": 0.99, "0.999": 0.999})


# -- the scale calculator: bars of the page's own ------------------------------------------------------------------------

BARS = """() => { const root = document.querySelector('.lf'), all = (part, selector, read) =>
    [...part.querySelectorAll(selector)].map(read), at = (node) => parseFloat(node.style.getPropertyValue('--at'));
    return { bars: all(root, '.lf-bar', (bar) => ({ chosen: bar.querySelector('input').checked,
            total: bar.querySelector('.lf-bar-total').textContent, cut: bar.querySelector('.is-cut') !== null,
            parts: all(bar, '.lf-bar-track > span', (part) => [part.dataset.look, parseFloat(part.style.width)]),
            cards: all(bar, '.lf-bar-track > i', at) })),
        cards: all(root, '.lf-card', (card) => [card.textContent, at(card)]),
        legend: all(root, '.lf-legend li', (part) => [part.dataset.look, part.textContent]),
        sum: root.querySelector('.lf-sum').textContent }; }"""


def digits(value):
    return f"{three(value):g}"


@CASES.add(
    "scale",
    {},
    {"parameters": 1e7, "gpus": 1, "stage": 0, "optimiser": "adam8bit"},
    {"parameters": 7e10, "gpus": 8, "stage": 3, "precision": "fp32", "optimiser": "heavy_ball"},
    {"parameters": 1e12, "gpus": 16384, "stage": 2, "precision": "bf16"},
    {"parameters": 1e12, "gpus": 2, "stage": 0},
)
def of_scale(figure, shown):
    found, chosen, reach = figure.numbers(), figure.memory(), figure.numbers()["reach"]
    arrays = {array.name: array for array in at_scale.OPTIMISERS[figure.optimiser].arrays}
    looks = {**scale.LOOK, **{name: array.look for name, array in arrays.items()}}
    cards = at_scale.CARDS

    def also(page):
        html = page.evaluate(BARS)
        for stage, bar in enumerate(html["bars"]):
            assert bar["chosen"] == (stage == figure.stage) and bar["total"] == size(found["totals"][stage])
            assert bar["cut"] == (found["totals"][stage] > reach)
            wide = {name: min(100, 100 * value / reach) for name, value in found["bytes"][stage].items()}
            assert [look for look, _ in bar["parts"]] == [looks[name] for name in wide]
            assert [width for _, width in bar["parts"]] == pytest.approx(list(wide.values()), abs=1e-3)
            assert bar["cards"] == pytest.approx([100 * value / reach for value in cards.values()], abs=0.01)
        assert [at for _, at in html["cards"]] == pytest.approx([100 * value / reach for value in cards.values()], abs=0.01)
        apart = 100 * (cards["141 GB"] - cards["80 GB"]) / reach
        assert [words for words, _ in html["cards"]] == (list(cards) if apart >= 16 else ["", ", ".join(cards)])
        each = at_scale.memory(1, figure.optimiser, precision=figure.precision, stage=0, gpus=1).bytes
        shared = {name: round(each[name] / chosen.bytes[name] * figure.parameters) > 1 for name in each}
        titles = {name: arrays[name].title if name in arrays else name for name in each}
        past = {name: figure.stage >= {"weights": 3, "gradients": 2}.get(name, 1) for name in each}
        assert figure.gpus == 1 or past == shared, "what ZeRO shares out at a stage"
        legend = [[looks[n], f"{titles[n]} {digits(each[n])}" + (f"/{figure.gpus}" if past[n] else "")] for n in each]
        assert html["legend"] == legend and html["sum"] == found["line"]

    fits = [card for card, capacity in cards.items() if chosen.fits(capacity)]
    small = [card for card in cards if card not in fits]
    ends = f"It fits a card of {' and one of '.join(fits)}" + (f"; {' and '.join(small)} is too small." if small else ".")
    return {
        "also": also,
        "readouts": {"bytes per parameter": digits(chosen.per_parameter)}
        | {
            f"a card of {card}": f"fits, {size(value - chosen.total)} left"
            if card in fits
            else f"too small, {digits(chosen.total / value)} times as much"
            for card, value in cards.items()
        },
        "said": f"Stage {figure.stage}, {at_scale.STAGES[figure.stage]}: {chosen.line} "
        f"{'on each GPU' if figure.gpus > 1 else 'on one GPU'}. "
        + (ends if fits else f"It fits no card: {' and '.join(cards)} are too small."),
        "sliders": {
            "parameters": Slider(
                figure.parameters / 1e9,
                0.01,
                1000,
                "log",
                count(figure.parameters),
                {"124M": 0.124, "7B": 7, "70B": 70, "1T": 1000},
            ),
            "gpus": Slider(figure.gpus, 1, 16384, "log", marks={str(v): v for v in (1, 8, 64, 512, 16384)}),
        },
    }


# -- the ribbon ----------------------------------------------------------------------------------------------------------

NAMED = """() => { const all = (selector) => [...document.querySelectorAll(`.lf-svg > ${selector}`)];
    return [all('.lf-ribbon-name').map((one) => [one.textContent, Number(one.getAttribute('x')), Number(one.getAttribute('y'))]),
        all('.lf-tick').map((one) => one.getAttribute('d'))]; }"""


def spaced(found, first, last, step):
    """Places from the first on, so many pixels apart, as far as there is room."""
    assert found == pytest.approx(first + step * np.arange(len(found)), abs=0.16)
    assert first + step * (len(found) - 1) < last + 0.11 and first + step * len(found) > last - 0.11


def inked(unit, outline, ink):
    """What is drawn on a piece of the ribbon: lines of words, bands, rows of books, columns; nothing where it is narrow."""
    (left, top), (right, bottom) = outline.min(0), outline.max(0)
    wide, least = right - left, {"page": 8, "library": 6}.get(unit, 3)
    assert abs(wide - least) < 0.2 or bool(ink) == (wide > least), (unit, wide)
    if not ink:
        return
    every = np.concatenate(ink)
    assert (every >= [left - 0.2, top - 0.2]).all() and (every <= [right + 0.2, bottom + 0.2]).all(), unit
    across = [line for line in ink if line[0, 1] == line[1, 1]]
    up = [line for line in ink if line[0, 0] == line[1, 0]]
    if unit == "page":
        spaced(sorted({line[0, 1] for line in ink}), top + 7, bottom - 4, 6)
        assert all(0 < line[1, 0] - line[0, 0] <= 12.1 for line in across) and not up
        for one, other in zip(ink[:-1], ink[1:], strict=True):
            assert one[0, 1] != other[0, 1] or other[0, 0] - one[1, 0] == pytest.approx(2.5, abs=0.16), "a space between words"
    elif unit == "book":
        assert [line[0, 1] for line in across] == pytest.approx([top + 9, top + 13], abs=0.11) and not up
        assert all((line[0, 0], line[1, 0]) == pytest.approx((left, right), abs=0.11) for line in across)
    elif unit == "library":
        spaced([line[0, 0] for line in up], left + 4, right - 2, 6)
        assert not across
        assert all(line[0, 1] == pytest.approx(bottom - 4, abs=0.11) and line[1, 1] > top for line in up)
        assert len({line[1, 1] for line in up}) == 1
    else:
        rows = {"shelf": 1, "bookcase": 5}[unit]
        feet = top + np.arange(1, rows + 1) * (bottom - top) / rows
        assert [line[0, 1] for line in across] == pytest.approx(feet, abs=0.11)
        for foot in feet:
            books = [line for line in up if abs(line[0, 1] - foot) < 0.2]
            spaced([book[0, 0] for book in books], left + 2.5, right - 1, 2.8)
            tall = [(book[0, 1] - book[1, 1]) * rows / (bottom - top) for book in books]
            assert min(tall) > 0.54 and max(tall) < 0.86 and np.ptp(tall) >= 0.05 * (len(books) > 5)


def named(told, plot):
    """The names of the units stand below their ticks; one that would touch the one before it stands lower."""
    names, ticks = told
    bottom, edge, width = plot.high[1], -math.inf, plot.high[0] + 6
    assert [words for words, _, _ in names] == [f"a {unit}" for unit in ribbon.UNITS]
    for (words, x, y), tick, tokens in zip(names, ticks, ribbon.UNITS.values(), strict=True):
        place, half = plot.pixels([(tokens, 0)])[0, 0], 3.6 * len(words)
        low = place - half < edge + 6
        edge = edge if low else place + half
        assert (x, y) == pytest.approx((min(max(place, half), width - half), bottom + (38 if low else 22)), abs=0.06)
        assert tick.endswith("v24" if low else "v8"), words


@CASES.add(
    "ribbon",
    {},
    {"beta": 0.1, "tokens": 1e3},
    {"beta": 0.999999, "tokens": 1e9},
    {"beta": 0.9995, "tokens": 4e6},
    {"beta": 0.5, "tokens": 3e4},
    *(dict(zip(("beta", "tokens"), setting)) for setting in list(ribbon.published().values())[::5]),
    drags=[("Where a gradient counts half, in tokens read since", (1e6, 0.5), {"beta": pytest.approx(0.5**0.49152, **NEAR)})],
)
def of_ribbon(figure, shown):
    low, high = ribbon.REACH
    life = figure.half_life
    seen, top = np.clip(life, low, high), 1.12
    plot = shown.picture(0, ribbon.REACH, (0, top), "x")

    def also(page):
        """Each piece lies where its tokens do, has its unit's height, is lit as much as it counts; the menu says whose."""
        lit, under, tall = plot.find("ribbon-lit"), plot.find("ribbon-base"), {}
        light = page.locator(".lf-ribbon-lit").evaluate_all("all => all.map((one) => Number(one.getAttribute('opacity')))")
        assert light == pytest.approx([figure.weight(math.sqrt(start * end)) for _, start, end in ribbon.pieces()], abs=6e-4)
        for (unit, start, end), piece, base in zip(ribbon.pieces(), lit, under, strict=True):
            (outline,), ends = drawn.strokes(piece["d"]), plot.pixels([(start, 0), (end, 0)])
            assert [outline[:, 0].min(), outline[:, 0].max()] == pytest.approx(ends[:, 0], abs=0.7), unit
            assert outline[:, 1].max() == pytest.approx(ends[0, 1], abs=0.06) and base["d"] == piece["d"]
            tall.setdefault(unit, set()).add(round(plot.numbers(outline.min(0)[None])[0, 1], 2))
            assert (len(outline) == 6) == (unit == "library"), "one has a roof"
            if unit == "library":
                (left, roof), (right, ground) = outline.min(0), outline.max(0)
                eaves = roof + min(16, 0.2 * (ground - roof))
                assert outline[1:4] == pytest.approx(
                    np.array([(left, eaves), ((left + right) / 2, roof), (right, eaves)]), abs=0.11
                )
        assert [len(tall[unit]) for unit in tall if unit != "book"] == [1, 1, 1, 1] and len(tall["book"]) > 5
        assert max(tall["page"]) < min(tall["book"]) and max(tall["shelf"]) < max(tall["bookcase"]) < max(tall["library"]) == 1
        ticks = page.locator(".lf-svg > .lf-tick").evaluate_all(
            "all => all.map((one) => parseFloat(one.getAttribute('d').slice(1)))"
        )
        assert ticks == pytest.approx(plot.pixels(pairs(list(ribbon.UNITS.values()), 0))[:, 0], abs=0.06)
        for (unit, _, _), piece, ink in zip(ribbon.pieces(), lit, plot.find("ribbon-ink"), strict=True):
            inked(unit, drawn.strokes(piece["d"])[0], drawn.strokes(ink["d"]))
        named(page.evaluate(NAMED), plot)
        theirs = [name for name, setting in ribbon.published().items() if setting == (figure.beta, figure.tokens)]
        assert page.locator(".lf select").input_value() == (theirs[0] if theirs else "")

    return {
        "also": also,
        "pictures": [
            Picture(
                Axis(low, high, log=True), Axis(0, top), {"ribbon-guide": [[(seen, 0), (seen, 1)]]},
                {"triangle momentum": [pairs([at_scale.half_life(*setting) for setting in ribbon.published().values()], 1.05)]},
                [(ribbon.amount(life), (seen, top)), ("now", (low, top)), ("read long ago →", (high, top)),
                 ("▲ published trainings", (math.sqrt(low * high), top))],
                {"Where a gradient counts half, in tokens read since": (
                    (seen, 0), f"{ribbon.amount(life)}, momentum {near_one(figure.beta)}", ribbon.REACH,
                )},
                but=("ribbon-base", "ribbon-lit", "ribbon-ink"),
            )
        ],
        "readouts": {"half-life in tokens": count(life), "in steps": show(life / figure.tokens)},
        "said": figure.alt(),
        "sliders": {
            "beta": momentum_at_scale(figure.beta),
            "tokens": Slider(
                figure.tokens, 1e3, 1e9, "log", f"{count(figure.tokens)} tokens", {"10k": 1e4, "1M": 1e6, "100M": 1e8}
            ),
        },
    }  # fmt: skip


# -- the rods ------------------------------------------------------------------------------------------------------------

ZEROS = {"values": dict.fromkeys(rods.NAMES, 0)}
TALL = {name: value * 0.8 / np.linalg.norm([0.8, 0.5, 0.28, 0.15, 0.07]) for name, value in rods.Rods().values.items()}


@CASES.add(
    "rods",
    {},
    {"polynomial": "cubic", "steps": 8},
    {"polynomial": "best", "steps": 3, "values": {**ZEROS["values"], "s2": 1, "s4": 0.3}},
    {"steps": 0},
    {"steps": 1, "values": dict.fromkeys(rods.NAMES, 1)},
    {**ZEROS, "steps": 2},
    {"head": 0},
    {"head": 2, "polynomial": "best"},
    {"played": (900 * 3.5, 3 + drawn.smooth(0.5))},
    drags=[
        (
            "Singular value 6, before",
            (5, 0.6),
            {"values": {n: pytest.approx(v, abs=2e-4) for n, v in {**TALL, "s6": 0.6}.items()}},
        ),
    ],
)
def of_rods(figure, shown):
    path, pen = figure.numbers()["path"], figure.steps if shown.pen is None else shown.pen
    before, k, top = path[0], int(pen), 2.1 if figure.polynomial == "best" else 1.3
    now, grown = path[k], path[k] + (pen - k) * (path[min(k + 1, figure.steps)] - path[k])
    boxes = lambda heights: Bars([(i - 0.25, i + 0.25, 0, value) for i, value in enumerate(heights)])
    after = rods.Rods(polynomial=figure.polynomial, steps=k)
    rungs = {show(v): v for v in (0, 0.5, 1, 1.5, 2) if v <= top}
    names = {f"σ{sign}": i for i, sign in enumerate("₁₂₃₄₅₆")}
    x = np.geomspace(rods.LOW, 1, 301)
    alive = before > 0
    said = "A matrix of zeros has no direction: nothing moves."
    if alive.any():
        least, most = before[alive].min(), before[alive].max()
        first = f"the longest rod is {show(most / least)} times the shortest"
        said = f"Divided by their norm, the singular values lie between {show(least)} and {show(most)}: {first}."
        if k:
            low, high = now[alive].min(), now[alive].max()
            said = (
                f"After {many(k, 'step')} of {rods.TITLES[figure.polynomial]} all lie between {show(low)} and {show(high)}: the "
                f"longest rod is {show(high / low)} times the shortest, before it was {show(most / least)} times."
            )
    return {
        "pictures": [
            Picture(
                Axis(-0.6, 5.6, written=names), Axis(0, top, written=rungs),
                {"rod matrix": [boxes(grown)], "outline": [boxes(before)], "one-line": [[(-0.6, 1), (5.6, 1)]]}, {},
                [(show(grown[i], 2), (i, max(grown[i], before[i]))) for i in range(6)],
                {f"Singular value {i + 1}, before": ((i, before[i]), f"{show(before[i])} of the norm", (0, 1)) for i in range(6)},
                ("■ now", "□ before, of norm 1", "┅ all 1: U V′"),
            ),
            Picture(
                Axis(rods.LOW, 1, log=True, written={show(v): v for v in (0.001, 0.01, 0.1, 1)}), Axis(0, top, written=rungs),
                {"one-line": [[(rods.LOW, 1), (1, 1)]], "map matrix": [pairs(x, after.curve(x))]},
                {"disc matrix": [pairs(before, now)]}, [(f"after {many(k, 'step')}", (rods.LOW, top))],
            ),
        ],
        "said": said,
        "sliders": {"steps": Slider(figure.steps, 0, rods.MOST)}
        | {f"singular value {i + 1}": Slider(figure.values[name], 0, 1) for i, name in enumerate(rods.NAMES)},
    }  # fmt: skip


# -- the rotation test ---------------------------------------------------------------------------------------------------


def as_power(value):
    digits, exponent = f"{value:.1e}".split("e-")
    return f"{digits}·10⁻{exponent.lstrip('0').translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def factor(ratio):
    two = lambda value: show(float(f"{value:.2g}"))
    return f"×{two(ratio)}" if ratio > 2 else f"÷{two(1 / ratio)}" if ratio < 0.5 else ""


@CASES.add(
    "rotation",
    {}, {"angle": 45}, {"angle": 90, "norm": "euclid"}, {"angle": 7, "norm": "maximum"}, {"angle": 61.5, "norm": "spectral"},
    drags=[("Turn the problem", (1.2, 0.7), {"angle": 30}), ("Turn the problem", (-1, -0.5), {"angle": 90}),
           ("Turn the problem", (1, -1), {"angle": 0})],
)  # fmt: skip
def of_rotation(figure, shown):
    found, (low, high) = figure.numbers(), rotation.RANGE
    left, before, spread = found["left"], found["untouched"], found["spread"]
    lines, marks, words = {"row-rule": []}, {}, []
    for y, side in zip(range(7, -1, -1), rotation.TITLES):
        look = rotation.look_of(side)
        shape = {"none": "disc", "cross": "disc", "dot": "disc"}.get(LOOKS[look].marker, LOOKS[look].marker)
        now = left[side]
        lines["row-rule"].append([(low, y), (high, y)])
        lines.setdefault(f"spread {look}", []).append([(now / spread[side], y), (now * spread[side], y)])
        lines.setdefault(f"way {look}", []).append([(before[side], y), (now, y)])
        marks.setdefault(f"before {shape} {look}", []).append([(before[side], y)])
        marks.setdefault(f"{shape} {look}", []).append([(now, y)])
        words.append((rotation.TITLES[side], (low, y)))
        if told := factor(now / before[side]):
            words.append((told, (now, y)))
    turn = turning.turn(figure.angle, 2)
    around = np.linspace(0, 2 * np.pi, 241)
    circle, edge = pairs(np.cos(around), np.sin(around)), 1.75
    flat = np.sqrt(rotation.CURVATURES[0] / rotation.CURVATURES[1])
    square = rotation.REACH * np.array([(1, 1), (1, -1), (-1, -1), (-1, 1), (1, 1)])
    balls = {"euclid": rotation.REACH * circle, "spectral": square @ turn.T, "maximum": square}
    looks = {"euclid": "gradient", "spectral": "matrix", "maximum": "sign"}
    grid = np.arange(-1.5, 1.6, 0.5)
    plane = {
        "ruler": [Pieces([*([(v, -edge), (v, edge)] for v in grid), *([(-edge, v), (edge, v)] for v in grid)])],
        "level": [level * circle * (1, flat) @ turn.T for level in (0.5, 1, 1.5)],
        "own": [np.array([(-1.45, 0), (1.45, 0)]) @ turn.T, np.array([(0, -1.45), (0, 1.45)]) @ turn.T],
    }
    tips = {"disc": [[found["point"]]]}
    for norm, look in looks.items():
        if figure.norm in ("all", norm):
            plane[f"norm-ball {look}"] = [found["point"] + balls[norm]]
            plane[f"step {look}"] = [[found["point"], found["point"] + found[norm]]]
            tips[f"tip disc {look}"] = [[found["point"] + found[norm]]]

    def times(side):
        told = factor(left[side] / before[side])
        return f"{told[1:]} times {'as much as' if told[0] == '×' else 'less than'} untouched" if told else "as untouched"

    adam, lion, muon = (as_power(left[side]) for side in ("adam", "lion", "muon"))
    begins = (
        "Turned by 90°, the problem lies along the coordinates again" if figure.angle else "Untouched, the problem lies along "
    )
    begins += "" if figure.angle else "the coordinates"
    said = f"{begins}, as Adam’s ruler does: Adam leaves {adam} of the loss, Lion {lion}, Muon {muon}."
    if figure.angle not in (0, 90):
        said = (
            f"Turned by {show(figure.angle)}°: Adam leaves {adam} of the loss, {times('adam')}; Lion {lion}, {times('lion')}; "
            f"Muon {muon}, {times('muon')}."
        )
    return {
        "pictures": [
            Picture(
                Axis(low, high, log=True, written={"10⁻⁷": 1e-7, "10⁻⁵": 1e-5, "10⁻³": 1e-3, "0.1": 0.1}), Axis(-0.6, 7.6),
                lines, marks, words,
                key=("● now", "○ untouched", "▬ five problems’ spread"),
            ),
            Picture(
                Axis(-edge, edge), Axis(-edge, edge), plane, tips, [],
                {"Turn the problem": (turn @ (1.45, 0), f"turned by {show(figure.angle)} degrees", (-edge, edge))},
                ("○ Euclid: gradient", "□ spectral: U V′", "□ dashed, maximum: sign"),
            ),
        ],
        "said": said,
        "sliders": {"angle": Slider(
            figure.angle, 0, 90, words=f"{show(figure.angle)} degrees", marks={f"{v}°": v for v in (0, 45, 90)}
        )},
    }  # fmt: skip


# -- the shape of a memory ----------------------------------------------------------------------------------------------

ALIKE = {
    "age": "of the same mean age",
    "newest": "with the same newest weight",
    "edge": "with the same edge",
    "noise": "that keeps as much noise",
}


def percent(part):
    return f"{show(100 * part, 2 if part < 0.1 else 3)} %"


def in_unit(name, value):
    return many(value, "step") if name == "age" else show(value) if name == "edge" else percent(value)


@CASES.add(
    "kernel",
    {},
    {"shape": "one", "age": 0},
    {"shape": "one", "age": 100, "same": "noise"},
    {"shape": "ageing", "share": 0.2, "end": 0.9, "progress": 0.25, "young": 1.5, "old": 90, "same": "newest"},
    {"young": 8, "old": 100, "share": 0.9, "same": "edge"},
    {"young": 0, "old": 60, "share": 0.02, "same": "noise"},
    drags=[
        ("Mean age of the second average", (20, 0.1), {"old": 20}),
        ("Mean age of the first average", (0.01, 0.1), {"young": 0}),
        ("Mean age of the second average", (900, 0.1), {"old": 80}),
    ],
)
def of_kernel(figure, shown):
    found, (share, young, old), last = figure.numbers(), figure.memory, kernel.SHOWN
    weights, aged, one, beside, alone = found["weights"], found["aged"], found["one"], found["beside"], figure.shape == "one"
    weight = lambda age: (1 - share) * theory.weight_at(age, young) + share * theory.weight_at(age, old)
    top = 1.12 * max(weights[0], found["dashed"][0])
    left, head, wide, tall = shown.frame(0)
    low = -top * 24 / max(tall - 24, 24)  # a strip of 24 pixels, where the balance stands
    at = np.clip(2.2 * one + 3, 6, 0.6 * last)
    bar = lambda bottoms, tops: Bars([(k - 0.36, k + 0.36, a, b) for k, (a, b) in enumerate(zip(bottoms, tops))])
    lines = {"floor": [[(-0.7, 0), (last, 0)]], "bars old averaged": [bar(0 * aged, aged)]}
    lines["bars averaged"] = [bar(aged, weights)]
    if not aged.any():
        del lines["bars old averaged"]
    seen, below = np.clip(found["age"], 0, last - 0.6), -8 * (top - low) / tall
    words = [
        (f"newest: {percent(found['newest'])}", (0, weights[0])),
        (many(found["age"], "step") + (" →" if found["age"] > last else ""), (seen, below)),
    ]
    key = ["■ weights"]
    if not alone:
        k = np.linspace(0, last, 2 * last + 1)
        lines["one"] = [pairs(k, theory.weight_at(k, one))]
        words.append((f"one average, mean age {show(one)}", (at, theory.weight_at(at, one))))
        key = [f"■ mean age {show(young)}", f"□ mean age {show(old)}", f"┅ one average {ALIKE[figure.same]}"]
    ages = {"Mean age of the average": young} if alone else {"Mean age of the first average": young}
    ages |= {} if alone else {"Mean age of the second average": old}
    ratios, dots, rows = [], [], []
    for y, name in zip((3, 2, 1, 0), kernel.SAME):
        mine, other = found[name], beside[name]
        ratio = mine / other if other > 0 else math.inf if mine > 0 else 1
        there = (np.clip(ratio, 0.05 * 1.1, 20 / 1.1), y - 0.16)
        ratios.append([(1, y - 0.16), there])
        dots.append([there])
        same = ": the same" if name == figure.same and not alone else ""
        rows.append((f"{kernel.SAME[name]}{same}", (0.05, y)))
        told, others = in_unit(name, mine), in_unit(name, other)
        rows.append((told if told == others else f"{told} against {others.removesuffix('s').removesuffix(' step')}", (20, y)))
    age, newest, edge, noise = (in_unit(name, found[name]) for name in kernel.SAME)
    if alone:
        said = (
            f"One average, momentum {show(theory.beta_at_mean_age(young), 4)}: its mean age of {age} says all the rest. The "
            f"newest gradient counts {newest}, the stability edge is {edge}, and {noise} of the noise variance is kept."
        )
    else:
        which = "" if figure.same == "age" else f", of mean age {show(beside['age'])}"
        said = (
            f"mean age of {age}, made of {show(young)} ({percent(1 - share)}) and {show(old)} ({percent(share)}): the newest "
            f"gradient counts {newest}, the edge is {edge}, the noise kept {noise}. In one average {ALIKE[figure.same]}{which}: "
            f"{', '.join(in_unit(name, beside[name]) for name in list(kernel.SAME)[1:])}."
        )
        said = (f"At {percent(figure.progress)} of the run a " if figure.shape == "ageing" else "A ") + said
    away = {"age"} if not alone else {"share", "young", "old"}
    away |= {"progress", "end"} if figure.shape != "ageing" else set()
    told = lambda name, value: percent(value) if name in ("share", "progress", "end") else f"{show(value)} steps"
    tops = {"share": 1, "progress": 1, "end": 1, "age": 100, "young": 100, "old": 100}
    values = {name: getattr(figure, name) for name in tops}
    return {
        "pictures": [
            Picture(
                Axis(-0.7, last, written={str(k): k for k in range(0, 81, 20)}), Axis(low, top, written=True),
                lines, {"balance triangle": [[(seen, below)]]},
                words,
                {name: ((min(value, last), weight(min(value, last))),
                        f"{many(value, 'step')}, momentum {show(theory.beta_at_mean_age(value))}", (0, last))
                 for name, value in ages.items()},
                (*key, "▲ mean age: where they balance"),
            ),
            Picture(
                Axis(0.05, 20, log=True, written={f"×{show(v)}": v for v in (0.1, 0.3, 1, 3, 10)}), Axis(-0.55, 3.55),
                {"guide": [[(1, -0.55), (1, 4)]], "ratio averaged": ratios}, {"disc averaged": dots}, rows,
            ),
        ],
        "said": said,
        "sliders": {
            name: Slider(value, 0, tops[name], words=told(name, value), hidden=name in away) for name, value in values.items()
        },
        "coloured": {"averaged": [*key[:2], "share", *ages]},
        "copied": lambda names, printed: np.testing.assert_allclose(names["weights"], weights),
    }  # fmt: skip


# -- the river ------------------------------------------------------------------------------------------------------------


@CASES.add(
    "river",
    {},
    {"hold": "rate", "share": 0.4, "sigma": 0.5, "seed": 3},
    {"beta": 0},
    {"beta": 0.95, "sigma": 0.01, "loss": 0.5},
    {"hold": "rate", "share": 0.99, "sigma": 2, "beta": 0.5},
    {"hold": "rate", "share": 0.001, "beta": 0.8},
    {"sigma": 1, "beta": 0.9, "loss": 0.2},
    {"head": 2},
    {"played": (100 * 41.75, 41 + drawn.smooth(0.75))},
    opens={"seed": 1},
    drags=[
        ("Noise against the hill", (1, 1), {"sigma": 0.316}),
        ("Noise against the hill", (1e9, 1), {"sigma": 2}),
    ],
)
def of_river(figure, shown):
    found, (low, high) = figure.numbers(), river.NOISE
    plain, heavy, beta, most = found["plain"], found["heavy"], figure.beta, theory.river_gain(figure.beta, 0.0)
    far, bank = 1.02 * max(found[who]["path"][-1, 0] for who in river.RIVERS), 0.22
    lines, marks, words, pen = {"bank": [], "guide": []}, {}, [], river.SHOWN if shown.pen is None else shown.pen
    for who, lane, look, name in (("plain", 1, "gradient", "without"), ("heavy", -1, "momentum", "with")):
        way = found[who]["path"] * (1, bank / math.sqrt(2 * found["loss"])) + (0, lane)
        if (k := int(pen)) < river.SHOWN:
            way = np.vstack([way[: k + 1], way[k] + (pen - k) * (way[k + 1] - way[k])])
        lines["bank"].append([(0, lane - bank), (far, lane - bank), (far, lane + bank), (0, lane + bank)])
        lines["guide"].append([(0, lane), (far, lane)])
        lines[f"way {look}"] = [way]
        marks[f"disc {look}"] = [way[-1:]]
        words.append((f"{name} momentum: {show(found[who]['speed'])} a step", (far, lane + 1)))
    q = np.geomspace(low, high, 400)
    noise = np.clip(found["noise"], low, high)
    where = f"noise {show(figure.sigma)} and a loss of {show(found['loss'])} on the side"
    gain = show(found["gain"])
    said = beta and (
        f"{river.verdict(beta, found['gain'])}: at momentum {show(beta)}, {where}, {show(heavy['speed'])} a step against "
        f"{show(plain['speed'])}, {gain} times as far. Without noise: {show(most)} times."
    )
    if beta == 0:
        said = f"With momentum 0 both are gradient descent, and neither gets farther: at {where}, {show(plain['speed'])} a step."
    other = "share" if figure.hold == "loss" else "loss"
    logs = {"sigma": (0.01, 2), "loss": (0.005, 0.5), "share": (0.001, 0.99)}
    return {
        "pictures": [
            Picture(Axis(0, far, written=True), Axis(-2, 2), lines, marks, words),
            Picture(
                Axis(low, high, log=True, written={show(v): v for v in (0.001, 0.01, 0.1, 1, 10, 100)}),
                Axis(*river.GAINS, log=True, written={show(v): v for v in (1, 3, 10, 30)}),
                {
                    "guide": [[(low, 1), (high, 1)], [(low, most), (high, most)]],
                    "momentum": [pairs(q, theory.river_gain(beta, q))],
                },
                {}, [(f"without noise {show(most)}", (high, most)), ("no gain", (low, 1))],
                {"Noise against the hill": (
                    (noise, found["gain"]), f"noise {show(noise)}: {gain} times as far", (low, high),
                )},
            ),
        ],
        "readouts": {
            "times as far, exact": gain,
            "times as far, measured": show(heavy["measured"] / plain["measured"]),
            "learning rates: without, with": f"{show(plain['lr'])}, {show(heavy['lr'])}",
            "loss on the side: exact, measured": f"{show(found['loss'])}, {show(heavy['lost'], 2)}",
        },
        "said": said,
        "sliders": {"beta": Slider(beta, 0, river.TOP)}
        | {name: Slider(getattr(figure, name), *ends, "log", hidden=name == other) for name, ends in logs.items()},
        "coloured": {
            "momentum": ["beta", "times as far, measured", "Noise against the hill", words[1][0]],
            "gradient": [words[0][0]],
        },
    }  # fmt: skip


# -- the workers ---------------------------------------------------------------------------------------------------------


def distance_left(figure):
    """The error left at the figure's own momentum, as `workers.left_of` has it at those of its curve."""
    square = theory.asynchronous_square(figure.workers, figure.lr, workers.UPDATES, np.array([figure.beta]), figure.order)
    return max(math.sqrt(max(square[-workers.LATE :].mean(), 0)), workers.FLOOR)


def fixed(value):
    return f"{value:.3f}".replace("-", "−")


@CASES.add(
    "workers",
    {},
    {"workers": 1},
    {"workers": 1, "beta": 0.5, "lr": 0.5},
    {"workers": 16, "beta": -0.9, "seed": 7},
    {"order": "turn"},
    {"order": "turn", "workers": 2, "lr": 0.5},
    {"order": "turn", "workers": 3},
    {"order": "turn", "workers": 3, "beta": 0.3, "lr": 0.02},
    {"workers": 4, "lr": 0.005, "seed": 999},
    {"head": 3},
    {"head": 7, "order": "turn", "workers": 5},
    drags=[("Explicit momentum", (-0.34, 1), {"beta": -0.34}), ("Explicit momentum", (0.004, 1), {"beta": 0}),
           ("Explicit momentum", (9, 1), {"beta": 0.95})],
)  # fmt: skip
def of_workers(figure, shown):
    found, last, m, beta = figure.numbers(), workers.UPDATES, figure.workers, figure.beta
    random, t = figure.order == "random", np.arange(workers.UPDATES + 1)
    head = last if shown.pen is None else shown.pen
    lines = {"guide": [[(0, 0), (last, 0)]], "momentum": [pairs(t, found["mean"])[: None if random else head + 1]]}
    lines |= {"thin gradient": [pairs(t, found["path"])[: head + 1]]} if random else {}
    lines |= {"ball": [pairs(t, found["ball"])]} if beta == 0 else {}
    run = ["this run", "mean over all orders"] if random else ["every run in this order"]
    ages, turn, tallest = found["ages"][head], found["who"][min(head, last - 1)], max(found["ages"].max(), m)
    bars = {"rod waits gradient": [k for k in range(m) if k != turn], "rod gradient": [turn]}
    tall = {k: max(ages[k], 0.012 * tallest) if k == turn else ages[k] for k in range(m)}
    rods_of = {name: [Bars([(k + 0.7, k + 1.3, 0, tall[k]) for k in every])] for name, every in bars.items() if every}
    floor, best, under = workers.FLOOR, found["best"], found["under"]
    least, implied = found["left"].min(), fixed(found["implied"])
    unseen = ", less than a billionth" if under == [best, best] else ""
    if under and not unseen:
        unseen = f"; all from {show(under[0], 2)} to {show(under[1], 2)} leave less than a billionth"
    give = f"After {last} updates at this rate, the least error is left by an explicit momentum of {show(best, 2)}{unseen}."
    late = f"every gradient is {many(m - 1, 'update')} old"
    fit = None if found["fitted"] is None else fixed(found["fitted"])
    if m == 1:
        said = f"One worker never lags: this is the rule as you know it. {give}"
    elif beta and random:
        said = f"An explicit momentum of {show(beta, 2)} comes on top of the {implied} that {m} workers in random order make by "
        said += f"themselves. {give}"
    elif beta:
        said = (
            f"An explicit momentum of {show(beta, 2)}, and {m} workers in turn: {late}, which is a delay. In random order they "
        )
        said += f"would make a momentum of {implied} by themselves. {give}"
    elif random:
        said = (
            f"{m} workers in random order are, on average, heavy ball with momentum 1 − 1/{m} = {implied}; the fit finds {fit}. "
        )
        said += give
    else:
        rest = f", and leaves {show(found['leaves'], 2)} of the spread unexplained" if m > 2 else ""
        said = f"{m} workers in turn: {late}, and no momentum appears. The best fit is {fit} instead of {implied}{rest}. {give}"
    leaves = found["leaves"]
    return {
        "pictures": [
            Picture(
                Axis(0, last, written=True), Axis(*workers.reach(found), written=True), lines,
                {"disc gradient": [[(head, found["path"][head])]]},
                key=(*run, *(["┅ heavy ball, β = 1 − 1/M"] if beta == 0 else [])),
            ),
            Picture(
                Axis(0.4, m + 0.6, written={str(k): k for k in (1, 4, 8, 12, 16) if k <= m}),
                Axis(0, 1.12 * tallest, written=True), {**rods_of, "ball": [[(0.4, m - 1), (m + 0.6, m - 1)]]}, {},
                [(f"M − 1 = {m - 1}, the mean age of a gradient", (m + 0.6, m - 1))],
            ),
            Picture(
                Axis(-1, 1, written=True), Axis(floor, 1e3, log=True, written={"10⁻⁸": 1e-8, "10⁻⁴": 1e-4, "1": 1}),
                {"guide": [[(0, floor), (0, 1e3)]], "momentum": [pairs(workers.BETAS, np.minimum(found["left"], 1e4))]},
                {"triangle momentum": [[(best, least)]]}, [(f"least at {show(best, 2)}", (best, least))],
                {"Explicit momentum": ((beta, min(distance_left(figure), 900)), show(beta, 2), (-0.95, 0.95))},
            ),
        ],
        "readouts": {
            "1 − 1/M": implied,
            "fitted momentum": fit or "any: one number would do",
            "the fit leaves": "nothing" if leaves is None or leaves < 1e-9 else show(leaves, 2),
        },
        "said": said,
        "sliders": {
            "workers": Slider(m, 1, 16),
            "beta": Slider(beta, -0.95, 0.95),
            "lr": Slider(figure.lr, 0.005, 0.5, "log"),
        },
        "coloured": {
            "momentum": [run[-1], "beta", "fitted momentum", "Explicit momentum", f"least at {show(best, 2)}"],
            "gradient": run[:-1],
        },
    }  # fmt: skip


# -- the filter ----------------------------------------------------------------------------------------------------------


@CASES.add(
    "filter",
    {},
    {"beta": 0},
    {"beta": 0.97, "frequency": 0.02, "noise": 0, "corrected": True},
    {"beta": 0.999, "form": "sum", "signal": "constant", "noise": 2, "seed": 9999},
    {"beta": 0.8, "form": "sum", "frequency": 1.2, "noise": 0.1},
    {"beta": 0.95, "signal": "zigzag", "noise": 0.3},
    {"beta": 0.6, "signal": "step", "frequency": 3.0, "corrected": True, "seed": 7},
    {"beta": 0.5, "signal": "constant", "noise": 0},
    {"frequency": 0.13},
    {"frequency": 0.7},  # the zigzag's name is seen up to here
    {"frequency": 0.9},
    {"frequency": 0.15, "beta": 0.5},
    opens={"seed": 1},
    drags=[
        ("Half-life: after how many steps a weight has halved", (20, 0.1), {"beta": float(f"{2 ** (-1 / 20):.4g}")}),
        ("Frequency of the wave", (0.5, 0.1), {"frequency": pytest.approx(0.5, **NEAR)}),
        ("Frequency of the wave", (99, 0.1), {"frequency": math.pi}),
    ],
)
def of_filter(figure, shown):
    found, beta, steps, last = figure.numbers(), figure.beta, of_signals.STEPS, of_signals.SHOWN_WEIGHTS
    summed, signal, omega, gain, lag = figure.form == "sum", figure.signal, found["omega"], found["gain"], found["lag"]
    total, half, weights = found["total_weight"], found["half_life"], found["weights"]
    look, t = "momentum" if summed else "averaged", np.arange(steps)
    both = np.concatenate([found["gradients"], found["filtered"], [0]])
    low, high, (*_, wide, tall) = both.min(), both.max(), shown.frame(0)
    if signal == "wave":
        high = max(high, low + (max(1, gain) - low) / (1 - 38 / tall))  # the bracket wants 38 pixels above the crest
    room, far = 0.06 * (high - low), of_signals.ZIGZAG_STEPS if signal == "zigzag" else steps
    bottom, top = low - room, high + room
    lines = {
        "guide": [[(0, 0), (far, 0)]],
        "faint gradient": [pairs(t, found["gradients"])],
        f"kept {look}": [pairs(t, found["filtered"])],
    }
    words, tick = [], 5 * (top - bottom) / tall
    if figure.noise:
        lines["truth"] = [pairs(t, found["clean"])]
    if summed and signal == "constant":
        lines["guide"].append([(0, total), (steps, total)])
        words.append((f"1/(1 − β) = {show(total)}", (steps, total)))
    elif signal == "zigzag":
        lines["guide"].append([(0, gain), (far, gain), (far, -gain), (0, -gain)])
        words.append((f"settles at ± {show(gain)}", (far, (high + gain) / 2), (-4, 4)))
    period = 2 * np.pi / omega if omega else math.inf
    crest = math.floor((0.72 * steps - lag) / period) * period if omega else 0
    if signal == "wave" and period >= 10 and crest > 3 * theory.total_weight(beta) and lag / far * wide > 5:
        y, end = max(1, gain) + 3 * tick, crest + lag
        lines["bracket"] = [[(crest, 1), (crest, y + tick), (crest, y), (end, y), (end, y + tick), (end, gain)]]
        words.append((f"{many(lag, 'step')} late", (crest + lag / 2, y)))
    level, seen, at = weights[0] / 2, min(half, last), max(omega, 0.01)
    w = np.geomspace(0.01, np.pi, 400)
    response = np.abs([theory.frequency_response(beta, one, averaged=not summed) for one in w])
    over = shown.frame(2)[3] / (1.08 * total)  # pixels to a gain of one
    away = (15, -9) if at <= 0.15 else (8, -24) if over * gain < 20 else (-15, 16)
    names = [(f"gain {show(gain)}", (at, gain), away)]
    if at <= 0.7:
        away = (-8, 16) if over * found["nyquist"] > 28 else (4, -34)
        names.append((f"zigzag, ω = π: {show(found['nyquist'])}", (math.pi, found["nyquist"]), away))
    halves = f"half after {many(half, 'step')}" + (" →" if half > last else "") if half else "the newest alone"
    memories = (of_signals.DRAWS - of_signals.SETTLE) / found["sample_size"]
    measured = f"measured {show(found['measured'])}" if memories >= 100 else "too long a memory to measure here"
    told = {name: show(found[name]) for name in ("sample_size", "total_weight", "gain", "omega")}
    said = (
        f"Momentum {show(beta)}: the weights halve every {many(half, 'step')} and add up to {told['total_weight']}; the noise "
        f"variance falls by {told['sample_size']}, {measured}; gain {told['gain']} at {told['omega']} radians per step, "
        f"{many(lag, 'step')} late."
    )
    if beta == 0:
        said = (
            "Momentum 0 keeps the newest gradient alone: no noise is taken away, every wave has the gain 1, and nothing is late."
        )
    momentum = f"{many(half, 'step')}, momentum {show(beta)}" if beta else "momentum 0: the newest gradient alone"
    wave = f"{show(omega)} radians per step, one wave in {many(period, 'step')}" if omega else "0, a constant"
    key = ["• gradients g", *(["— without the noise"] if figure.noise else []), "━ sum v" if summed else "••• average m"]
    return {
        "pictures": [
            Picture(
                Axis(0, far, written=True), Axis(bottom, top, written=True), lines,
                {"disc gradient": [pairs(t, found["gradients"])]}, words, key=key, crowded=("1/(1 − β) = 1000",),
            ),
            Picture(
                Axis(-0.7, last, written=True), Axis(0, 2.16 * level, written=True),
                {"guide": [[(0, level), (seen, level), (seen, 0)]],
                 f"stems {look}": [Pieces([(k, 0), (k, weight)] for k, weight in enumerate(weights))]},
                {}, [(halves, (seen, level))],
                {"Half-life: after how many steps a weight has halved": ((seen, level), momentum, (0.1, last))},
            ),
            Picture(
                Axis(0.01, math.pi, log=True, written=True), Axis(0, 1.08 * total, written=True),
                {f"kept {look}": [pairs(w, response)], "guide": [[(at, 0), (at, gain)]]},
                {f"diamond {look}": [[(math.pi, found["nyquist"])]]}, names,
                {"Frequency of the wave": (
                    (at, gain), f"{told['omega']} radians per step, gain {told['gain']}, {many(lag, 'step')} late",
                    (0.01, math.pi),
                )},
            ),
        ],
        "readouts": {
            "half-life": many(half, "step") if beta else "none: nothing is kept",
            "weights add up to": told["total_weight"],
            "noise variance of m falls by": f"{told['sample_size']}, {measured}",
            "gain at ω": told["gain"],
            "late by": many(lag, "step"),
        },
        "said": said,
        "sliders": {
            "beta": Slider(beta, 0, 0.999, "near-one", marks={"0.5": 0.5, "0.9": 0.9, "0.99": 0.99}),
            "noise": Slider(figure.noise, 0, 2),
            "frequency": Slider(max(omega, 0.01), 0.01, math.pi, "log", wave, {"zigzag": math.pi}),
        },
        "coloured": {
            "gradient": ["• gradients g", "Frequency of the wave"],
            "averaged": ["••• average m"],
            "momentum": ["Half-life: after how many steps a weight has halved", "beta"],
        },
    }  # fmt: skip


# -- the crosswalk -------------------------------------------------------------------------------------------------------

SHAPES = {"polyak": "diamond", "classical_momentum": "square", "heavy_ball": "disc", "averaged_momentum": "ring"}
SHAPES |= {"dampened_momentum": "triangle", "nesterov": "triangle", "nesterov_torch": "diamond", "nesterov_lerp": "ring"}


ROWS = """() => [...document.querySelectorAll('.lf-crosswalk .lf-rows')].map((rows) => ({
    reason: rows.previousSibling.querySelector('.lf-reason').textContent,
    rows: [...rows.querySelectorAll('.lf-row')].map((row) => ({
        name: row.dataset.rule, beta: row.querySelector('.lf-beta').textContent,
        rate: row.querySelector('input[type=text]').value, next: row.querySelector('.lf-next').textContent,
        ticked: row.querySelector('[type=checkbox]').checked, fixed: row.querySelector('[type=checkbox]').disabled })) }))"""


def why_not(figure, names):
    """Why the forms of a section cannot be had, or what parts them when the rate drops; nothing where neither is so."""
    given = {"lr": figure.lr, "beta": figure.beta, **({"dampening": 0.0} if figure.source == "dampened_momentum" else {})}
    for constant, others in ((True, "these forms"), (False, None)):
        for name in names:
            try:
                convert(figure.source, name, constant_rate=constant, **given)
            except ValueError as error:
                both = f"{figure.source} and {name}"
                title = rules.get(figure.source).title
                said = str(error).replace(both, f"{title} and {others}" if constant else "These forms")
                return said.replace(" They agree at a constant rate (constant_rate=True).", "")
        if not figure.drop:
            return ""
    return ""


def kept_apart(points, places, least):
    """The points whose places in the picture lie so many pixels from those of the last one kept."""
    kept = [0]
    for k in range(1, len(points)):
        if np.hypot(*(places[k] - places[kept[-1]])) >= least:
            kept.append(k)
    return points[kept]


@CASES.add(
    "crosswalk",
    {},
    {"drop": True, "drop_at": 12, "factor": 100, "shown": list(CONVENTIONS)},
    {"source": "nesterov", "drop": True, "factor": 4, "drop_at": 20, "shown": list(CONVENTIONS), "lr": 0.02, "beta": 0.5},
    {"source": "averaged_momentum", "lr": 0.3, "shown": [], "steps": 10, "drop": True, "drop_at": 299},
    {"source": "nesterov_torch", "beta": 0, "shown": ["polyak"], "start": [1, 0.5], "steps": 300},
    {"source": "dampened_momentum", "shown": ["nesterov"], "start": [0, 0], "drop": True},
    drags=[
        ("Step after which the rate drops", (40.2, 1e-2), {"drop": True, "drop_at": 40}),
        ("Step after which the rate drops", (-9, 1e-2), {"drop": True, "drop_at": 1}),
        ("Start of the paths", (1, 0.5), {"start": pytest.approx([1, 0.5], abs=1e-6)}),
    ],
)
def of_crosswalk(figure, shown):
    found, n, turn, beta = figure.numbers(), figure.steps, figure.turn, figure.beta
    names, xs, ys = found["drawn"], *surfaces.ravine(**crosswalk.RAVINE).domain
    plane, plot = Picture(Axis(*xs), Axis(*ys)), shown.picture(0, xs, ys)
    plane.marks["minimum cross"] = [[(0, 0)]]
    plane.handles["Start of the paths"] = figure.start
    curves = {}
    for name in names:
        look, points = rules.get(name).family, found["paths"][name]
        plane.lines.setdefault(look, []).append(points)
        kept = kept_apart(points, plot.pixels(points), 6 + 4.2 * len(names))
        plane.marks.setdefault(f"nested {SHAPES[name]} {look}", []).append(kept)
        lengths = found["lengths"][name]
        curves.setdefault(f"thin {look}", []).append(pairs(np.arange(1, len(lengths) + 1), np.maximum(lengths, 1e-300)))
    every = np.concatenate([found["lengths"][name] for name in names])
    every = every[every > 0] if every.any() else np.ones(1)
    top = math.ceil(math.log10(np.clip(every.max(), 1e-6, 1e3)))
    bottom = math.floor(math.log10(min(every.min(), every.max() / 10) if len(every) > 1 else 0.1))
    low, high = 10.0 ** max(min(bottom, top - 1), top - 6), 10.0**top
    grip = high * (low / high) ** 0.08
    words = [(f"rate ÷ {show(figure.factor)} after step {turn}" if figure.drop else "drag: the rate drops", (turn, grip))]
    outside = [name for name in names if CONVENTIONS[name].rate == "outside"]
    outside.sort(key=lambda name: rules.get(name).look_fn is not None)  # a rule's own points before those at which one looks
    inside = [name for name in names if CONVENTIONS[name].rate == "inside"]
    if figure.drop and inside and outside and turn < 0.7 * n:
        begin = turn + round(0.12 * n)
        for side, (name, *_), most in (("inside", inside, max), ("outside", outside, min)):
            words.append((f"rate {side}", (begin, max(most(found["lengths"][name][begin - 1 : begin + round(0.2 * n)]), low))))
    ratio = lambda some: (
        "none drawn" if not some else "none" if found["ratios"][some[0]] is None else f"× {found['ratios'][some[0]]:.3f}"
    )
    gap = found["difference"]
    setting = f"At learning rate {show(figure.lr)} and momentum {show(beta)}"
    said = f"{setting} one form is drawn."
    if len(names) > 1:
        differ = "nothing but rounding" if gap < 1e-9 else show(gap)
        said = f"{setting} the paths of {len(names)} forms differ by {differ}."
    if figure.drop:
        parts = [f"{ratio(some)} with the rate {side}" for side, some in (("inside", inside), ("outside", outside)) if some]
        said += f" The rate is divided by {show(figure.factor)} after step {turn}: the next step is {' and '.join(parts)}."
    source = CONVENTIONS[figure.source]

    def also(page):
        """The table: each form's rate, momentum and next step, and the reason where there is one."""
        for section in page.evaluate(ROWS):
            assert section["reason"] == why_not(figure, [row["name"] for row in section["rows"]])
            for row in section["rows"]:
                setting = figure.settings()[row["name"]]
                refused = isinstance(setting, str)
                assert row["beta"] == ("" if refused else f"β {beta:.4g}")
                assert row["rate"] == "" if refused else float(row["rate"]) == float(f"{setting['lr']:.6g}")
                assert row["ticked"] == (row["name"] in names) and row["fixed"] == (refused or row["name"] == figure.source)
                if not figure.drop or refused:
                    assert row["next"] == ""
                elif row["name"] in names:
                    assert row["next"] == f"next step {ratio([row['name']])}"
                else:
                    assert row["next"].startswith("next step ")

    edge = theory.momentum_edge(25, beta, ahead=source.measures == "ahead", averaged=source.weight == "1 - beta")
    return {
        "pictures": [
            plane,
            Picture(
                Axis(0, n, written=True), Axis(low, high, log=True, written=True),
                {**curves, "guide": [[(turn, low), (turn, high)]]}, {}, words,
                {"Step after which the rate drops": (
                    (turn, grip), f"the rate is divided by {show(figure.factor)} after step {turn}" if figure.drop
                    else "the rate stays constant", (1, n - 1),
                )},
            ),
        ],
        "readouts": {
            "largest difference of the paths": "tick a second form" if len(names) < 2 else "0, identical" if gap == 0
            else f"{shown.readouts['largest difference of the paths'].partition(',')[0]}, identical" if gap < 1e-9 else show(gap),
            "next step, rate inside": ratio(inside),
            "next step, rate outside": ratio(outside),
        },
        "said": said,
        "sliders": {
            "lr": Slider(figure.lr, edge / 100, 1.05 * edge, "log", marks={"edge": edge}),
            "beta": Slider(beta, 0, 0.999, "near-one", marks={"0.5": 0.5, "0.9": 0.9, "0.99": 0.99}),
            "drop_at": Slider(turn, 1, n - 1),
            "factor": Slider(figure.factor, 1, 100, "log"),
            "steps": Slider(n, 10, 300, "log"),
        },
        "coloured": {"momentum": ["beta"]},
        "also": also,
    }  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_drawn_and_said_is_pythons(browser, tmp_path, name):
    CASES.hold(browser, tmp_path, name)
