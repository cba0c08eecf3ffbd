"""kit/pad.js: axes on which a curve is drawn by hand or by keys, and over which the run is drawn then."""

import numpy as np
import pytest

MODULES = {"pads": "kit/pad", "dom": "kit/dom"}
# Axes whose frames and clock go as the test says.
BEFORE = """
const frames = [];
let calm = false, now = 5000;
window.matchMedia = () => ({ matches: calm, addEventListener() {}, removeEventListener() {} });
performance.now = () => now;
const SPEC = { show: "distance", label: "", low: 0, high: 2, log: false, look: "momentum" };
const make = ({ spec, ends = [0, 40], given = null } = {}) => {
  const told = [], life = { ...dom.lifetime(), frame: (callback) => (frames.push(callback), () => {}) };
  const changed = (...all) => told.push(all);
  const pad = pads.createPad({ life, parent: here, spec: { ...SPEC, ...spec }, axis: "distance", ends, given, changed });
  const svg = pad.node.querySelector("svg"), pen = pad.node.querySelector(".predict-pen");
  svg.setPointerCapture = (id) => told.push(`holds ${id}`);
  return Object.assign(pad, { life, told, svg, pen });
};
const frame = (time) => frames.splice(0).forEach((callback) => callback(time));
const d = (pad, name) => pad.node.querySelector(name).getAttribute("d") ?? "";
const mine = (pad) => d(pad, ".predict-mine");
const theirs = (pad) => d(pad, "[data-look=momentum].lf-line");
const texts = (pad) => [...pad.node.querySelectorAll(".lf-front text")].filter((one) => one.textContent).map((one) =>
  [one.textContent, Number(one.getAttribute("x")), Number(one.getAttribute("y")), one.getAttribute("text-anchor"),
    one.dataset.look ?? null]);
const aria = (pad) => ["valuemin", "valuemax", "valuenow", "valuetext", "disabled"].map((name) =>
  pad.pen.getAttribute(`aria-${name}`));
/** What a pointer does at a column and a height: "down", "move", "up". */
const point = (pad, what, [column, height], more = {}) => {
  const { left, top } = pad.svg.getBoundingClientRect();
  const where = ([column, height]) => ({ clientX: left + 44 + (column / 60) * 538, clientY: top + 262 - height * 232 });
  const event = new PointerEvent(`pointer${what}`, { ...where([column, height]), pointerId: 7, cancelable: true, ...more });
  if (more.by) event.getCoalescedEvents = () => more.by.map((one) => new PointerEvent("pointermove", where(one)));
  return !pad.svg.dispatchEvent(event);
};
const stroke = (pad, first, ...others) => {
  point(pad, "down", first);
  others.forEach((one) => point(pad, "move", one));
  point(pad, "up", others.at(-1) ?? first);
};
const key = (pad, name, more = {}) =>
  !pad.pen.dispatchEvent(new KeyboardEvent("keydown", { key: name, cancelable: true, ...more }));
"""
# Of 600 pixels 44 at the left and 18 at the right; of 300 there are 30 above and 38 below.
LEFT, WIDE, BOTTOM, HIGH = 44, 538, 262, 232
COLUMNS = np.arange(61)


def points(path):
    """The corners of a path, as columns and heights."""
    pixels = np.array([[float(v) for v in pair.split(",")] for pair in path[1:].split("L")])
    return (pixels - [LEFT, BOTTOM]) / [WIDE / 60, -HIGH]


def drawn(path):
    """{column: height} of a drawn curve."""
    columns, heights = points(path).T
    assert columns == pytest.approx(np.rint(columns), abs=2e-3)
    return dict(zip(np.rint(columns).astype(int).tolist(), heights.tolist(), strict=True))


# -- curves ---------------------------------------------------------------------------------------

GAPS = {
    "none": [],
    "in the middle": [*range(11, 30), 40],
    "at the ends": [*range(5), *range(56, 61)],
    "everywhere": [0, 1, 2, 20, 21, 23, 59, 60],
}


@pytest.mark.parametrize("gaps", GAPS)
def test_what_the_hand_left_out_lies_on_a_line_between_its_neighbours(kit, gaps):
    heights = 0.5 + 0.4 * np.sin(COLUMNS / 7)
    there = np.setdiff1d(COLUMNS, GAPS[gaps])
    given = [float(v) if k in there else None for k, v in enumerate(heights)]
    assert kit("return pads.whole(given);", given) == pytest.approx(np.interp(COLUMNS, there, heights[there]))


