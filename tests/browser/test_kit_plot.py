"""kit/plot.js and kit/handle.js: how a picture is laid out, what stands at its axes, what is drawn into it, what hands do."""

import math

import pytest

MODULES = {"plotting": "kit/plot", "handling": "kit/handle", "exits": "kit/exit", "dom": "kit/dom", "geometry": "kit/geometry"}
BEFORE = """
const make = (o = {}, parent = here) => {
  const life = dom.lifetime();
  let count = 0;
  const plot = plotting.createPlot({ life, parent, label: "picture", x: { domain: [0, 10] }, y: { domain: [0, 5] },
    height: () => 300, ...o, changed: () => { count++; } });
  return Object.assign(plot, { life, changes: () => count });
};
const inner = ({ inner: { left, right, top, bottom }, width, height }) => [left, right, top, bottom, width, height];
const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
const shown = (node) => Object.fromEntries([...node.attributes].map(({ name, value }) => [name, value]));
const axes = ({ layers }) => [...layers.axes.children].map((node) => ({ ...shown(node), text: node.textContent }));
"""

# Of 600 pixels: 40 at the left and 12 at the right, 10 at the top and 24 below, 38 where the axis has a name.
LAYOUTS = [
    ({}, [40, 588, 10, 276, 600, 300]),
    ({"x": {"domain": [0, 10], "label": "steps"}}, [40, 588, 10, 262, 600, 300]),
    ({"x": {"domain": [0, 10], "hidden": True, "label": "steps"}}, [40, 588, 10, 290, 600, 300]),
    ({"y": {"domain": [0, 5], "hidden": True}}, [12, 588, 10, 276, 600, 300]),
    ({"margin": {"top": 30, "right": 60}}, [40, 540, 30, 276, 600, 300]),
    ({"margin": {"left": 70, "bottom": 60}}, [70, 588, 10, 240, 600, 300]),
    ({"equal": True}, [40, 588, 10, 284, 600, 308]),  # 548 wide, half as high
    ({"equal": True, "y": {"domain": [-5, 15]}, "x": {"domain": [-2, 8]}}, [40, 588, 10, 1106, 600, 1130]),
    ({"share": {"phone": 0.2}}, [40, 588, 10, 156, 600, 180]),  # a fifth of a window of 900
    ({"share": {"phone": 0.4}}, [40, 588, 10, 276, 600, 300]),
    ({"share": {"column": 0.1}}, [40, 588, 10, 276, 600, 300]),  # stands in no column
    ({"equal": True, "share": {"phone": 0.2}}, [168, 460, 10, 156, 600, 180]),  # 146 high, 292 wide, in the middle
]


@pytest.mark.parametrize("o, wanted", LAYOUTS)
def test_the_frame_of_a_picture(kit, o, wanted):
    found = kit(
        """const plot = make(given), cut = shown(plot.svg.querySelector("clipPath rect"));
        const [across, up] = [given.x?.domain ?? [0, 10], given.y?.domain ?? [0, 5]];
        return [inner(plot), shown(plot.svg), cut, plot.frame(), plot.pixelBox(),
          [...across.map((v) => plot.x(v)), ...up.map((v) => plot.y(v))], plot.changes()];""",
        o,
    )
    left, right, top, bottom, width, height = wanted
    ends = [o.get("x", {}).get("domain", [0, 10]), o.get("y", {}).get("domain", [0, 5])]
    assert found[0] == pytest.approx(wanted)
    assert (found[1]["width"], found[1]["height"], found[1]["aria-label"]) == (str(width), str(height), "picture")
    box = [float(found[2][name]) for name in ("x", "y", "width", "height")]
    assert box == pytest.approx([left, top, right - left, bottom - top])
    assert found[3] == ends and found[4] == [pytest.approx([left, right]), pytest.approx([top, bottom])]
    assert found[5] == pytest.approx([left, right, bottom, top]) and found[6] == 1


def test_what_is_drawn_is_cut_at_the_frame_of_its_own_picture(kit):
    found = kit(
        """const names = [".lf-back", ".lf-marks", ".lf-axes", ".lf-front"];
        return [make(), make()].map(({ svg }) => [svg.querySelector("clipPath").id,
          ...names.map((name) => svg.querySelector(name).getAttribute("clip-path"))]);"""
    )
    assert found[0][0] != found[1][0]
    assert [one[1:] for one in found] == [[f"url(#{name})", f"url(#{name})", None, None] for name, *_ in found]


def test_the_usual_height_goes_by_the_width(kit):
    assert kit("return inner(make({ height: undefined }))[5];") == 372


def test_a_height_may_go_by_the_part_of_the_parents_width(kit):
    found = kit(
        """here.innerHTML = '<div style="display: flex"><div style="width: 25%"></div></div>';
        here.append(dom.h("style", { text: ".lf-plot { width: 40% }" }));
        const asked = [];
        make({ height: (width, part) => { asked.push([width, part]); return 300; } });
        return asked;"""
    )
    assert found == [[240, 0.4]]


HELD = [  # the window's height, where the picture is held, its share, the height of its key; how high it may be
    (900, "box", {}, 0, 342),
    (900, "box", {}, 30, 312),
    (500, "box", {}, 0, 200),
    (900, "column", {}, 0, 450),
    (900, "column", {"column": 0.5}, 0, 225),
    (500, "column", {}, 0, 260),
    (900, "column", {}, 30, 420),
]


