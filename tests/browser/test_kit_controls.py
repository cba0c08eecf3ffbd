"""kit/controls.js and kit/store.js: what keys, hands and typed words make of a value, and what a control shows of it."""

import math

import pytest

MODULES = {"controls": "kit/controls", "dom": "kit/dom", "store": "kit/store", "state": "kit/state", "host": "kit/host"}
# A figure without a picture: its controls, its state, and what it says.
BEFORE = """
const desk = (specs, values = {}) => {
  const life = dom.lifetime(), said = [], saved = [];
  const initial = Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.initial]));
  const model = { ...host.plainModel({ ...initial, ...values }), save_changes: () => saved.push(1) };
  const kept = store.createStore(model, specs, life);
  const [seen, folded, acts, share] = ["seen", "folded", "acts", "share"].map((id) => {
    here.append(dom.h("div", { id }));
    return document.getElementById(id);
  });
  const place = (fold, node) => (fold ? folded : seen).append(node);
  return { life, specs, store: kept, model, said, saved, say: (text) => said.push(text), place, acts, share, seen, folded };
};
const press = (node, key, more = {}) =>
  !node.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true, bubbles: true, ...more }));
const happens = (node, type) => node.dispatchEvent(new Event(type, { bubbles: true }));
const point = (node, type, x, y, pointerType = "touch") =>
  node.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, pointerType, bubbles: true }));
const slider = ({ o, spec, value }) => {
  const [kind, ...rest] = spec, made = desk({ a: state[kind](...rest) }, { a: value });
  const more = { ...o, ...(o.words && { words: (v) => `<${v}>` }), ...(o.marks && { marks: () => o.marks }),
    ...(o.range && { range: () => o.range }) };
  const parts = controls.addSlider(made, { name: "a", label: "size", ...more });
  made.store.begin();
  return { ...made, ...parts };
};
"""

EVEN = {
    "linear": (lambda v: v, lambda u: u),
    "log": (math.log, math.exp),
    "near-one": (lambda v: -math.log1p(-v), lambda u: -math.expm1(-u)),
}


def part_of(kind, low, high, value):
    """How far along an axis a value lies, 0 to 1."""
    to, _ = EVEN[kind]
    return min(max((to(value) - to(low)) / (to(high) - to(low)), 0), 1)


def value_at(kind, low, high, part):
    """The reverse."""
    to, back = EVEN[kind]
    return back(to(low) + part * (to(high) - to(low)))


def tidied(kind, whole, value):
    """What a slider makes of a place: three digits, near one two digits of what is missing, or a whole number."""
    if whole:
        return math.floor(value + 0.5)
    return float(f"{1 - float(f'{1 - value:.2g}'):.8g}") if kind == "near-one" else float(f"{value:.3g}")


SLIDERS = [  # kind of axis, kind of value, its value, its ends
    ("linear", "number", 0.31, -2, 5),
    ("linear", "number", 4.97, -2, 5),
    ("linear", "integer", 3, 0, 8),
    ("linear", "integer", 100, 0, 400),
    ("log", "number", 0.02, 1e-4, 1),
    ("log", "number", 1, 1e-4, 1),
    ("log", "integer", 40, 1, 1000),
    ("near-one", "number", 0.9, 0, 0.999),
    ("near-one", "number", 0, 0, 0.999),
]
KEYS = {"ArrowLeft": -1, "ArrowDown": -1, "ArrowRight": 1, "ArrowUp": 1, "PageDown": -10, "PageUp": 10}


def by_key(axis, kind, value, low, high, hundredths):
    """Where a key takes a value: so many hundredths of the way, a whole number at least by one."""
    whole = kind == "integer"
    at = min(max(part_of(axis, low, high, value) + hundredths / 100, 0), 1)
    new = tidied(axis, whole, value_at(axis, low, high, at))
    if whole and new == value:
        new = value + (1 if hundredths > 0 else -1)
    return min(max(new, low), high)


