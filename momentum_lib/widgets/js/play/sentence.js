// The one sentence that says what the picture shows. Pure.

import { show } from "../kit/dom.js";
import { BUDGET } from "../kit/tune.js";
import { NETS, netOf } from "./net.js";

/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").Scene} Scene */

export const lower = (/** @type {string} */ title) =>
  /^[A-Z][a-z]+( |$)/.test(title) && !/^(Nesterov|Adam|Muon|Lion|Polyak)/.test(title)
    ? title[0].toLowerCase() + title.slice(1)
    : title;
const upper = (/** @type {string} */ text) => text[0].toUpperCase() + text.slice(1);
const steps = (/** @type {number} */ n) => `${show(n)} step${n === 1 ? "" : "s"}`;
/** How many times, short. @param {number} ratio */
const times = (ratio) => (ratio < 9.95 ? ratio.toFixed(1) : String(Math.round(ratio)));
/** A list as one says it. @param {string[]} words */
export const listed = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;

/** Quickest first; who does not arrive, last. @param {Lane[]} lanes */
export const inOrder = (lanes) =>
  lanes.slice().sort((a, b) => (a.end.steps ?? Infinity) - (b.end.steps ?? Infinity) || a.index - b.index);

/** What became of a rule, for its chip. @param {Lane} lane @param {boolean} floor whether the surface has a minimum */
export function outcome({ end }, floor) {
  if (end.divergedAt) return "flies off";
  if (!floor) return show(end.loss);
  return end.steps === null ? `over ${show(BUDGET)}` : show(end.steps);
}

/** @param {Lane} lane */
function told({ title, end }) {
  const name = lower(title);
  if (end.divergedAt) return `${name} flies off at step ${show(end.divergedAt)}`;
  return end.steps === null
    ? `${name} does not arrive in ${show(BUDGET)}`
    : `${name} needs ${show(end.steps)}`;
}

/** The lowest loss first; who flew off is left out. @param {Lane[]} lanes */
const byLoss = (lanes) => lanes.filter(({ end }) => !end.divergedAt).sort((a, b) => a.end.loss - b.end.loss);

/** What a network's picture says. @param {Scene} scene @param {NonNullable<Scene["net"]>} net */
function ofNet({ lanes, picked, state }, { name, share, done }) {
  const [first, ...rest] = byLoss(lanes),
    learn = `${show(netOf(name).count)} weights learn ${NETS[name].learns}`;
  if (!done) return `${learn} …`;
  if (!first) return `${learn}, and every training flies off: a lower learning rate holds it.`;
  const loss = (/** @type {Lane} */ { title, end }) => `${lower(title)} has ${show(end.loss, 2)}`,
    fair = state.fair === "best" && !lanes.some(({ own }) => own) ? ", each at its own best" : "";
  return (
    `${learn}. After ${steps(state.steps)}${fair}, ${lower(first.title)} has the lowest loss, ${show(first.end.loss, 2)}` +
    `${rest.length ? `; ${listed(rest.map(loss))}` : ""}. The picture's plane holds ${show(100 * share, 2)} % of its way` +
    `${lanes.length > 1 ? ` (${lower(picked.title)})` : ""}.`
  );
}

/** @param {Scene} scene */
function noFloor({ lanes, state }) {
  const ordered = byLoss(lanes),
    gone = lanes.filter(({ end }) => end.divergedAt),
    guessed =
      state.fair === "best"
        ? " No setting is the best where there is no end: each rule has a guessed one."
        : "";
  if (!ordered.length)
    return `Every ball has left this surface, which has no lowest point, before step ${show(Math.max(...gone.map(({ end }) => end.divergedAt)))}.${guessed}`;
  return `This surface has no lowest point: after ${steps(state.steps)} ${lower(ordered[0].title)} is lowest, at ${show(ordered[0].end.loss)}.${guessed}`;
}