@pytest.mark.parametrize("window, held, share, key, most", HELD)
def test_a_picture_that_stays_leaves_room_for_what_turns_it(kit, window, held, share, key, most):
    kit.page.set_viewport_size({"width": 1366, "height": window})
    try:
        found = kit(
            """here.append(dom.h("style", { text: `.lf-plot { position: ${given.held === "box" ? "sticky" : "relative"} }
              .lf-pictures { position: sticky } .lf-key { height: ${given.key}px; margin: 0; padding: 0 }` }));
            const column = dom.h("div", { class: given.held === "box" ? "other" : "lf-pictures" });
            here.append(column);
            const plot = make({ height: () => 2000, share: given.share, margin: { bottom: 24 } }, column);
            if (given.key) plot.key([{ words: "a" }]);
            return [plot.height, plot.measure()];""",
            {"held": held, "share": share, "key": key},
        )
    finally:
        kit.page.set_viewport_size({"width": 1366, "height": 900})
    assert found == [most, {"width": 600, "part": 1, "most": most}]


def test_a_picture_waits_until_it_is_laid_out_and_follows_its_width(kit):
    found = kit(
        """const plot = make({ wait: true }), laid = [];
        plot.onLayout(() => laid.push(plot.width));
        const before = [inner(plot), plot.changes()];
        plot.settle();
        plot.relay();
        plot.onLayout(() => laid.push("late"));
        const first = [plot.width, plot.changes(), laid.splice(0)];
        here.style.width = "400.4px";
        for (let k = 0; k < 4; k++) await frame();
        const narrow = [plot.width, plot.changes(), laid.splice(0)];
        here.style.width = "399.8px";
        for (let k = 0; k < 4; k++) await frame();
        const same = plot.changes();
        here.style.display = "none";
        for (let k = 0; k < 4; k++) await frame();
        plot.relay();
        return [before, first, narrow, same, plot.width, plot.changes()];"""
    )
    before, first, narrow, same, width, changes = found
    assert before == [[0, 1, 0, 1, 0, 0], 0]
    assert first == [600, 1, [600, "late"]]
    assert narrow == [400, 2, [400, "late"]] and same == 2
    assert (width, changes) == (400, 2)  # one that is not seen keeps its layout


def test_other_ends_of_an_axis_lay_it_out_again(kit):
    found = kit(
        """const plot = make(), seen = [];
        for (const ends of [[[0, 10], [0, 5]], [[0, 20]], [undefined, [1, 5]], [[0, 20], [1, 5]], [[0, 21], [1, 5]]]) {
          plot.setDomain(...ends);
          seen.push([plot.changes(), plot.frame(), plot.x(0), plot.x(20), plot.y(1)]);
        }
        return seen;"""
    )
    wanted = [
        (1, [[0, 10], [0, 5]]),
        (2, [[0, 20], [0, 5]]),
        (3, [[0, 20], [1, 5]]),
        (3, [[0, 20], [1, 5]]),
        (4, [[0, 21], [1, 5]]),
    ]
    for (changes, ends, left, at, low), (right_changes, right_ends) in zip(found, wanted, strict=True):
        assert (changes, ends) == (right_changes, right_ends)
        (_, high), (bottom, top) = ends
        places = [40, 40 + 548 * 20 / high, 276 - 266 * (1 - bottom) / (top - bottom)]
        assert [left, at, low] == pytest.approx(places)


def test_what_was_measured_once_is_used_until_the_window_changes(kit):
    found = kit(
        """const plot = make(), asked = [];
        Object.defineProperty(plot.box, "clientWidth", { get: () => { asked.push(1); return 500; } });
        plot.setDomain([0, 3]);
        const kept = [plot.width, asked.length];
        dispatchEvent(new Event("resize"));
        plot.setDomain([0, 4]);
        const anew = [plot.width, asked.length];
        plot.relay({ width: 300, part: 1, most: 100 });
        return [kept, anew, inner(plot)];"""
    )
    assert found == [[600, 0], [500, 1], [40, 288, 10, 76, 300, 100]]


# -- axes -----------------------------------------------------------------------------------------

AXES = [  # an axis of 548 pixels, the words at its ticks and where these lie, in its units
    ({"domain": [0, 10]}, ["0", "2", "4", "6", "8", "10"], [0, 2, 4, 6, 8, 10]),
    ({"domain": [0, 10], "count": 2}, ["0", "5", "10"], [0, 5, 10]),
    ({"domain": [-0.25, 0.25], "count": 5}, ["−0.2", "−0.1", "0", "0.1", "0.2"], [-0.2, -0.1, 0, 0.1, 0.2]),
    ({"domain": [0, 2e5], "count": 2}, ["0", "1·10⁵", "2·10⁵"], [0, 1e5, 2e5]),
    ({"domain": [0, 1e5], "count": 2}, ["0", "50\u202f000", "1·10⁵"], [0, 5e4, 1e5]),
    ({"domain": [-1e5, 0], "count": 2}, ["−1·10⁵", "−50\u202f000", "0"], [-1e5, -5e4, 0]),
    ({"domain": [0, 0.001], "count": 2}, ["0", "5·10⁻⁴", "0.001"], [0, 5e-4, 1e-3]),
    ({"domain": [-0.001, 0], "count": 2}, ["−0.001", "−5·10⁻⁴", "0"], [-1e-3, -5e-4, 0]),
    ({"domain": [1e-3, 1e4], "type": "log"}, ["0.01", "1", "100", "10⁴"], [1e-2, 1, 1e2, 1e4]),
    (
        {"domain": [1e-3, 1e4], "type": "log", "count": 8},
        ["10⁻³", "0.01", "0.1", "1", "10", "100", "1000", "10⁴"],
        [10.0**k for k in range(-3, 5)],
    ),
    ({"domain": [0, 10], "ticks": "own", "format": "own"}, ["<0>", "<1>", "<10>"], [0, 1, 10]),
    ({"domain": [10, 0], "ticks": "own"}, ["0", "1", "10"], [0, 1, 10]),
    ({"domain": [0, 10], "hidden": True, "label": "steps"}, [], []),
]
READY = """const own = (axis) => ({ ...axis, ...(axis.ticks && { ticks: () => [-1e-5, -1e-9, 1, 10 + 1e-9, 10 + 1e-5].map((v) =>
    Math.abs(v - Math.round(v)) < 1e-8 ? Math.round(v) : v) }), ...(axis.format && { format: (v) => `<${v}>` }) });"""


