// The playground in a notebook, over the model of Playground in playground.py: one value of the model for each part of the state.

import { VERSION } from "../kit/playground.js";
import { mount } from "./app.js";
import { fromHash } from "./link.js";

/** @typedef {import("./types.js").PlayState} PlayState */

/** The parts of the state that a model holds, as it names them. @type {(keyof PlayState)[]} */
const PARTS = ["view", "surface", "rules", "picked", "fair", "starts", "steps", "noise", "seed"];

/** The state that the model tells, read as strictly as an address. @param {import("../kit/types.js").Model} model */
function stateOf(model) {
  const told = Object.fromEntries(PARTS.map((part) => [part, model.get(part)]));
  return fromHash(`play=${VERSION}.${encodeURIComponent(JSON.stringify(told))}`) ?? undefined;
}
const same = (/** @type {unknown} */ a, /** @type {unknown} */ b) => JSON.stringify(a) === JSON.stringify(b);

/** @param {import("../kit/types.js").Context} context */
export function render({ model, el }) {
  const { store, life } = mount(el, {
    state: stateOf(model),
    embed: true,
    onState(state) {
      const changed = PARTS.filter((part) => !same(state[part], model.get(part)));
      for (const part of changed) model.set(part, state[part]);
      if (changed.length) model.save_changes();
    },
  });
  for (const part of PARTS) {
    const take = () => {
      const state = stateOf(model);
      if (!state || same(state[part], store.get(part))) return;
      store.set({ [part]: state[part] });
    };
    model.on(`change:${part}`, take);
    life.onEnd(() => model.off(`change:${part}`, take));
  }
  el.dataset.ready = "1";
  return () => life.end();
}
