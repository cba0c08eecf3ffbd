"""kit/figure.js and kit/sentence.js: the frame of every figure, what it says and shares, and words that move it."""

import pytest

MODULES = {
    "figures": "kit/figure",
    "sentence": "kit/sentence",
    "state": "kit/state",
    "host": "kit/host",
    "dom": "kit/dom",
    "back": "kit/back",
}
# A figure of two numbers, with what the browser would do written down.
BEFORE = """
const log = [], timers = [], frames = [];
let calm = false;
(window.lives ?? []).forEach((life) => life.end()); // those of the test before
window.lives = [];
window.matchMedia = () => ({ matches: calm, addEventListener() {}, removeEventListener() {} });
const SPECS = { a: state.number(1, 0, 9), beta: state.number(0.5, 0, 1) };
const build = (o = {}, { link, steps } = {}) => {
  const el = dom.h("div");
  here.append(el);
  const values = Object.fromEntries(Object.entries(o.state ?? SPECS).map(([name, spec]) => [name, spec.initial]));
  const model = { ...host.plainModel(values, link && { key: link }), ...(steps && { steps }) };
  const fig = figures.createFigure({ model, el, title: "What to see", state: SPECS, python: ({ a }) => `print(${a})`, ...o });
  lives.push(fig.life);
  const buttons = () => Object.fromEntries([...el.querySelectorAll("button")].map((button) => [button.textContent, button]));
  return Object.assign(fig, { buttons });
};
const part = (fig, name) => fig.root.querySelector(`.lf-${name}`);
const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
"""


def test_the_parts_of_a_figure(kit):
    found = kit(
        """const fig = build(), { root, el } = fig;
        const first = [...root.children].map((node) => node.className);
        const hidden = ["more", "readouts", "code"].map((name) => part(fig, name).hidden);
        const said = ["sentence", "spoken", "note", "code"].map((name) => ["aria-hidden", "aria-live", "role", "aria-label"]
          .map((key) => part(fig, name).getAttribute(key)));
        fig.slider({ name: "a", label: "size" });
        const shut = part(fig, "more").hidden;
        fig.slider({ name: "beta", label: "momentum", fold: true });
        const controls = [part(fig, "controls"), part(fig, "more")].map((node) => [...node.querySelectorAll(".lf-control")]
          .map((one) => one.dataset.control));
        return [first, hidden, said, root.getAttribute("role"), root.getAttribute("aria-label"), part(fig, "title").textContent,
          shut, part(fig, "more").hidden, controls, part(fig, "more").querySelector("summary").textContent, el.className,
          part(fig, "code").tabIndex];"""
    )
    names = "title pictures acts sentence spoken readouts controls later more share note code".split()
    said = [
        ["true", None, None, None], [None, "polite", None, None], [None, None, "status", None],
        [None, None, None, "Python code of this figure"],
    ]  # fmt: skip
    assert found == [
        [f"lf-{name}" for name in names], [True] * 3, said, "group", "What to see", "What to see",
        True, False, [["a"], ["beta"]], "More settings", "lf-host", 0,
    ]  # fmt: skip


def test_a_value_stands_beside_its_name(kit):
    found = kit(
        """const fig = build(), one = fig.readout("steps"), two = fig.readout("loss", { look: "momentum" });
        one("3");
        two("0.5");
        const list = part(fig, "readouts"), value = list.querySelector("dd");
        const read = () => [...list.children].map(({ children: [name, said] }) => [name.textContent, said.textContent,
          said.dataset.look ?? null, name.localName, said.localName]);
        const first = read(), words = value.firstChild;
        one("3");
        const same = value.firstChild === words;
        one("4");
        return [first, same, read()[0][1], list.hidden];"""
    )
    assert found == [[["steps", "3", None, "dt", "dd"], ["loss", "0.5", "momentum", "dt", "dd"]], True, "4", False]


SPOKEN = """
const wait = window.setTimeout, stop = window.clearTimeout, waiting = new Map();
let count = 0;
window.setTimeout = (callback, ms) => { waiting.set(++count, [callback, ms]); return count; };
window.clearTimeout = (id) => waiting.delete(id);
const later = () => { for (const [id, [callback]] of [...waiting]) { waiting.delete(id); callback(); } };
const times = () => [...waiting.values()].map(([, ms]) => ms);
"""