@pytest.mark.parametrize("case", SLIDERS, ids=lambda case: "-".join(map(str, case)))
def test_keys_move_a_slider_by_hundredths_of_its_way(kit, case):
    axis, kind, value, low, high = case
    asked = [(key, shift) for key in KEYS for shift in (False, True)]
    found = kit(
        """return given.asked.map(([key, shiftKey]) => {
            const made = slider(given), took = press(made.bar, key, { shiftKey });
            return [took, made.store.get("a")];
        });""",
        {"asked": asked, "o": {"type": axis}, "spec": [kind, value, low, high], "value": value},
    )
    for (key, shift), (took, now) in zip(asked, found, strict=True):
        far = 10 if shift and abs(KEYS[key]) == 1 else 1
        assert took and now == pytest.approx(by_key(*case, KEYS[key] * far), rel=1e-9, abs=1e-12), (key, shift)


def test_keys_with_others_held_are_not_the_sliders(kit):
    found = kit(
        """return [["ArrowUp", { ctrlKey: true }], ["ArrowUp", { metaKey: true }], ["ArrowUp", { altKey: true }], ["a", {}],
          ["Home", {}]].map(([key, more]) => {
            const made = slider(given);
            return [press(made.bar, key, more), made.store.get("a")];
        });""",
        {"o": {}, "spec": ["number", 1, 0, 10], "value": 1},
    )
    assert found == [[False, 1]] * 5  # Home and End are the browser's own


@pytest.mark.parametrize("case", SLIDERS, ids=lambda case: "-".join(map(str, case)))
def test_a_slider_put_anywhere_has_the_value_of_that_place(kit, case):
    axis, kind, value, low, high = case
    places = [0, 1, 133, 500, 877, 1000]
    found = kit(
        """const made = slider(given);
        return given.places.map((place) => {
            made.bar.value = String(place);
            happens(made.bar, "input");
            return made.store.get("a");
        });""",
        {"places": places, "o": {"type": axis}, "spec": [kind, value, low, high], "value": value},
    )
    wanted = [tidied(axis, kind == "integer", value_at(axis, low, high, place / 1000)) for place in places]
    assert found == pytest.approx([min(max(one, low), high) for one in wanted], rel=1e-9, abs=1e-12)


SHOWN = """const made = slider(given), { bar, typed, node } = made;
return given.values.map((value) => {
    made.store.set({ a: value });
    made.store.flush();
    return [bar.style.getPropertyValue("--at"), Number(bar.value), bar.getAttribute("aria-valuetext"), typed.value,
      typed.style.getPropertyValue("--letters")];
});"""


@pytest.mark.parametrize("case", SLIDERS, ids=lambda case: "-".join(map(str, case)))
def test_a_slider_stands_where_its_value_lies_and_says_it(kit, case):
    axis, kind, value, low, high = case
    values = [value_at(axis, low, high, part) for part in (0, 0.2, 0.5, 1)]
    values = [value, *(round(one) if kind == "integer" else one for one in values)]
    found = kit(SHOWN, {"values": values, "o": {"type": axis}, "spec": [kind, value, low, high], "value": value})
    for one, (at, stands, _, typed, letters) in zip(values, found, strict=True):
        part = part_of(axis, low, high, one)
        assert float(at.removesuffix("%")) == pytest.approx(100 * part, abs=1e-4) and at.endswith("%")
        assert stands == pytest.approx(1000 * part, abs=1e-3)
        assert float(typed) == float(f"{one:.4g}") and letters == str(len(typed))


@pytest.mark.parametrize(
    "o, told, typed",
    [
        ({}, "0.123", "0.1235"),
        ({"unit": "steps"}, "0.123 steps", "0.1235"),
        ({"words": True, "unit": "steps"}, "<0.123456>", "0.1235"),
        ({"digits": 2}, "0.123", "0.12"),
    ],
)
def test_a_value_is_said_in_its_own_words(kit, o, told, typed):
    found = kit(SHOWN, {"values": [0.123456], "o": o, "spec": ["number", 0, 0, 1], "value": 0})
    assert [found[0][2], found[0][3]] == [told, typed]


