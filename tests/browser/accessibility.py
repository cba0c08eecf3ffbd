"""What axe finds on a page: everything at first, and after the theme was switched what a switch can change.

A page has four views, two widths in two themes. Two of them, a laptop in light and a phone in dark, are looked at as a whole;
the two others are reached by switching the theme, which changes style alone. Axe's rules are of two sorts.

- *Structure*: names, roles, order, visibility. They run on the whole page in the first theme of each width; a switch leaves
  them alone. What KaTeX draws of a formula and what Pygments draws of code is spans, thousands of them, that have a class and a
  style and nothing else, and a formula's MathML has attributes of layout alone; that is checked, and then these rules have
  nothing to read there but words, so nothing but words is left there meanwhile.
- *Colour*: contrast, and links among words. They run in each view, on one text of each kind. Of two texts of a kind, these
  rules read the same: text colour, size, weight and shadow, the colours of the text around it, whether it is more than a
  letter, and the backgrounds and opacities of everything that they stand in. That is all they read where boxes follow one
  another; so what is positioned or moved is a kind of its own, and a floated or sticky box is told by its class. (What KaTeX
  moves within a formula has no background, so it hides nothing.) Gradients are off meanwhile: the course's are the shades at
  the edge of what scrolls, and axe leaves every text before one undecided. Where axe is not sure of the first text of a kind,
  since something lies half over it, all texts of that kind are looked at; of letters and signs it is never sure. Of texts in a
  drawing it decides none, so it is not asked; their contrast is reckoned here. A kind that passed is known on the pages that
  follow, and at the other width: what these rules read is in its name.

After a switch all rules run on every element that has become visible, too (a picture that is only for the dark, say; not what
a figure draws anew just as it was, at the same place). Formulas
that hold nothing to be looked at are emptied before, so this is a page's last check.

What is far from the view is laid out meanwhile, and what a closed fold hides is not there at all: a browser asked for the
style of something that it had put off lays out all around it, for each question anew. And all questions come before the first
change, for the same reason.
"""

import re
from pathlib import Path

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

# Rules of axe that a page may break, each with the element and the reason. The frame is the course's own, so the list of
# the theme's issues is empty; it stays here as the one place where an exception would have to be written down.
ALLOWED = {}