def test_a_sentence_is_seen_at_once_and_said_when_the_figure_has_been_still(kit):
    found = kit(
        SPOKEN
        + """
        try {
          const fig = build(), seen = [];
          const read = () => seen.push([part(fig, "sentence").textContent, part(fig, "spoken").textContent, times()]);
          fig.speak("one"); read();
          fig.speak("two"); read();
          fig.speak("three"); read();
          fig.speak("three"); read();
          later(); read();
          fig.speak("one"); later(); read();
          return seen;
        } finally { Object.assign(window, { setTimeout: wait, clearTimeout: stop }); }"""
    )
    assert found == [
        ["one", "one", []], ["two", "one", [700]], ["three", "one", [700]], ["three", "one", [700]], ["three", "three", []],
        ["one", "one", []],
    ]  # fmt: skip


def test_a_sentence_keeps_the_height_of_its_longest_words(kit):
    """As long as its width is the same: a slider below it stays under the finger."""
    found = kit(
        """const fig = build(), node = part(fig, "sentence"), seen = [];
        const read = async () => {
          for (let k = 0; k < 3; k++) await frame();
          seen.push(Math.round(node.getBoundingClientRect().height));
        };
        fig.speak("short"); await read();
        fig.speak("many words ".repeat(40)); await read();
        fig.speak("short"); await read();
        here.style.width = "500px"; await read();
        fig.life.end();
        return seen;"""
    )
    short, long, kept, narrow = found
    assert long > 2 * short and kept == long and narrow == short


def test_every_control_of_a_figure_is_bound_to_its_state(kit):
    found = kit(
        """const specs = { ...SPECS, c: state.choice("x", ["x", "y"]), f: state.flag(false) };
        const options = ["x", "y"].map((value) => ({ value, label: value }));
        const fig = build({ state: specs, python: () => "" });
        const which = { name: "c", label: "which", options };
        const { typed } = fig.slider({ name: "a", label: "size" }), { menu } = fig.select(which);
        const { radios } = fig.segments(which), { tick } = fig.toggle({ name: "f", label: "on" });
        const { node } = fig.button({ label: "more", press: () => log.push("pressed") });
        const player = fig.player({ length: () => 3 });
        fig.start();
        const seen = [[menu.value, radios.map(({ checked }) => checked), tick.checked, typed.value, player.head()]];
        menu.value = "y";
        menu.dispatchEvent(new Event("change"));
        seen.push(fig.get("c"));
        fig.flush();
        radios[0].click();
        seen.push(fig.get("c"));
        tick.click();
        typed.value = "4";
        typed.dispatchEvent(new Event("change"));
        node.click();
        return [seen, fig.snapshot(), log, Object.keys(fig.buttons())];"""
    )
    begin = ["x", [True, False], False, "1", 3]
    assert found == [[begin, "y", "x"], {"a": 4, "beta": 0.5, "c": "x", "f": True}, ["pressed"],
                     ["more", "Play", "Step", "Reset", "Copy as Python"]]  # fmt: skip


def test_what_a_figure_watches_ends_with_it(kit):
    found = kit(
        """const Real = window.ResizeObserver, open = new Set();
        window.ResizeObserver = class extends Real {
          observe(node) { open.add(this); super.observe(node); }
          disconnect() { open.delete(this); super.disconnect(); }
        };
        try {
          const fig = build();
          fig.speak("words");
          fig.plot({ label: "p", x: { domain: [0, 1] }, y: { domain: [0, 1] } }).key([{ words: "key" }]);
          const end = fig.start(), before = open.size;
          end();
          return [before, open.size];
        } finally { window.ResizeObserver = Real; }"""
    )
    assert found == [3, 0]


def test_reset_brings_the_state_back_and_what_was_said_goes(kit):
    found = kit(
        """const fig = build();
        fig.draw(() => log.push(`drawn ${fig.get("a")}`));
        fig.onReset(() => log.push("reset"));
        fig.start();
        fig.set({ a: 5, beta: 0.9 });
        fig.say("a note");
        const note = part(fig, "note").textContent;
        fig.flush();
        fig.buttons().Reset.click();
        const after = fig.snapshot();
        log.push("then");
        await frame();
        fig.buttons().Reset.click(); // with nothing changed it is drawn again, too
        await frame();
        return [note, part(fig, "note").textContent, after, fig.initial, log];"""
    )
    log = ["drawn 1", "drawn 5", "reset", "then", "drawn 1", "reset", "drawn 1"]
    state = {"a": 1, "beta": 0.5}
    assert found == ["a note", "", state, state, log]


