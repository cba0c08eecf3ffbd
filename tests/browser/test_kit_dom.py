"""kit/dom.js: elements as they should be, and lifetimes that leave nothing behind."""

MODULES = {"dom": "kit/dom"}
BEFORE = """
const shown = (node) => Object.fromEntries([...node.attributes].map(({ name, value }) => [name, value]));
const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
const soon = () => new Promise((done) => setTimeout(done, 20));
"""


def test_attributes_are_set_and_removed(kit):
    found = kit(
        """const node = document.createElement("div");
        node.setAttribute("old", "1");
        node.setAttribute("gone", "1");
        node.setAttribute("not", "1");
        const same = dom.assign(node, { old: null, gone: undefined, not: false, yes: true, zero: 0, empty: "", text: 7,
          style: "color: red" }) === node;
        return [same, shown(node), node.textContent, node.style.color];"""
    )
    assert found == [True, {"yes": "", "zero": "0", "empty": "", "style": "color: red;"}, "7", "red"]


def test_an_attribute_is_set_where_it_differs_from_the_last(kit):
    found = kit(
        """const node = document.createElement("div"), set = [], assign = dom.assigner(node);
        node.setAttribute = (...given) => set.push(given);
        assign({ a: 1, b: 2 });
        assign({ a: 1, b: 3 });
        assign({ a: 2 });
        assign({ b: 3 });
        return set;"""
    )
    assert found == [["a", "1"], ["b", "2"], ["b", "3"], ["a", "2"]]


def test_elements_have_their_children_and_words_are_no_markup(kit):
    found = kit(
        """const one = dom.h("p", { class: "a" }, "<b>", dom.h("i")), bare = dom.h("p");
        const two = dom.s("g", { x: 1 }, dom.s("path"));
        return [one.outerHTML, one instanceof HTMLElement, two.namespaceURI, two.firstChild.namespaceURI, shown(two),
          bare.outerHTML];"""
    )
    svg = "http://www.w3.org/2000/svg"
    assert found == ['<p class="a">&lt;b&gt;<i></i></p>', True, svg, svg, {"x": "1"}, "<p></p>"]


def test_a_parent_is_dressed_anew_and_nodes_that_fit_stay(kit):
    found = kit(
        """const results = [];
        for (const parent of [dom.h("div"), dom.s("g")]) {
          const read = () => [...parent.children].map((node) => [node.localName, shown(node), node.textContent]);
          dom.dress(parent, [["a", { x: 1, text: "one" }], ["text", { y: 2 }], ["a", { z: 3 }]]);
          const first = read(), [one, two, three] = parent.children;
          dom.dress(parent, [["a", { w: 4, text: "new" }], ["path", { y: 2 }]]);
          results.push([first, read(), parent.children[0] === one, parent.children[1] === two, three.parentNode,
            [...parent.children].every((node) => node.namespaceURI === parent.namespaceURI)]);
        }
        return results;"""
    )
    first = [["a", {"x": "1"}, "one"], ["text", {"y": "2"}, ""], ["a", {"z": "3"}, ""]]
    second = [["a", {"w": "4"}, "new"], ["path", {"y": "2"}, ""]]
    assert found == [[first, second, True, False, None, True]] * 2


def test_what_fits_is_not_touched(kit):
    found = kit(
        """const parent = dom.h("div"), set = [];
        dom.dress(parent, [["p", { x: 1, hidden: true, text: "same" }]]);
        const [node] = parent.children, words = node.firstChild;
        node.setAttribute = (...given) => set.push(given);
        dom.dress(parent, [["p", { x: 1, hidden: "", text: "same" }]]);
        const kept = node.firstChild === words;
        dom.dress(parent, [["p", { x: 2, hidden: false, text: "other" }]]);
        return [kept, set, shown(node), node.textContent];"""
    )
    assert found == [True, [["x", "2"]], {"x": "1"}, "other"]  # as setAttribute only wrote it down


def test_a_lifetime_ends_what_it_began_the_last_first(kit):
    found = kit(
        """const life = dom.lifetime(), log = [], target = new EventTarget(), heard = [];
        life.onEnd(() => log.push("first"));
        life.on(target, "x", () => heard.push("x"));
        life.on(target, "y", () => heard.push("y"), { once: true });
        life.observe({ disconnect: () => log.push("observer") });
        life.frame(() => log.push("frame"));
        life.after(5, () => log.push("after"));
        life.onEnd(() => log.push("last"));
        for (const type of ["x", "x", "y", "y"]) target.dispatchEvent(new Event(type));
        const alive = life.alive;
        life.end();
        life.end();
        for (const type of ["x", "y"]) target.dispatchEvent(new Event(type));
        await frame();
        await soon();
        return [alive, life.alive, heard, log];"""
    )
    assert found == [True, False, ["x", "x", "y"], ["last", "observer", "first"]]