@pytest.mark.parametrize("o, name", [({}, "size"), ({"unit": "steps"}, "size, steps")])
def test_a_slider_is_called_by_its_name_and_unit(kit, o, name):
    found = kit(
        """const { bar, typed, node, seen, folded } = slider(given);
        return [bar.getAttribute("aria-label"), typed.getAttribute("aria-label"), node.querySelector(".lf-unit").textContent,
          node.querySelector(".lf-label").textContent, node.querySelector(".lf-symbol")?.dataset.look, node.dataset.control,
          [seen.contains(node), folded.contains(node)], bar.min, bar.max, bar.step, ["type", "inputmode", "autocomplete",
          "spellcheck"].map((name) => typed.getAttribute(name))];""",
        {"o": {**o, "symbol": "β", "look": "momentum"}, "spec": ["number", 0, 0, 1], "value": 0},
    )
    assert found == [name, "size, type a value", o.get("unit", ""), "size β", "momentum", "a", [True, False], "0", "1000", "any",
                     ["text", "decimal", "off", "false"]]  # fmt: skip


def test_a_slider_has_the_ends_it_is_given(kit):
    """Its value's own bounds; or, narrower or wider, others for what is seen, and others for what is taken."""
    found = kit(
        """return [{}, { range: [2, 4] }, { bounds: [1, 5] }, { bounds: [1, 5], range: [2, 4] }].map((o) => {
            const made = slider({ o, spec: ["number", 3, 0, 10], value: 3 }), at = Number(made.bar.value);
            made.bar.value = "1000";
            happens(made.bar, "input");
            const end = made.store.get("a");
            made.typed.value = "99";
            happens(made.typed, "change");
            return [at, end, made.store.get("a"), made.said.pop()];
        });"""
    )
    lies = "size lies between {} and {}; the nearest is taken."
    assert found == [
        [300, 10, 10, lies.format(0, 10)],
        [500, 4, 10, lies.format(0, 10)],
        [500, 5, 5, lies.format(1, 5)],
        [500, 4, 5, lies.format(1, 5)],
    ]


def test_a_slider_without_a_state_reads_and_writes_what_it_is_given(kit):
    found = kit(
        """return [{ range: () => [0, 10] }, { bounds: [0, 10], whole: true }].map((more) => {
            const made = desk({ b: state.number(1, 0, 1) }), got = [];
            let now = 4;
            const set = (value) => { got.push(value); now = value; };
            const { bar, typed, node } = controls.addSlider(made, { label: "size", get: () => now, set, ...more });
            made.store.begin();
            const at = bar.value;
            bar.value = "777";
            happens(bar, "input");
            typed.value = "2.5";
            happens(typed, "change");
            return [at, got, node.dataset.control];
        });"""
    )
    assert found == [["400", [7.77, 2.5], "size"], ["400", [8, 3], "size"]]


MARKS = [
    {"value": 0, "label": "0"},
    {"value": 9.85, "label": "late"},
    {"value": 9.86, "label": "ends"},
    {"value": 9.86, "label": "10"},
    {"value": 5, "label": "middle", "class": "lf-limit", "side": "start"},
    {"value": -0.02, "label": "before"},
    {"value": 10.02, "label": "after"},
    {"value": -0.009, "label": "edge"},
    {"value": 10.009, "label": "edge"},
]


def test_marks_stand_below_a_slider(kit):
    found = kit(
        """const { node } = slider(given);
        return [...node.querySelector(".lf-mark-row").children].map((one) => [one.textContent, one.className.trim(), one.hidden,
          one.dataset.side ?? null, one.style.getPropertyValue("--at").trim()]);""",
        {"o": {"marks": MARKS}, "spec": ["number", 0, 0, 10], "value": 0},
    )
    assert found == [
        ["0", "lf-mark", False, "middle", "0.00%"],
        ["late", "lf-mark", False, "middle", "98.50%"],
        ["ends", "lf-mark", False, "end", "98.60%"],
        ["10", "lf-mark", False, "middle", "98.60%"],
        ["middle", "lf-mark lf-limit", False, "start", "50.00%"],
        ["", "", True, None, ""],
        ["", "", True, None, ""],
        ["edge", "lf-mark", False, "middle", "-0.09%"],
        ["edge", "lf-mark", False, "end", "100.09%"],
    ]


