// A surface drawn by hand: hills and hollows are pulled out of a shallow bowl with the finger, or with + and − at the ring.

import { h } from "../kit/dom.js";
import { pull } from "./ground.js";

/** @typedef {import("../kit/types.js").Plot} Plot */
/** @typedef {import("./types.js").Bump} Bump */

const WIDTH = 0.5,
  /** How much a hill grows in a frame, and with a key. */
  GROWS = 0.035,
  KEY = 0.15;

/**
 * @param {import("./parts.js").Stage} stage
 * @param {Plot} plot the map
 * @param {HTMLElement} parent where the tools stand
 */
export function createHand({ life, store }, plot, parent) {
  const tools = [
    { name: "hill", label: "Hills", by: 1 },
    { name: "hollow", label: "Hollows", by: -1 },
    { name: "ball", label: "The ball", by: 0 },
  ].map((one) => ({ ...one, node: h("button", { type: "button", class: "pg-tool", text: one.label }) }));
  const clear = h("button", { type: "button", class: "pg-tool", text: "Flatten" }),
    words = h("span", {
      class: "pg-tool-words",
      text: "Draw with the finger; with keys: + and − at the ring",
    }),
    bar = h(
      "div",
      { class: "pg-tools", role: "group", "aria-label": "What the finger draws", hidden: true },
      ...tools.map(({ node }) => node),
      clear,
      words,
    );
  parent.append(bar);
  let tool = tools[0],
    held = /** @type {[number, number]|null} */ (null);
  const bumps = () => {
    const { surface } = store.state();
    return surface.kind === "drawn" ? surface.bumps : [];
  };
  const put = (/** @type {Bump[]} */ next) => store.set({ surface: { kind: "drawn", bumps: next } });
  const drawing = () => !bar.hidden && tool.by !== 0;
  for (const one of tools)
    life.on(one.node, "click", () => {
      tool = one;
      store.redraw();
    });
  life.on(clear, "click", () => put([]));

  const spot = (/** @type {PointerEvent} */ event) => {
    const r = plot.svg.getBoundingClientRect();
    return /** @type {[number, number]} */ ([
      plot.x.invert(event.clientX - r.left),
      plot.y.invert(event.clientY - r.top),
    ]);
  };
  function grow() {
    if (!held) return;
    put(pull(bumps(), held, tool.by * GROWS, WIDTH));
    life.frame(grow);
  }
  const outside = (/** @type {PointerEvent} */ { target }) =>
    !drawing() || !(target instanceof Element) || target.closest(".lf-handle") !== null;
  life.on(plot.svg, "touchstart", (event) => outside(event) || event.preventDefault(), { passive: false });
  life.on(plot.svg, "pointerdown", (event) => {
    if (outside(event) || event.button !== 0) return;
    plot.svg.setPointerCapture(event.pointerId);
    held = spot(event);
    put(pull(bumps(), held, tool.by * 3 * GROWS, WIDTH));
    life.frame(grow);
  });
  life.on(plot.svg, "pointermove", (event) => {
    if (held) held = spot(event);
  });
  for (const type of ["pointerup", "pointercancel"])
    life.on(plot.svg, type, () => {
      held = null;
    });
  life.on(plot.svg, "keydown", (/** @type {KeyboardEvent} */ event) => {
    const by = { "+": KEY, "=": KEY, "-": -KEY, "−": -KEY }[event.key];
    if (!by || bar.hidden) return;
    event.preventDefault();
    put(pull(bumps(), store.state().starts[0], by, WIDTH));
  });
  return () => {
    bar.hidden = store.state().surface.kind !== "drawn";
    plot.box.classList.toggle("is-drawing", drawing());
    for (const one of tools) one.node.setAttribute("aria-pressed", String(one === tool));
  };
}
