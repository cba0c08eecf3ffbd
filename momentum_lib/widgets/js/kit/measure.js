// What is measured on a run. Pure.

/** The factor by which the error shrinks per step, measured over the second half of a run; null where nothing is left to measure. @param {ArrayLike<number>} errors */
export function measuredRate(errors) {
  let end = errors.length - 1;
  while (end > 0 && errors[end] === 0) end--;
  const begin = Math.floor(end / 2);
  return end > begin && errors[begin] > 0 ? (errors[end] / errors[begin]) ** (1 / (end - begin)) : null;
}

/** A rule's memory after each gradient: its generated step at rate 0, one after the other. @param {import("./types.js").Rule} rule @param {ArrayLike<number>} grads @param {number} beta */
export function filter(rule, grads, beta) {
  const out = new Float64Array(grads.length),
    hyper = { lr: 0, beta };
  let state = [0];
  for (let k = 0; k < grads.length; k++) {
    state = rule.step(0, grads[k], k + 1, state, hyper)[1];
    out[k] = state[0];
  }
  return out;
}