@pytest.mark.parametrize("first, last, is_whole", [(5, 55, True), (6, 55, False), (5, 54, False), (0, 60, True), (30, 30, False)])
def test_a_curve_is_whole_that_lacks_no_more_than_five_columns_at_either_end(kit, first, last, is_whole):
    given = [0.25 if first <= k <= last else None for k in COLUMNS.tolist()]
    assert kit("return pads.whole(given);", given) == ([0.25] * 61 if is_whole else None)
    assert kit("return pads.whole(given);", [None] * 61) is None


@pytest.mark.parametrize("log", [False, True])
def test_heights_are_values_of_the_axis_even_in_the_logarithm_where_that_is(kit, log):
    spec = {"low": 1e-4, "high": 10, "log": log}
    found = kit("return pads.inUnits(given.heights, given.spec, [5, 25]);", {"heights": (COLUMNS / 60).tolist(), "spec": spec})
    assert found["x"] == pytest.approx(np.linspace(5, 25, 61))
    assert found["y"] == pytest.approx((np.geomspace if log else np.linspace)(1e-4, 10, 61))


# -- the axes -------------------------------------------------------------------------------------


def test_empty_axes_say_what_to_do(kit):
    found = kit(
        """const pad = make(), was = [texts(pad), mine(pad), theirs(pad), pad.heights(), aria(pad), pad.told.length,
          pad.pen.getAttribute("class"), pad.pen.getAttribute("transform"), pad.svg.getAttribute("aria-label")];
        pad.focus();
        was.push(document.activeElement === pad.pen);
        pad.life.end();
        return [...was, here.children.length];"""
    )
    hint = ["draw your curve here", LEFT + WIDE / 2, pytest.approx(BOTTOM - 0.85 * HIGH, abs=0.06), "middle", None]
    assert found == [
        [hint], "", "", None, ["0", "2", "1", "step 0: 1, not drawn yet", "false"], 0,
        "lf-handle predict-pen is-idle", f"translate({LEFT}.0 {BOTTOM - HIGH / 2:.1f})",
        "Axes to draw on: distance, against the step", True, 0,
    ]  # fmt: skip


def test_the_axes_of_other_quantities(kit):
    """Steps stand against the momentum; powers of ten are written as such where they are tiny."""
    found = kit(
        """const pad = make({ spec: { show: "steps", low: 1e-6, high: 1, log: true }, ends: [0, 0.95] });
        pad.put(Array(61).fill(0.25));
        const words = [...pad.node.querySelectorAll(".lf-axes text")].map((one) => one.textContent);
        return [words, aria(pad), pad.svg.getAttribute("aria-label"), mine(pad)];"""
    )
    words, aria, label, path = found
    assert {"momentum β", "distance", "1", "0.01", "10⁻⁴", "10⁻⁶"} <= set(words)
    assert aria == ["0.000001", "1", "0.0000316", "momentum 0: 3.16 × 10⁻⁵", "false"]
    assert label == "Axes to draw on: distance, against the momentum"
    assert list(drawn(path).values()) == pytest.approx([0.25] * 61, abs=1e-4)


def test_powers_of_ten_are_written_out_from_a_hundredth_to_a_hundred(kit):
    found = kit(
        """return [[0.001, 10], [0.1, 1000]].map(([low, high]) => [...make({ spec: { low, high, log: true } }).node
          .querySelectorAll(".lf-axes text[text-anchor=end]")].map((one) => one.textContent));"""
    )
    assert found == [["10⁻³", "0.01", "0.1", "1", "10"], ["0.1", "1", "10", "100", "10³"]]


def test_a_curve_follows_the_width_of_the_page(kit):
    found = kit(
        """const pad = make(), wait = () => new Promise((done) => requestAnimationFrame(() => done()));
        pad.put(Array(61).fill(0.5));
        here.style.width = "400px";
        for (let k = 0; k < 4; k++) { await wait(); frame(0); }
        return [pad.svg.getAttribute("width"), mine(pad)];"""
    )
    assert found[0] == "400" and found[1].startswith("M44.00,") and found[1].split("L")[-1].startswith("382.00,")


GIVEN = [  # the values of a curve that stands there, and where its name does, in parts of the height
    ([0.4] * 41, 0.2),
    ([9.0] * 41, 1),
    ([-9.0] * 41, 0),
    ([*[0.0] * 12, 1.0, *[0.0] * 28], 0.5),
]


