"""kit/player.js and kit/rotary.js: what is shown while a figure plays, and how a dial turns."""

import math

import pytest

MODULES = {"playing": "kit/player", "handling": "kit/handle", "rotary": "kit/rotary", "dom": "kit/dom"}
# A figure of ten steps that plays for five seconds, frame by frame as the test says.
BEFORE = """
const frames = [], said = [], log = { drawn: 0, flushed: 0 };
let calm = false;
window.matchMedia = () => ({ matches: calm });
const life = { ...dom.lifetime(), frame: (callback) => frames.push(callback) };
const [root, acts] = ["root", "acts"].map((id) => dom.h("div", { id }));
root.append(acts);
here.append(root);
const store = { redraw: () => log.drawn++, flush: () => log.flushed++ };
const start = (o = {}) => playing.createPlayer({ life, store, say: (text) => said.push(text), root, acts, share: acts },
  { length: () => 10, seconds: () => 5, ...o });
const frame = (now) => frames.splice(0).forEach((callback) => callback(now));
const at = (player) => [player.head(), player.pen(), player.playing(), player.buttons[0].textContent, frames.length];
const key = (node, name, more = {}) =>
  !node.dispatchEvent(new KeyboardEvent("keydown", { key: name, cancelable: true, bubbles: true, ...more }));
"""
PLAY, PAUSE = "Play", "Pause"


def pen(place):
    """Where the pen is on its way from one step to the next: it speeds up and slows down."""
    part = place - math.floor(place)
    return math.floor(place) + part * part * (3 - 2 * part)


def test_playing_takes_its_seconds_from_the_start_to_the_end(kit):
    found = kit(
        """const player = start(), seen = [[at(player), player.waiting()]];
        player.play();
        seen.push([at(player), player.waiting()]);
        for (const now of [1000, 1250, 1600, 3999, 5999, 6000]) { frame(now); seen.push([at(player), player.waiting()]); }
        return [seen, log];"""
    )
    seen, log = found
    assert seen[:2] == [[[10, 10, False, PLAY, 0], True], [[10, 10, True, PAUSE, 1], False]]
    for (one, _), place in zip(seen[2:7], [0, 0.5, 1.2, 5.998, 9.998], strict=True):
        assert one == [math.floor(place), pytest.approx(pen(place)), True, PAUSE, 1]
    assert seen[7] == [[10, 10, False, PLAY, 0], False]
    assert log == {"drawn": 6, "flushed": 6}


def test_at_its_end_a_run_that_grows_is_still_shown_whole(kit):
    found = kit(
        """let n = 10;
        const player = start({ length: () => n }), seen = [];
        for (const last of [6000, 7000]) {
          n = 10;
          player.play();
          frame(1000); frame(last);
          n = 20;
          seen.push(player.head());
        }
        return seen;"""
    )
    assert found == [20, 20]


def test_a_pause_keeps_the_step_and_play_goes_on_from_there(kit):
    found = kit(
        """const player = start(), seen = [];
        player.play();
        frame(1000); frame(2700);
        player.play();
        seen.push(at(player));
        frame(9000); // one that was asked for before the pause
        seen.push(at(player));
        player.play();
        frame(20000); frame(20500);
        seen.push(at(player));
        frame(24000);
        player.play(); // at the end: from the start
        frame(30000); frame(30600);
        seen.push(at(player));
        player.stop();
        seen.push(at(player));
        return seen;"""
    )
    assert [one[:4] for one in found] == [
        [3, 3, False, PLAY],
        [3, 3, False, PLAY],
        [4, 4, True, PAUSE],
        [1, pytest.approx(pen(1.2)), True, PAUSE],
        [1, 1, False, PLAY],
    ]


def test_steps_go_one_by_one_and_around(kit):
    found = kit(
        """const player = start(), [, step] = player.buttons, seen = [];
        for (let k = 0; k < 12; k++) { step.click(); seen.push(player.head()); }
        player.play(); frame(1000); frame(2100);
        step.click();
        return [seen, at(player), log.drawn > 12, step.textContent];"""
    )
    assert found == [[*range(11), 0], [3, 3, False, PLAY, 1], True, "Step"]