def test_who_asks_a_figure_is_answered_until_it_goes(kit):
    found = kit(
        """const fig = build();
        let drawn = 0;
        fig.draw(() => { drawn = fig.get("a"); });
        fig.numbers(() => ({ drawn }));
        const before = [fig.el.dataset.ready ?? null, fig.el.__figure === undefined];
        const end = fig.start(), { __figure: shown } = fig.el;
        shown.set({ a: 7 });
        const told = [shown.numbers(), shown.python(), shown.get("a"), shown.specs === SPECS, shown.model === fig.model,
          fig.el.dataset.ready];
        end();
        const after = [fig.el.dataset.ready ?? null, fig.el.__figure === undefined];
        return [before, told, after, fig.el.children.length, fig.el.className];"""
    )
    told = [{"state": {"a": 7, "beta": 0.5}, "drawn": 7}, "print(7)", 7, True, True, "1"]
    assert found == [[None, True], told, [None, True], 0, ""]


def test_a_figure_says_no_numbers_until_it_is_told_which(kit):
    assert kit("const fig = build(); fig.start(); return fig.el.__figure.numbers();") == {"state": {"a": 1, "beta": 0.5}}


def test_a_page_takes_a_figure_step_by_step(kit):
    found = kit(
        """const steps = [], fig = build({}, { steps });
        fig.plot({ label: "p", x: { domain: [0, 1] }, y: { domain: [0, 1] } });
        fig.early(() => log.push("early"));
        fig.draw(() => log.push("drawn"));
        fig.start();
        const seen = [[steps.length, log.length]];
        for (const step of steps) {
          step();
          seen.push([log.join(), part(fig, "svg").getAttribute("width"), fig.el.dataset.ready ?? null]);
        }
        return seen;"""
    )
    assert found == [[3, 0], ["", "600", None], ["early", "600", None], ["early,drawn", "600", "1"]]


def test_pictures_stand_above_the_controls_or_later(kit):
    found = kit(
        """const fig = build(), o = { label: "p", x: { domain: [0, 1] }, y: { domain: [0, 1] } }, own = dom.h("div");
        fig.root.append(own);
        const plots = [fig.plot(o), fig.plot({ ...o, later: true }), fig.plot({ ...o, parent: own })];
        const words = plots[0].text({});
        fig.draw(() => words.update(0.5, 0.5, "words"));
        fig.start();
        return [plots.map((plot) => plot.box.parentNode.className), words.node.getAttribute("visibility"),
          plots.map(({ width }) => width)];"""
    )
    assert found == [["lf-pictures", "lf-later", ""], "visible", [600, 600, 600]]


def test_words_find_their_places_again_when_the_typeface_has_come(kit):
    found = kit(
        """const fig = build();
        fig.draw(() => log.push("drawn"));
        fig.start();
        document.fonts.dispatchEvent(new Event("loadingdone"));
        await frame();
        return log;"""
    )
    assert found == ["drawn", "drawn"]


COPYING = """
const real = Object.getOwnPropertyDescriptor(Navigator.prototype, "clipboard");
const clipboard = (works) => Object.defineProperty(navigator, "clipboard", { configurable: true,
  value: works === null ? undefined : { writeText: async (text) => { if (!works) throw new Error("no"); log.push(text); } } });
document.execCommand = (what) => { log.push([what, document.activeElement.value ?? null]); return given.older; };
clipboard(given.works);
"""
DONE = "Copied. It runs where momentum_lib is installed."


