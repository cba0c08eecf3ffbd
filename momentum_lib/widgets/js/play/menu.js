// The menu of surfaces.

import { h } from "../kit/dom.js";
import { FIELDS, PLANES } from "./ground.js";
import { OWN_SURFACE } from "./typed.js";

/** @typedef {import("./types.js").Ground} Ground */

/** Where a surface of the library opens; the ravine lies slightly turned, so that no rule has its axes for free. @type {Record<string, import("../kit/types.js").Params>} */
const OPENS = { ravine: { kappa: 25, angle: 0.3 } };

/**
 * @param {Pick<import("./parts.js").Stage, "life"|"store">} stage
 * @param {HTMLElement} parent
 */
export function createGroundMenu({ life, store }, parent) {
  const menu = h(
    "select",
    { class: "pg-ground", "aria-label": "Surface" },
    h(
      "optgroup",
      { label: "Surfaces of the course" },
      ...FIELDS.map((value) => h("option", { value, text: PLANES[value].title })),
    ),
    h(
      "optgroup",
      { label: "Your own" },
      h("option", { value: "formula", text: "Type a formula" }),
      h("option", { value: "drawn", text: "Drawn by hand" }),
    ),
  );
  parent.append(menu);
  const shownFor = (/** @type {Ground} */ ground) => (ground.kind === "library" ? ground.name : ground.kind);
  life.on(menu, "change", () => {
    if (menu.value === "drawn")
      return store.set({
        surface: {
          kind: "drawn",
          bumps: [
            [-0.6, 0.4, 0.8, 0.5],
            [1.2, -0.5, -0.7, 0.6],
          ],
        },
        starts: [[-2.4, 1.3]],
        view: "map",
      });
    if (menu.value === "formula")
      return store.set({
        surface: { kind: "formula", text: OWN_SURFACE, params: {} },
        starts: [[-1.6, -0.6]],
        rules: store.state().rules.map((one) => ({ ...one, hyper: {} })),
      });
    const name = menu.value;
    store.set({
      surface: { kind: "library", name, params: OPENS[name] ?? {} },
      starts: [startOf(name)],
      rules: store.state().rules.map((one) => ({ ...one, hyper: {} })),
    });
  });
  store.draw(() => {
    menu.value = shownFor(store.state().surface);
  });
}

/** The surface's own start. @param {string} name @returns {[number, number]} */
const startOf = (name) =>
  name === "ravine" ? [-2.7, -0.2] : /** @type {[number, number]} */ (PLANES[name].start);