@pytest.mark.parametrize("axis, words, values", AXES)
def test_ticks_of_the_lower_axis(kit, axis, words, values):
    parts = kit(READY + "return axes(make({ x: own(given), y: { domain: [0, 5], hidden: true }, margin: { left: 40 } }));", axis)
    if axis.get("hidden"):
        assert parts == []
        return
    low, high = axis["domain"]
    even = math.log if axis.get("type") == "log" else float
    places = [40 + 548 * (even(v) - even(low)) / (even(high) - even(low)) for v in values]
    rule, *rest = parts
    assert (rule["class"], rule["d"]) == ("lf-rule", "M40,276.5H588")
    ticks, texts = rest[::2], rest[1::2]
    assert [one["text"] for one in texts] == words
    assert {(one["y"], one["text-anchor"]) for one in texts} == {("294", "middle")}
    assert [float(one["x"]) for one in texts] == pytest.approx(places, abs=0.051)
    assert [one["d"] for one in ticks] == [f"M{one['x']},276v5" for one in texts]
    assert {one["class"] for one in ticks} == {"lf-tick"}


def test_ticks_of_the_upright_axis_and_the_names_of_both(kit):
    parts = kit(
        "return axes(make({ x: { domain: [0, 10], label: 'across', ticks: () => [] }, y: { domain: [0, 5], label: 'up' } }));"
    )
    below, left = parts[:2], parts[2:]
    assert [(one["class"], one["d"]) for one in (below[0], left[0])] == [
        ("lf-rule", "M40,262.5H588"),
        ("lf-rule", "M39.5,10V262"),
    ]
    names = [[one[key] for key in ("class", "x", "y", "text-anchor", "text")] for one in (below[1], left[1])]
    assert names == [["lf-axis-label", "314", "296", "middle", "across"], ["lf-axis-label", "6", "-2", "start", "up"]]
    ticks, texts = left[2::2], left[3::2]
    places = [262 - 252 * v / 5 for v in range(6)]  # 252 pixels: about six ticks
    assert [one["text"] for one in texts] == list("012345")
    assert [one["d"] for one in ticks] == [f"M40,{at:.1f}h-5" for at in places]
    assert [(one["x"], one["y"], one["text-anchor"]) for one in texts] == [("32", f"{at + 4:.1f}", "end") for at in places]


@pytest.mark.parametrize("height, count", [(124, 2), (190, 5), (300, 6), (560, 11)])
def test_an_axis_has_a_tick_for_so_many_pixels(kit, height, count):
    """Two at least, one each 45 pixels upwards and each 80 across."""
    found = kit(
        """const asked = [];
        const ticks = (low, high, count) => { asked.push([low, high, count]); return []; };
        make({ height: () => given + 34, x: { domain: [2, 7], ticks }, y: { domain: [1, 9], ticks } });
        return asked;""",
        height,
    )
    assert found == [[2, 7, 7], [1, 9, max(2, round(height / 45))]]


# -- what is drawn into it ------------------------------------------------------------------------


def test_a_line_is_drawn_from_one_point_to_another_and_only_where_it_changed(kit):
    found = kit(
        """const plot = make({ x: { domain: [0, 548] }, y: { domain: [0, 266] } });
        const line = plot.line({ look: "momentum", class: "lf-thin" });
        const back = plot.line({ layer: "back" }), xy = [0, 0, 100, 0, 200, 0, 300, 0];
        const draw = (...given) => { line.update(...given); return line.node.getAttribute("d"); };
        const drawn = [draw(xy), draw(xy, 2), draw(xy, 2.5, 1), draw([])];
        const seen = [];
        line.node.setAttribute = (...given) => seen.push(given);
        line.update([]);
        line.path("M1,1L2,2");
        line.path("M1,1L2,2");
        line.clear();
        return [drawn, seen, line.node.getAttribute("class"), line.node.dataset.look, line.node.parentNode.getAttribute("class"),
          back.node.parentNode.getAttribute("class"), back.node.dataset.look ?? null];"""
    )
    lines = ["M40.00,276.00L140.00,276.00L240.00,276.00L340.00,276.00", "M40.00,276.00L140.00,276.00L240.00,276.00"]
    lines += ["M140.00,276.00L240.00,276.00L290.00,276.00", ""]
    assert found == [lines, [["d", "M1,1L2,2"], ["d", ""]], "lf-line lf-thin", "momentum", "lf-marks", "lf-back", None]


