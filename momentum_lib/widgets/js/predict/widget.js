// The box of predictions in a notebook: the same questions, over the model of Predict in predict.py.

import { h, lifetime } from "../kit/dom.js";
import { enliven } from "./box.js";

/** @typedef {{text: string, answers: {kind: string, label: string, said: string}[], curve: import("./box.js").Drawn|null}} Asked */
/** @typedef {Record<string, import("./kept.js").Kept>} Predictions */

/** @param {import("../kit/types.js").Context} context */
export function render({ model, el }) {
  const life = lifetime(),
    text = (/** @type {string} */ words) => [document.createTextNode(words)];
  const box = h("div", { class: "predict is-live", role: "group", "aria-label": "Predict" });
  el.append(box);
  life.onEnd(() => box.remove());
  /** @type {Asked[]} */ (model.get("questions")).forEach(({ text: words, answers, curve }, k) => {
    const place = h(
      "div",
      { class: "predict-question" },
      ...words.split(/\n\n+/).map((part) => h("p", { text: part })),
    );
    box.append(place);
    enliven(
      {
        place,
        curve,
        answers: answers.map(({ kind, label, said }) => ({ kind, label: text(label), said: text(said) })),
        get: () => /** @type {Predictions} */ (model.get("predictions"))[String(k)],
        set(one) {
          const others = { .../** @type {Predictions} */ (model.get("predictions")) };
          if (one) others[String(k)] = one;
          else delete others[String(k)];
          model.set("predictions", others);
          model.save_changes();
        },
      },
      life,
    );
  });
  el.dataset.ready = "1";
  return () => life.end();
}
