// The equations of the picked rule with the numbers of the step now shown, coordinate by coordinate.

import { QUANTITIES } from "../generated/look.js";
import { clamp, h, show } from "../kit/dom.js";
import { descend } from "../kit/engine.js";
import { equation } from "../kit/equation.js";
import { watchedRun } from "./net.js";

/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Lane} Lane */

/** The name of a quantity as it is written. @param {string} name */
const written = (name) => QUANTITIES[name]?.symbol ?? name;

/**
 * What changes in one step of one coordinate.
 * @param {Lane} lane
 * @param {import("../kit/types.js").Run} run with its state and gradients
 * @param {number} t the step, from 1
 * @param {number} i the coordinate
 */
function oneStep({ rule }, run, t, i) {
  const at = (/** @type {ArrayLike<number>} */ array, /** @type {number} */ k) => array[2 * k + i];
  return {
    grad: run.gradients ? at(run.gradients, t - 1) : NaN,
    before: at(run.points, t - 1),
    after: at(run.points, t),
    slots: Object.keys(rule.slots).map((name) => ({
      name,
      before: at(run.state[name], t - 1),
      after: at(run.state[name], t),
    })),
  };
}

/** The picked rule's run with its memories and gradients; of a network, what became of two of its weights. @param {Scene} scene */
function runOf({ picked, surface, params, state, net }) {
  if (net) return watchedRun(net.trainings[picked.index][0], state.steps);
  return descend(picked.rule, surface, {
    start: state.starts[0],
    steps: state.steps,
    hyper: picked.hyper,
    params,
    extras: true,
  });
}

/** A number written below the line. @param {number} whole */
const lowered = (whole) => [...String(whole)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]).join("");

/** A cell of the table. @param {string} tag @param {string} text @param {string} [look] */
const cell = (tag, text, look) =>
  h(tag, { ...(tag === "th" ? { scope: "row" } : {}), "data-look": look }, text);

/** @param {import("./parts.js").Stage} stage @returns {import("./parts.js").PlayView} */
export function createSteps({ life, parent, time }) {
  const title = h("h2", { class: "pg-steps-title" }),
    lines = h("p", { class: "pg-lines" }),
    values = h("p", { class: "pg-with" }),
    body = h("tbody"),
    head = h("tr"),
    back = h("button", { type: "button", class: "lf-button", text: "← one back" }),
    forth = h("button", { type: "button", class: "lf-button", text: "one on →" }),
    table = h("table", { class: "pg-numbers" }, h("thead", {}, head), body);
  parent.append(
    h(
      "div",
      { class: "pg-steps" },
      title,
      lines,
      values,
      table,
      h("div", { class: "pg-steps-acts" }, back, forth),
    ),
  );
  let shown = 1;
  /** Whether the first step is shown though the clock is at the end or on its way there: until it starts anew, or a hand moves it. */
  const first = { opened: false, held: false, playing: false };
  const seek = (/** @type {number} */ by) => {
    first.held = false;
    time.seek(Math.max(1, shown + by));
  };
  life.on(back, "click", () => seek(-1));
  life.on(forth, "click", () => seek(1));
  return {
    draw(scene) {
      const { picked, net } = scene,
        run = runOf(scene);
      // At a run's end there is nothing to learn from its numbers: they begin with its first step. The other views go on.
      const playing = time.playing(),
        ending = playing || time.head() >= run.n;
      first.held = first.opened ? first.held && ending && !(playing && !first.playing) : ending;
      Object.assign(first, { opened: true, playing });
      shown = time.waiting() || first.held ? 1 : clamp(time.head(), 1, Math.max(run.n, 1));
      title.textContent = `${picked.title}: step ${shown}`;
      const [one, other] = net
        ? net.trainings[picked.index][0].watched.map((i) => `θ${lowered(i + 1)}`)
        : ["x", "y"];
      head.replaceChildren(
        h("td"),
        ...[`${one} before`, `${one} after`, `${other} before`, `${other} after`].map((text) =>
          h("th", { scope: "col", text }),
        ),
      );
      if (lines.dataset.of !== picked.rule.name) {
        lines.dataset.of = picked.rule.name;
        lines.replaceChildren(
          ...picked.rule.lines.map((line) => h("span", { class: "pg-line" }, equation(line))),
        );
      }
      values.textContent = `with ${Object.entries(picked.hyper)
        .map(([name, value]) => `${written(name)} = ${show(value)}`)
        .join(", ")}`;
      back.disabled = shown <= 1;
      forth.disabled = shown >= run.n;
      if (run.n < 1) return body.replaceChildren();
      const [x, y] = [0, 1].map((i) => oneStep(picked, run, shown, i));
      const row = (
        /** @type {string} */ name,
        /** @type {string} */ words,
        /** @type {(string|number)[]} */ numbers,
        /** @type {string} */ look,
      ) =>
        h(
          "tr",
          {},
          cell("th", `${words} ${written(name)}`, look),
          ...numbers.map((v) => cell("td", typeof v === "number" ? show(v, net ? 3 : 4) : v)),
        );
      body.replaceChildren(
        row("grad", "gradient", [x.grad, "", y.grad, ""], "gradient"),
        ...x.slots.map((slot, k) =>
          row(
            slot.name,
            QUANTITIES[slot.name]?.name ?? "memory",
            [slot.before, slot.after, y.slots[k].before, y.slots[k].after],
            picked.rule.family,
          ),
        ),
        row("theta", "point", [x.before, x.after, y.before, y.after], "ink"),
      );
    },
    numbers: () => ({ step: shown, rows: [...body.rows].map((r) => [...r.cells].map((c) => c.textContent)) }),
  };
}