@pytest.mark.parametrize("values, height", GIVEN, ids=["inside", "above", "below", "at three tenths"])
def test_a_curve_that_is_given_has_its_name_beside_it(kit, values, height):
    found = kit(
        """const pad = make({ given });
        return [texts(pad), d(pad, ".predict-given"), pad.node.querySelector(".predict-given").dataset.look];""",
        {"curve": {"x": list(range(41)), "y": values}, "label": "at 0.07", "look": "gradient"},
    )
    name = next(one for one in found[0] if one[0] == "at 0.07")
    assert name[1:] == [LEFT + 0.3 * WIDE + 6, pytest.approx(BOTTOM - height * HIGH - 9, abs=0.06), "start", "gradient"]
    assert found[2] == "gradient" and (len(found[1]) > 0) == (0 <= values[0] <= 2)


# -- by hand --------------------------------------------------------------------------------------


def test_every_column_that_a_hand_passes_has_its_height(kit):
    """Forth and back, slowly and in leaps; what the browser held back between two frames counts, too."""
    found = kit(
        """const pad = make(), seen = [];
        const prevented = point(pad, "down", [10, 0.25]);
        point(pad, "move", [40, 0.75], { by: [[20, 0.95]] });
        point(pad, "up", [40, 0.75]);
        seen.push(mine(pad));
        stroke(pad, [50, 0.1], [42.4, 0.5]);
        seen.push(mine(pad));
        stroke(pad, [-3, 1.5], [63, -1]);
        return [prevented, seen, mine(pad), pad.heights(), pad.told, texts(pad), pad.pen.getAttribute("class")];"""
    )
    prevented, (first, second), last, heights, told, words, looks = found
    assert prevented and words == [] and "is-idle" not in looks
    passed = {k: np.interp(k, [10, 20, 40], [0.25, 0.95, 0.75]) for k in range(10, 41)}
    assert drawn(first) == {k: pytest.approx(v, abs=2e-3) for k, v in passed.items()}
    passed |= {k: np.interp(k, [42.4, 50], [0.5, 0.1]) for k in range(42, 51)}
    assert drawn(second) == {k: pytest.approx(v, abs=2e-3) for k, v in passed.items()}
    assert drawn(last) == {k: pytest.approx(1 - k / 60, abs=2e-3) for k in range(61)}
    assert heights == pytest.approx(1 - COLUMNS / 60, abs=2e-3)
    assert told == ["holds 7", [False, True], "holds 7", [False, True], "holds 7", [True, True]]


@pytest.mark.parametrize("places", [[10, 10, 10], [10.2, 10.4, 10.45], [9.9, 9.8, 9.6], [10.2, 9.8, 10.3]])
def test_the_column_under_a_hand_that_goes_up_goes_with_it(kit, places):
    found = kit(
        """const pad = make();
        pad.put(Array(61).fill(0.5));
        stroke(pad, ...given.map((column, k) => [column, 0.2 + 0.3 * k]));
        return pad.heights();""",
        places,
    )
    assert found == [0.5] * 10 + [pytest.approx(0.8, abs=2e-3)] + [0.5] * 50


def test_a_hand_that_does_not_press_draws_nothing(kit):
    found = kit(
        """const pad = make(), seen = [];
        for (const what of ["move", "up", "cancel"]) point(pad, what, [10, 0.5]);
        seen.push(point(pad, "down", [10, 0.5], { button: 2 }));
        point(pad, "move", [20, 0.5]);
        seen.push(mine(pad), pad.told.length);
        point(pad, "down", [10, 0.5]);
        point(pad, "move", [20, 0.5]);
        point(pad, "cancel", [20, 0.5]);
        point(pad, "move", [40, 0.5]);
        point(pad, "up", [40, 0.5]);
        const touch = new Event("touchstart", { cancelable: true });
        pad.svg.dispatchEvent(touch);
        return [...seen, mine(pad), pad.told, touch.defaultPrevented];"""
    )
    assert found[:3] == [False, "", 0] and list(drawn(found[3])) == list(range(10, 21))
    assert found[4:] == [["holds 7", [False, True]], True]


# -- by keys --------------------------------------------------------------------------------------


