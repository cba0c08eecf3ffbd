// A rotary control: a half-turn of an arc from 0 to a top, with ticks and a knob that follows mouse, finger and keys.

import { assigner, clamp, h, s } from "./dom.js";

/** The arc's radius and middle in units of the picture, and the corner and size of that picture. */
const R = 74,
  CX = 100,
  CY = 92,
  LEFT = -6,
  TOP = -12,
  WIDTH = 212,
  HEIGHT = 128;
/** How far each key turns, as a part of one. */
const KEYS = /** @type {Record<string, number>} */ ({
  ArrowLeft: -0.01,
  ArrowDown: -0.01,
  ArrowRight: 0.01,
  ArrowUp: 0.01,
  PageUp: 0.1,
  PageDown: -0.1,
  Home: -1,
  End: 1,
});

/** The place at a part of the turn, so far from the middle. @param {number} part @param {number} r @returns {[number, number]} */
const spot = (part, r) => [CX + r * Math.cos(Math.PI * (1 - part)), CY - r * Math.sin(Math.PI * (1 - part))];

/** The arc from the left end to a part of the turn. @param {number} part */
function arc(part) {
  const [x0, y0] = spot(0, R),
    [x1, y1] = spot(part, R);
  return `M${x0},${y0}A${R},${R} 0 0 1 ${x1.toFixed(2)},${y1.toFixed(2)}`;
}

/** A tick and its number. @param {number} value @param {number} top */
function tick(value, top) {
  const part = value / top,
    [x0, y0] = spot(part, R + 7),
    [x1, y1] = spot(part, R + 12),
    [x, y] = spot(part, R + 20);
  return [
    s("path", { class: "lf-tick-mark", d: `M${x0},${y0}L${x1},${y1}` }),
    s("text", {
      class: "lf-text",
      x,
      y: y + (part === 0 || part === 1 ? 14 : 3),
      "text-anchor": part > 0.8 && part < 0.96 ? "start" : "middle",
      text: String(value),
    }),
  ];
}

/**
 * Add the control to a figure.
 * @param {Pick<import("./types.js").Figure, "controls" | "life">} fig
 * @param {object} o
 * @param {string} o.name of the state that it turns, for tests
 * @param {string} o.label
 * @param {string} o.unit what it turns, in a word below the number
 * @param {number} o.top
 * @param {number[]} o.ticks
 * @param {() => number} o.get
 * @param {(value: number) => void} o.set
 * @param {(value: number) => string} o.words for a screen reader
 */
export function addRotary(fig, { name, label, unit, top, ticks, get, set, words }) {
  const part = s("path", { class: "lf-arc lf-arc-now" }),
    value = s("text", { class: "lf-dial-value", x: CX, y: CY - 14, "text-anchor": "middle" }),
    knob = s(
      "g",
      {
        class: "lf-handle",
        tabindex: 0,
        role: "slider",
        "aria-label": `${unit}, ${label}`,
        "aria-valuemin": 0,
        "aria-valuemax": top,
      },
      s("circle", { class: "lf-hit", r: 24 }),
      s("circle", { class: "lf-focus", r: 16 }),
      s("circle", { class: "lf-ring", r: 10 }),
      s("circle", { class: "lf-core", r: 3 }),
    );
  const svg = s(
    "svg",
    {
      class: "lf-rotary",
      viewBox: `${LEFT} ${TOP} ${WIDTH} ${HEIGHT}`,
      role: "group",
      "aria-label": label,
    },
    s("path", { class: "lf-arc", d: arc(1) }),
    part,
    ...ticks.flatMap((at) => tick(at, top)),
    value,
    s("text", { class: "lf-text", x: CX, y: CY + 6, "text-anchor": "middle", text: unit }),
    knob,
  );
  fig.controls.append(h("div", { class: "lf-control lf-rotary-box", "data-control": name }, svg));
  const put = (/** @type {number} */ v) => set(clamp(Number(v.toFixed(3)), 0, top));
  followPointer(fig.life, svg, knob, (turn) => put(top * turn));
  fig.life.on(knob, "keydown", (event) => {
    const by = KEYS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    put(get() + by * (event.shiftKey && Math.abs(by) === 0.01 ? 10 : 1));
  });
  const dressed = { part: assigner(part), knob: assigner(knob), value: assigner(value) };
  /** @param {number} now @param {string} family whose colour it wears @param {string} symbol */
  return (now, family, symbol) => {
    const [x, y] = spot(now / top, R),
      look = { "data-look": family };
    dressed.part({ ...look, d: arc(now / top) });
    dressed.knob({
      ...look,
      transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})`,
      "aria-valuenow": now,
      "aria-valuetext": words(now),
    });
    dressed.value({ ...look, text: `${symbol} = ${now.toFixed(3).replace(/0$/, "")}` });
  };
}

/**
 * The knob follows a pointer that was put down on it or near the arc.
 * @param {import("./dom.js").Life} life @param {SVGElement} svg @param {SVGElement} knob @param {(turn: number) => void} turned
 */
function followPointer(life, svg, knob, turned) {
  const hold = { held: false, tap: false };
  /** Where the pointer is, from the arc's middle, upwards. @param {PointerEvent} event @returns {[number, number]} */
  const place = (event) => {
    const r = svg.getBoundingClientRect();
    return [
      LEFT + ((event.clientX - r.left) / r.width) * WIDTH - CX,
      CY - (TOP + ((event.clientY - r.top) / r.height) * HEIGHT),
    ];
  };
  const turn = (/** @type {PointerEvent} */ event) => {
    const [x, y] = place(event),
      angle = Math.atan2(y, x);
    turned(1 - clamp(angle < -Math.PI / 2 ? Math.PI : angle, 0, Math.PI) / Math.PI); // below the arc: the nearer end
  };
  life.on(svg, "pointerdown", (event) => {
    if (event.button !== 0) return;
    const far = Math.hypot(...place(event));
    if (!knob.contains(event.target) && (far < R - 24 || far > R + 24)) return;
    hold.tap = event.pointerType === "touch" && !knob.contains(event.target); // a finger beside the knob may want to scroll
    if (hold.tap) return;
    hold.held = true;
    svg.setPointerCapture(event.pointerId);
    knob.classList.add("is-held");
    knob.focus({ preventScroll: true });
    event.preventDefault();
    turn(event);
  });
  life.on(svg, "pointermove", (event) => {
    if (hold.held) turn(event);
  });
  life.on(svg, "pointerup", (event) => {
    if (hold.tap) turn(event);
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"])
    life.on(svg, type, () => {
      hold.held = hold.tap = false;
      knob.classList.remove("is-held");
    });
}