def test_a_step_can_be_asked_for_and_what_follows_from_it(kit):
    found = kit(
        """const player = start(), seen = [];
        player.seek(4);
        seen.push([at(player), player.waiting()]);
        player.end();
        seen.push([at(player), player.waiting()]);
        player.seek(99);
        seen.push([at(player), player.waiting()]);
        player.again();
        frame(1000); frame(1500);
        seen.push([at(player), player.waiting()]);
        player.again();
        frame(5000);
        seen.push([at(player), player.waiting()]);
        return seen;"""
    )
    assert found[:3] == [
        [[4, 4, False, PLAY, 0], False],
        [[10, 10, False, PLAY, 0], True],
        [[10, 10, False, PLAY, 0], False],
    ]
    assert [one[0][:4] for one in found[3:]] == [[1, 1, True, PAUSE], [0, 0, True, PAUSE]]


def test_under_less_motion_all_of_it_is_shown_at_once(kit):
    found = kit(
        """calm = true;
        const player = start({ auto: true });
        player.seek(3);
        player.play();
        const first = [at(player), said.splice(0)];
        player.again();
        const again = [at(player), said.splice(0)];
        player.rounds();
        return [first, again, at(player)];"""
    )
    still = [10, 10, False, PLAY, 0]
    words = "Your system asks for less motion: the whole path is shown at once; Step moves through it."
    assert found == [[still, [words]], [still, []], still]


def test_rounds_begin_anew_after_a_rest_until_one_is_the_last(kit):
    found = kit(
        """const player = start({ rest: 2 }), seen = [];
        player.rounds();
        for (const now of [1000, 3000, 6000, 7990, 8000, 8500, 9000, 9500]) { frame(now); seen.push(at(player)); }
        player.once();
        for (const now of [13499, 13500]) { frame(now); seen.push(at(player)); }
        return seen;"""
    )
    wanted = [(0, True), (4, True), (10, True), (10, True), (10, True), (0, True), (1, True), (2, True), (9, True), (10, False)]
    assert [(one[0], one[2]) for one in found] == wanted and [one[4] for one in found] == [1] * 9 + [0]


def test_an_end_of_playing_ends_the_rounds(kit):
    found = kit(
        """const player = start();
        player.rounds();
        frame(1000); frame(2000);
        player.stop();
        player.play();
        frame(3000); frame(3000 + 4000);
        return at(player);"""
    )
    assert found == [10, 10, False, PLAY, 0]


def test_the_usual_time_is_six_seconds_and_two_of_rest(kit):
    found = kit(
        """const player = start({ length: () => 12, seconds: undefined, rest: undefined }), seen = [];
        player.rounds();
        for (const now of [1000, 2000, 6999, 8990, 9000, 9250, 10250]) { frame(now); seen.push(player.head()); }
        return seen;"""
    )
    assert found == [0, 2, 11, 12, 12, 0, 2]


@pytest.mark.parametrize(
    "tag, plays",
    [
        ("div", True),
        ("range", True),
        ("text", False),
        ("button", False),
        ("select", False),
        ("textarea", False),
        ("summary", False),
    ],
)
def test_space_plays_but_on_what_takes_the_key(kit, tag, plays):
    found = kit(
        """const player = start();
        const node = given === "range" || given === "text" ? dom.h("input", { type: given })
          : given === "summary" ? dom.h("summary") : dom.h(given);
        const inner = given === "button" ? dom.h("span") : node;
        if (inner !== node) node.append(inner);
        root.append(node);
        const not = [["a", {}], [" ", { ctrlKey: true }], [" ", { metaKey: true }], [" ", { altKey: true }]]
          .map((one) => [key(inner, ...one), player.playing()]);
        return [key(inner, " "), player.playing(), not, key(document, " ")];""",
        tag,
    )
    assert found == [plays, plays, [[False, False]] * 4, False]


