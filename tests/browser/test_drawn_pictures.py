"""What the figures of the pages of pictures draw and say, beside what momentum_lib computes: every path, mark, word, number."""

import numpy as np
import pytest

from momentum_lib import rules, theory
from momentum_lib.scale.state import count
from momentum_lib.widgets import amounts, complex_pair, euler, linear_map, memory
from momentum_lib.widgets._base import many, near_one, show
from tests.browser import drawn
from tests.browser.drawn import Axis, Picture, Pieces, Slider

TURN = np.linspace(0, 2 * np.pi, 241)
CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)
CASES = drawn.Cases()


def pairs(x, y):
    return np.stack([x, y], axis=1)


def complex_plane(edge):
    """The lines and words of every complex plane."""
    lines = {"guide": [[(-edge, 0), (edge, 0)], [(0, -edge), (0, edge)]], "truth": [CIRCLE]}
    return Axis(-edge, edge), Axis(-edge, edge), lines, [("unit circle", (np.cos(2.3), np.sin(2.3)))]


def told_pair(first, second):
    if first.imag:
        return f"{show(first.real)} ± {show(first.imag)} i"
    return f"{show(first.real)}, twice" if first == second else f"{show(first.real)} and {show(second.real)}"


@CASES.add(
    "linear_map",
    {},
    {"a": 0.7, "b": -0.5, "c": 0.5, "d": 0.7},
    {"a": 1, "b": 0.8, "c": 0, "d": 1},
    {"a": 0.5, "b": 0, "c": 0, "d": 0.5},
    {"a": -1.6, "b": 1.6, "c": -1.6, "d": -1.6},
    {"a": 1.6, "b": 1.6, "c": 1.6, "d": 1.6},
    {"a": -0.3, "b": 1.2, "c": 0.9, "d": -1.1},
    {"a": 0, "b": -1, "c": 1, "d": 0},
    {"a": 0.9, "b": -1.2, "c": 1.2, "d": 0.9},
    {"a": 1.1, "b": 0, "c": 1, "d": 0.6},
    presses=[
        (
            "Turn and shrink",
            lambda figure: linear_map.eigenvalue_pair(figure.matrix)[0].imag and np.linalg.det(figure.matrix) < 1,
        ),
        ("Shear", lambda figure: len(linear_map.directions(figure.matrix)) == 1 and np.linalg.det(figure.matrix) == 1),
        ("Heavy ball", lambda figure: np.allclose(figure.matrix, theory.iteration_matrix(rules.polyak, 0.3, lr=1, beta=0.8))),
        ("Stretch", lambda figure: figure.matrix.tolist() == linear_map.LinearMap().matrix.tolist()),
    ],
    drags=[
        ("Where (1, 0) goes", (0.51, -1.2), {"a": 0.51, "c": -1.2}),
        ("Where (0, 1) goes", (-9, 9), {"b": -1.6, "d": 1.6}),
    ],
)
def of_linear_map(figure, shown):
    matrix, edge = figure.matrix, linear_map.FRAME
    values, kept = linear_map.eigenvalue_pair(matrix), linear_map.directions(matrix)
    spokes = CIRCLE[:: 240 // linear_map.SPOKES][:-1]
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]) @ matrix.T
    plane = {
        "spokes": [Pieces([at, matrix @ at] for at in spokes)],
        "cell": [corners],
        "guide": [CIRCLE],
        "image": [CIRCLE @ matrix.T],
        "arrow": [[(0, 0), column] for column in matrix.T],
    }
    if kept:
        plane["momentum"] = [np.outer([-9, 9], way) for way in kept]
    names = []
    for way, value in zip(kept, values.real):
        way = np.array(way) * (-1 if way[1] < 0 or (way[1] == 0 and way[0] < 0) else 1)
        names.append((f"× {show(value)}", 0.9 * edge * way / np.abs(way).max()))
    names += [("(1, 0)", matrix[:, 0]), ("(0, 1)", matrix[:, 1])]
    x, y, lines, words = complex_plane(edge)
    dots = pairs(values.real, values.imag)
    lines["faint momentum"] = [np.insert(dots, 1, 0, axis=0)]
    size, pair = abs(values[0]), told_pair(*values)
    ends = "shrinks" if size < 1 else "grows" if size > 1 else "keeps the size"
    turns = f"a pair: every step turns, and {ends}" if values[0].imag else "two real numbers: it only stretches"
    verdict = f"one lies outside, at {show(values[0].real)}" if abs(values[0].real) > edge else turns
    determinant, trace = np.linalg.det(matrix), np.trace(matrix)
    many_kept = "every direction" if matrix[0, 1] == matrix[1, 0] == 0 and matrix[0, 0] == matrix[1, 1] else None
    many_kept = many_kept or ["no direction", "one direction", "two directions"][len(kept)]
    return {
        "pictures": [
            Picture(
                Axis(-edge, edge), Axis(-edge, edge), plane, {}, names,
                {f"Where {end} goes": (column, f"x {show(column[0])}, y {show(column[1])}", (-linear_map.REACH, linear_map.REACH))
                 for end, column in zip(("(1, 0)", "(0, 1)"), matrix.T)},
            ),
            Picture(x, y, lines, {"disc momentum": [dots]}, [*words, ("real numbers", (-edge, 0)), (verdict, (0, -edge))]),
        ],
        "readouts": {
            "determinant: the area’s factor": show(round(determinant, 12) + 0),
            "trace: the eigenvalues’ sum": show(trace),
            "eigenvalues": pair,
            "larger modulus": show(size),
        },
        "said": f"The eigenvalues are {pair}; their product, the determinant, is {show(round(determinant, 12) + 0)}, and the "
        f"matrix keeps {many_kept}.",
        "sliders": {name: Slider(getattr(figure, name), -linear_map.REACH, linear_map.REACH) for name in "abcd"},
        "coloured": {"momentum": ["× 1.6", "× 0.6", "eigenvalues"]},
        "copied": lambda names, printed: np.testing.assert_allclose(
            np.sort_complex(names["values"] + 0j), np.sort_complex(values), atol=1e-7
        ),
    }  # fmt: skip


