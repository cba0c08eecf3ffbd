// The views as tabs over one state: switching keeps everything. A view is made when it is first looked at.

import { h } from "../kit/dom.js";
import { createCurves } from "./curves.js";
import { createFlow } from "./flow.js";
import { createLand } from "./land.js";
import { createMap } from "./map.js";
import { createPredict } from "./predict.js";
import { createSettings } from "./settings.js";
import { createSteps } from "./steps.js";

/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./parts.js").Stage} Stage */
/** @typedef {import("./parts.js").PlayView} PlayView */

/** @type {{name: View, label: string, title: string, make: (stage: any) => PlayView}[]} */
export const VIEWS = [
  { name: "map", label: "Map", title: "The surface from above, with every path", make: createMap },
  { name: "land", label: "3-D", title: "The surface as land, to be turned", make: createLand },
  { name: "curves", label: "Curves", title: "Loss and distance against the step", make: createCurves },
  {
    name: "settings",
    label: "Settings",
    title: "Steps to converge for every learning rate and momentum",
    make: createSettings,
  },
  { name: "flow", label: "Flow", title: "Where a ball ends from every start", make: createFlow },
  {
    name: "steps",
    label: "Equations",
    title: "The equations with the numbers of one step",
    make: createSteps,
  },
  { name: "predict", label: "Predict", title: "Draw what you expect, then run it", make: createPredict },
];

/** Scroll a row of tabs, and nothing else, until one of them is seen whole. @param {HTMLElement} row @param {HTMLElement} tab */
function intoView(row, tab) {
  const { left, right } = row.getBoundingClientRect(),
    at = tab.getBoundingClientRect(),
    room = 40; // what fades out at the row's ends
  if (at.left < left + room) row.scrollLeft += at.left - left - room;
  else if (at.right > right - room) row.scrollLeft += at.right - right + room;
}

/**
 * @param {Omit<Stage, "parent"> & {parent: HTMLElement, stage: HTMLElement, scene: () => Scene}} o
 */
export function createTabs({ life, store, stage, parent, ...rest }) {
  const id = `pg-${Math.random().toString(36).slice(2, 8)}`,
    row = h("div", { class: "pg-tabs", role: "tablist", "aria-label": "Views" });
  parent.append(row);
  const tabs = VIEWS.map(({ name, label, title }) => {
    const tab = h("button", {
        type: "button",
        class: "pg-tab",
        role: "tab",
        id: `${id}-${name}`,
        "aria-controls": `${id}-${name}-panel`,
        title,
        text: label,
      }),
      panel = h("div", {
        class: `pg-view pg-view-${name}`,
        role: "tabpanel",
        id: `${id}-${name}-panel`,
        "aria-labelledby": `${id}-${name}`,
        hidden: true,
      });
    stage.append(panel);
    row.append(tab);
    life.on(tab, "click", () => store.set({ view: name }));
    return { name, tab, panel, view: /** @type {PlayView|null} */ (null) };
  });
  life.on(row, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -99, End: 99 }[event.key];
    if (!by) return;
    event.preventDefault();
    const now = tabs.findIndex(({ name }) => name === store.state().view),
      next = Math.abs(by) > 1 ? (by < 0 ? 0 : tabs.length - 1) : (now + by + tabs.length) % tabs.length;
    store.set({ view: tabs[next].name });
    tabs[next].tab.focus();
  });
  let shown = tabs[0];
  const view = { name: shown.name }; // the first is in view
  return {
    /** @param {Scene} scene */
    draw(scene) {
      shown = tabs.find(({ name }) => name === scene.state.view) ?? tabs[0];
      for (const one of tabs) {
        const here = one === shown;
        one.tab.setAttribute("aria-selected", String(here));
        one.tab.tabIndex = here ? 0 : -1;
        one.panel.hidden = !here;
      }
      if (view.name !== shown.name) {
        view.name = shown.name;
        intoView(row, shown.tab);
      }
      const k = tabs.indexOf(shown);
      shown.view ??= VIEWS[k].make({ life, store, parent: shown.panel, ...rest });
      shown.view.draw(scene);
    },
    covers: () => shown.view?.covers?.() ?? false,
    numbers: () => ({ view: shown.name, ...shown.view?.numbers?.() }),
  };
}