def test_while_a_start_is_held_all_is_seen_and_let_go_it_runs(kit):
    found = kit(
        """const player = start(), seen = [];
        const starts = dom.h("div", { "data-starts": "" }, dom.h("span")), other = dom.h("div"), box = dom.h("div", {}, starts);
        root.append(box, other);
        const happens = (node, type) => node.dispatchEvent(new Event(type, { bubbles: true }));
        for (const [node, type] of [[other, "pointerdown"], [starts.firstChild, "pointerdown"], [other, handling.PLACED],
          [starts.firstChild, handling.PLACED], [starts, "pointerdown"], [box, handling.PLACED]]) {
          if (!player.playing()) player.seek(4);
          happens(node, type);
          frame(1000);
          seen.push([player.head(), player.playing()]);
        }
        return seen;"""
    )
    assert found == [[4, False], [10, False], [4, False], [0, True], [10, False], [0, True]]


REACHED = """
const watched = [];
window.IntersectionObserver = class {
  constructor(tell, o) { Object.assign(this, { tell, o, on: true }); watched.push(this); }
  observe(node) { this.node = node; }
  disconnect() { this.on = false; }
};
here.style.height = "3000px";
const picture = dom.h("div", { class: "lf-plot" });
if (given !== "none") root.prepend(picture);
"""


def test_a_film_plays_once_when_the_reader_has_come_to_it(kit):
    found = kit(
        REACHED
        + """
        const player = start({ auto: true }), [seen] = watched, told = [];
        const tell = (isIntersecting) => { seen.tell([{ isIntersecting }]); told.push([player.playing(), seen.on]); };
        scrollTo(0, 0);
        tell(true);
        scrollTo(0, 200);
        tell(false);
        tell(true);
        scrollTo(0, 0);
        start();
        return [told, seen.o.threshold, seen.node === picture, watched.length];"""
    )
    assert found == [[[False, True], [False, True], [True, False]], 0.6, True, 1]


@pytest.mark.parametrize("hand", ["pointerdown", "keydown"])
def test_a_film_does_not_start_under_a_hand(kit, hand):
    found = kit(REACHED + "start({ auto: true }); root.dispatchEvent(new Event(given)); return watched[0].on;", hand)
    assert found is False


def test_nothing_is_watched_where_no_picture_is_or_motion_is_not_wanted(kit):
    assert (
        kit(
            REACHED + "start({ auto: true }); calm = true; root.prepend(picture); start({ auto: true }); return watched.length;",
            "none",
        )
        == 0
    )


# -- the dial -------------------------------------------------------------------------------------

DIAL = """
const set = [];
let now = given?.now ?? 0.5;
const show = rotary.addRotary({ controls: here, life: dom.lifetime() }, {
  name: "beta", label: "dial", unit: "momentum", top: given?.top ?? 1, ticks: [0, 0.5, 0.9, 0.99, 1],
  get: () => now, set: (v) => { set.push(v); now = v; show(v, "momentum", "β"); }, words: (v) => `<${v}>` });
show(now, "momentum", "β");
const svg = here.querySelector("svg"), knob = svg.querySelector(".lf-handle");
"""
TURNED = {
    ("ArrowLeft", False): -0.01, ("ArrowDown", False): -0.01, ("ArrowRight", False): 0.01, ("ArrowUp", False): 0.01,
    ("ArrowUp", True): 0.1, ("ArrowLeft", True): -0.1, ("PageUp", False): 0.1, ("PageDown", False): -0.1, ("PageUp", True): 0.1,
    ("Home", False): -1, ("End", False): 1, ("Home", True): -1,
}  # fmt: skip


