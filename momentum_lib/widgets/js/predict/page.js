// The predictions of a page: the boxes that the page carries as text come to life, and its summary says what came out.

import { h, lifetime } from "../kit/dom.js";
import { enliven } from "./box.js";
import { keeper } from "./kept.js";

/** What a box of the page says of each of its questions. @typedef {{kinds: string[], curve: import("./box.js").Drawn|null}} Told */

/** What stands in an element, ready to be copied. @param {Element|null} element @returns {Node[]} */
function within(element) {
  const only = element?.children.length === 1 && element.firstElementChild?.localName === "p";
  return [...((only ? element?.firstElementChild : element)?.childNodes ?? [])];
}

/** The last paragraph of the summary: what was predicted on this page, and what came out. @param {ReturnType<typeof keeper>} kept @param {number} count @param {Element} first */
function sum(kept, count, first) {
  const summary = document.querySelector("section#summary, section[id^='summary']");
  if (!summary) return;
  const list = h("ol", { class: "predict-list" }),
    lead = h("p", { class: "predict-lead" }),
    clear = h("button", { class: "predict-again", type: "button", text: "Clear my predictions" }),
    box = h(
      "div",
      { class: "predict-sum", role: "group", "aria-label": "Your predictions" },
      lead,
      list,
      clear,
    );
  const inner = [...summary.children].find((child) => child.localName === "section");
  if (inner) inner.before(box);
  else summary.append(box);
  function draw() {
    const made = Array.from({ length: count }, (_, k) => kept.get(k)).filter((one) => one !== undefined);
    lead.replaceChildren(
      h("strong", { text: "Your predictions. " }),
      ...(made.length
        ? [`${made.filter((one) => one.right).length} of ${made.length} came out as you said.`]
        : [
            "You have made none on this page yet. ",
            h("a", { href: `#${first.id}`, text: "Predict now" }),
            ".",
          ]),
    );
    list.replaceChildren(
      ...made.map((one) =>
        h(
          "li",
          {},
          h("span", { class: one.right ? "predict-yes" : "predict-no", text: one.right ? "✓ " : "✗ " }),
          one.said,
        ),
      ),
    );
    list.hidden = clear.hidden = made.length === 0;
  }
  clear.addEventListener("click", () => {
    for (let k = 0; k < count; k++) kept.set(k, null);
    location.reload();
  });
  kept.watch(draw);
  draw();
}

/** A moment in which the page has nothing more urgent to do. @returns {Promise<void>} */
const leisure = () =>
  new Promise((done) => {
    if (typeof requestIdleCallback === "function") requestIdleCallback(() => done(), { timeout: 2000 });
    else setTimeout(done, 50);
  });

/** Bring all boxes of the page to life, a question at a time: the figure that opens the page comes first. */
export async function start() {
  const life = lifetime(),
    kept = keeper(
      location.pathname
        .split("/")
        .pop()
        ?.replace(/\.html$/, "") || "index",
    ),
    boxes = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".predict[data-predict]")]);
  let count = 0;
  for (const box of boxes) {
    const told = /** @type {Told[]} */ (JSON.parse(box.dataset.predict ?? "[]")),
      places = /** @type {HTMLElement[]} */ ([...box.querySelectorAll(".predict-question")]);
    for (const [q, { kinds, curve }] of told.entries()) {
      await leisure();
      const number = count + q,
        labels = places[q].querySelectorAll("li");
      enliven(
        {
          place: places[q],
          curve,
          answers: kinds.map((kind, a) => ({
            kind,
            label: labels[a] ? within(labels[a]) : [],
            said: within(box.querySelector(`.predict-said-${q}-${a}`)),
          })),
          get: () => kept.get(number),
          set: (one) => kept.set(number, one),
        },
        life,
      );
    }
    count += told.length;
    box.classList.add("is-live");
    box.dataset.ready = "1";
  }
  if (boxes.length) sum(kept, count, boxes[0]);
}

/** The same as soon as the page is there. */
export function startWhenReady() {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
  else start();
}
