// The board of the race: who runs, with what, the loss now, the outcome; a tick lets a rule in or out.

import { RULES } from "../generated/rules.js";
import { h, show } from "../kit/dom.js";
import { memory } from "../kit/tune.js";
import { nameOf, swatch } from "../kit/looks.js";
import { outcome } from "./runs.js";
import { FIRST, MOST } from "./setup.js";

/** @typedef {import("../race.js").RaceFigure} RaceFigure */

/** Let a rule in or out. @param {RaceFigure} fig @param {string} rule */
function invite(fig, rule) {
  const rules = fig.get("rules"),
    out = rules.includes(rule),
    order = Object.keys(RULES);
  const alone = out && rules.length === 1,
    full = !out && rules.length === MOST;
  fig.say(alone ? "One rule has to run." : full ? `${MOST} rules at most: take one out first.` : "");
  fig.set({
    rules: out
      ? rules.filter((one) => one !== rule)
      : [...rules, rule].slice(0, MOST).sort((a, b) => order.indexOf(a) - order.indexOf(b)),
  });
  fig.redraw();
}

/** One tick box a rule, with its look: it runs while it is ticked. @param {RaceFigure} fig @param {string} rule */
export function entry(fig, rule) {
  const tick = h("input", { type: "checkbox" });
  const node = h(
    "label",
    { class: "lf-toggle lf-entry", "data-look": RULES[rule].family, "data-rule": rule },
    tick,
    swatch(rule),
    h("span", { text: nameOf(rule) }),
  );
  fig.life.on(tick, "change", () => invite(fig, rule));
  const update = () => {
    tick.checked = fig.get("rules").includes(rule);
    node.classList.toggle("is-out", !tick.checked);
  };
  fig.draw(update);
  update();
  return node;
}

/** What stands beside a rule's name: rate, momentum, loss at this step, outcome. @param {string} rule @param {import("./runs.js").Racer} run @param {number} step @param {boolean} floor */
function told(rule, run, step, floor) {
  const beta = memory(RULES[rule]);
  return [
    show(run.hyper.lr),
    beta ? show(run.hyper[beta]) : "–",
    run.n < step && floor ? "–" : show(run.values[Math.min(step, run.n)], 2),
    outcome(run, floor),
  ];
}

/** @param {RaceFigure} fig @param {import("./runs.js").Runs} runs */
export function createBoard(fig, runs) {
  const body = h("tbody"),
    lossTitle = h("th", { scope: "col" }),
    endTitle = h("th", { scope: "col", text: "" });
  const node = h(
    "table",
    { class: "lf-board" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col", text: "rule" }),
        h("th", { scope: "col", class: "lf-wide-only", text: "learning rate η" }),
        h("th", { scope: "col", class: "lf-wide-only", text: "momentum β" }),
        lossTitle,
        endTitle,
      ),
    ),
    body,
  );
  const compact = fig.get("compact"),
    drawn = { key: "" };
  /** @type {Map<string, HTMLTableRowElement>} */
  const rows = new Map();
  /** A rule's row, made when it is first listed. @param {string} rule */
  function rowOf(rule) {
    const known = rows.get(rule);
    if (known) return known;
    const row = h(
      "tr",
      { "data-rule": rule },
      h("th", { scope: "row" }, entry(fig, rule)),
      h("td", { class: "lf-wide-only" }),
      h("td", { class: "lf-wide-only" }),
      h("td"),
      h("td"),
    );
    rows.set(rule, row);
    return row;
  }
  return {
    node,
    /** The texts of the rows of the rules that run, as they stand. @param {string[]} rules */
    texts: (rules) =>
      Object.keys(RULES)
        .filter((rule) => rules.includes(rule))
        .map((rule) => [...rowOf(rule).children].map((cell) => cell.textContent)),
    /** @param {string[]} rules @param {number} step @param {boolean} floor */
    update(rules, step, floor) {
      const listed = Object.keys(RULES).filter((rule) => FIRST.includes(rule) || rules.includes(rule));
      const texts = listed.map((rule) =>
        rules.includes(rule) ? told(rule, runs.of(rule), step, floor) : ["", "", "", ""],
      );
      const key = JSON.stringify([listed, texts, floor, step]);
      if (key === drawn.key) return;
      drawn.key = key;
      lossTitle.textContent = compact ? "loss" : `loss at step ${step}`;
      endTitle.textContent = floor ? "steps to a millionth of the distance" : "leaves at step";
      listed.forEach((rule, k) => {
        const cells = rowOf(rule).children;
        texts[k].forEach((text, i) => {
          if (cells[i + 1].textContent !== text) cells[i + 1].textContent = text;
        });
      });
      const wanted = listed.map(rowOf);
      if (wanted.length !== body.children.length || wanted.some((row, k) => body.children[k] !== row))
        body.replaceChildren(...wanted);
    },
  };
}
/** @typedef {ReturnType<typeof createBoard>} Board */