def test_marks_move_with_what_they_name(kit):
    found = kit(
        """let at = 2;
        const made = desk({ a: state.number(0, 0, 10) });
        const { node } = controls.addSlider(made, { name: "a", label: "size", marks: () => [{ value: at, label: `${at}` }] });
        const read = () => [...node.querySelectorAll(".lf-mark")].map((one) => [one.textContent, one.style.cssText]);
        made.store.begin();
        const first = read();
        at = 3;
        made.store.set({ a: 1 });
        made.store.flush();
        return [first, read()];"""
    )
    assert found == [[["2", "--at: 20.00%;"]], [["3", "--at: 30.00%;"]]]


TYPED = [  # what is typed, the value then, what is said
    ("7", 7, ""),
    ("7,25", 7.25, ""),
    ("12", 10, "size lies between −1 and 10; the nearest is taken."),
    ("-2", -1, "size lies between −1 and 10; the nearest is taken."),
    ("10", 10, ""),
    ("-1", -1, ""),
    ("x", 3, "“x” is not a number; size lies between −1 and 10."),
]


@pytest.mark.parametrize("typed, value, said", TYPED)
def test_what_is_typed_is_taken(kit, typed, value, said):
    """By Enter, or when the field is left; with Escape what stood there comes back."""
    found = kit(
        """return ["change", "Enter", "Escape"].map((how) => {
            const made = slider(given), { typed } = made;
            typed.focus();
            typed.value = given.typed;
            const took = how === "change" ? happens(typed, "change") && null : press(typed, how);
            const kept = [typed.selectionStart, typed.selectionEnd];
            const note = made.node.querySelector(".lf-beyond");
            const seen = [note.hidden, note.textContent];
            happens(made.bar, "input");
            return [made.store.get("a"), made.said, typed.value, took, how === "Enter" ? kept : null, seen, note.hidden];
        });""",
        {"typed": typed, "o": {}, "spec": ["number", 3, -1, 10], "value": 3},
    )
    written = f"{value:g}"
    assert found == [
        [value, [said], written, None, None, [not said, said], True],
        [value, [said], written, True, [0, len(written)], [not said, said], True],
        [3, [], "3", False, None, [True, ""], True],
    ], "what is said to the ear stands where the eye is, until the slider moves"


def test_a_whole_number_is_typed_whole_and_the_field_is_the_readers_while_it_is_held(kit):
    found = kit(
        """const made = slider(given), { typed } = made;
        typed.value = "4.6";
        happens(typed, "change");
        const whole = made.store.get("a");
        typed.focus();
        const picked = [typed.selectionStart, typed.selectionEnd];
        typed.value = "9 and";
        made.store.set({ a: 7 });
        made.store.flush();
        const held = typed.value;
        typed.blur();
        made.store.set({ a: 8 });
        made.store.flush();
        return [whole, picked, held, typed.value];""",
        {"o": {}, "spec": ["integer", 3, 0, 10], "value": 3},
    )
    assert found == [5, [0, 1], "9 and", "8"]