@pytest.mark.parametrize(
    "works, older, log, said",
    [
        (True, False, ["print(3)"], DONE),
        (False, True, [["copy", "print(3)"]], DONE),
        (None, True, [["copy", "print(3)"]], DONE),
        (False, False, [["copy", "print(3)"]], "Your browser does not let a page copy: select the text yourself."),
    ],
)
def test_python_is_shown_and_copied(kit, works, older, log, said):
    found = kit(
        COPYING
        + """
        const fig = build();
        fig.start();
        fig.set({ a: 3 });
        const before = [part(fig, "code").hidden, part(fig, "code").textContent];
        fig.buttons()["Copy as Python"].click();
        for (let k = 0; k < 3; k++) await frame();
        const shown = [part(fig, "code").hidden, part(fig, "code").textContent, part(fig, "note").textContent];
        fig.set({ a: 4 });
        fig.flush();
        return [before, log, shown, part(fig, "code").textContent, fig.root.querySelector("textarea")];""",
        {"works": works, "older": older},
    )
    assert found == [[True, ""], log, [False, "print(3)", said], "print(4)", None]


LINKED = """
history.replaceState = (state, _, address) => log.push(String(address));
Element.prototype.scrollIntoView = function (o) { log.push([this.className, o]); };
"""


def test_a_link_holds_the_state_and_brings_it_back(kit):
    found = kit(
        COPYING
        + LINKED
        + """
        const fig = build({}, { link: "fig" });
        fig.start();
        fig.set({ a: 3 });
        fig.buttons().Link.click();
        for (let k = 0; k < 2; k++) await frame();
        return [log, part(fig, "note").textContent];""",
        {"works": True, "older": False},
    )
    address = "about:blank#live=fig&a=3&beta=0.5"
    said = "Copied: this address opens the page with the figure as it is now."
    assert found == [[address, address], said]


def test_a_page_that_is_opened_with_a_link_shows_its_figure(kit):
    found = kit(
        LINKED
        + """
        const follow = async (hash) => {
          location.hash = hash;
          await new Promise((done) => setTimeout(done));
          await frame();
        };
        await follow("live=fig&a=4");
        const fig = build({}, { link: "fig" }), other = build({}, { link: "other" }), none = build();
        [fig, other, none].forEach((one) => one.start());
        await frame();
        const seen = [[fig.snapshot(), log.splice(0)]];
        await follow("live=other&a=2");
        seen.push([fig.snapshot(), other.snapshot(), log.splice(0)]);
        await follow("live=fig&a=99");
        seen.push([fig.snapshot(), log.splice(0)]);
        await follow("section");
        seen.push([fig.snapshot(), log.splice(0)]);
        fig.life.end();
        await follow("live=fig&a=1");
        seen.push([fig.snapshot(), log.splice(0), Object.keys(none.buttons())]);
        location.hash = "";
        return seen;"""
    )
    at, place = lambda a: {"a": a, "beta": 0.5}, [["lf-host", {"block": "center"}]]
    assert found == [
        [at(4), place], [at(4), at(2), place], [at(9), place], [at(9), []], [at(9), [], ["Reset", "Copy as Python"]],
    ]  # fmt: skip


def test_each_button_has_a_drawing_of_its_own(kit):
    found = kit(
        """const fig = build({}, { link: "fig" });
        fig.player({ length: () => 3 });
        fig.start();
        return Object.entries(fig.buttons()).map(([name, node]) => [name, node.querySelector("svg path").getAttribute("d")]);"""
    )
    assert [name for name, _ in found] == ["Play", "Step", "Reset", "Copy as Python", "Link"]
    assert all(drawing for _, drawing in found) and len({drawing for _, drawing in found}) == 5


def test_the_buttons_that_share_are_the_quiet_ones(kit):
    found = kit(
        """const fig = build({}, { link: "fig" });
        fig.start();
        return [[...part(fig, "acts").children].map((one) => one.textContent), [...part(fig, "share").children].map((one) =>
          [one.textContent, one.classList.contains("lf-quiet")])];"""
    )
    assert found == [["Reset"], [["Copy as Python", True], ["Link", True]]]


# -- words that move a figure ---------------------------------------------------------------------

WAYS = [  # a number's ends, from where to where, how much of the way; what it is then
    ((0, 10), 2, 6, 0.25, 3),
    ((1, 1000), 1, 100, 0.5, 10),
    ((1, 100), 1, 100, 0.5, 50.5),  # not more than two powers of ten
    ((1, 101), 1, 100, 0.5, 10),
    ((0, 1000), 1, 100, 0.5, 50.5),
    ((-1, 1000), 1, 100, 0.5, 50.5),
    ((1, 1000), 4, 0.25, 0.5, 1),
    ((0.001, 1), 0, 0.5, 0.5, 0.25),
    ((0.001, 1), 0.5, 0, 0.5, 0.25),
    ((0, 10), 2, 6, 1, 6),
    ((0, 10), 2, 6, 0, 2),
]


