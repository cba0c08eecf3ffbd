// A box of predictions: each question has its buttons or its axes, keeps the answer, and says how it compares.

import { h, show } from "../kit/dom.js";
import { COLUMNS, createPad, inUnits } from "../kit/pad.js";
import { playgroundAddress } from "../kit/playground.js";
import { compare, measure, played, sentence, truth } from "./truth.js";

/** @typedef {import("./truth.js").Spec} Spec */
/** @typedef {import("./kept.js").Kept} Kept */
/** @typedef {{kind: string, label: Node[], said: Node[]}} Answer what stands on its button, and what is said to it */
/** @typedef {{draw: Spec, given: Spec|null, ask: string, axis: string}} Drawn */
/** @typedef {{place: HTMLElement, answers: Answer[], curve: Drawn|null, get: () => Kept|undefined, set: (one: Kept|null) => void}} Question */

const copies = (/** @type {Node[]} */ nodes) => nodes.map((node) => node.cloneNode(true));
const wordsOf = (/** @type {Node[]} */ nodes) =>
  nodes
    .map((node) => node.textContent)
    .join("")
    .trim();

/** An answer as its button shows it: without the full stop that it has in the text. @param {Node[]} nodes */
function onButton(nodes) {
  const shown = copies(nodes),
    last = shown.at(-1);
  if (last?.nodeType === Node.TEXT_NODE) last.textContent = (last.textContent ?? "").replace(/\.\s*$/, "");
  return shown;
}

/** The name of a button with a formula, which is drawn twice: the words, and each formula as its MathML reads. @param {Node[]} nodes */
function spoken(nodes) {
  const copy = h("span", {}, ...copies(nodes));
  for (const drawn of copy.querySelectorAll(".katex-html, annotation")) drawn.remove();
  return wordsOf([copy]);
}

/** Where what came out is said: seen, and read aloud. @param {Question} question @param {() => void} again */
function verdictIn(question, again) {
  const node = h("div", { class: "predict-verdict", role: "status", hidden: true }),
    retry = h("button", { class: "predict-again", type: "button", text: "Ask me again", hidden: true });
  question.place.append(node, retry);
  retry.addEventListener("click", again);
  return {
    /** @param {boolean} right @param {(Node|string)[][]} paragraphs */
    say(right, paragraphs) {
      node.replaceChildren(...paragraphs.map((parts) => h("p", {}, ...parts)));
      node.classList.toggle("is-right", right);
      node.hidden = retry.hidden = false;
    },
    clear() {
      node.replaceChildren();
      node.hidden = retry.hidden = true;
    },
    end() {
      node.remove();
      retry.remove();
    },
  };
}

/** A question with two to four buttons. @param {Question} question @returns {() => void} the cleanup */
function withButtons(question) {
  const { answers, place } = question,
    right = answers.findIndex(({ kind }) => kind === "x");
  const buttons = answers.map(({ label }) =>
    h(
      "button",
      {
        class: "predict-choice",
        type: "button",
        "aria-pressed": "false",
        "aria-label": spoken(label).replace(/\.$/, ""),
      },
      ...onButton(label),
    ),
  );
  const row = h("div", { class: "predict-choices", role: "group", "aria-label": "Your answer" }, ...buttons);
  place.append(row);
  const verdict = verdictIn(question, () => {
    question.set(null);
    clear();
    buttons[0].focus();
  });
  function clear() {
    verdict.clear();
    for (const button of buttons) {
      button.disabled = false;
      button.setAttribute("aria-pressed", "false");
      button.classList.remove("is-right", "is-wrong");
    }
  }
  /** @param {number} chosen */
  function tell(chosen) {
    buttons.forEach((button, k) => {
      button.disabled = true;
      button.setAttribute("aria-pressed", String(k === chosen));
      button.classList.toggle("is-right", k === right);
      button.classList.toggle("is-wrong", k === chosen && k !== right);
    });
    const mine = [
        h("strong", {}, chosen === right ? "Right. " : "Not so. "),
        ...copies(answers[chosen].said),
      ],
      truly = [h("strong", {}, ...copies(answers[right].label)), " ", ...copies(answers[right].said)];
    verdict.say(chosen === right, chosen === right ? [mine] : [mine, truly]);
  }
  buttons.forEach((button, k) =>
    button.addEventListener("click", () => {
      const label = spoken(answers[k].label);
      question.set({
        answer: label,
        right: k === right,
        said: `You said: ${label}${k === right ? "" : ` It is: ${spoken(answers[right].label)}`}`,
      });
      tell(k);
    }),
  );
  const kept = question.get(),
    before = answers.findIndex(({ label }) => spoken(label) === kept?.answer);
  if (before >= 0) tell(before);
  return () => {
    row.remove();
    verdict.end();
  };
}