FINGER = """const made = slider(given), { bar } = made;
const put = (place) => { bar.value = String(place); happens(bar, "input"); };
const log = [];
for (const [what, ...rest] of given.hand) {
  if (what === "put") put(...rest);
  else point(bar, `pointer${what}`, ...rest);
  log.push([made.store.get("a"), Number(bar.value) / 100]);
}
return log;"""
HANDS = {
    "a mouse": ([("down", 0, 0, "mouse"), ("put", 800)], [(3, 3), (8, 8)]),
    "a pen": ([("down", 0, 0, "pen"), ("put", 800)], [(3, 3), (8, 8)]),
    "no pointer": ([("move", 50, 0), ("put", 800), ("cancel", 0, 0)], [(3, 3), (8, 8), (8, 8)]),
    "a finger waits": ([("down", 100, 100), ("put", 800)], [(3, 3), (3, 3)]),
    "a tap": ([("down", 100, 100), ("put", 800), ("up", 100, 100)], [(3, 3), (3, 3), (8, 8)]),
    "a touch that puts nothing": ([("down", 100, 100), ("up", 100, 100)], [(3, 3), (3, 3)]),
    "it slides": ([("down", 100, 100), ("move", 107, 106), ("put", 800)], [(3, 3), (3, 3), (8, 8)]),
    "to the left": ([("down", 100, 100), ("move", 93, 100), ("put", 200)], [(3, 3), (3, 3), (2, 2)]),
    "not far enough": ([("down", 100, 100), ("move", 106, 100), ("put", 800)], [(3, 3), (3, 3), (3, 3)]),
    "more upwards": ([("down", 100, 100), ("move", 107, 93), ("put", 800)], [(3, 3), (3, 3), (3, 3)]),
    "once it slides it does": (
        [("down", 100, 100), ("move", 120, 100), ("move", 100, 100), ("put", 800)],
        [(3, 3), (3, 3), (3, 3), (8, 8)],
    ),
    "a slide is no tap": (
        [("down", 100, 100), ("put", 500), ("move", 120, 100), ("put", 800), ("up", 120, 100)],
        [(3, 3), (3, 3), (3, 3), (8, 8), (8, 8)],
    ),
    "a scroll takes it back": (
        [("down", 100, 100), ("move", 120, 100), ("put", 800), ("cancel", 120, 100)],
        [(3, 3), (3, 3), (8, 8), (3, 3)],
    ),
    "a scroll before it slid": ([("down", 100, 100), ("put", 800), ("cancel", 100, 180)], [(3, 3), (3, 3), (3, 3)]),
    "after a tap a key is no finger": (
        [("down", 100, 100), ("put", 800), ("up", 100, 100), ("put", 900)],
        [(3, 3), (3, 3), (8, 8), (9, 9)],
    ),
    "after a scroll a key is no finger": (
        [("down", 100, 100), ("cancel", 100, 180), ("put", 900)],
        [(3, 3), (3, 3), (9, 9)],
    ),
    "a mouse after a finger": (
        [("down", 100, 100), ("down", 100, 100, "mouse"), ("put", 900)],
        [(3, 3), (3, 3), (9, 9)],
    ),
}


@pytest.mark.parametrize("hand", HANDS)
def test_a_finger_is_known_to_slide_before_it_turns_anything(kit, hand):
    moves, wanted = HANDS[hand]
    found = kit(FINGER, {"hand": moves, "o": {}, "spec": ["number", 3, 0, 10], "value": 3})
    assert [tuple(one) for one in found] == [pytest.approx(one) for one in wanted]


def test_a_scroll_that_changed_nothing_saves_nothing(kit):
    found = kit(
        """const made = slider(given);
        point(made.bar, "pointerdown", 0, 0);
        point(made.bar, "pointercancel", 0, 50);
        return made.saved.length;""",
        {"o": {}, "spec": ["number", 3, 0, 10], "value": 3},
    )
    assert found == 0


# -- menu, segments, box, button ------------------------------------------------------------------


OPTIONS = [
    {"value": "a", "label": "A"},
    {"value": "b", "label": "B", "group": "one"},
    {"value": "c", "label": "C", "group": "one"},
    {"value": "d", "label": "D", "group": "two"},
    {"value": "e", "label": "E"},
    {"value": "f", "label": "F", "group": "two"},
]


def test_a_menu_has_its_groups_and_its_choice(kit):
    found = kit(
        """const made = desk({ a: state.choice("c", given.map(({ value }) => value)) });
        const { menu, node } = controls.addSelect(made, { name: "a", label: "which", options: given, fold: true });
        made.store.begin();
        const tree = [...menu.children].map((one) => one.localName === "option" ? one.textContent
          : [one.label, ...[...one.children].map((inner) => `${inner.value}=${inner.textContent}`)]);
        const first = menu.value;
        menu.value = "e";
        happens(menu, "change");
        const chosen = made.store.get("a");
        made.store.set({ a: "f" });
        made.store.flush();
        return [tree, first, chosen, menu.value, menu.getAttribute("aria-label"), node.dataset.control,
          node.textContent.slice(0, 5), made.folded.contains(node), made.seen.contains(node)];""",
        OPTIONS,
    )
    tree = ["A", ["one", "b=B", "c=C"], ["two", "d=D"], "E", ["two", "f=F"]]
    assert found == [tree, "c", "e", "f", "which", "a", "which", True, False]