def test_keys_turn_a_dial(kit):
    found = kit(
        DIAL
        + """
        return given.keys.map(([name, shiftKey]) => { now = 0.4567; return [key(knob, name, { shiftKey }), set.pop()]; });""",
        {"keys": list(TURNED)},
    )
    wanted = [[True, pytest.approx(min(max(round(0.4567 + by, 3), 0), 1), abs=1e-9)] for by in TURNED.values()]
    assert found == wanted
    assert (
        kit(
            DIAL
            + """
        return [["ArrowUp", { ctrlKey: true }], ["ArrowUp", { metaKey: true }], ["ArrowUp", { altKey: true }], ["a", {}]]
          .map((one) => key(knob, ...one)).concat(set);"""
        )
        == [False] * 4
    )
    assert kit(DIAL + 'key(knob, "End"); return set;', {"top": 0.95}) == [0.95]


def spot(part, radius):
    """A place at a part of the half-turn, from the left end."""
    angle = math.pi * (1 - part)
    return 100 + radius * math.cos(angle), 92 - radius * math.sin(angle)


@pytest.mark.parametrize("top, now", [(1, 0.5), (1, 0), (1, 1), (0.9, 0.3)])
def test_a_dial_shows_its_value(kit, top, now):
    found = kit(
        DIAL
        + """
        const read = (node, name) => node.getAttribute(name);
        return [read(knob, "transform"), read(knob, "aria-valuenow"), read(knob, "aria-valuetext"), read(knob, "aria-valuemin"),
          read(knob, "aria-valuemax"), read(knob, "aria-label"), svg.querySelector(".lf-arc-now").getAttribute("d"),
          svg.querySelector(".lf-arc").getAttribute("d"), svg.querySelector(".lf-dial-value").textContent, read(svg, "viewBox"),
          [knob, svg.querySelector(".lf-arc-now"), svg.querySelector(".lf-dial-value")].map((node) => node.dataset.look),
          here.querySelector(".lf-control").dataset.control, read(svg, "aria-label"), read(svg, "role"), read(knob, "role"),
          read(knob, "tabindex")];""",
        {"top": top, "now": now},
    )
    (x, y), text = spot(now / top, 74), f"{now:.3f}".removesuffix("0")
    assert found[0] == f"translate({x:.2f} {y:.2f})"
    assert found[1:6] == [f"{now:g}", f"<{now:g}>", "0", f"{top:g}", "momentum, dial"]
    for d, end in ((found[6], (x, y)), (found[7], (174, 92))):
        begin, curve = d.removeprefix("M").split("A74,74 0 0 1 ")
        assert [float(v) for v in begin.split(",")] == pytest.approx((26, 92))
        assert [float(v) for v in curve.split(",")] == pytest.approx(end, abs=0.006)
    assert found[8:] == [f"β = {text}", "-6 -12 212 128", ["momentum"] * 3, "beta", "dial", "group", "slider", "0"]


def test_a_dials_ticks_stand_outside_of_its_arc(kit):
    found = kit(
        DIAL
        + """
        const texts = [...svg.querySelectorAll(".lf-text")].map((node) => [node.textContent, node.getAttribute("text-anchor"),
          Number(node.getAttribute("x")), Number(node.getAttribute("y"))]);
        const marks = [...svg.querySelectorAll(".lf-tick-mark")].map((node) => node.getAttribute("d"));
        return [texts, marks.map((d) => d.slice(1).split(/[L,]/).map(Number))];"""
    )
    texts, marks = found
    values = [0, 0.5, 0.9, 0.99, 1]
    for value, (text, anchor, x, y), mark in zip(values, texts, marks, strict=False):
        right = spot(value, 94)
        assert (text, anchor) == (f"{value:g}", "start" if value == 0.9 else "middle")
        assert (x, y) == pytest.approx((right[0], right[1] + (14 if value in (0, 1) else 3)))
        assert mark == pytest.approx([*spot(value, 81), *spot(value, 86)])
    assert len(marks) == 5 and texts[5:] == [["momentum", "middle", 100, 98]]