LAID_OUT = """async (all) => {
  const there = document.getElementById("laid-out-for-axe");
  if (Boolean(there) === all) return;
  if (there) return there.remove();
  const sheet = document.head.appendChild(document.createElement("style"));
  sheet.id = "laid-out-for-axe";
  sheet.textContent = ".far { content-visibility: visible !important; }"
    + "details:not([open])::details-content { display: none !important; }";
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); // figures measure what they got
}"""
REMEMBER = """() => {
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const visible = [...document.querySelectorAll("*")].filter(seen), leaves = new WeakMap();
  for (const leaf of visible) {
    if (leaf.childElementCount || leaf.closest(".katex, .highlight")) continue;
    if (!leaves.has(leaf.parentNode)) leaves.set(leaf.parentNode, new Set());
    leaves.get(leaf.parentNode).add(leaf.outerHTML);
  }
  const all = new WeakSet(visible);
  window.__seen = (one) => all.has(one) || (!one.childElementCount && Boolean(leaves.get(one.parentNode)?.has(one.outerHTML)));
}"""
# Axe's rules of structure on a part of the page, with the formulas and code emptied that hold nothing to read and none of it;
# of code and of the MathML that is read aloud their words stay.
STRUCTURE = """async (colours, part, whole) => {
  const bare = new Set(("class style aria-hidden d width height viewBox preserveAspectRatio xmlns encoding stretchy fence " +
    "separator accent linethickness mathvariant mathcolor displaystyle scriptlevel columnalign columnspacing rowspacing lspace " +
    "rspace minsize maxsize").split(" "));
  const within = (one) => one.namespaceURI.endsWith("MathML") || /^(span|svg|path)$/.test(one.localName);
  const drawn = [...document.querySelectorAll(".katex-html, .katex-mathml > math, .highlight pre")].filter((box) =>
    !whole.some((one) => box.contains(one)) && [...box.querySelectorAll("*")].every((one) =>
      within(one) && [...one.attributes].every(({ name }) => bare.has(name))));
  const held = drawn.map((box) => [...box.childNodes]);
  for (const box of drawn) box.replaceChildren(...(box.matches(".katex-html") ? [] : [box.textContent]));
  const rules = Object.fromEntries(colours.map((id) => [id, { enabled: false }]));
  const preload = part === document && location.protocol !== "file:";
  const { violations } = await axe.run(part, { resultTypes: ["violations"], rules, preload });
  drawn.forEach((box, k) => box.replaceChildren(...held[k]));
  return violations.map(({ id, impact, nodes }) => (
    { id, impact, nodes: nodes.map(({ target, failureSummary }) => ({ target, failureSummary })) }));
}"""
COLOURS = ["color-contrast", "link-in-text-block"]
# The rules of colours on a part of the page, all of it, and the others on what has become visible there.
SWITCHED = """async ([colours, part]) => {
  const only = { resultTypes: ["violations"], runOnly: { type: "rule", values: colours }, preload: false };
  const { violations } = await axe.run(part, only), around = document.querySelectorAll(part);
  const unseen = [...around].flatMap((one) => [...one.querySelectorAll("*")])
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !window.__seen(one));
  return unseen.length ? [...violations, ...await (STRUCTURE)(colours, { include: unseen }, unseen)] : violations;
}""".replace("STRUCTURE", STRUCTURE)
LOOK = """async ({ rules, known, whole }) => {
  const structureOf = STRUCTURE;
  const CLEAR = "rgba(0, 0, 0, 0),none,", kinds = new Map(), behind = new Map();
  const once = (answer, told = new Map()) => (element) => told.get(element) ?? told.set(element, answer(element)).get(element);
  /** Whether a margin pulls an element over others: further than its own padding holds its text off. */
  const pulled = (style) => /(^| )-/.test(style.margin) && ["Top", "Right", "Bottom", "Left"].some((side) =>
    parseFloat(style[`margin${side}`]) < -parseFloat(style[`padding${side}`]) - 0.01);
  const shape = once((element) => {
    const style = getComputedStyle(element), moved = style.transform !== "none" || style.translate !== "none";
    return { apart: /absolute|fixed/.test(style.position) || moved || pulled(style),
      block: /^(block|flex|grid|list-item|table)$/.test(style.display) };
  });
  const aside = (style) => style.position === "sticky" || style.float !== "none";
  /** Everything that an element's text stands on: backgrounds and opacities up to the root; null where boxes may overlap. */
  function ground(element) {
    if (!element) return "";
    if (!behind.has(element)) {
      const style = getComputedStyle(element), below = ground(element.parentElement);
      const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode,
        style.clipPath].join();
      const pseudo = ["::before", "::after"].filter((name) => getComputedStyle(element, name).content !== "none").length;
      const plain = own === `${CLEAR}1,none,normal,none` && !pseudo && !aside(style);
      const formula = element.parentElement?.closest(".katex") && own.startsWith(CLEAR);
      const free = below === null || (shape(element).apart && !formula) || element instanceof SVGElement;
      const box = aside(style) && !formula ? element.className : "";
      behind.set(element, free ? null : plain ? below : `${below}/${own},${pseudo},${box}`);
    }
    return behind.get(element);
  }
  const face = once((element) => {
    const style = getComputedStyle(element);
    return [style.color, style.fontSize, style.fontWeight, style.textShadow, style.webkitTextStroke, style.textDecoration].join();
  });
  /** What an element says itself; axe leaves open what it thinks of a single letter or of signs beyond ASCII. */
  const said = (element) => [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE)
    .map((node) => node.data).join("").trim();
  const letters = (text) => [text.length < 2, /[^ -~\\s]/.test(text)].join();
  const field = (element) => element.matches("select, textarea, input:not([type=range], [type=checkbox], [type=radio])");
  /** Whether a link stands among other words, so that it must differ from them. */
  function amongWords(link) {
    let block = link?.parentElement;
    while (block && getComputedStyle(block).display.startsWith("inline")) block = block.parentElement;
    const linked = [...(block?.querySelectorAll("a") ?? [])].map((a) => a.textContent).join("");
    return Boolean(block) && block.textContent.trim().length > linked.trim().length;
  }
  const unseen = [];
  for (const element of document.querySelectorAll("body, body *")) {
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    if (!window.__seen(element)) unseen.push(element);
    const words = said(element);
    // what is for the ear is clipped away; what is drawn axe leaves undecided, every text of it
    if (!(words || field(element)) || element.closest(".katex-mathml") || element instanceof SVGElement) continue;
    const on = ground(element), link = element.closest("a"), around = (link || element).parentElement;
    const alone = on === null || field(element);
    const key = alone ? element : [on, face(element), around && face(around), amongWords(link), letters(words)].join("|");
    if (!kinds.has(key)) kinds.set(key, []);
    kinds.get(key).push(element);
  }
  const told = (found) => found.violations.map(({ id, impact, nodes }) => (
    { id, impact, nodes: nodes.map(({ target, failureSummary }) => ({ target, failureSummary })) }));
  /** The rules of colours on these alone: the violations, the elements that something may hide, those it objects to. */
  async function look(include) {
    const shades = document.head.appendChild(document.createElement("style"));
    shades.textContent = "html *, html *::before, html *::after { background-image: none !important; }";
    const found = await axe.run({ include },
      { resultTypes: ["violations", "incomplete"], elementRef: true, runOnly: { type: "rule", values: rules } });
    shades.remove();
    const hidden = ({ any }) => any.some(({ data }) => /Overlap|Obscur|outside/.test(data?.messageKey));
    const elements = (rules, which = () => true) =>
      new Set(rules.flatMap((rule) => rule.nodes).filter(which).map((node) => node.element));
    return [told(found), elements(found.incomplete, hidden), elements(found.violations)];
  }
  const up = (element, into) => { for (; element && !into.has(element); element = element.parentElement) into.add(element); };
  /** What is moved or positioned and all that it stands in, what has a shadow tree, what is a block; formulas are not asked. */
  function outline() {
    const restless = new Set(), shadowed = [], blocks = new Set();
    (function walk(box) {
      for (const element of box.children) {
        if (element.matches(".katex")) continue;
        const { apart, block } = shape(element);
        if (apart) up(element, restless);
        if (element.shadowRoot) shadowed.push(element);
        if (block) blocks.add(element);
        walk(element);
      }
    })(document.body);
    return { restless, shadowed, blocks };
  }
  /** Empty what holds none of these and lies over nothing else: formulas, and blocks in which nothing is moved or positioned.
      Axe reads the place of every element that there is. An empty shell stays: selectors count on neighbours. Returns what
      puts all back. */
  function without(chosen, { restless: moved, shadowed, blocks }) {
    const needed = new Set(), restless = new Set(moved), whole = new Set(chosen), taken = []; // their inside, too
    for (const element of chosen) up(element, needed);
    for (const element of shadowed) if (!needed.has(element)) up(element, restless);
    (function prune(box, within) {
      for (const child of box.children) {
        const formula = within || child.matches(".katex");
        if (!needed.has(child) && (formula || (!restless.has(child) && blocks.has(child)))) taken.push(child);
        else if (!whole.has(child)) prune(child, formula);
      }
    })(document.body, false);
    const held = taken.map((node) => [node.cloneNode(false), node]);
    for (const [shell, node] of held) node.replaceWith(shell);
    return () => held.forEach(([shell, node]) => shell.replaceWith(node));
  }
  const passed = (of) => [...kinds].filter(([key, all]) => typeof key === "string" && of(all)).map(([key]) => key);
  for (const key of known) kinds.delete(key);
  const lines = outline(); // before anything is changed
  const structure = whole ? await structureOf(rules, document, [])
    : unseen.length ? await structureOf(rules, { include: unseen }, unseen) : [];
  const some = [...new Set([...unseen, ...[...kinds.values()].map(([first]) => first)])];
  if (!some.length) return [structure, []];
  const putBack = without(some, lines), [found, covered, wrong] = await look(some);
  const unsure = [...kinds.values()].filter(([first]) => covered.has(first)).flatMap(([, ...others]) => others);
  putBack();
  if (!unsure.length) return [[...structure, ...found], passed(([first]) => !covered.has(first) && !wrong.has(first))];
  const putAllBack = without(unsure, lines), [more, hidden, bad] = await look(unsure);
  putAllBack();
  const seen = new Set([...kinds.values()].flatMap(([first, ...others]) => (covered.has(first) ? others : [first])));
  const clean = passed((all) => all.some((one) => seen.has(one) && !covered.has(one) && !hidden.has(one))
    && !all.some((one) => wrong.has(one) || bad.has(one)));
  return [[...structure, ...found, ...more], clean];
}""".replace("STRUCTURE", STRUCTURE)
# The drawn texts whose contrast with what they stand on, the page or their own dark edge, is below 4.5 (WCAG 2.2, 1.4.3).
DRAWN = """() => {
  const rgba = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number), unit = text.startsWith("color(") ? 255 : 1;
    return [r * unit, g * unit, b * unit, a];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, k) => c * a + below[k] * (1 - a));
  const light = (colour) => colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = (box) => (box ? over(rgba(getComputedStyle(box).backgroundColor), ground(box.parentElement)) : [255, 255, 255]);
  const opacity = (node) =>
    node instanceof SVGElement ? Number(getComputedStyle(node).opacity) * opacity(node.parentElement) : 1;
  const found = [];
  for (const text of document.querySelectorAll("svg text, svg tspan")) {
    const words = [...text.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data);
    const said = words.join("").trim();
    const { fill, fillOpacity, stroke, strokeOpacity } = getComputedStyle(text);
    if (!said || fill === "none" || !text.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const part = (paint, share) => { const [r, g, b, a] = rgba(paint); return [r, g, b, a * share * opacity(text)]; };
    const page = ground(text.closest("svg").parentElement);
    const on = stroke === "none" ? page : over(part(stroke, Number(strokeOpacity)), page);
    const [dim, bright] = [light(over(part(fill, Number(fillOpacity)), on)), light(on)].sort((a, b) => a - b);
    const contrast = (bright + 0.05) / (dim + 0.05);
    if (contrast < 4.5) found.push(`drawn text ${text.className.baseVal}: ${said.slice(0, 40)}: contrast ${contrast.toFixed(2)}`);
  }
  return found;
}"""
KNOWN = set()  # kinds of text that were looked at on some page, and found without fault