@pytest.mark.parametrize("ends, begin, end, share, wanted", WAYS)
def test_a_number_goes_its_way_evenly_or_by_equal_factors(kit, ends, begin, end, share, wanted):
    found = kit(
        """const specs = [state.number(0, ...given[0]), state.integer(0, ...given[0])];
        return specs.map((spec) => sentence.between(spec, ...given[1]));""",
        [ends, [begin, end, share]],
    )
    assert found == [pytest.approx(wanted), end]


WORDS = """
const real = window.requestAnimationFrame;
window.requestAnimationFrame = (callback) => frames.push(callback);
const step = (now) => frames.splice(0).forEach((callback) => callback(now));
Element.prototype.scrollIntoView = function (o) { log.push([this.dataset.key ?? this.className, o]); };
const words = (key, set, says) =>
  dom.h("span", { class: "set", "data-live": key, "data-set": set, "data-says": says }, "these words");
const figure = (specs, values) => ({ specs, get: (name) => values[name], set: (more) => Object.assign(values, more), values });
const place = (key, values = { a: 1, beta: 0.5 }) => {
  const parts = [dom.h("div", { class: "lf-plot" }), dom.h("p", { class: "lf-sentence", text: "says" })];
  const node = dom.h("div", { "data-key": key }, ...parts);
  node.querySelector(".lf-plot").style.height = "100px";
  node.__figure = figure({ ...SPECS, kind: state.choice("x", ["x", "y"]) }, { kind: "x", ...values });
  here.append(node);
  return node;
};
const press = (node, key) => !node.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true, bubbles: true }));
const close = () => {
  window.requestAnimationFrame = real;
  document.querySelectorAll(".way-back").forEach((one) => one.remove());
};
"""


def words(kit, code):
    """What this code gives, with the page's frames in its hand."""
    return kit(f"{WORDS}\ntry {{\n{code}\n}} finally {{ close(); }}")


def test_words_are_buttons_that_say_what_they_set(kit):
    found = words(
        kit,
        """const one = words("fig", "a=3", "sets the size to 3"), two = words("fig", "a=4");
        here.append(one, two);
        sentence.bindWords(() => null);
        one.click(); // there is no figure
        return [one, two].map((node) => [node.tabIndex, node.title, node.getAttribute("role"),
          document.getElementById(node.getAttribute("aria-describedby")).textContent,
          document.getElementById(node.getAttribute("aria-describedby")).hidden, node.nextElementSibling.id ===
          node.getAttribute("aria-describedby")]).concat([[one.nextElementSibling.id !== two.nextElementSibling.id]]);""",
    )
    says = "sets the size to 3"
    assert found == [[0, says, "button", says, True, True], [0, "", "button", "", True, True], [True]]


def test_words_take_a_figure_to_its_state_on_a_visible_way(kit):
    found = words(
        kit,
        """const fig = place("fig"), one = words("fig", "a=5&kind=y"), asked = [], { values } = fig.__figure;
        here.prepend(one);
        sentence.bindWords((key) => { asked.push(key); return fig; });
        one.click();
        const seen = [{ ...values }];
        for (const now of [1000, 1225, 1400, 1449]) { step(now); seen.push({ ...values }); }
        step(1450);
        return [asked, seen, values, frames.length, log];""",
    )
    asked, seen, values, left, log = found
    assert asked == ["fig"] and log == [] and left == 0
    assert seen[:2] == [{"a": 1, "beta": 0.5, "kind": "x"}, {"a": 1, "beta": 0.5, "kind": "y"}]
    for one, part in zip(seen[2:], [225 / 450, 400 / 450, 449 / 450], strict=True):
        assert one == {"a": pytest.approx(1 + 4 * part * part * (3 - 2 * part)), "beta": 0.5, "kind": "y"}
    assert values == {"a": 5, "beta": 0.5, "kind": "y"}


@pytest.mark.parametrize("key, taken", [("Enter", True), (" ", True), ("a", False)])
def test_words_are_pressed_by_keys(kit, key, taken):
    found = words(
        kit,
        f"""calm = true;
        const fig = place("fig"), one = words("fig", "a=5");
        here.prepend(one);
        sentence.bindWords(() => fig);
        return [press(one, {key!r}), fig.__figure.values.a, frames.length];""",
    )
    assert found == [taken, 5 if taken else 1, 0]  # at once where less motion is wanted


