// A path that leaves the picture: when it did so for good.
import assert from "node:assert/strict";
import { test } from "node:test";
import { leftAt } from "../../momentum_lib/widgets/js/kit/exit.js";

/** @type {import("../../momentum_lib/widgets/js/kit/types.js").Pair[]} */
const BOX = [
  [-1, 1],
  [-2, 2],
];

test("the step from which it is outside, whatever it did before", () => {
  const xy = [0, 0, 3, 0, 0.5, 1, 0.5, 5, 9, 9]; // out, in again, out for good at step 3
  assert.equal(leftAt(xy, 4, BOX), 3);
  assert.equal(leftAt(xy, 3, BOX), 3);
  assert.equal(leftAt(xy, 2, BOX), null);
  assert.equal(leftAt(xy, 1, BOX), 1);
  assert.equal(leftAt(xy, 0, BOX), null);
});

test("a float that is no number is outside; a path that was never inside has not left", () => {
  assert.equal(leftAt([0, 0, Infinity, NaN], 1, BOX), 1);
  assert.equal(leftAt([5, 5, 6, 6], 1, BOX), null);
  assert.equal(leftAt([1, -2], 0, BOX), null); // the edge belongs to the picture
});