def test_segments_are_one_switch(kit):
    found = kit(
        """const made = desk({ a: state.choice("b", ["a", "b", "c"]) });
        const options = ["a", "b", "c"].map((value) => ({ value, label: value.toUpperCase(), look: `look-${value}` }));
        const two = [0, 1].map(() => controls.addSegments(made, { name: "a", label: "which", options }));
        made.store.begin();
        const [{ radios, node }] = two, read = () => radios.map(({ checked }) => checked);
        const names = two.map((one) => new Set(one.radios.map(({ name }) => name)));
        const first = read();
        radios[2].checked = true;
        happens(radios[2], "change");
        const chosen = made.store.get("a");
        made.store.set({ a: "a" });
        made.store.flush();
        const labels = [...node.querySelectorAll("label")];
        return [names.map(({ size }) => size), [...names[0]][0] !== [...names[1]][0], first, chosen, read(),
          labels.map((one) => [one.textContent, one.dataset.look, one.querySelector("input").value]), node.dataset.control,
          node.querySelector("[role=radiogroup]").getAttribute("aria-label")];"""
    )
    labels = [["A", "look-a", "a"], ["B", "look-b", "b"], ["C", "look-c", "c"]]
    assert found == [[1, 1], True, [False, True, False], "c", [True, False, False], labels, "a", "which"]


def test_a_box_is_ticked_and_says_so(kit):
    found = kit(
        """const made = desk({ a: state.flag(true), b: state.flag(false) }), parent = dom.h("div");
        here.append(parent);
        const { tick, node } = controls.addToggle(made, { name: "a", label: "show", look: "truth" });
        const other = controls.addToggle(made, { name: "b", label: "more", parent });
        const folded = controls.addToggle(made, { name: "b", label: "less", fold: true });
        made.store.begin();
        const first = [tick.checked, other.tick.checked];
        tick.click();
        other.tick.click();
        const set = [made.store.get("a"), made.store.get("b")];
        made.store.set({ a: true });
        made.store.flush();
        return [first, set, tick.checked, node.textContent, node.dataset.look, node.dataset.control, made.seen.contains(node),
          parent.contains(other.node), made.seen.contains(other.node), made.folded.contains(folded.node)];"""
    )
    assert found == [[True, False], [False, True], True, "show", "truth", "a", True, True, False, True]


def test_a_button_stands_in_its_row_and_changes_its_name(kit):
    found = kit(
        """const made = desk({}), log = [];
        const loud = controls.addButton(made, { label: "Play", icon: "play", press: () => log.push("loud") });
        const quiet = controls.addButton(made, { label: "Link", press: () => log.push("quiet"), quiet: true });
        const drawing = () => loud.node.querySelector("svg path").getAttribute("d"), first = drawing();
        loud.node.click();
        quiet.node.click();
        loud.name("Run");
        const kept = drawing() === first;
        loud.name("Pause", "pause");
        return [log, kept, drawing() !== first, loud.node.querySelector("svg").getAttribute("viewBox"), loud.node.textContent,
          quiet.node.querySelector("svg"), made.acts.textContent,
          made.share.textContent, loud.node.className, quiet.node.className, loud.node.type];"""
    )
    looks = ["lf-button", "lf-button lf-quiet", "button"]
    assert found == [["loud", "quiet"], True, True, "0 0 16 16", "Pause", None, "Pause", "Link", *looks]


def test_every_drawing_on_a_button_is_one(kit):
    found = kit(
        """const made = desk({}), names = ["play", "pause", "step", "reset", "target", "code", "link"];
        return names.map((icon) => controls.addButton(made, { label: icon, icon, press() {} }).node.querySelector("path"))
          .map((path) => path.getTotalLength() > 20);"""
    )
    assert found == [True] * 7


