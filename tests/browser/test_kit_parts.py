"""kit/settings_map.js, plane.js, relief.js, looks.js, equation.js, playground.js: parts that figures share."""

import json
import math
from urllib.parse import unquote

import pytest

from momentum_lib.notation import LOOKS
from momentum_lib.rules import RULES

MODULES = {
    "map": "kit/settings_map",
    "plane": "kit/plane",
    "relief": "kit/relief",
    "looks": "kit/looks",
    "equations": "kit/equation",
    "playground": "kit/playground",
    "rules": "generated/rules",
    "figures": "kit/figure",
    "state": "kit/state",
    "host": "kit/host",
    "dom": "kit/dom",
}
BEFORE = """
const build = (specs = { a: state.number(0, 0, 1) }) => {
  const el = dom.h("div"), values = Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.initial]));
  here.append(el);
  return figures.createFigure({ model: host.plainModel(values), el, title: "t", state: specs, python: () => "" });
};
const d = (node) => node.getAttribute("d");
"""
MAP = """
const picked = [], fig = build();
const made = map.addSettingsMap(fig, {
  label: "map",
  rates: () => [0.01, 1],
  top: 0.9,
  height: () => 300,
  kinds: ["lf-hatched it diverges"],
  momentum: () => given.momentum,
  ...(given.plain && { plain: true }),
  pick: (setting) => picked.push(setting),
  words: (lr, beta) => `${lr}/${beta}`,
});
const cross = made.cross();
fig.draw(() => cross(given.setting, "momentum"));
fig.start();
const { plot } = made, handle = plot.svg.querySelector(".lf-handle");
const lines = () => [...plot.svg.querySelectorAll(".lf-cross")].map(d);
"""
# Of 600 pixels the map has 42 at the left and 8 at the right, 26 above and 38 below: 550 wide, 236 high.


def at(lr, beta):
    """Where a setting lies in the picture, in pixels."""
    return 42 + 550 * math.log(lr / 0.01) / math.log(100), 262 - 236 * beta / 0.9


@pytest.mark.parametrize("momentum", [True, False])
@pytest.mark.parametrize("lr, beta", [(0.1, 0.45), (5, 0.3), (0.001, 0.9)])
def test_a_cross_hair_stands_at_its_setting(kit, momentum, lr, beta):
    found = kit(
        MAP
        + """
        const said = ["valuemin", "valuemax", "valuenow", "valuetext"].map((name) => handle.getAttribute(`aria-${name}`));
        handle.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", cancelable: true }));
        return [lines(), handle.getAttribute("transform"), said, handle.dataset.look, picked];""",
        {"momentum": momentum, "setting": {"lr": lr, "beta": beta}},
    )
    seen, up = min(max(lr, 0.01), 1), beta if momentum else 0
    x, y = at(seen, up)
    across, down = found[0]
    assert across == (f"M42.00,{y:.2f}L592.00,{y:.2f}" if momentum else "")
    assert down == (f"M{x:.2f},262.00L{x:.2f},26.00" if 0.01 <= lr <= 1 else "")
    assert found[1] == f"translate({x:.2f} {y:.2f})"
    assert found[2] == ["0.01", "1", f"{seen:g}", f"{seen:g}/{up:g}"] and found[3] == "momentum"
    assert found[4] == [{"lr": pytest.approx(seen), "beta": pytest.approx(min(up + 0.009, 0.9) if momentum else 0, abs=1e-4)}]


def test_a_map_is_picked_painted_and_says_what_its_colours_are(kit):
    found = kit(
        MAP
        + """
        const r = plot.svg.getBoundingClientRect();
        plot.svg.dispatchEvent(new MouseEvent("click", { clientX: r.left + 317, clientY: r.top + 144, bubbles: true }));
        const best = [];
        for (const one of [{ lr: 0.1, beta: 0.45 }, null]) { made.best(one); best.push(d(plot.svg.querySelector(".lf-best"))); }
        made.paint([1, 10, 100, 1000], 2, 2, 1, 1000);
        made.scale("few", "many");
        const bar = [...fig.root.querySelector("canvas.lf-scale").getContext("2d").getImageData(0, 0, 64, 1).data];
        const pixels = [...made.heat.node.getContext("2d").getImageData(0, 0, 2, 2).data];
        const legend = fig.root.querySelector(".lf-legend");
        return [picked, best, bar.slice(0, 4), bar.slice(-4), pixels.slice(8, 12), pixels.slice(4, 8), legend.textContent,
          legend.querySelector(".lf-hatched") !== null, [...plot.layers.axes.querySelectorAll(".lf-axis-label")].map((one) =>
          one.textContent), made.plot.box.parentNode.className];""",
        {"momentum": True, "setting": {"lr": 0.1, "beta": 0.45}},
    )
    picked, best, first, last, low, high, *rest = found
    assert picked == [{"lr": pytest.approx(0.1, rel=0.01), "beta": pytest.approx(0.45, abs=0.004)}]  # a whole pixel
    assert best[0].startswith("M317.00,144.00m0,-6.5l6.5,6.5") and best[1] == ""
    assert first == low == [254, 232, 56, 255] and last == high == [0, 34, 78, 255]
    names = ["learning rate η", "momentum β"]
    assert rest == ["fewmanyit diverges", True, names, "lf-split"]