def test_a_hand_or_other_words_end_a_journey(kit):
    found = words(
        kit,
        """const fig = place("fig"), far = words("fig", "a=9"), near = words("fig", "beta=1"), { values } = fig.__figure;
        here.prepend(far, near);
        sentence.bindWords(() => fig);
        far.click();
        step(1000); step(1225);
        const half = values.a;
        fig.dispatchEvent(new Event("pointerdown"));
        step(1449);
        const held = [values.a, frames.length];
        far.click();
        step(2000); step(2225);
        const again = values.a;
        near.click();
        step(3000); step(3500);
        step(4000);
        return [half, held, again, { ...values }];""",
    )
    half, held, again, values = found
    assert half == 5 and held == [5, 0] and again == 7
    assert values == {"a": 7, "beta": 1, "kind": "x"}


def test_words_that_mean_nothing_to_a_figure_leave_it(kit):
    found = words(
        kit,
        """const fig = place("fig"), one = words("fig", "a=5");
        here.prepend(one);
        sentence.bindWords(() => fig);
        delete fig.__figure;
        one.click();
        return frames.length;""",
    )
    assert found == 0


SEEN = [  # where the picture and the sentence are, in a window of 900 below a bar; whether the figure is brought into view
    ({"top": 100}, False),
    ({"top": 841}, True),  # 59 of its 100 pixels are in view
    ({"top": 839, "sentence": "none"}, False),
    ({"top": 839}, True),  # but not its sentence
    ({"top": -39}, False),
    ({"top": -41}, True),
    ({"top": 5, "bar": 44}, False),
    ({"top": 3, "bar": 44}, True),
    ({"top": 700, "height": 700}, True),
    ({"top": -300, "height": 1800, "sentence": "none"}, False),  # higher than the window, of which it fills enough
    ({"top": 350, "height": 1800, "sentence": "none"}, False),
    ({"top": 370, "height": 1800, "sentence": "none"}, True),
    ({"top": 2000, "plot": "none", "sentence": "none"}, False),  # nothing that could be seen
    ({"top": 2000, "plot": "absent", "sentence": "none", "tall": 100}, True),  # a figure without a picture is one
    ({"top": 200, "plot": "absent", "sentence": "none", "tall": 100}, False),
]


@pytest.mark.parametrize("o, brought", SEEN)
def test_a_figure_that_is_not_seen_is_brought_into_view(kit, o, brought):
    found = kit(
        WORDS
        + """
        try {
          const fig = place("fig"), one = words("fig", "a=5"), [plot, said] = fig.children;
          here.append(one);
          const bar = dom.h("header", { class: "bar", style: `position: fixed; top: 0; height: ${given.bar}px` });
          if (given.bar) here.prepend(bar);
          if (given.plot === "absent") plot.remove();
          Object.assign(fig.style, { position: "fixed", top: `${given.top}px`, height: given.tall ? `${given.tall}px` : "" });
          Object.assign(said.style, { margin: 0, display: given.sentence ?? "block" });
          Object.assign(plot.style, { height: `${given.height ?? 100}px`, display: given.plot ?? "block" });
          sentence.bindWords(() => fig);
          one.click();
          return [log, document.querySelectorAll(".way-back").length];
        } finally { close(); }""",
        o,
    )
    if not brought:
        assert found == [[], 0]
    else:
        block = "start" if o.get("height", 100) > 800 else "center"
        assert found == [[["fig", {"block": block, "behavior": "smooth"}]], 1]


@pytest.mark.parametrize("high, block", [(820, "center"), (821, "start")])
def test_a_figure_that_does_not_fit_is_shown_from_its_top_on(kit, high, block):
    found = words(
        kit,
        f"""calm = true;
        const fig = place("fig"), one = words("fig", "a=5");
        Object.assign(fig.style, {{ position: "fixed", top: "2000px", height: "{high}px" }});
        here.append(one);
        sentence.bindWords(() => fig);
        one.click();
        return log;""",
    )
    assert found == [["fig", {"block": block, "behavior": "instant"}]]
