// The menu of surfaces.

import { h } from "../kit/dom.js";
import { FIRST } from "../kit/playground.js";
import { FIELDS, PLANES } from "./ground.js";
import { NETS } from "./net.js";
import { OWN_SURFACE } from "./typed.js";

/** @typedef {import("./types.js").Ground} Ground */

/** Where a surface of the library opens; the ravine lies slightly turned, so that no rule has its axes for free. @type {Record<string, import("../kit/types.js").Params>} */
const OPENS = { ravine: { kappa: 25, angle: 0.3 } };

/** Before a network's name in the menu. */
const NET = "net:";

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
  menu.append(
    h(
      "optgroup",
      { label: "Networks that learn" },
      ...Object.entries(NETS).map(([name, { title }]) =>
        h("option", { value: `${NET}${name}`, text: title }),
      ),
    ),
  );
  parent.append(menu);
  const shownFor = (/** @type {Ground} */ ground) =>
    ground.kind === "library" ? ground.name : ground.kind === "net" ? `${NET}${ground.name}` : ground.kind;
  /** A network with its own number of steps, and back again. */
  const fresh = () => ({
    rules: store.state().rules.map((one) => ({ ...one, hyper: {} })),
    ...(store.state().surface.kind === "net" ? { steps: FIRST.steps } : {}),
  });
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
        ...fresh(),
      });
    if (menu.value.startsWith(NET)) {
      const net = menu.value.slice(NET.length);
      return store.set({
        ...fresh(),
        surface: { kind: "net", name: net },
        starts: [[1, 0]],
        steps: NETS[net].steps,
        noise: 0,
      });
    }
    if (menu.value === "formula")
      return store.set({
        surface: { kind: "formula", text: OWN_SURFACE, params: {} },
        starts: [[-1.6, -0.6]],
        ...fresh(),
      });
    const name = menu.value;
    store.set({
      surface: { kind: "library", name, params: OPENS[name] ?? {} },
      starts: [startOf(name)],
      ...fresh(),
    });
  });
  store.draw(() => {
    menu.value = shownFor(store.state().surface);
  });
}

/** The surface's own start. @param {string} name @returns {[number, number]} */
const startOf = (name) =>
  name === "ravine" ? [-2.7, -0.2] : /** @type {[number, number]} */ (PLANES[name].start);