def test_marks_are_drawn_at_their_points(kit):
    found = kit(
        """const plot = make({ x: { domain: [0, 548] }, y: { domain: [0, 266] } });
        const usual = plot.marks({});
        const other = plot.marks({ look: "adaptive", class: "lf-best", shape: "square", radius: 4, layer: "front" });
        usual.update([0, 0, 100, 10, 200, 20]);
        other.update([0, 0, 100, 10, 200, 20, 300, 30], 2, 1);
        const drawn = [usual, other].map(({ node }) => node.getAttribute("d"));
        const named = [usual, other].map(({ node }) => [node.getAttribute("class").trim(), node.dataset.shape,
          node.dataset.look ?? null, node.parentNode.getAttribute("class")]);
        other.clear();
        return [drawn, named, other.node.getAttribute("d")];"""
    )
    disc = "m-2.5,0a2.5,2.5 0 1 0 5,0a2.5,2.5 0 1 0 -5,0z"
    square = "m-4,-4h8v8h-8z"
    usual = "".join(f"M{x}.00,{y}.00{disc}" for x, y in [(40, 276), (140, 266), (240, 256)])
    other = "".join(f"M{x}.00,{y}.00{square}" for x, y in [(140, 266), (240, 256)])
    assert found == [
        [usual, other],
        [["lf-dots", "disc", None, "lf-marks"], ["lf-dots lf-best", "square", "adaptive", "lf-front"]],
        "",
    ]


def test_labels_find_room_beside_numbers_and_handles(kit):
    """At the place that they name and its distance, on the side that they are told; not over the axis' words, nor a handle."""
    found = kit(
        """const plot = make({ y: { domain: [0, 5], hidden: true }, margin: { left: 40 } });
        const one = plot.text({ look: "momentum", class: "lf-own" }), empty = plot.text({}), end = plot.text({ anchor: "end" });
        const place = ({ node }) => [node.getAttribute("x"), node.getAttribute("y"), node.getAttribute("text-anchor"),
          node.getAttribute("visibility"), node.textContent];
        one.update(5, 2.5, "words", 7, -3);
        end.update(2.5, 2.5, "end", -7);
        plot.settle();
        const first = [place(one), place(end), place(empty)];
        one.anchor("middle");
        one.update(5, 2.5, "words");
        plot.settle();
        const middle = place(one);
        one.clear();
        plot.settle();
        const gone = place(one)[4];
        const handle = plot.handle({ label: "h", set() {} });
        handle.update(5, 2.5);
        end.anchor("start");
        end.update(5, 2.5, "over", 0, 4);
        plot.settle();
        const moved = place(end);
        end.update(4, 0, "over", 0, 18); // where the axis' number stands
        plot.settle();
        return [first, middle, gone, moved, place(end), one.node.getAttribute("class"), one.node.dataset.look];"""
    )
    first, middle, gone, moved, axis, name, look = found
    assert first == [
        ["321.0", "140.0", "start", "visible", "words"],
        ["170.0", "143.0", "end", "visible", "end"],
        [None] * 4 + [""],
    ]
    assert middle == ["314.0", "143.0", "middle", "visible", "words"] and gone == ""
    assert moved[3] == "visible" and abs(float(moved[1]) - 147) > 10 and moved[0] == "314.0"
    assert axis[3] == "visible" and (float(axis[1]) < 285 or axis[0] != "259.2")
    assert (name, look) == ("lf-text lf-own", "momentum")


def test_labels_go_by_the_numbers_and_the_type_of_now(kit):
    """Numbers that came with other ends of an axis are in the way, those that went are not; a larger type needs more room."""
    found = kit(
        """let ticks = [4];
        const plot = make({ x: { domain: [0, 10], ticks: () => ticks } });
        const over = plot.text({}), long = plot.text({ class: "long" });
        const at = ({ node }) => [Number(node.getAttribute("x")), Number(node.getAttribute("y"))];
        const read = (value) => { over.update(value, 0, "over", 0, 18); plot.settle(); return at(over); };
        const first = [read(4), read(6)];
        ticks = [6];
        plot.setDomain([0, 10.0001]);
        const second = [read(4), read(6)];
        long.update(9.9, 3, "long words that reach the edge");
        plot.settle();
        const [small] = at(long);
        here.append(dom.h("style", { text: ".long { font-size: 20px !important }" }));
        plot.settle(); // what was asked once holds until the picture is laid out
        const [same] = at(long);
        plot.relay();
        plot.settle();
        return [first, second, small - same, small - at(long)[0]];"""
    )
    (four, six), (later_four, later_six), same, moved = found
    assert four[1] < 290 and six == pytest.approx((40 + 548 * 0.6, 294), abs=0.06)
    assert later_four == pytest.approx((40 + 548 * 0.4, 294), abs=0.06) and later_six[1] < 290
    assert same == 0 and moved > 50


def test_words_above_a_picture(kit):
    found = kit(
        """const plot = make(), key = plot.key([{ words: "one", look: "momentum" }, { words: "two" }]);
        const row = plot.box.querySelector(".lf-key");
        const read = () => [...row.children].map((node) => [node.textContent, node.dataset.look ?? null]);
        const first = [read(), row.nextElementSibling === plot.svg];
        const kept = [...row.children];
        key.update([{ words: "one", look: "momentum" }, { words: "two" }]);
        const same = kept.every((node, k) => node === row.children[k]);
        key.update([{ words: "three" }]);
        const changes = plot.changes();
        key.update([{ words: "many words ".repeat(40) }]);
        for (let k = 0; k < 4; k++) await frame();
        return [first, same, read().length, changes, plot.changes(), plot.key().update([]) ?? null];"""
    )
    first, same, length, changes, later, none = found
    assert first == [[["one", "momentum"], ["two", None]], True] and same and length == 1
    assert later > changes >= 1 and none is None  # it takes more lines: the picture is laid out again