@pytest.mark.parametrize("plain", [False, True])
def test_a_cell_that_never_arrives_is_the_darkest_or_plain(kit, plain):
    found = kit(
        MAP
        + """
        made.heat.node.style.color = "rgb(1, 2, 3)";
        made.paint([1, 1000, Infinity, NaN], 2, 2, 1, 1000);
        return [...made.heat.node.getContext("2d").getImageData(0, 0, 2, 2).data];""",
        {"momentum": True, "setting": {"lr": 0.1, "beta": 0.45}, "plain": plain},
    )
    never, diverges, fewest, most = (found[k : k + 4] for k in range(0, 16, 4))
    assert never == ([1, 2, 3, 255] if plain else most) and diverges == [0, 0, 0, 0]
    assert fewest == [254, 232, 56, 255] and most == [0, 34, 78, 255]


def test_the_middles_of_a_maps_cells(kit):
    found = kit("const { xs, ys } = map.cells([0.01, 1], 0.9, 2); return [[...xs], [...ys]];")
    assert found == [pytest.approx([10**-1.5, 10**-0.5]), pytest.approx([0.225, 0.675])]


def test_the_complex_plane_has_its_axes_and_the_unit_circle(kit):
    kit.page.set_viewport_size({"width": 1366, "height": 2000})  # there is room
    found = kit(
        """const fig = build(), plot = plane.complexPlane(fig, "plane", 2);
        fig.start();
        plot.settle();
        const [real, imaginary] = plot.svg.querySelectorAll(".lf-guide"), name = plot.svg.querySelector("text.lf-text");
        const circle = d(plot.svg.querySelector(".lf-truth")).slice(1).split(/[LM]/).map((pair) => pair.split(",").map(Number));
        return [d(real), d(imaginary), circle, name.textContent, [name.getAttribute("x"), name.getAttribute("y")].map(Number),
          plot.frame(), [plot.width, plot.height], plot.layers.axes.children.length];"""
    )
    kit.page.set_viewport_size({"width": 1366, "height": 900})
    real, imaginary, circle, name, place, frame, size, axes = found
    assert size == [600, 600] and frame == [[-2, 2], [-2, 2]] and axes == 0  # four pixels at each side
    assert real == "M4.00,300.00L596.00,300.00" and imaginary == "M300.00,596.00L300.00,4.00"
    assert len(circle) > 150 and all(math.hypot(x - 300, y - 300) == pytest.approx(148, abs=0.02) for x, y in circle)
    assert name == "unit circle" and place == pytest.approx(
        [300 + 148 * math.cos(2.3) - 5, 300 - 148 * math.sin(2.3) - 5], abs=0.06
    )


LAND = """const fig = build(), axis = { domain: [0, 1] };
const plot = fig.plot({ label: "land", x: { ...axis }, y: { ...axis }, height: () => 300 });
const made = relief.addRelief(plot, fig.life), { node } = made, style = document.documentElement.style;
const wait = () => new Promise((done) => requestAnimationFrame(() => done()));
node.style.backgroundColor = "var(--ground)";
node.style.color = "var(--words)";
const dress = async (ground, words, theme) => {
  style.setProperty("--ground", ground);
  style.setProperty("--words", words);
  document.documentElement.dataset.theme = theme;
  await wait();
};
const day = () => dress("rgb(250, 251, 252)", "rgb(90, 80, 70)", "light");
const night = async () => {
  await dress("rgb(20, 24, 31)", "rgb(150, 160, 170)", "dark");
  await wait();
};
const grid = { nx: 5, ny: 4, values: Float64Array.from({ length: 20 }, (_, k) => Math.sin(k) + k / 9) };
const pixels = () => [...node.getContext("2d").getImageData(0, 0, node.width, node.height).data];
"""


def test_the_land_lies_behind_the_picture_in_the_colours_of_the_page(kit):
    """As steep as it looks: a cell of 137 by 88.7 pixels is wider than high. It follows the theme and the width."""
    found = kit(
        LAND
        + """
        await day();
        fig.start();
        const before = node.width;
        made.update(grid);
        const wanted = (ground, text) => [...relief.reliefPixels(relief.shades(grid, 548 / 4 / (266 / 3)), 5, 4,
          relief.tones({ ground, text }))];
        const seen = [[node.width, node.height], pixels(), wanted([250, 251, 252], [90, 80, 70])];
        await night();
        seen.push(pixels(), wanted([20, 24, 31], [150, 160, 170]));
        const where = () => ["left", "top", "width", "height"].map((name) => node.style[name]);
        seen.push(plot.box.firstChild === node, plot.box.className, node.getAttribute("aria-hidden"), where());
        here.style.width = "400px";
        for (let k = 0; k < 4; k++) await wait();
        return [...seen, where(), before];"""
    )
    size, day, by_day, night, by_night, *rest = found
    assert size == [5, 4] and len(day) == 80 and len({tuple(day[k : k + 3]) for k in range(0, 80, 4)}) > 10
    assert day == by_day and night == by_night and day != night
    assert rest == [
        True,
        "lf-plot has-relief",
        "true",
        ["40px", "10px", "548px", "266px"],
        ["40px", "10px", "348px", "266px"],
        300,
    ]