POINTED = [  # where the mouse comes down, in units of the dial, and how far that turns; None: not its business
    ((100, 18), 0.5),
    ((26, 92), 0),
    ((174, 92), 1),
    (spot(0.25, 74), 0.25),
    (spot(0.75, 52), 0.75),
    (spot(0.75, 96), 0.75),
    (spot(0.3, 49), None),
    (spot(0.3, 99), None),
    ((28, 110), 0),  # below the arc: the nearer end
    ((172, 110), 1),
]


def pointed(kit, place, given=None):
    """The place of the dial in the window."""
    return kit(
        DIAL
        + """
        window.read = () => [set, knob.classList.contains("is-held"), document.activeElement === knob];
        const r = svg.getBoundingClientRect();
        return [r.left + ((given.place[0] + 6) / 212) * r.width, r.top + ((given.place[1] + 12) / 128) * r.height];""",
        {"now": 0.6, **(given or {}), "place": place},
    )


@pytest.mark.parametrize("place, turn", POINTED)
def test_a_dial_turns_to_the_mouse(kit, place, turn):
    x, y = pointed(kit, place)
    mouse, read = kit.page.mouse, lambda: kit.page.evaluate("read()")
    mouse.move(x, y)
    mouse.down()
    set_, held, focus = read()
    mouse.up()
    if turn is None:
        assert (set_, held) == ([], False)
    else:
        assert (held, focus) == (True, True) and set_[-1] == pytest.approx(turn, abs=0.012)
    assert read()[1] is False


def test_a_dial_follows_until_it_is_let_go(kit):
    x, y = pointed(kit, (100, 18), {"top": 0.5})
    mouse, read = kit.page.mouse, lambda: kit.page.evaluate("read()")
    mouse.move(x, y)
    assert read()[0] == []
    mouse.down(button="middle")
    mouse.up(button="middle")
    assert read()[0] == []
    mouse.down()
    mouse.move(x + 300, y)
    assert 0.25 < read()[0][-1] < 0.5
    mouse.up()
    count = len(read()[0])
    mouse.move(x, y)
    assert len(read()[0]) == count and read()[1] is False


TOUCHED = """
const fire = (node, type, [x, y], more = {}) => {
  const r = svg.getBoundingClientRect();
  return !node.dispatchEvent(new PointerEvent(type, { pointerType: "touch", bubbles: true, cancelable: true, ...more,
    clientX: r.left + ((x + 6) / 212) * r.width, clientY: r.top + ((y + 12) / 128) * r.height }));
};
svg.setPointerCapture = () => {};
"""


@pytest.mark.parametrize("far, near_enough", [(49.6, False), (50.4, True), (97.6, True), (98.4, False)])
def test_a_press_near_the_arc_turns_and_one_farther_off_does_not(kit, far, near_enough):
    found = kit(
        DIAL + TOUCHED + 'fire(svg, "pointerdown", given.place, { pointerType: "mouse" }); return set.length;',
        {"place": spot(0.3, far)},
    )
    assert found == near_enough


def test_a_finger_beside_the_knob_taps_and_on_it_turns(kit):
    found = kit(
        DIAL
        + TOUCHED
        + """
        const seen = [];
        const look = () => seen.push([set.splice(0), knob.classList.contains("is-held")]);
        fire(svg, "pointerdown", [26, 92]); look();
        fire(svg, "pointermove", [174, 92]); look();
        fire(svg, "pointerup", [26, 92]); look();
        fire(svg, "pointerup", [174, 92]); look();
        fire(svg, "pointerdown", [26, 92]); fire(svg, "pointercancel", [26, 92]); fire(svg, "pointerup", [26, 92]); look();
        fire(knob, "pointerdown", [100, 18]); look();
        fire(svg, "pointermove", [174, 92]); look();
        fire(svg, "lostpointercapture", [174, 92]); look();
        fire(svg, "pointermove", [26, 92]); look();
        fire(knob, "pointerdown", [100, 60]); look();
        return seen;"""
    )
    assert found == [
        [[], False], [[], False], [[0], False], [[], False], [[], False],
        [[0.5], True], [[1], True], [[], False], [[], False], [[0.5], True],
    ]  # fmt: skip
