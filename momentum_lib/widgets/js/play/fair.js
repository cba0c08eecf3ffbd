// Each rule's own best setting, searched beside the page: in a worker, so that the page stays alive; where a browser refuses one
// (a page from the disk, a strict policy), in the page itself, a rule at a time.
//
// The worker is this very script once more: it finds no document and waits for work (page.js). What goes over is plain data: a rule
// and a surface are their templates, and what the reader typed or drew, from which the worker has the functions, too, for where a
// policy forbids to compile.

import { RULES } from "../generated/rules.js";
import { tune } from "../kit/tune.js";
import { searchNet } from "./net.js";
import { ruleFrom } from "./rule_text.js";
import { resolve } from "./scene.js";

/** @typedef {import("../kit/types.js").Hyper} Hyper */
/** @typedef {import("../kit/types.js").Params} Params */
/** @typedef {import("../kit/types.js").Rule} Rule */
/** @typedef {import("../kit/types.js").Surface} Surface */
/** @typedef {{rules: Rule[], surface: Surface, start: number[], params: Params, ground?: import("./types.js").Ground, net: {net: string, draw: number, steps: number}|null}} Work
 *   the rules that lack a setting, and from where; `ground`: what the surface was made of; `net`: the network that is searched instead of the surface */
/** @typedef {{search: number, k: number, setting: Hyper|null, failed: boolean}} Answer */
/** @typedef {{onmessage: ((event: {data: any}) => void)|null, postMessage: (answer: Answer) => void}} Scope */

/** The address of this script; empty where it came otherwise, as in a notebook. */
const ADDRESS =
  typeof document === "undefined" ? "" : (/** @type {any} */ (document.currentScript)?.src ?? "");

/** What of an object can go to a worker. @template {object} T @param {T} from @returns {T} */
const plain = (from) =>
  /** @type {T} */ (
    Object.fromEntries(Object.entries(from).filter(([, value]) => typeof value !== "function"))
  );

/** The search of one rule, in parts between which the page may live. @param {Work} work @param {Rule} rule @returns {Generator<void, Hyper|null>} */
function* searching({ surface, start, params, net }, rule) {
  return net ? yield* searchNet(rule, net) : tune(rule, surface, start, params);
}
/** All of it at once. @param {Generator<void, Hyper|null>} search */
function whole(search) {
  let part = search.next();
  while (!part.done) part = search.next();
  return part.value;
}

/** The same work with all functions, after it came over as plain data. @param {Work} work @returns {Work} */
const revived = (work) => ({
  ...work,
  rules: work.rules.map(
    (rule) => RULES[rule.name] ?? (rule.text === undefined ? rule : (ruleFrom(rule.text).rule ?? rule)),
  ),
  surface: work.ground ? resolve(work.ground, null).surface : work.surface,
});

/** The worker's side: searches one rule after the other, and looks between two whether something newer was asked. @param {Scope} scope */
export function serve(scope) {
  let newest = 0;
  scope.onmessage = ({ data }) => {
    const { search, work: told } = /** @type {{search: number, work: Work}} */ (data),
      work = revived(told);
    newest = search;
    const next = (/** @type {number} */ k) => {
      if (search !== newest || k === work.rules.length) return;
      let setting = null,
        failed = false;
      try {
        setting = whole(searching(work, work.rules[k]));
      } catch {
        failed = true; // whatever it is: the page can do it
      }
      scope.postMessage({ search, k, setting, failed });
      setTimeout(() => next(k + 1), 0);
    };
    next(0);
  };
}

/** A worker of this script; null where there can be none. @param {() => void} lost called when it does not start after all */
function begin(lost) {
  if (!ADDRESS || typeof Worker === "undefined" || location.protocol === "file:") return null;
  try {
    const worker = new Worker(ADDRESS);
    worker.onerror = (event) => {
      event.preventDefault();
      lost();
    };
    return worker;
  } catch {
    return null;
  }
}

/**
 * One search at a time: a new one ends the last.
 * @param {import("../kit/dom.js").Life} life
 * @param {(lost: () => void) => Pick<Worker, "postMessage"|"onmessage"|"terminate">|null} [start] makes the worker
 * @returns {{search: (work: Work, each: (rule: Rule, setting: Hyper|null) => void) => void, stop: () => void, alone: () => boolean}}
 *   `each` is called once for every rule, in their order; `alone`: whether the page itself searches
 */
export function createSearcher(life, start = begin) {
  /** @type {Pick<Worker, "postMessage"|"onmessage"|"terminate">|null|undefined} */
  let worker,
    search = 0,
    halt = () => {},
    goOn = () => {};
  life.onEnd(() => worker?.terminate());

  function stop() {
    search += 1;
    halt();
    goOn = () => {};
  }
  return {
    stop,
    alone: () => worker === null,
    search(work, each) {
      stop();
      const mine = search;
      let at = 0;
      const told = (/** @type {Hyper|null} */ setting) => {
        at += 1;
        each(work.rules[at - 1], setting);
      };
      /** The rest in the page, a part at a time. */
      function here(parts = searching(work, work.rules[at])) {
        if (mine !== search || at === work.rules.length) return;
        halt = life.after(0, () => {
          const { done, value } = parts.next();
          if (!done) return here(parts);
          told(value);
          here();
        });
      }
      goOn = here;
      if (worker === undefined)
        worker = start(() => {
          worker?.terminate();
          worker = null;
          goOn();
        });
      if (worker === null) return here();
      worker.onmessage = ({ data }) => {
        const answer = /** @type {Answer} */ (data);
        if (answer.search !== search || answer.k !== at) return;
        if (!answer.failed) return told(answer.setting);
        worker?.terminate();
        worker = null;
        goOn();
      };
      worker.postMessage({
        search,
        work: { ...work, rules: work.rules.map(plain), surface: plain(work.surface) },
      });
    },
  };
}