def test_controls_without_a_state_read_and_write_what_they_are_given(kit):
    found = kit(
        """const made = desk({}), got = [], options = ["a", "b"].map((value) => ({ value, label: value }));
        const bound = (value) => ({ label: "own", get: () => value, set: (now) => got.push(now) });
        const { menu, node: one } = controls.addSelect(made, { ...bound("b"), options });
        const { radios, node: two } = controls.addSegments(made, { ...bound("b"), options, fold: true });
        const { tick, node: three } = controls.addToggle(made, bound(true));
        made.store.begin();
        const shown = [menu.value, radios.map(({ checked }) => checked), tick.checked];
        menu.value = "a";
        happens(menu, "change");
        radios[0].click();
        tick.click();
        return [shown, got, [one, two, three].map((node) => [node.dataset.control, made.folded.contains(node)])];"""
    )
    assert found == [["b", [False, True], True], ["a", "a", False], [["own", False], ["own", True], ["own", False]]]


# -- store ----------------------------------------------------------------------------------------


STORE = """
const log = [], frames = [];
const life = { ...dom.lifetime(), frame: (callback) => frames.push(callback) };
const ends = [];
life.onEnd = (callback) => ends.push(callback);
const model = { ...host.plainModel({ a: 1, b: 2 }), save_changes: () => log.push("saved") };
const kept = store.createStore(model, { a: state.number(1, 0, 9), b: state.number(2, 0, 9) }, life);
kept.watch((names) => log.push(`heard ${names}`));
kept.draw(() => log.push(`drawn ${kept.get("a")}`));
const frame = () => frames.splice(0).forEach((callback) => callback(0));
"""


def test_nothing_is_drawn_before_the_begin_and_then_once_a_frame(kit):
    found = kit(
        STORE
        + """
        kept.set({ a: 3 });
        kept.flush();
        const before = [log.splice(0), frames.length];
        kept.begin();
        const begun = log.splice(0);
        kept.flush();
        kept.set({ a: 4, b: 5 });
        kept.redraw();
        const waiting = [log.splice(0), frames.length];
        frame();
        const after = log.splice(0);
        kept.flush();
        kept.redraw();
        kept.flush(); // drawn at once: the frame that was asked for has nothing left
        const soon = log.splice(0);
        frame();
        const none = log.splice(0);
        kept.redraw();
        return [before, begun, waiting, after, soon, none, frames.length];"""
    )
    before, begun, waiting, after, soon, none, left = found
    assert before == [["heard a", "saved"], 0] and begun == ["drawn 3"]
    assert waiting == [["heard a", "heard b", "saved"], 1] and after == ["drawn 4"]
    assert soon == ["drawn 4"] and none == [] and left == 1


def test_what_is_the_same_is_not_set_and_what_is_unknown_is_refused(kit):
    found = kit(
        STORE
        + """
        kept.begin();
        log.length = 0;
        kept.set({ a: 1, b: 2 });
        const none = log.splice(0);
        kept.set({ a: 99, b: 2 });
        kept.set({ a: "x" });
        let error;
        try { kept.set({ c: 1 }); } catch (wrong) { error = String(wrong); }
        return [none, log.splice(0), kept.snapshot(), error];"""
    )
    error = "TypeError: this figure has no state named c; it has a, b"
    assert found == [[], ["heard a", "saved"], {"a": 9, "b": 2}, error]


def test_what_the_model_says_is_clamped_and_an_ended_figure_hears_nothing(kit):
    found = kit(
        STORE
        + """
        kept.begin();
        model.set("a", 77);
        frame();
        const heard = [log.splice(0), kept.get("a")];
        kept.redraw();
        life.alive = false;
        frame();
        kept.flush();
        ends.forEach((end) => end());
        model.set("a", 5);
        return [heard, log];"""
    )
    assert found == [[["drawn 1", "heard a", "drawn 9"], 9], []]