def test_frames_and_timers_come_once_and_can_be_taken_back(kit):
    found = kit(
        """const life = dom.lifetime(), log = [], cancelled = [];
        const [stopFrame, stopTimer] = [window.cancelAnimationFrame, window.clearTimeout];
        life.frame((now) => log.push(typeof now));
        life.frame(() => log.push("not this"))();
        life.after(1, () => log.push("after"));
        life.after(1, () => log.push("nor this"))();
        const late = life.after(1, () => log.push("late"));
        await frame();
        await soon();
        late(); // it has come: there is nothing to take back
        Object.assign(window, { cancelAnimationFrame: (id) => cancelled.push(id), clearTimeout: (id) => cancelled.push(id) });
        life.end();
        Object.assign(window, { cancelAnimationFrame: stopFrame, clearTimeout: stopTimer });
        return [log.sort(), cancelled.length];"""
    )
    assert found == [["after", "late", "number"], 0]


def test_a_timer_waits_its_time(kit):
    found = kit(
        """const real = window.setTimeout, asked = [];
        window.setTimeout = (callback, ms) => asked.push(ms);
        try { dom.lifetime().after(700, () => {}); } finally { window.setTimeout = real; }
        return asked;"""
    )
    assert found == [700]


def test_a_change_of_the_theme_is_told_however_a_page_says_it(kit):
    found = kit(
        """const life = dom.lifetime(), seen = [];
        let count = 0;
        dom.onTheme(life, () => count++);
        for (const node of [document.documentElement, document.body])
          for (const name of ["data-theme", "data-jp-theme-light", "theme", "class", "data-other"]) {
            const before = count;
            node.setAttribute(name, "dark");
            await soon();
            seen.push(count > before);
            node.removeAttribute(name);
            await soon();
          }
        life.end();
        const ended = count;
        document.body.className = "dark";
        await soon();
        document.body.className = "";
        return [seen, count - ended];"""
    )
    assert found == [[True, True, True, True, False] * 2, 0]


def test_the_systems_theme_is_told_too(kit):
    count = "const life = dom.lifetime(); window.count = 0; dom.onTheme(life, () => { window.count++; }); window.life = life;"
    kit(count)
    kit.page.emulate_media(color_scheme="dark")
    kit.page.wait_for_function("count === 1")
    kit("life.end();")
    kit.page.emulate_media(color_scheme="light")
    assert kit("await frame(); return [count, dom.reducedMotion()];") == [1, False]
    kit.page.emulate_media(reduced_motion="reduce")
    assert kit("return dom.reducedMotion();") is True
    kit.page.emulate_media(reduced_motion="no-preference")


NUMBERS = """return given.map(([name, ...rest]) => dom[name](...rest));"""
SAID = [
    (["clamp", 5, 0, 3], 3), (["clamp", -5, 0, 3], 0), (["clamp", 2, 0, 3], 2), (["roundTo", 123456], 123000),
    (["roundTo", 0.0123456, 2], 0.012), (["powerOfTen", -1234567890], "10⁻¹²³⁴⁵⁶⁷⁸⁹⁰"), (["show", 0.0001], "0.0001"),
    (["show", -0.0001], "−0.0001"), (["show", 0.00009999], "10⁻⁴"), (["show", 9999999], "9\u202f999\u202f999"),
    (["show", -1e7], "−1.00 × 10⁷"), (["show", 1e7], "10⁷"), (["show", 2e-6, 1], "2 × 10⁻⁶"), (["show", 999.5], "1000"),
    (["show", 1000.4], "1000"), (["show", 9999], "9999"), (["show", 12345.678], "12\u202f346"), (["show", 1.5, 1], "2"),
    (["show", 12.34, 4], "12.34"), (["show", 0], "0"), (["show", -0.5], "−0.5"),
    (["show", 123456789e-4, 9], "12\u202f345.6789"), (["nearOne", 0.5], "0.5"), (["nearOne", 0.51234], "0.512"),
    (["nearOne", 0.9999], "0.9999"), (["nearOne", 1 - 1e-13], "1"), (["nearOne", 0.98765, 2], "0.988"),
    (["nearOne", 0.3], "0.3"), (["percent", 0.1234], "12.3 %"), (["percent", 0.1234, 2], "12 %"), (["fixed", -1.25, 1], "−1.3"),
    (["many", 1, "step"], "1 step"), (["many", 2, "step", "steps", 1], "2 steps"),
    (["many", 1.04, "step", "steps", 2], "1 step"), (["many", 1.04, "step"], "1.04 steps"), (["plain", 0.123456789], "0.12346"),
    (["plain", 1e-9, 2], "1e-9"), (["pythonFloat", 2], "2.0"), (["pythonFloat", 1e21], "1e+21"),
    (["pythonFloat", 9e20], "900000000000000000000.0"), (["pythonNumber", 1e3], "1000"), (["pythonNumber", 0.1], "0.1"),
    (["parseNumber", "+.5e-1"], 0.05), (["parseNumber", "1 000"], 1000), (["parseNumber", " −3,5 / 7 "], -0.5),
    (["parseNumber", "1."], 1),
]  # fmt: skip


def test_numbers_in_words(kit):
    assert kit(NUMBERS, [given for given, _ in SAID]) == [said for _, said in SAID]
    wrong = ["", ".", "1/0", "1/2/3", "1/", "/2", "1e", "0x1", "e5", "1,2,3", "--1"]
    assert kit("return given.map((text) => Number.isNaN(dom.parseNumber(text)));", wrong) == [True] * len(wrong)