def prepare(page):
    """Bring axe onto the page, if it is not there, and note what is visible now."""
    if not page.evaluate("'axe' in window"):
        assert AXE.is_file(), "axe-core is not there; `make vendor` fetches it"
        page.evaluate(AXE.read_text("utf-8"))
    page.evaluate(REMEMBER)


def violations(page):
    """What axe finds on the page as it is now, as lines, less what ALLOWED lists; and drawn texts that are too pale."""
    page.evaluate(LAID_OUT, True)
    prepare(page)
    return [*told(look(page, whole=True)), *page.evaluate(DRAWN)]


def violations_after_the_switch(page):
    """What is found in the other theme, after `violations` was asked in the first."""
    return [*told(look(page)), *page.evaluate(DRAWN)]


def look(page, whole=False):
    """What axe finds in texts of the kinds that no page had yet, and in all that is a kind of its own; by the rules of structure
    in what has become visible, or in the ``whole`` page."""
    page.evaluate(LAID_OUT, True)
    found, clean = page.evaluate(LOOK, {"rules": COLOURS, "known": [*KNOWN], "whole": whole})
    page.evaluate(LAID_OUT, False)
    KNOWN.update(clean)
    return found


def told(found):
    """Violations as lines: rule, impact, element, what to do; less what ALLOWED lists."""
    return [
        f"{rule['id']} ({rule['impact']}): {target(node)}\n      {node['failureSummary']}".replace("\n  ", "\n        ")
        for rule in found
        for node in rule["nodes"]
        if not any(re.search(pattern, target(node)) for pattern in ALLOWED.get(rule["id"], {}))
    ]


def target(node):
    """Where a violation is, as a selector."""
    return " ".join(map(str, node["target"]))