@CASES.add(
    "complex_pair",
    {},
    {"size": 0.3, "angle": 0},
    {"size": 1.1, "angle": np.pi},
    {"size": 1, "angle": 1.3},
    {"size": 0.97, "angle": 2.4},
    drags=[
        ("The number z", (0.3, 0.4), {"size": 0.5, "angle": 0.927}),
        ("The number z", (-9, -9), {"size": 1.1, "angle": np.pi}),
    ],
)
def of_complex_pair(figure, shown):
    size, angle, powers, steps = figure.size, figure.angle, figure.powers(), complex_pair.STEPS
    z, edge = powers[1], complex_pair.FRAME
    flat = pairs(powers.real, powers.imag)
    x, y, lines, words = complex_plane(edge)
    around = np.linspace(0, max(angle, 1e-3), 200)
    lines["guide"].append([(0, 0), flat[1]])
    lines |= {"bracket": [0.28 * pairs(np.cos(around), np.sin(around))], "thin momentum": [flat]}
    marks = {"disc momentum": [flat[1:]]}
    words += [("start: 1", (1, 0)), ("z", flat[1])]
    if z.imag > 0.02:
        marks["ring momentum"] = [flat[1] * (1, -1)]
        words.append(("its mirror image", flat[1] * (1, -1)))
    t = np.linspace(0, steps, 400)
    bounds = [pairs(t, size**t), pairs(t, -(size**t))]
    reals = pairs(np.arange(steps + 1), powers.real)
    at = 4 if size > 1 else 6
    turn = many(2 * np.pi / angle, "step") if angle else None
    left = many(np.ceil(theory.steps_at_rate(size, 0.01)), "step") if size < 1 else None
    fades = f"are down to a hundredth after {left}" if left else "do not fade"
    return {
        "pictures": [
            Picture(x, y, lines, marks, words, {"The number z": (flat[1], f"{show(z.real)} plus {show(z.imag)} i", (-1.1, 1.1))}),
            Picture(
                Axis(0, steps, written=True), Axis(-edge, edge, written=True),
                {"guide": [[(0, 0), (steps, 0)]], "part part-flat": bounds, "thin momentum": [reals]},
                {"disc momentum": [reals]}, [("sizeᵗ", (at, min(size**at, 0.9 * edge)))],
            ),
        ],
        "readouts": {
            "a full turn takes": turn or "it never turns",
            "a hundredth is left after": left or "never",
            "z": f"{show(z.real)} + {show(z.imag)} i",
        },
        "said": f"With size {show(size)} and angle {show(angle)} the powers "
        f"{f'go round once in {turn}' if turn else 'do not turn'} and {fades}.",
        "sliders": {
            "size": Slider(size, 0.3, 1.1, marks={"1": 1}),
            "angle": Slider(angle, 0, np.pi, words=f"{show(angle)} rad"),
        },
        "coloured": {"momentum": ["The number z", "size", "angle", "z"]},
        "copied": lambda names, printed: (
            np.testing.assert_allclose(names["z"], z), np.testing.assert_array_equal(printed.count("j"), steps + 1)
        ),
    }  # fmt: skip


