"""kit/host.js and kit/back.js: how figures come onto a page, and the way back to the words that have moved one."""

import pytest

MODULES = {"host": "kit/host", "back": "kit/back", "dom": "kit/dom"}
# A page with places for figures, which are made of three steps and say what is done with them.
BEFORE = """
const log = [], errors = [], realError = console.error;
const soon = () => new Promise((done) => setTimeout(done, 30));
const place = (figure, state = {}, more = {}) => {
  const node = dom.h("div", { class: "live-figure", "data-figure": figure, "data-state": JSON.stringify(state), ...more });
  here.append(node);
  return node;
};
const figures = {
  plain: ({ model, el }) => {
    log.push(`made ${model.link.key} ${JSON.stringify(model.get("a") ?? null)} ${el.className}`);
    const ready = () => { el.dataset.ready = "1"; el.__figure = { key: model.link.key }; };
    model.steps.push(() => log.push(`first ${model.link.key}`), ready, () => log.push(`last ${model.link.key}`));
    return () => log.push(`stopped ${model.link.key}`);
  },
  broken: ({ model }) => {
    model.steps.push(() => { throw new Error("no"); }, () => log.push("after"));
    return () => log.push("stopped");
  },
};
const quiet = async (work) => {
  console.error = (...given) => errors.push(given.map(String));
  try { return await work(); } finally { console.error = realError; }
};
"""


def test_a_figure_comes_step_by_step(kit):
    found = kit(
        """const node = place("plain", { a: 7 });
        node.append(dom.h("p"));
        const el = () => node.firstChild;
        host.mount(node, figures, "plain.2");
        const first = [log.splice(0), el().className, node.className, node.dataset.ready ?? null, el() !== node.lastChild];
        await soon();
        return [first, log, el().className, node.className, node.dataset.ready, node.__figure, node.dataset.failed ?? null];"""
    )
    assert found == [
        [["made plain.2 7 lf-coming"], "lf-coming", "live-figure", None, True],
        ["first plain.2", "last plain.2"], "", "live-figure is-live", "1", {"key": "plain.2"}, None,
    ]  # fmt: skip


def test_a_figure_can_be_asked_for_at_once(kit):
    found = kit(
        """const node = place("plain"), whole = host.mount(node, figures, "plain");
        whole();
        const now = [log.splice(0), node.className];
        whole();
        await soon();
        return [now, log];"""
    )
    assert found == [[["made plain null lf-coming", "first plain", "last plain"], "live-figure is-live"], []]


@pytest.mark.parametrize("name, words", [("broken", "Error: no"), ("other", "Error: no live figure is named other")])
def test_a_figure_that_fails_leaves_its_place_as_it_was(kit, name, words):
    found = kit(
        """return quiet(async () => {
          const node = place(given), picture = dom.h("p");
          node.append(picture);
          host.mount(node, figures, "key")();
          await soon();
          return [log, errors, node.dataset.failed, node.className, node.children.length, node.firstChild === picture];
        });""",
        name,
    )
    log = ["stopped"] if name == "broken" else []
    assert found == [log, [["live figure key:", words]], "1", "live-figure", 1, True]


WATCHED = """
const watched = [];
const Real = window.IntersectionObserver;
window.IntersectionObserver = class {
  constructor(tell, o) { Object.assign(this, { tell, o, nodes: new Set() }); watched.push(this); }
  observe(node) { this.nodes.add(node); }
  unobserve(node) { this.nodes.delete(node); }
  disconnect() { this.nodes.clear(); log.push("disconnected"); }
};
const near = (node, isIntersecting = true) => watched[0].tell([{ target: node, isIntersecting }]);
"""


def watching(kit, code):
    """What this code gives where the test says what comes near."""
    return kit(f"{WATCHED}\ntry {{\n{code}\n}} finally {{ window.IntersectionObserver = Real; location.hash = ''; }}")


def test_figures_come_when_they_are_near(kit):
    found = watching(
        kit,
        """here.append(dom.h("p", { text: "words" }));
        const nodes = [place("plain"), place("plain"), place("plain")];
        nodes[0].style.display = "none"; // it opens no page
        host.startWhenReady(figures);
        await soon();
        const first = [log.splice(0), watched[0].nodes.size, watched[0].o.rootMargin];
        near(nodes[1], false);
        await soon();
        const far = log.splice(0);
        near(nodes[1]);
        const task = log.splice(0).length;
        await soon();
        near(nodes[1]);
        await soon();
        const second = [log.splice(0), watched[0].nodes.has(nodes[1]), watched[0].nodes.size];
        near(nodes[2]);
        await soon();
        return [first, far, task, second, log];""",
    )
    made = lambda key: [f"made {key} null lf-coming", f"first {key}", f"last {key}"]
    assert found == [[[], 3, "500px 0px"], [], 0, [made("plain.2"), False, 2], made("plain.3")]


def test_the_figure_that_an_address_speaks_of_comes_at_once(kit):
    found = watching(
        kit,
        """location.hash = "live=plain.2&a=1";
        const nodes = [place("plain"), place("plain"), place("plain")];
        host.startWhenReady(figures);
        const first = [log.splice(0), watched[0].nodes.size];
        await soon();
        location.hash = "live=plain.3";
        await soon();
        return [first, log, watched[0].nodes.size];""",
    )
    made = lambda key: [f"made {key} null lf-coming", f"first {key}", f"last {key}"]
    assert found == [[made("plain.2"), 2], made("plain.3"), 1]