def test_the_land_asks_for_the_colours_of_the_page_once_a_theme(kit):
    found = kit(
        LAND
        + """
        await day();
        fig.start();
        let asked = 0;
        const real = window.getComputedStyle;
        window.getComputedStyle = (one) => (asked += one === node, real(one));
        const seen = [];
        for (let k = 0; k < 3; k++) made.update(grid);
        seen.push(asked);
        await night();
        for (let k = 0; k < 3; k++) made.update(grid);
        seen.push(asked);
        fig.life.end();
        await day();
        await wait();
        seen.push(asked);
        window.getComputedStyle = real;
        return seen;"""
    )
    assert found == [1, 2, 2]


def test_before_a_function_is_sampled_there_is_no_land(kit):
    found = kit(
        LAND
        + """
        fig.start();
        const drawn = [];
        node.getContext = () => drawn.push(1);
        await night();
        return drawn.length;"""
    )
    assert found == 0


def test_members_of_a_family_look_apart(kit):
    """Its best-known member is filled, the others are hollow and dashed; each has its family's mark."""
    found = kit("return Object.fromEntries(Object.keys(rules.RULES).map((name) => [name, looks.memberLook(name)]));")
    for family in {look["family"] for look in found.values()}:
        members = {name: look for name, look in found.items() if look["family"] == family}
        lead = LOOKS[family].lead or next(iter(members))
        assert [name for name, look in members.items() if not look["hollow"]] == [lead]
        marker = LOOKS[family].marker
        assert {look["shape"] for look in members.values()} == {"disc" if marker in ("dot", "none") else marker}
        assert len({look["dash"] for look in members.values()}) == len(members)


def test_a_sample_of_a_rules_line(kit):
    found = kit(
        """return ["heavy_ball", "nesterov"].map((name) => {
          const [line, mark] = looks.swatch(name).children;
          return [d(line), line.dataset.look, mark.getAttribute("class"), mark.dataset.shape, d(mark).slice(0, 11)];
        }).concat([["viewBox", "width", "height"].map((name) => looks.swatch("adam").getAttribute(name))],
          [looks.nameOf("nesterov"), looks.nameOf("heavy_ball"), looks.runner(true), looks.runner(false)]);"""
    )
    assert found[0] == ["M1,7H33", "momentum", "lf-dots lf-runner", "disc", "M17.00,7.00"]
    assert found[1][2] == ("lf-dots lf-runner" if RULES["nesterov"].family != "momentum" else "lf-dots lf-runner lf-hollow")
    assert found[2] == ["0 0 34 14", "34", "14"]  # the mark stands in its middle
    assert found[3:] == ["Nesterov", "Heavy ball", "lf-runner lf-hollow", "lf-runner"]


@pytest.mark.parametrize(
    "line, coloured",
    [
        ("v ← β v + g", ["v", "β", "v", "g"]),
        ("θ ← θ − η v", ["v"]),
        ("above = sin(v)", ["v"]),
        ("m̂ and m", ["m̂", "m"]),
        ("η", []),
    ],
)
def test_symbols_in_a_line_have_their_colour(kit, line, coloured):
    found = kit(
        """const node = equations.equation(given);
        return [node.textContent, [...node.querySelectorAll("i")].map((one) => [one.textContent, one.dataset.look])];""",
        line,
    )
    looks = {"v": "momentum", "β": "momentum", "m": "averaged", "m̂": "averaged", "g": "gradient"}
    assert found == [line, [[symbol, looks[symbol]] for symbol in coloured]]


def test_a_link_to_the_playground_says_what_is_not_as_it_opens(kit):
    found = kit(
        """const read = () => [...here.querySelectorAll(".lf-to-playground")].map((one) => [one.textContent, one.href]);
        const share = dom.h("div", {}, dom.h("button")), draws = [], store = { draw: (work) => draws.push(work) };
        here.append(share);
        playground.addPlaygroundLink({ share, store }, () => ({ steps: 7 }));
        const none = [read(), draws.length, playground.playgroundAddress({})];
        here.append(dom.h("a", { class: "tool play", href: "https://course.test/play.html#old" }));
        let steps = 7;
        playground.addPlaygroundLink({ share, store }, () => ({ steps, noise: 0.123456789, seed: 1 }));
        draws.forEach((draw) => draw());
        const first = read();
        steps = 60;
        draws.forEach((draw) => draw());
        return [none, first, read(), share.firstChild.localName, playground.toHash(playground.FIRST)];"""
    )
    none, first, second, tag, empty = found
    assert none == [[], 0, None] and tag == "a" and unquote(empty) == "play=1.{}"
    told = [json.loads(unquote(href.split("#play=1.")[1])) for _, href in (*first, *second)]
    assert told == [{"steps": 7, "noise": 0.1234568}, {"noise": 0.1234568}]
    assert first[0][0] == "Playground" and first[0][1].startswith("https://course.test/play.html#play=1.")