CONTOURS = """const next = () => new Promise((done) => setTimeout(done, 30));
const f = (x, y) => { count++; return x * x + 4 * y * y; };
let count = 0;
const lines = (node) => [...node.querySelectorAll(".lf-contour")].map((one) => one.getAttribute("d"));"""


def test_contours_are_drawn_when_what_they_show_changed(kit):
    found = kit(
        CONTOURS
        + """
        const plot = make({ x: { domain: [-5, 5] }, y: { domain: [-3, 3] } }), contours = plot.contours({ count: 5 });
        contours.update(f, "a");
        const at_once = lines(contours.node).length, sampled = count;
        await next();
        const first = lines(contours.node);
        contours.update(f, "a");
        const same = count - sampled;
        contours.update(f, "b");
        const other = count - sampled - same;
        plot.setDomain([-4, 4]);
        contours.update(f, "b");
        const second = lines(contours.node), more = count;
        plot.relay({ width: 600, part: 1, most: 200 });
        contours.update(f, "b");
        const third = lines(contours.node);
        return [at_once, sampled, first.length, same, other, first[0] !== second[0], count - more, third[0] !== second[0],
          contours.node.querySelectorAll(".lf-band").length, plot.layers.back.contains(contours.node)];"""
    )
    # 548 pixels in cells of six are 91; 266 of 548 of these upwards are 44
    assert found == [0, 92 * 45, 5, 0, 92 * 45, True, 0, True, 5, True]


@pytest.mark.parametrize("width, cells, across", [(600, 120, 91), (600, 60, 60), (200, 120, 40), (200, 30, 30), (1300, 120, 120)])
def test_a_grid_is_as_fine_as_one_sees(kit, width, cells, across):
    found = kit(
        CONTOURS
        + """
        here.style.width = `${given.width}px`;
        const plot = make({ x: { domain: [-5, 5] }, y: { domain: [-3, 3] } });
        plot.contours({ cells: given.cells }).update(f, "a");
        return [count, plot.box.querySelector("canvas").width, plot.box.querySelector("canvas").height];""",
        {"width": width, "cells": cells},
    )
    high = max(12, round(across * 266 / (width - 52))) + 1
    assert found == [(across + 1) * high, across + 1, high]


def test_a_flat_picture_has_twelve_cells_upwards_at_least(kit):
    found = kit(CONTOURS + 'make({ height: () => 60 }).contours({}).update(f, "a"); return count;')
    assert found == 92 * 13


def test_contours_lie_where_the_function_has_one_value(kit):
    found = kit(
        CONTOURS
        + """
        const plot = make({ x: { domain: [-5, 5] }, y: { domain: [-3, 3] } }), contours = plot.contours({ count: 4 });
        contours.update(f, "a");
        await next();
        return lines(contours.node).map((d) => [...d.matchAll(/([\\d.]+),([\\d.]+)/g)].map(([, x, y]) =>
          f(plot.x.invert(Number(x)), plot.y.invert(Number(y)))));"""
    )
    levels = [sum(values) / len(values) for values in found]
    assert levels == sorted(levels, reverse=True)  # the lowest is drawn last, above the others
    for values, level in zip(found, levels, strict=True):
        assert max(abs(value - level) for value in values) < 0.03 * level + 0.15


def test_fewer_contours_leave_none_of_the_old_ones(kit):
    found = kit(
        CONTOURS
        + """
        const plot = make(), contours = plot.contours({ count: 6 });
        contours.update(f, "a");
        await next();
        contours.update(() => 1, "flat");
        return lines(contours.node).filter(Boolean).length;"""
    )
    assert found <= 1


