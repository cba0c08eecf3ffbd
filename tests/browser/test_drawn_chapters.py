"""What small figures of the chapters draw and say, beside what momentum_lib computes: every path, mark, word and number."""

import math

import numpy as np
import pytest

from momentum_lib import scale as at_scale
from momentum_lib.notation import LOOKS
from momentum_lib.scale.state import count, size, three
from momentum_lib.widgets import ribbon, rods, rotation, scale, turning
from momentum_lib.widgets._base import many, show
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


@CASES.add(
    "ribbon",
    {},
    {"beta": 0.1, "tokens": 1e3},
    {"beta": 0.999999, "tokens": 1e9},
    {"beta": 0.9995, "tokens": 4e6},
    {"beta": 0.5, "tokens": 3e4},
    drags=[("Where a gradient counts half, in tokens read since", (1e6, 0.5), {"beta": pytest.approx(0.5**0.49152, **NEAR)})],
)
def of_ribbon(figure, shown):
    low, high = ribbon.REACH
    life = figure.half_life
    seen, top = np.clip(life, low, high), 1.12
    plot = shown.picture(0, ribbon.REACH, (0, top), "x")

    def also(page):
        """Each piece lies where its tokens do, and is lit as much as they count."""
        lit, under = plot.find("ribbon-lit"), plot.find("ribbon-base")
        light = page.locator(".lf-ribbon-lit").evaluate_all("all => all.map((one) => Number(one.getAttribute('opacity')))")
        assert light == pytest.approx([figure.weight(math.sqrt(start * end)) for _, start, end in ribbon.pieces()], abs=6e-4)
        for (unit, start, end), piece, base in zip(ribbon.pieces(), lit, under, strict=True):
            (outline,), ends = drawn.strokes(piece["d"]), plot.pixels([(start, 0), (end, 0)])
            assert [outline[:, 0].min(), outline[:, 0].max()] == pytest.approx(ends[:, 0], abs=0.7), unit
            assert outline[:, 1].max() == pytest.approx(ends[0, 1], abs=0.06) and base["d"] == piece["d"]

    return {
        "also": also,
        "pictures": [
            Picture(
                Axis(low, high, log=True), Axis(0, top), {"ribbon-guide": [[(seen, 0), (seen, 1)]]},
                {"triangle momentum": [pairs([at_scale.half_life(*setting) for setting in ribbon.published().values()], 1.05)]},
                [(ribbon.amount(life), (seen, top)), ("now", (low, top)), ("read long ago →", (high, top)),
                 ("▲ published trainings", (math.sqrt(low * high), top))],
                {"Where a gradient counts half, in tokens read since": (seen, 0)},
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
    drags=[
        (
            "Singular value 6, before",
            (5, 0.6),
            {"values": {n: pytest.approx(v, abs=2e-4) for n, v in {**TALL, "s6": 0.6}.items()}},
        ),
    ],
)
def of_rods(figure, shown):
    path = figure.numbers()["path"]
    before, now, k, top = path[0], path[-1], figure.steps, 2.1 if figure.polynomial == "best" else 1.3
    boxes = lambda heights: Bars([(i - 0.25, i + 0.25, 0, value) for i, value in enumerate(heights)])
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
                Axis(-0.6, 5.6, written=names), Axis(0, top, written=True),
                {"rod matrix": [boxes(now)], "outline": [boxes(before)], "one-line": [[(-0.6, 1), (5.6, 1)]]}, {},
                [(show(now[i], 2), (i, max(now[i], before[i]))) for i in range(6)],
                {f"Singular value {i + 1}, before": (i, before[i]) for i in range(6)},
                ("■ now", "□ before, of norm 1", "┅ all 1: U V′"),
            ),
            Picture(
                Axis(rods.LOW, 1, log=True, written=True), Axis(0, top, written=True),
                {"one-line": [[(rods.LOW, 1), (1, 1)]], "map matrix": [pairs(x, figure.curve(x))]},
                {"disc matrix": [pairs(before, now)]}, [(f"after {many(k, 'step')}", (rods.LOW, top))],
            ),
        ],
        "said": said,
        "sliders": {"steps": Slider(k, 0, rods.MOST)}
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
                Axis(low, high, log=True, written=True), Axis(-0.6, 7.6), lines, marks, words,
                key=("● now", "○ untouched", "▬ five problems’ spread"),
            ),
            Picture(
                Axis(-edge, edge), Axis(-edge, edge), plane, tips, [], {"Turn the problem": turn @ (1.45, 0)},
                ("○ Euclid: gradient", "□ spectral: U V′", "□ dashed, maximum: sign"),
            ),
        ],
        "said": said,
        "sliders": {"angle": Slider(
            figure.angle, 0, 90, words=f"{show(figure.angle)} degrees", marks={f"{v}°": v for v in (0, 45, 90)}
        )},
    }  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_drawn_and_said_is_pythons(browser, tmp_path, name):
    CASES.hold(browser, tmp_path, name)
