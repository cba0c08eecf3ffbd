"""What axe finds on a page: everything at first, and after the theme was switched what a switch can change.

A page has four views, two widths in two themes. Two of them, a laptop in light and a phone in dark, are looked at as a whole;
the two others are reached by switching the theme, which changes style alone. Axe's rules are of two sorts.

- *Structure*: names, roles, order, visibility. They run on the whole page in the first theme of each width; a switch leaves
  them alone. What KaTeX draws of a formula and what Pygments draws of code is spans, thousands of them, that have a class and a
  style and nothing else; that is checked, and then these rules have nothing to read there, so they are emptied meanwhile.
- *Colour*: contrast, and links among words. They run in each view, on one text of each kind. Of two texts of a kind, these
  rules read the same: text colour, size, weight and shadow, the
  colours of the text around it, whether it is more than a letter, and the backgrounds and opacities of everything that they
  stand in. That is all they read where boxes follow one another; so what is positioned, floated, moved, drawn (SVG) or a
  form's field is a kind of its own. (What KaTeX moves within a formula has no background, so it hides nothing.) Where axe is
  not sure of the first text of a kind, since something lies half over it, all texts of that kind are looked at.

After a switch all rules run on every element that has become visible, too (a picture that is only for the dark, say). Formulas
that hold nothing to be looked at are emptied before, so this is a page's last check.
"""

import re
from pathlib import Path

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

# Rules of axe that a page may break, each with the element and the reason. The frame is the course's own, so the list of
# the theme's issues is empty; it stays here as the one place where an exception would have to be written down.
ALLOWED = {}

REMEMBER = """() => {
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  window.__visible = new WeakSet([...document.querySelectorAll("*")].filter(seen));
}"""
RUN = """async (colours) => {
  const bare = /^(class|style|aria-hidden|d|width|height|viewBox|preserveAspectRatio|xmlns)$/;
  const drawn = [...document.querySelectorAll(".katex-html, .highlight pre")].filter((box) =>
    [...box.querySelectorAll("*")].every((one) => /^(span|svg|path)$/.test(one.localName)
      && [...one.attributes].every(({ name }) => bare.test(name))));
  const held = drawn.map((box) => [...box.childNodes]);
  for (const box of drawn) box.replaceChildren(...(box.localName === "pre" ? [box.textContent] : []));
  const rules = Object.fromEntries(colours.map((id) => [id, { enabled: false }]));
  const { violations } = await axe.run(document, { resultTypes: ["violations"], rules });
  drawn.forEach((box, k) => box.replaceChildren(...held[k]));
  return violations;
}"""
COLOURS = ["color-contrast", "link-in-text-block"]
RUN_AGAIN = """async () => {
  const CLEAR = "rgba(0, 0, 0, 0),none,", kinds = new Map(), behind = new Map();
  const loose = (style) => /absolute|fixed|sticky/.test(style.position) || style.float !== "none" || style.transform !== "none"
    || style.translate !== "none" || /(^| )-/.test(style.margin);
  /** Everything that an element's text stands on: backgrounds and opacities up to the root; null where boxes may overlap. */
  function ground(element) {
    if (!element) return "";
    if (!behind.has(element)) {
      const style = getComputedStyle(element), below = ground(element.parentElement);
      const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode,
        style.clipPath].join();
      const pseudo = ["::before", "::after"].filter((name) => getComputedStyle(element, name).content !== "none").length;
      const plain = own === `${CLEAR}1,none,normal,none` && !pseudo;
      const formula = element.parentElement?.closest(".katex") && own.startsWith(CLEAR);
      const free = below === null || (loose(style) && !formula) || element instanceof SVGElement;
      behind.set(element, free ? null : plain ? below : `${below}/${own},${pseudo}`);
    }
    return behind.get(element);
  }
  const face = (element) => {
    const style = getComputedStyle(element);
    return [style.color, style.fontSize, style.fontWeight, style.textShadow, style.webkitTextStroke, style.textDecoration].join();
  };
  /** What an element says itself; axe leaves open what it thinks of a single letter or of signs beyond ASCII. */
  const said = (element) => [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE)
    .map((node) => node.data).join("").trim();
  const letters = (text) => [text.length < 2, /[^ -~\\s]/.test(text)].join();
  const field = (element) => element.matches("input, select, textarea, button");
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
    if (!window.__visible.has(element)) unseen.push(element);
    const words = said(element);
    if (!(words || field(element)) || element.closest(".katex-mathml")) continue; // that is for the ear, clipped away
    const on = ground(element), link = element.closest("a"), around = (link || element).parentElement;
    const alone = on === null || field(element);
    const key = alone ? element : [on, face(element), around && face(around), amongWords(link), letters(words)].join("|");
    if (!kinds.has(key)) kinds.set(key, []);
    kinds.get(key).push(element);
  }
  /** Run axe on these alone; returns the violations, and the elements of whose colours it is sure. */
  async function look(include) {
    const found = await axe.run({ include }, { resultTypes: ["violations", "passes"], elementRef: true });
    const colours = [...found.violations, ...found.passes].filter((rule) => rule.id === "color-contrast");
    const told = found.violations.map(({ id, impact, nodes }) => (
      { id, impact, nodes: nodes.map(({ target, failureSummary }) => ({ target, failureSummary })) }));
    return [told, new Set(colours.flatMap((rule) => rule.nodes).map((node) => node.element))];
  }
  /** Empty the formulas that hold none of these; returns what puts them back. */
  function without(chosen) {
    const needed = new Set(chosen.map((element) => element.closest(".katex")));
    const others = [...document.querySelectorAll(".katex")].filter((formula) => !needed.has(formula));
    const held = others.map((formula) => [...formula.childNodes]);
    for (const formula of others) formula.replaceChildren();
    return () => others.forEach((formula, k) => formula.replaceChildren(...held[k]));
  }
  const some = [...unseen, ...[...kinds.values()].map(([first]) => first)];
  if (!some.length) return [];
  const putBack = without(some), [found, sure] = await look(some);
  const unsure = [...kinds.values()].filter(([first]) => !sure.has(first) && said(first).length > 1) // of a letter it never is
    .flatMap(([, ...others]) => others);
  putBack();
  if (!unsure.length) return found;
  without(unsure);
  return [...found, ...(await look(unsure))[0]];
}"""


def violations(page):
    """What axe finds on the page as it is now, as lines; less what ALLOWED lists."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    page.evaluate(REMEMBER)
    return told([*page.evaluate(RUN, COLOURS), *page.evaluate(RUN_AGAIN)])


def violations_after_the_switch(page):
    """What axe finds in the other theme, after `violations` was asked in the first."""
    return told(page.evaluate(RUN_AGAIN))


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