@CASES.add(
    "euler",
    {},
    {"h": 0.05, "start": -2},
    {"h": 1, "start": 2},
    {"h": 1.7, "start": -1.1},
    {"h": 2, "start": 1},
    {"h": 2.5, "start": 1.8},
    drags=[("x at the start", (5, -1.25), {"start": -1.25}), ("x at the start", (0, 9), {"start": 2})],
)
def of_euler(figure, shown):
    plot = shown.picture(0, (0, euler.TIME), (-euler.HEIGHT, euler.HEIGHT))

    def also(page):
        """Strokes of one length all over the picture, each along the slope at its middle."""
        ends = np.array(drawn.strokes(plot.find("slopes")[0]["d"]))
        middles, ways = plot.numbers(ends.mean(1)), plot.numbers(ends[:, 1]) - plot.numbers(ends[:, 0])
        np.testing.assert_allclose(ways[:, 1] / ways[:, 0], -middles[:, 1], atol=0.05)
        assert abs(np.hypot(*np.diff(ends, axis=1)[:, 0].T) - 16).max() < 0.2
        columns, rows = np.unique(ends.mean(1)[:, 0].round()), np.unique(ends.mean(1)[:, 1].round())
        assert len(columns) * len(rows) == len(ends) and 30 < np.diff(columns).mean() < 38 and 26 < np.diff(rows).mean() < 34
        assert abs(columns[0] - plot.low[0] - 17) < 3 and abs(plot.high[0] - columns[-1] - 17) < 3

    h, start, found = figure.h, figure.start, figure.numbers()
    x, steps = np.array(found["x"]), h * np.arange(len(found["x"]))
    t = np.linspace(0, euler.TIME, 400)
    top = 0.85 * euler.HEIGHT
    verdict = (
        "falls, never crosses" if h < 1 else "lands in one step" if h == 1 else "crosses, and closes in" if h < 2
        else "swings for ever" if h == 2 else "swings, and grows"
    )  # fmt: skip
    return {
        "pictures": [
            Picture(
                Axis(0, euler.TIME, written=True), Axis(-euler.HEIGHT, euler.HEIGHT, written=True),
                {
                    "guide": [[(0, 0), (euler.TIME, 0)]],
                    "solution": [pairs(t, start * np.exp(-t))],
                    "thin gradient": [pairs(steps, x)],
                },
                {"disc gradient": [pairs(steps, x)[1:]]},
                [("solution", (0.9, start * np.exp(-0.9))), ("steps", (h, np.clip(x[1], -top, top)))],
                {"x at the start": ((0, start), f"x 0, y {show(start)}", (-2, 2))}, but=("slopes",),
            )
        ],
        "readouts": {
            "each step multiplies x by": show(1 - h),
            "farthest from the solution": show(found["gap"]),
            "the path": verdict,
        },
        "said": f"Steps of {show(h)}: each multiplies x by {show(1 - h)}. The path {verdict}.",
        "sliders": {"h": Slider(h, 0.05, 2.5, words=f"{show(h)}: {verdict}", marks={"1": 1, "2": 2})},
        "coloured": {"gradient": ["steps", "h", "each step multiplies x by"]},
        "also": also,
        "copied": lambda names, printed: np.testing.assert_allclose(names["run"].points[:, 0], x),
    }  # fmt: skip


def tokens_short(value):
    digits, _, word = count(value).partition(" ")
    return digits + {"thousand": "k", "million": "M", "billion": "bn", "trillion": "tn"}.get(word, "")


def momentum_at_scale(beta):
    return Slider(beta, 0.1, 0.99999, "near-one", marks={"0.9": 0.9, "0.99": 0.99, "0.999": 0.999})