def test_a_map_is_a_canvas_behind_its_frame(kit):
    found = kit(
        """const plot = make(), maps = [{}, { plain: true }].map((o) => plot.heat(o));
        maps[1].node.style.color = "rgb(1, 2, 3)";
        return maps.map(({ node, update }) => {
          update([1, 10, 100, 1000, NaN, Infinity], 3, 2, 1, 1000);
          const log = [...node.getContext("2d").getImageData(0, 0, 3, 2).data];
          update([0, 1, 2], 3, 1, 0, 2, false);
          const even = [...node.getContext("2d").getImageData(0, 0, 3, 1).data];
          const { left, top, width, height } = node.style;
          return [log, even, node.width, node.height, [left, top, width, height], node.parentNode === plot.box, node.className];
        });"""
    )
    dark, bright = [0, 34, 78, 255], [254, 232, 56, 255]
    for k, (log, even, wide, high, style, inside, name) in enumerate(found):
        pixels, flat = ([values[4 * k : 4 * k + 4] for k in range(len(values) // 4)] for values in (log, even))
        assert pixels[0] == dark and pixels[1] == [0, 0, 0, 0]  # the upper row comes last: 1000, none, beyond
        assert pixels[2] == ([1, 2, 3, 255] if k else dark) and pixels[3] == bright
        assert flat[0] == bright and flat[2] == dark and flat[1] not in (bright, dark)
        assert (wide, high, style, inside, name) == (3, 1, ["40px", "10px", "548px", "266px"], True, "lf-heat")


def test_a_click_on_the_bare_picture_picks_its_place(kit):
    found = kit(
        """const plot = make(), picked = [];
        let placed = 0;
        here.addEventListener(handling.PLACED, () => placed++);
        plot.onPick((x, y) => picked.push([x, y]));
        const r = plot.svg.getBoundingClientRect();
        for (const [x, y] of [[40, 276], [588, 10], [314, 143], [39, 143], [589, 143], [314, 9], [314, 277]])
          plot.svg.dispatchEvent(new MouseEvent("click", { clientX: r.left + x, clientY: r.top + y, bubbles: true }));
        return [picked, placed, plot.box.classList.contains("is-pickable")];"""
    )
    assert found == [[pytest.approx([0, 0]), pytest.approx([10, 5]), pytest.approx([5, 2.5])], 3, True]


def test_a_picture_goes_with_its_figure(kit):
    found = kit(
        """const plot = make(), before = here.contains(plot.box);
        plot.life.end();
        here.style.width = "300px";
        for (let k = 0; k < 3; k++) await frame();
        return [before, here.contains(plot.box), plot.width];"""
    )
    assert found == [True, False, 600]


# -- handles --------------------------------------------------------------------------------------

LINEAR, LOG, MIXED = ((0, 10), (0, 5)), ((1e-4, 1), (1, 100)), ((1e-4, 1), (0, 5))
KEYED = [  # which axes, along which it moves, where it is, its bounds, the key; where it is then
    ("both", LINEAR, (4, 2), None, "ArrowRight", (4.1, 2)),
    ("both", LINEAR, (4, 2), None, "ArrowLeft", (3.9, 2)),
    ("both", LINEAR, (4, 2), None, "ArrowUp", (4, 2.05)),
    ("both", LINEAR, (4, 2), None, "ArrowDown", (4, 1.95)),
    ("x", LINEAR, (4, 2), None, "ArrowUp", (4.1, 2)),
    ("x", LINEAR, (4, 2), None, "ArrowLeft", (3.9, 2)),
    ("y", LINEAR, (4, 2), None, "ArrowRight", (4, 2.05)),
    ("y", LINEAR, (4, 2), None, "ArrowDown", (4, 1.95)),
    ("both", LINEAR, (9.95, 2), None, "ArrowRight", (10, 2)),
    ("both", LINEAR, (4, 0.01), None, "ArrowDown", (4, 0)),
    ("both", LINEAR, (4, 2), ((3, 5), (1, 3)), "ArrowRight", (4.02, 2)),
    ("both", LINEAR, (1.23456, 2), None, "ArrowUp", (1.23456, 2.05)),
    ("both", LOG, (0.01, 10), None, "ArrowRight", (0.01 * 10**0.04, 10)),
    ("both", LOG, (0.01, 10), None, "ArrowDown", (0.01, 10 * 10**-0.02)),
    ("both", MIXED, (0.01, 2), None, "ArrowRight", (0.01 * 10**0.04, 2)),
    ("both", MIXED, (0.01, 2), None, "ArrowUp", (0.01, 2.05)),
]
HANDLE = """
const log = [];
const held = (o, [x, y], ends) => {
  const [across, up] = ends.map((domain) => ({ domain, type: domain[0] > 0 ? "log" : "linear" }));
  const plot = make({ x: across, y: up });
  const handle = plot.handle({ label: "start", set: (...place) => log.push(place), ...o });
  handle.update(x, y);
  return { plot, handle, node: handle.node };
};
const press = (node, key, more = {}) => !node.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true, ...more }));
"""


@pytest.mark.parametrize("axis, ends, place, bounds, key, wanted", KEYED)
def test_keys_move_a_handle_by_hundredths(kit, axis, ends, place, bounds, key, wanted):
    found = kit(
        HANDLE
        + """
        const { node } = held({ axis: given.axis, ...(given.bounds && { bounds: () => given.bounds }) }, given.place, given.ends);
        return [press(node, given.key), log];""",
        {"axis": axis, "ends": ends, "place": place, "bounds": bounds, "key": key},
    )
    moved = [float(f"{new:.4g}") if new != old else old for new, old in zip(wanted, place, strict=True)]
    assert found == [True, [pytest.approx(moved, rel=1e-9)]]


def test_keys_come_before_the_next_frame_and_shift_goes_ten_times_as_far(kit):
    found = kit(
        HANDLE
        + """
        const { node } = held({}, [4, 2], [[0, 10], [0, 5]]);
        const took = [press(node, "ArrowRight"), press(node, "ArrowRight"), press(node, "ArrowUp", { shiftKey: true })];
        const not = ["ctrlKey", "metaKey", "altKey"].map((held) => press(node, "ArrowUp", { [held]: true }));
        return [took, [...not, press(node, "Home")], log];"""
    )
    assert found[:2] == [[True] * 3, [False] * 4]
    assert found[2] == [pytest.approx(one) for one in ([4.1, 2], [4.2, 2], [4.2, 2.5])]


@pytest.mark.parametrize(
    "o, wanted",
    [
        ({}, ["0", "10", "4", "x 4, y 2", "horizontal", "draggable point", "both"]),
        ({"axis": "x"}, ["0", "10", "4", "x 4, y 2", "horizontal", None, "x"]),
        ({"axis": "y"}, ["0", "5", "2", "x 4, y 2", "vertical", None, "y"]),
        ({"axis": "y", "bounds": [[1, 9], [1, 3]]}, ["1", "3", "2", "x 4, y 2", "vertical", None, "y"]),
    ],
)
def test_a_handle_is_a_slider_to_a_screen_reader(kit, o, wanted):
    found = kit(
        HANDLE
        + """
        const { node, plot } = held({ ...given, ...(given.bounds && { bounds: () => given.bounds }), look: "momentum" }, [4, 2],
          [[0, 10], [0, 5]]);
        const said = ["valuemin", "valuemax", "valuenow", "valuetext", "orientation", "roledescription"];
        return [[...said.map((name) => node.getAttribute(`aria-${name}`)), node.dataset.axis], node.getAttribute("transform"),
          node.getAttribute("aria-label"), node.getAttribute("role"), node.getAttribute("tabindex"), node.dataset.look,
          node.dataset.starts ?? null, plot.layers.front.contains(node), plot.grips.get(node)];""",
        o,
    )
    place = [40 + 548 * 0.4, 276 - 266 * 0.4]
    assert found[0] == wanted and found[1] == f"translate({place[0]:.2f} {place[1]:.2f})"
    assert found[2:] == ["start", "slider", "0", "momentum", None, True, pytest.approx(place)]


def test_a_handle_says_its_place_in_its_own_words_and_that_a_run_starts_there(kit):
    found = kit(
        HANDLE
        + """
        const { node } = held({ words: (x, y) => `${x} and ${y}`, starts: true }, [4, 2], [[0, 10], [0, 5]]);
        return [node.getAttribute("aria-valuetext"), node.dataset.starts];"""
    )
    assert found == ["4 and 2", ""]


HELD_BY = """
const bounds = given.o?.bounds && { bounds: () => given.o.bounds };
const { node, plot } = held({ ...given.o, ...bounds }, [5, 2.5], [[0, 10], [0, 5]]);
let placed = 0, clicks = 0;
here.addEventListener(handling.PLACED, () => placed++);
here.addEventListener("click", () => clicks++);
plot.svg.addEventListener("click", () => clicks++);
window.read = () => [log, placed, clicks, node.classList.contains("is-held"), document.activeElement === node];
const r = plot.svg.getBoundingClientRect();
return [r.left + 314, r.top + 143];"""
DRAGS = [  # what kind of handle, from its middle to where it is held, by how much; where it is then
    ({}, (0, 0), (54.8, -26.6), (6, 3)),
    ({}, (4, -3), (54.8, 26.6), (6, 2)),
    ({"axis": "x"}, (2, 2), (54.8, 26.6), (6, 2.5)),
    ({"axis": "y"}, (2, 2), (54.8, 26.6), (5, 2)),
    ({}, (0, 0), (400, -400), (10, 5)),
    ({"bounds": [[4, 5.5], [1, 2.6]]}, (0, 0), (400, -400), (5.5, 2.6)),
    ({"bounds": [[4, 5.5], [1, 2.6]]}, (0, 0), (-400, 400), (4, 1)),
]


@pytest.mark.parametrize("o, grip, way, wanted", DRAGS)
def test_a_handle_follows_the_pointer_and_keeps_its_distance(kit, o, grip, way, wanted):
    x, y = kit(HANDLE + HELD_BY, {"o": o})
    mouse, read = kit.page.mouse, lambda: kit.page.evaluate("read()")
    mouse.move(x + grip[0], y + grip[1])
    mouse.down()
    log, placed, clicks, held, focus = read()
    assert (log, placed, held, focus) == ([], 0, True, True)
    mouse.move(x + grip[0] + way[0], y + grip[1] + way[1])
    log, placed, _, held, _ = read()
    assert log[-1] == pytest.approx(wanted) and placed == 0 and held
    mouse.up()
    log, placed, clicks, held, focus = read()
    count = len(log)
    assert (placed, clicks, held, focus) == (1, 0, False, True)
    mouse.move(x, y)
    assert read()[0][count:] == [] and read()[1] == 1


def test_a_press_that_moves_nothing_places_nothing_and_another_button_does_not_hold(kit):
    x, y = kit(HANDLE + HELD_BY, {})
    mouse, read = kit.page.mouse, lambda: kit.page.evaluate("read()")
    mouse.move(x, y)
    mouse.down()
    mouse.up()
    assert read() == [[], 0, 0, False, True]
    mouse.down(button="middle")
    mouse.move(x + 50, y)
    mouse.up(button="middle")
    assert read()[:2] == [[], 0]


ROUND = """
const log = [], plot = make();
let place = 9;
const handle = plot.handle({ label: "x to 9, in whole numbers", set: (x) => {
  const now = Math.min(Math.round(x), 9);
  if (now !== place) handle.update((place = now), 2.5); // a figure draws what has changed
} });
handle.update(place, 2.5);
const key = (name) => {
  handle.node.dispatchEvent(new KeyboardEvent("keydown", { key: name, cancelable: true }));
  return frame().then(() => place);
};
window.read = () => place;
"""


def test_a_handle_that_was_drawn_elsewhere_is_taken_from_where_it_is_seen(kit):
    """It was pulled beyond the end of its way, where it stands: pulled back, it follows at once; so do keys."""
    x, y = kit(ROUND + "const r = plot.svg.getBoundingClientRect(); return [r.left + 40 + 0.9 * 548, r.top + 143];")
    mouse, unit = kit.page.mouse, 54.8
    for keys in (False, True):
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 1.5 * unit, y)
        mouse.up()
        assert kit.page.evaluate("read()") == 9
        if keys:
            kit.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            for _ in range(6):
                kit.page.keyboard.press("ArrowLeft")
        else:
            mouse.move(x, y)
            mouse.down()
            mouse.move(x - unit, y)
            mouse.up()
        assert kit.page.evaluate("read()") == 8
        mouse.move(x - unit, y)
        mouse.down()
        mouse.move(x, y)
        mouse.up()


def test_keys_of_less_than_a_whole_number_add_up(kit):
    """Six of a tenth are the next whole number; those that led nowhere do not count for the way back."""
    found = kit(ROUND + "const all = []; for (const name of given) all.push(await key(name)); return all;",
        [*["ArrowRight"] * 8, *["ArrowLeft"] * 7, "ArrowUp", *["ArrowLeft"] * 6])  # fmt: skip
    assert found[:8] == [9] * 8 and found[8:15] == [9] * 5 + [8] * 2
    assert found[15:] == [8] * 6 + [7]


def test_a_finger_on_a_handle_scrolls_no_page(kit):
    found = kit(
        HANDLE
        + """
        const { node } = held({}, [4, 2], [[0, 10], [0, 5]]);
        return !node.dispatchEvent(new TouchEvent("touchstart", { cancelable: true }));"""
    )
    assert found is True


# -- the way out ----------------------------------------------------------------------------------

EXIT = """
const plot = make(), line = plot.line({ look: "momentum", path: true });
const arrow = () => plot.svg.querySelector(".lf-exit"), words = () => plot.svg.querySelector(".lf-exit-words");
const read = () => { plot.settle(); return [arrow().getAttribute("d"), words().textContent, words().getAttribute("text-anchor"),
  Number(words().getAttribute("x")), Number(words().getAttribute("y")), arrow().dataset.look, words().dataset.look]; };
"""
WAYS_OUT = [  # a path, what of it is drawn, at which step it leaves, where its tip is, which way it goes, how its words stand
    ([(5, 2.5), (15, 2.5)], None, 1, (588, 143), (1, 0), ("end", 576, 137), "15, 2.5"),
    ([(5, 2.5), (-5, 2.5)], None, 1, (40, 143), (-1, 0), ("start", 52, 137), "−5, 2.5"),
    ([(4.9, 2.5), (4.9, 7.5)], None, 1, (308.52, 10), (0, -1), ("start", None, 26), "4.9, 7.5"),
    ([(5.1, 2.5), (5.1, 7.5)], None, 1, (319.48, 10), (0, -1), ("end", None, 26), "5.1, 7.5"),
    ([(4.9, 2.5), (4.9, -7.5)], None, 1, (308.52, 276), (0, 1), ("start", None, 270), "4.9, −7.5"),
    ([(5, 2.5), (10, 5.0), (20, 10)], None, 2, (588, 10), (548, -266), ("end", 576, 26), "20, 10"),
    ([(5, 2.5), (1e300, 2.5)], None, 1, (588, 143), (1, 0), ("end", 576, 137), "10³⁰⁰, 2.5"),
    ([(5, 2.5), (15, 2.5), (5, 3), (-9, 3), (-8, 3.14159)], 4.7, 3, (40, 116.4), (-1, 0), ("start", 52, 110.4), "−8, 3.1"),
    ([(5, 2.5), (15, 2.5), (5, 3), (-9, 3), (-8, 3)], 1, 1, (588, 143), (1, 0), ("end", 576, 137), "15, 2.5"),
]


@pytest.mark.parametrize("path, to, step, tip, way, stands, place", WAYS_OUT)
def test_a_path_says_where_it_leaves_the_picture(kit, path, to, step, tip, way, stands, place):
    found = kit(
        EXIT + "line.update(given.path, given.to ?? undefined); return read();",
        {"path": [v for one in path for v in one], "to": to},
    )
    d, said, anchor, x, y, *looks = found
    angle = math.atan2(way[1], way[0])
    barbs = [(tip[0] - 9 * math.cos(angle + open_), tip[1] - 9 * math.sin(angle + open_)) for open_ in (0.5, -0.5)]
    drawn = [[float(v) for v in pair.split(",")] for pair in d.removeprefix("M").split("L")]
    assert drawn == [pytest.approx(one, abs=0.051) for one in (barbs[0], tip, barbs[1])]
    assert said == f"left the picture at step {step}, last at ({place})"
    assert anchor == stands[0] and y == pytest.approx(stands[2], abs=0.06)
    assert stands[1] is None or x == pytest.approx(stands[1], abs=0.06)  # long words have no room there
    assert looks == ["momentum", "momentum"]


def test_a_path_that_ends_inside_has_no_way_out(kit):
    found = kit(
        EXIT
        + """
        const seen = [];
        const gone = (xy, to) => {
          line.update([5, 2.5, 15, 2.5]);
          line.update(xy, to);
          seen.push([arrow().getAttribute("d"), words().textContent]);
        };
        gone([5, 2.5, 15, 2.5, 5, 2.5]);
        gone([5, 2.5, 15, 2.5], 0.9);
        gone([15, 2.5, 16, 2.5]);
        gone([5, 2.5, NaN, 2.5]);
        gone([5, 2.5, 15, NaN]);
        line.update([5, 2.5, 15, 2.5]);
        line.clear();
        const none = plot.line({});
        none.update([5, 2.5, 15, 2.5]);
        none.clear();
        return [seen, [arrow().getAttribute("d"), words().textContent], plot.svg.querySelectorAll(".lf-exit").length];"""
    )
    assert found == [[["", ""]] * 5, ["", ""], 1]


def test_a_handle_follows_though_its_picture_moves(kit):
    x, y = kit(HANDLE + HELD_BY, {})
    mouse = kit.page.mouse
    mouse.move(x, y)
    mouse.down()
    kit.page.evaluate("document.getElementById('here').style.cssText += '; position: relative; top: 26.6px; left: 54.8px'")
    mouse.move(x + 54.8, y + 26.6)
    log = kit.page.evaluate("read()")[0]
    mouse.up()
    assert log[-1] == pytest.approx((5, 2.5), abs=1e-3)