def test_arrows_choose_one_of_seven_points_and_move_it(kit):
    presses = ["ArrowUp", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowRight", "ArrowDown", "Shift+ArrowDown", *["ArrowRight"] * 9]
    presses += ["ArrowUp"] * 12 + ["ArrowLeft"] + ["ArrowDown"] * 12 + ["Shift+ArrowUp"]
    found = kit(
        """const pad = make();
        return given.map((name) => {
          const shiftKey = name.startsWith("Shift+"), taken = key(pad, name.replace("Shift+", ""), { shiftKey });
          return [taken, pad.heights(), aria(pad), pad.pen.getAttribute("transform"), pad.told.splice(0)];
        });""",
        presses,
    )
    knot, knots = 0, np.full(7, 0.5)
    for press, (taken, heights, aria, place, told) in zip(presses, found, strict=True):
        name = press.removeprefix("Shift+")
        knot = min(max(knot + {"ArrowLeft": -1, "ArrowRight": 1}.get(name, 0), 0), 6)
        by = {"ArrowUp": 1, "ArrowDown": -1}.get(name, 0) * (0.01 if name != press else 0.05)
        knots[knot] = min(max(knots[knot] + by, 0), 1)
        assert taken and told == [[True, False]]
        assert heights == pytest.approx(np.interp(COLUMNS, COLUMNS[::10], knots), abs=1e-12)
        assert float(aria[2]) == pytest.approx(2 * knots[knot], abs=1e-6)
        assert aria[3].startswith(f"step {40 * knot / 6:.3g}: ") and "not drawn" not in aria[3]
        assert place == f"translate({LEFT + WIDE * knot / 6:.1f} {BOTTOM - HIGH * knots[knot]:.1f})"


def test_a_key_moves_what_a_hand_has_drawn(kit):
    """The two pieces beside the point become straight, the others stay; what was not drawn is level."""
    heights = (0.5 + 0.3 * np.sin(COLUMNS / 3)).tolist()
    found = kit(
        """const pad = make();
        pad.put(given);
        key(pad, "ArrowRight");
        const same = pad.heights();
        key(pad, "ArrowUp");
        const moved = pad.heights();
        pad.put(given.map((v, k) => (k < 20 ? v : null)));
        key(pad, "ArrowRight");
        return [same, moved, pad.heights()];""",
        heights,
    )
    wanted = np.array(heights)
    wanted[:21] = np.interp(COLUMNS[:21], [0, 10, 20], [heights[0], heights[10] + 0.05, heights[20]])
    assert found == [pytest.approx(heights), pytest.approx(wanted), pytest.approx([*heights[:20], *[0.5] * 41])]


def test_other_keys_are_the_pages(kit):
    found = kit(
        """const pad = make(), taken = ["Tab", "a", "Enter", "PageUp"].map((name) => key(pad, name));
        for (const more of ["ctrlKey", "metaKey", "altKey"]) taken.push(key(pad, "ArrowUp", { [more]: true }));
        return [taken, pad.told, pad.heights()];"""
    )
    assert found == [[False] * 7, [], None]


# -- the run --------------------------------------------------------------------------------------

BULGE = [1.5 if k == 26 else 0.6 for k in range(41)]  # farthest from a level line at 26 of 40 steps: at 0.65 of the way


@pytest.mark.parametrize("level, label", [(0.1, ""), (0.9, "library")])
def test_names_stand_where_the_two_curves_are_farthest_apart(kit, level, label):
    """Each on the side that is away from the other."""
    run = BULGE if level < 0.5 else [2 - v for v in BULGE]
    found = kit(
        """const pad = make({ spec: { label: given.label } });
        pad.put(Array(61).fill(given.level));
        const before = texts(pad);
        pad.reveal({ x: given.run.map((_, k) => k), y: given.run }, true);
        return [before, texts(pad), theirs(pad), frames.length, aria(pad)[4], pad.node.className];""",
        {"level": level, "run": run, "label": label},
    )
    up = level > 0.5
    x = LEFT + 0.65 * WIDE + 6
    yours = ["yours", pytest.approx(x), pytest.approx(BOTTOM - level * HIGH + (-9 if up else 18), abs=0.06), "start", None]
    height = BOTTOM - run[26] / 2 * HIGH + (18 if up else -9)
    assert found[0] == [] and found[1] == [
        yours,
        [label or "the run", yours[1], pytest.approx(height, abs=0.06), "start", "momentum"],
    ]
    columns, heights = points(found[2]).T
    assert columns == pytest.approx(1.5 * np.arange(41), abs=2e-3) and heights == pytest.approx(np.array(run) / 2, abs=1e-4)
    assert found[3:] == [0, "true", "lf predict-pad is-locked"]


@pytest.mark.parametrize("part", [0.35, 0.45, 0.55, 0.65, 0.75])
def test_five_places_are_tried_for_the_names(kit, part):
    found = kit(
        """const pad = make(), at = (k, n) => (k === Math.round(given * (n - 1)) ? 1.8 : 0.6);
        pad.put(Array(61).fill(0.1));
        pad.reveal({ x: Array.from({ length: 41 }, (_, k) => k), y: Array.from({ length: 41 }, (_, k) => at(k, 41)) }, true);
        return texts(pad).map(([, x]) => x);""",
        part,
    )
    assert found == [pytest.approx(LEFT + round(part * n + 1e-9) / n * WIDE + 6) for n in (60, 40)]


def test_a_run_that_leaves_the_axes_is_compared_where_it_is_seen(kit):
    """At 0.35 of the way it lies far above the axes, where nobody sees it; at 0.55 it is farther away within them."""
    found = kit(
        """const pad = make();
        const y = (k) => ({ 14: 50, 22: 0 })[k] ?? 1.4;
        pad.put(Array.from({ length: 61 }, (_, k) => (k < 30 ? 0.75 : 0.8)));
        pad.reveal({ x: Array.from({ length: 41 }, (_, k) => k), y: Array.from({ length: 41 }, (_, k) => y(k)) }, true);
        return texts(pad).map(([words, x]) => [words, x]);"""
    )
    assert found == [
        ["yours", pytest.approx(LEFT + 33 / 60 * WIDE + 6, abs=0.1)],
        ["the run", pytest.approx(LEFT + 0.55 * WIDE + 6)],
    ]


def test_the_run_grows_for_a_good_second(kit):
    found = kit(
        """const pad = make(), seen = [];
        pad.put(Array(61).fill(0.1));
        pad.reveal({ x: [0, 10, 20, 30, 40], y: [1, 1, 1, 1, 1] }, false);
        const look = () => seen.push([theirs(pad), texts(pad).map(([words]) => words), frames.length]);
        look();
        for (const time of [4990, 5550, 6099, 6100]) { frame(time); look(); }
        return seen;"""
    )
    ends = [points(path)[-1, 0] if path else 0 for path, _, _ in found]
    assert ends == pytest.approx([0, 0, 30, 60 * 1099 / 1100, 60], abs=2e-3)
    assert [said for _, said, _ in found] == [[], [], [], [], ["yours", "the run"]]
    assert [waits for _, _, waits in found] == [1, 1, 1, 1, 0]


def test_who_asked_for_less_motion_sees_the_run_at_once(kit):
    assert kit(
        """calm = true;
        const pad = make();
        pad.put(Array(61).fill(0.1));
        pad.reveal({ x: [0, 40], y: [1, 1] }, false);
        return [theirs(pad), frames.length];"""
    ) == ["M44.00,146.00L582.00,146.00", 0]


def test_nothing_is_drawn_over_a_run_until_the_axes_are_cleared(kit):
    found = kit(
        """const pad = make(), seen = [];
        const all = () => {
          const touch = new Event("touchstart", { cancelable: true });
          pad.svg.dispatchEvent(touch);
          stroke(pad, [0, 0.9], [60, 0.9]);
          return [touch.defaultPrevented, key(pad, "ArrowRight"), key(pad, "ArrowUp")];
        };
        pad.put(Array(61).fill(0.1));
        pad.reveal({ x: [0, 40], y: [1, 1] }, true);
        seen.push(all(), pad.heights(), pad.told.length, pad.pen.getAttribute("class"));
        pad.clear();
        seen.push(mine(pad), theirs(pad), pad.heights(), texts(pad).map(([words]) => words), aria(pad)[4], pad.node.className);
        seen.push(all(), pad.told.length);
        return seen;"""
    )
    assert found[:4] == [[False] * 3, [0.1] * 61, 0, "lf-handle predict-pen is-idle"]
    assert found[4:10] == ["", "", None, ["draw your curve here"], "false", "lf predict-pad"]
    assert found[10:] == [[True] * 3, 4]


def test_a_hand_still_on_the_axes_draws_no_more_when_the_run_comes(kit):
    found = kit(
        """const pad = make();
        pad.put(Array(61).fill(0.5));
        point(pad, "down", [10, 0.5]);
        pad.reveal({ x: [0, 40], y: [1, 1] }, true);
        point(pad, "move", [40, 0.9]);
        point(pad, "up", [40, 0.9]);
        return [pad.heights(), pad.told];"""
    )
    assert found == [pytest.approx([0.5] * 61), ["holds 7"]]


def test_the_point_of_the_keys_is_the_first_again_when_the_axes_are_cleared(kit):
    found = kit(
        """const pad = make();
        for (let k = 0; k < 3; k++) key(pad, "ArrowRight");
        const before = aria(pad)[3];
        pad.clear();
        return [before, aria(pad)[3]];"""
    )
    assert found == ["step 20: 1", "step 0: 1, not drawn yet"]