def test_a_key_completes_what_is_coming(kit):
    found = watching(
        kit,
        """const nodes = [place("plain"), place("plain")];
        nodes[0].style.display = "none";
        host.startWhenReady(figures);
        near(nodes[1]);
        while (!log.length) await new Promise((done) => { const { port1, port2 } = new MessageChannel();
          port1.onmessage = done; port2.postMessage(0); });
        const before = log.splice(0);
        here.dispatchEvent(new KeyboardEvent("keydown", { key: "Tab", bubbles: true }));
        return [before[0], [...before, ...log].length, nodes[1].className];""",
    )
    assert found == ["made plain.2 null lf-coming", 3, "live-figure is-live"]


OPENS = [  # what stands before the figure, where the figure stands; whether it opens the page
    ("", "article", True),
    ("<p>words</p>", "article", True),
    ("<img>", "article", False),
    ("<div class='live-figure' hidden></div>", "article", False),
    ("", "article section", True),
    ("", "article section section", False),
    ("", "div", False),
]


@pytest.mark.parametrize("before, inside, opens", OPENS)
def test_the_figure_that_opens_a_page_waits_for_nobody(kit, before, inside, opens):
    found = kit(
        f"""{WATCHED}
        try {{
          let parent = here;
          for (const tag of given.inside.split(" ")) parent = parent.appendChild(dom.h(tag));
          parent.innerHTML = given.before;
          const node = place("plain");
          parent.append(node);
          host.startWhenReady(figures);
          await soon();
          return log.length > 0;
        }} finally {{ window.IntersectionObserver = Real; }}""",
        {"before": before, "inside": inside},
    )
    assert found == opens


def test_without_an_observer_all_figures_come_at_once(kit):
    found = kit(
        """const Real = window.IntersectionObserver;
        window.IntersectionObserver = undefined;
        try {
          place("plain"); place("plain");
          host.startWhenReady(figures);
          return log;
        } finally { window.IntersectionObserver = Real; }"""
    )
    assert found == [
        f"{what}" for key in ("plain", "plain.2") for what in (f"made {key} null lf-coming", f"first {key}", f"last {key}")
    ]


def test_the_figure_that_opens_a_page_is_made_once_and_a_page_may_have_none(kit):
    found = kit(
        """const Real = window.IntersectionObserver;
        window.IntersectionObserver = undefined;
        try {
          host.startWhenReady(figures); // there is none
          await soon();
          const none = log.length, article = here.appendChild(dom.h("article"));
          article.append(place("plain"));
          host.startWhenReady(figures);
          await soon();
          return [none, log];
        } finally { window.IntersectionObserver = Real; }"""
    )
    assert found == [0, ["made plain null lf-coming", "first plain", "last plain"]]


# -- the way back ---------------------------------------------------------------------------------

BACK = """
let calm = false;
window.matchMedia = () => ({ matches: calm });
Element.prototype.scrollIntoView = function (o) { log.push([this.id, o]); };
const [one, two] = ["one", "two"].map((id) => here.appendChild(dom.h("button", { id, text: id })));
const offers = () => document.querySelectorAll(".way-back").length;
const tell = (k, isIntersecting) => watched[k].tell([{ isIntersecting, boundingClientRect: { top: 0 } }]);
document.querySelectorAll(".way-back").forEach((node) => node.click());
log.length = 0;
"""


def test_a_way_back_is_taken_once(kit):
    found = watching(
        kit,
        BACK
        + """
        back.offerWayBack(one);
        const button = document.querySelector(".way-back"), before = [offers(), button.textContent, watched[0].nodes.has(one)];
        button.click();
        const after = [offers(), log.splice(0), document.activeElement === one];
        calm = true;
        back.offerWayBack(two);
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "a" }));
        const still = offers();
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
        return [before, after, still, offers(), log];""",
    )
    way = lambda name, behavior: ["disconnected", [name, {"block": "center", "behavior": behavior}]]
    assert found == [[1, "Back to the text", True], [0, way("one", "smooth"), True], 1, 0, way("two", "instant")]


def test_a_way_back_goes_where_it_is_not_needed(kit):
    """Where the words have left the view and are in it again; where other words lead elsewhere; not below a dialog."""
    found = watching(
        kit,
        BACK
        + """
        back.offerWayBack(one);
        tell(0, true);
        const seen = [offers()];
        tell(0, false);
        tell(0, false);
        seen.push(offers());
        tell(0, true);
        seen.push(offers());
        back.offerWayBack(one);
        back.offerWayBack(two);
        seen.push(offers());
        const dialog = here.appendChild(dom.h("dialog", { open: true }));
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
        seen.push(offers());
        dialog.remove();
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
        seen.push(offers());
        return [seen, log.filter((one) => one !== "disconnected").map(([id]) => id)];""",
    )
    assert found == [[1, 1, 0, 1, 1, 0], ["two"]]


def test_the_way_back_says_whether_the_words_are_above_or_below(kit):
    found = kit(
        """here.innerHTML = '<p id="above">a</p><div style="height: 6000px"></div><p id="below">b</p>';
        const way = async (id, y) => {
          scrollTo({ top: y, behavior: "instant" });
          await soon();
          back.offerWayBack(document.getElementById(id));
          await soon();
          await soon();
          return document.querySelector(".way-back").classList.contains("is-down");
        };
        return [await way("below", 0), await way("above", 3000)];"""
    )
    assert found == [True, False]