/** The picked rule against gradient descent, or the best of the others. @param {Lane[]} ordered @param {Lane} picked */
function against(ordered, picked) {
  const other =
    ordered.find((lane) => lane !== picked && lane.rule.name === "gradient_descent") ??
    ordered.find((lane) => lane !== picked);
  if (!other || picked.end.steps === null) return "";
  if (other.end.divergedAt) return `, where ${lower(other.title)} flies off`;
  if (other.end.steps === null) return `, where ${lower(other.title)} does not arrive in ${show(BUDGET)}`;
  const ratio = other.end.steps / picked.end.steps;
  if (ratio >= 1.05) return `, ${times(ratio)} times sooner than ${lower(other.title)}`;
  if (ratio <= 0.95) return `, ${times(1 / ratio)} times later than ${lower(other.title)}`;
  return `, as soon as ${lower(other.title)}`;
}

/** @param {Lane} picked */
const memoryOf = ({ rule, hyper }) => (rule.momentum ? `With memory ${show(hyper[rule.momentum])} ` : "");

/** The order at each rule's own best, in the words of a comparison. @param {Lane[]} now @param {{title: string, steps: number|null}[]} best */
function orders(now, best) {
  const first = now.map(({ title }) => title).join("|"),
    fair = best.map(({ title }) => title).join("|");
  if (first === fair) return " The order is the same when each has its own best setting.";
  return ` Each at its own best, ${lower(best[0].title)} wins (${best[0].steps === null ? `over ${show(BUDGET)}` : steps(best[0].steps)}).`;
}

/**
 * What the map, the curves and the surface say.
 * @param {Scene} scene
 * @param {() => {title: string, steps: number|null}[]} best the rules at their own best settings, quickest first
 */
export function sentence(scene, best) {
  const { lanes, picked, surface, state, net } = scene;
  if (net) return ofNet(scene, net);
  if (!surface.minima.length) return noFloor(scene);
  const start = state.starts[0];
  if (surface.minima.some(([x, y]) => x === start[0] && y === start[1]))
    return "The balls start at the lowest point, and stay there.";
  const ordered = inOrder(lanes);
  if (state.noise > 0)
    return `Every gradient carries the same noise for all rules: the balls come near the lowest point and go on trembling about it; ${lower(lowestOf(lanes).title)} lies lowest after ${steps(state.steps)}.`;
  if (state.fair === "same")
    return `One rate for all, ${show(ordered[0].hyper.lr)}: ${listed(ordered.map(told))}.${orders(ordered, best())}`;
  if (lanes.some(({ own }) => own)) {
    if (picked.end.divergedAt)
      return `${memoryOf(picked)}${memoryOf(picked) ? lower(picked.title) : upper(picked.title)} flies off at step ${show(picked.end.divergedAt)}: a lower learning rate holds it.`;
    const arrives =
      picked.end.steps === null
        ? `does not arrive in ${steps(BUDGET)}`
        : `arrives in ${steps(picked.end.steps)}`;
    return `${memoryOf(picked)}${memoryOf(picked) ? lower(picked.title) : picked.title} ${arrives}${against(ordered, picked)}.`;
  }
  const [winner, ...rest] = ordered;
  if (winner.end.steps === null) return `None of them arrives in ${steps(BUDGET)}, each at its own best.`;
  const arrived = rest
      .filter(({ end }) => end.steps !== null)
      .map(({ title, end }) => `${lower(title)} in ${show(end.steps ?? 0)}`),
    others = rest.filter(({ end }) => end.steps === null).map(told);
  return (
    `Each at its own best: ${lower(winner.title)} reaches the lowest point, to a millionth of the way, in ${steps(winner.end.steps)}` +
    `${arrived.length ? `, ${listed(arrived)}` : ""}${others.length ? `; ${listed(others)}` : ""}.`
  );
}

/** @param {Lane[]} lanes */
const lowestOf = (lanes) => lanes.reduce((a, b) => (b.end.loss < a.end.loss ? b : a));