@CASES.add(
    "memory",
    {},
    {"beta": 0.0001, "tokens": 1e3},
    {"beta": 0.999999, "tokens": 1e9},
    {"beta": 0.9995, "tokens": 4e6, "hold": True},
    {"beta": 0.6, "tokens": 3e7},
    {"beta": 0.5, "tokens": 1e4},  # half-lives at the axis' ends, and the bounds of what is said
    {"beta": 0.9600466868547932, "tokens": 588235294.1176472},
    {"beta": 0.001, "tokens": 62914560.0},
    {"beta": 0.999, "tokens": 62914560.0},
)
def of_memory(figure, shown):
    rows, life = memory.published(), figure.half_life
    low, high = 1e4, 1e10
    seen, top = np.clip(life, low, high), len(rows)
    spans = [[(low, k + 0.5), (high, k + 0.5)] for k in reversed(range(top))]
    lines = {"guide": [[(seen, -0.5), (seen, top + 0.5)]], "span": spans}
    marks, words = {}, [("yours", (low, top))]
    for k, (name, row) in zip(reversed(range(top)), rows.items()):
        ends = [row["momentum"], row.get("squares", row["momentum"])]
        marks.setdefault(f"disc {row['look']}", []).append((ends[0], k))
        if "squares" in row:
            marks.setdefault("hollow square adaptive", []).append((ends[1], k))
        words.append((name, (low, k)))
        if "squares" in row and row["squares"] > row["momentum"] * 1.01:
            words.append((tokens_short(ends[0]), (ends[0], k)))
        words.append((tokens_short(ends[1]), (ends[1], k)))
    words.append((tokens_short(life) + (" →" if life > high else " ←" if life < low else ""), (seen, top)))
    there = figure.beta ** (62914560 / figure.tokens)  # MiniMax's steps: 62.9 million tokens
    same = (
        "less than 0.001: none" if there < 0.001 else f"β = 1 − {show(1 - there, 2)}" if there > 0.999 else f"β = {show(there)}"
    )
    return {
        "pictures": [
            Picture(
                Axis(low, high, log=True, written={tokens_short(10**k): 10**k for k in range(4, 11)}),
                Axis(-0.5, top + 0.5), lines, marks, words,
                {"Your half-life in tokens": (
                    (seen, top), f"{count(life)} tokens, momentum {near_one(figure.beta)}", (low, high),
                )},
                ("● momentum", "□ Adam’s β₂", "● Muon’s momentum"),
            )
        ],
        "readouts": {
            "half-life in tokens": count(life),
            "in steps": show(life / figure.tokens),
            "same memory at 62.9M tokens a step": same,
        },
        "coloured": {
            "momentum": ["● momentum", "Your half-life in tokens", "beta", "half-life in tokens"],
            "adaptive": ["□ Adam’s β₂"],
            "matrix": ["● Muon’s momentum"],
        },
        "copied": lambda names, printed: np.testing.assert_allclose(names["mine"], life),
        "said": f"Momentum {near_one(figure.beta)} at {count(figure.tokens)} tokens a step: half of what it has read is "
        f"forgotten after {count(life)} tokens, which is {many(life / figure.tokens, 'step')}.",
        "sliders": {
            "beta": momentum_at_scale(figure.beta),
            "tokens": Slider(
                figure.tokens, 1e3, 1e9, "log", f"{count(figure.tokens)} tokens",
                {tokens_short(v): v for v in (4096, 491520, 62914560)},
            ),
        },
    }  # fmt: skip


@CASES.add(
    "amounts",
    {}, {"little": 0, "right": 0.6, "much": 0.99}, {"little": 0.99, "right": 0, "much": 0.3}, {"head": 0}, {"head": 3},
    {"played": (7000 * 12.25 / amounts.STEPS, 12 + drawn.smooth(0.25))},
)  # fmt: skip
def of_amounts(figure, shown):
    last = amounts.STEPS
    pen = last if shown.pen is None else shown.pen
    head, pictures, left = int(pen), [], []
    for name, path in figure.paths().items():
        beta, points = getattr(figure, name), path.points
        first = figure.spec()[name]["initial"]
        left.append(f"with momentum {show(beta)}, {percent(path.error[head])} left")
        drawn_points = np.vstack([points[: head + 1], points[head] + (pen - head) * (points[min(head + 1, last)] - points[head])])
        (x0, x1), (y0, y1) = amounts.DOMAIN
        pictures.append(
            Picture(
                Axis(x0, x1), Axis(y0, y1), {"thin momentum": [drawn_points]} if pen else {},
                {
                    "disc momentum": [points[: head + 1], drawn_points[-1:]],
                    "ring momentum": [[amounts.START]],
                    "minimum cross": [[(0, 0)]],
                },
                [(f"{amounts.NAMES[name]}: β = {show(beta)}" if beta == first else f"β = {show(beta)}", (x0, y1)),
                 (f"{percent(path.error[head])} left", (x1, y0))],
            )
        )  # fmt: skip
    return {
        "pictures": pictures,
        "readouts": {"step": str(head)},
        "coloured": {"momentum": [*amounts.NAMES, *(picture.words[0][0] for picture in pictures)]},
        "copied": lambda names, printed: np.testing.assert_allclose(
            names["path"].points, list(figure.paths().values())[-1].points
        ),
        "said": f"After {many(head, 'step')}, of the distance: {'; '.join(left)}.",
        "sliders": {name: Slider(getattr(figure, name), 0, 0.99, "near-one") for name in amounts.NAMES},
    }


def percent(share, digits=2):
    return f"{show(100 * share, digits)} %"


@pytest.mark.parametrize("name", CASES)
def test_what_is_drawn_and_said_is_pythons(browser, tmp_path, name):
    CASES.hold(browser, tmp_path, name)
