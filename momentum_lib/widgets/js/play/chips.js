// The rules that run: a chip each, in its colour, with its line and its result; one of them is under the dial.

import { h, show } from "../kit/dom.js";
import { nameOf, swatch } from "../kit/looks.js";
import { RULES } from "../generated/rules.js";
import { glyph } from "./parts.js";
import { MOST_RULES } from "./scene.js";
import { outcome } from "./sentence.js";

/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").Scene} Scene */

/** The rules of the library by family, as the menu lists them. */
function menuOf() {
  /** @type {Map<string, string[]>} */
  const families = new Map();
  for (const { name, family } of Object.values(RULES))
    families.set(family, [...(families.get(family) ?? []), name]);
  return [...families].map(([family, names]) =>
    h(
      "optgroup",
      { label: FAMILIES[family] ?? family },
      ...names.map((value) => h("option", { value, text: nameOf(value) })),
    ),
  );
}
const FAMILIES = /** @type {Record<string, string>} */ ({
  gradient: "The gradient alone",
  momentum: "Heavy ball",
  averaged: "Averages",
  nesterov: "Looking ahead",
  adaptive: "A ruler of its own for each coordinate",
  sign: "Only the sign",
});

/** The numbers of a rule, short. @param {Lane} lane */
function settingWords({ rule, hyper }) {
  const { lr, ...rest } = hyper,
    name = rule.momentum ?? Object.keys(rest)[0];
  return `η ${show(lr)}${name && name in hyper && name !== "eps" ? ` · ${name.replace("beta", "β").replace("1", "₁").replace("2", "₂")} ${show(hyper[name])}` : ""}`;
}

/**
 * @param {Pick<import("./parts.js").Stage, "life"|"store">} stage
 * @param {HTMLElement} parent
 * @param {() => void} typing what the entry "Type a rule" opens
 */
export function createChips({ life, store }, parent, typing) {
  const list = h("ul", { class: "pg-chips", "aria-label": "The rules that run" }),
    add = h(
      "select",
      { class: "pg-add", "aria-label": "Add a rule" },
      h("option", { value: "", text: "+ Add a rule" }),
      h("option", { value: "typed", text: "Type one of your own …" }),
      ...menuOf(),
    );
  parent.append(list, h("div", { class: "pg-add-row" }, add));
  life.on(add, "change", () => {
    const { rules } = store.state(),
      chosen = add.value;
    add.value = "";
    if (chosen === "typed") return typing();
    const there = rules.findIndex(({ rule }) => rule === chosen);
    if (there >= 0) return store.set({ picked: there });
    if (chosen && rules.length < MOST_RULES)
      store.set({ rules: [...rules, { rule: chosen, hyper: {} }], picked: rules.length });
  });
  life.on(list, "click", (/** @type {MouseEvent} */ event) => {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (!button) return;
    const k = Number(button.dataset.k),
      { rules, picked } = store.state();
    if (button.dataset.does === "pick") store.set({ picked: k });
    if (button.dataset.does === "own")
      store.set({ rules: rules.map((one, i) => (i === k ? { ...one, hyper: {} } : one)) });
    if (button.dataset.does === "away" && rules.length > 1)
      store.set({
        rules: rules.filter((_, i) => i !== k),
        picked: Math.min(picked > k ? picked - 1 : picked, rules.length - 2),
      });
  });

  /** @param {Lane} lane @param {boolean} many @returns {{node: HTMLElement, tell: (lane: Lane, scene: Scene) => void}} */
  function chip({ rule, title, dash, index: k }, many) {
    const value = h("b", { class: "pg-value" }),
      setting = h("span", { class: "pg-setting" }),
      pick = h(
        "button",
        { type: "button", class: "pg-pick", "data-k": k, "data-does": "pick" },
        swatch({ ...rule, dash }),
        h("span", { class: "pg-name", text: title }),
        value,
        setting,
      ),
      own = h("button", {
        type: "button",
        class: "pg-own",
        "data-k": k,
        "data-does": "own",
        text: "back to its best",
        "aria-label": `${title}: back to its own best setting`,
      }),
      away = h(
        "button",
        {
          type: "button",
          class: "pg-away",
          "data-k": k,
          "data-does": "away",
          "aria-label": `Take ${title} away`,
          hidden: !many,
        },
        glyph("close"),
      );
    return {
      node: h("li", { class: "pg-chip", "data-look": rule.family }, pick, own, away),
      tell(lane, { picked, surface, state }) {
        const text = outcome(lane, surface.minima.length > 0),
          here = lane === picked;
        if (value.textContent !== text) value.textContent = text;
        setting.textContent = settingWords(lane);
        own.hidden = !lane.own || state.fair === "same";
        pick.setAttribute("aria-pressed", String(here));
      },
    };
  }
  const kept = { key: "", chips: /** @type {ReturnType<typeof chip>[]} */ ([]) };
  return (/** @type {Scene} */ scene) => {
    const { lanes } = scene,
      key = lanes.map(({ rule, title }) => `${rule.name} ${title}`).join("|");
    if (key !== kept.key) {
      kept.key = key;
      kept.chips = lanes.map((lane) => chip(lane, lanes.length > 1));
      list.replaceChildren(...kept.chips.map(({ node }) => node));
      add.disabled = lanes.length >= MOST_RULES;
    }
    lanes.forEach((lane, k) => kept.chips[k].tell(lane, scene));
  };
}