/** The way to the same run in the playground, once the answer is given; without an address where there is none. @param {Spec} spec */
function playLink(spec) {
  const state = played(spec),
    href = state && playgroundAddress(state);
  return h("a", {
    class: "predict-play",
    ...(href ? { href } : {}),
    hidden: true,
    text: "Predict more in the playground",
  });
}

/** A question whose answer is a curve. @param {Question} question @param {Drawn} drawn @param {import("../kit/dom.js").Life} life @returns {() => void} */
function withAxes(question, { draw: spec, given, ask, axis }, life) {
  const ends = /** @type {[number, number]} */ (spec.show === "steps" ? [0, 0.95] : [0, spec.steps]),
    about = h("p", {
      class: "predict-how",
      text: "Draw with the mouse or a finger, up to the right edge. By keyboard: arrow keys choose a point and move it.",
    });
  /** The run, made when it is first asked for: it can take some milliseconds. @type {import("./truth.js").Curve|null} */
  let made = null;
  const run = () => (made ??= truth(spec));
  const other = given && { curve: truth(given), label: given.label, look: given.look };
  const pad = createPad({
    life,
    parent: question.place,
    spec,
    axis,
    ends,
    given: other,
    changed(complete, released) {
      done.disabled = !complete;
      if (complete && released) commit();
      else if (released) about.textContent = "Go on to the right edge: then the run is drawn over yours.";
    },
  });
  const done = h("button", {
    class: "predict-choice predict-done",
    type: "button",
    text: "Compare with the run",
    disabled: true,
  });
  question.place.append(about, done);
  done.addEventListener("click", () => commit());
  const more = playLink(spec);
  const verdict = verdictIn(question, () => {
    question.set(null);
    verdict.clear();
    more.hidden = true;
    pad.clear();
    about.hidden = done.hidden = false;
    done.disabled = true;
    pad.focus();
  });
  /** @param {number[]} heights */
  const judged = (heights) => {
    const yours = measure(ask, inUnits(heights, spec, ends)),
      theirs = measure(ask, run());
    return { where: compare(ask, yours, theirs), told: sentence(ask, yours, theirs, (v) => show(v, 2)) };
  };
  /** @param {number[]} heights @param {boolean} once */
  function tell(heights, once) {
    const { where, told } = judged(heights),
      answer = question.answers.find(({ kind }) => kind === where);
    pad.reveal(run(), once);
    about.hidden = done.hidden = true;
    more.hidden = !more.href;
    verdict.say(where === "close", [[h("strong", { text: `${told} ` }), ...copies(answer?.said ?? [])]]);
  }
  function commit() {
    const heights = pad.heights();
    if (!heights) return;
    const { where, told } = judged(heights);
    question.set({
      answer: heights.map((v) => Math.round(v * 1000) / 1000),
      right: where === "close",
      said: told,
    });
    pad.put(heights);
    tell(heights, false);
  }
  question.place.append(more);
  const kept = question.get()?.answer;
  if (Array.isArray(kept) && kept.length === COLUMNS) {
    pad.put(kept);
    tell(kept, true);
  }
  return () => {
    about.remove();
    done.remove();
    more.remove();
    verdict.end();
  };
}

/** Give a question its buttons or its axes. @param {Question} question @param {import("../kit/dom.js").Life} life */
export function enliven(question, life) {
  question.place.classList.add("is-live");
  life.onEnd(question.curve ? withAxes(question, question.curve, life) : withButtons(question));
}
