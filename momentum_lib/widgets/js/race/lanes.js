// What is drawn of each rule in the race: its path from above, its loss, its name beside the loss.

import { nameOf, memberLook, runner } from "../kit/looks.js";

/** @typedef {import("../kit/types.js").Plot} Plot */
/** @typedef {import("../kit/types.js").Line} Line */
/** @typedef {import("./runs.js").Racer} Racer */
/** @typedef {import("./runs.js").Runs} Runs */
/** @typedef {import("./time.js").Moment} Moment */
/** @typedef {ReturnType<typeof lossParts>} LossParts */

/** A line in the rule's own dash. @param {Line} line @param {string} dash */
function dressed(line, dash) {
  line.node.style.strokeDasharray = dash;
  return line;
}

/** @param {Plot} plane @param {string} rule */
function planeParts(plane, rule) {
  const { family: look, dash, hollow, shape } = memberLook(rule);
  return {
    past: dressed(plane.line({ look, class: "lf-past", path: true }), dash),
    trail: dressed(plane.line({ look, class: "lf-trail" }), dash),
    dots: plane.marks({ look, class: "lf-past", shape: "disc", radius: 1.9 }),
    head: plane.marks({ look, class: runner(hollow), shape, radius: 5.5, layer: "front" }),
  };
}

/** @param {Plot} fall @param {string} rule */
function lossParts(fall, rule) {
  const { family: look, dash, hollow, shape } = memberLook(rule);
  return {
    line: dressed(fall.line({ look, class: "lf-loss" }), dash),
    head: fall.marks({ look, class: runner(hollow), shape, radius: 4, layer: "front" }),
    name: fall.text({ look, class: "lf-direct" }),
  };
}

/** Points up to step `end`, and the head on its way to the next. @param {Float64Array} points @param {number} end @param {number} n @param {number} part */
function withHead(points, end, n, part) {
  if (end >= n || part <= 0) return points.subarray(0, 2 * end + 2);
  const joined = new Float64Array(2 * end + 4);
  joined.set(points.subarray(0, 2 * end + 2));
  for (const i of [0, 1])
    joined[2 * end + 2 + i] = points[2 * end + i] + part * (points[2 * end + 2 + i] - points[2 * end + i]);
  return joined;
}

/** The loss up to step `end`, and a part of the way to the next: evenly in the logarithm where the axis is one. @param {Racer} run @param {number} end @param {number} part @param {boolean} floor */
function lossCurve({ values, n }, end, part, floor) {
  const moving = end < n && part > 0,
    curve = new Float64Array(2 * (end + (moving ? 2 : 1)));
  for (let k = 0; k <= end; k++) {
    curve[2 * k] = k;
    curve[2 * k + 1] = values[k];
  }
  if (moving) {
    const a = values[end],
      b = values[end + 1];
    curve[2 * end + 2] = end + part;
    curve[2 * end + 3] = floor && a > 0 && b > 0 ? a * (b / a) ** part : a + part * (b - a);
  }
  return curve;
}

/** The trail: the steps just made. */
const TRAIL = 14;

/** @param {ReturnType<typeof planeParts>} parts @param {Racer} run @param {Moment} moment */
function drawPath({ past, trail, dots, head }, run, { whole, eased, resting }) {
  const end = Math.min(whole, run.n),
    joined = withHead(run.points, end, run.n, eased),
    size = joined.length / 2 - 1;
  past.update(joined);
  dots.update(run.points, end);
  if (resting) trail.clear();
  else trail.update(joined, size, Math.max(0, end - TRAIL));
  head.update(joined, size, size);
}

/** @param {LossParts} parts @param {Racer} run @param {Moment} moment @param {boolean} floor */
function drawLoss({ line, head }, run, { whole, eased }, floor) {
  const curve = lossCurve(run, Math.min(whole, run.n), eased, floor),
    size = curve.length / 2 - 1;
  line.update(curve);
  head.update(curve, size, size);
}

/** @typedef {{path: ReturnType<typeof planeParts>, loss: LossParts|null}} Lane */

/** @param {Lane} lane */
const partsOf = ({ path, loss }) => [...Object.values(path), ...Object.values(loss ?? {})];

/**
 * The lanes, each made when its rule first joins.
 * @param {Plot} plane
 * @param {Plot|null} fall the picture of the loss; a small race has none
 * @param {Runs} runs
 */
export function createLanes(plane, fall, runs) {
  /** @type {Map<string, Lane>} */
  const lanes = new Map();
  /** @param {string} rule */
  function laneOf(rule) {
    const known = lanes.get(rule);
    if (known) return known;
    const lane = { path: planeParts(plane, rule), loss: fall && lossParts(fall, rule) };
    lanes.set(rule, lane);
    return lane;
  }
  return {
    join: laneOf,
    /** @param {string[]} rules @param {number} steps @param {Moment} moment @param {boolean} floor */
    update(rules, steps, moment, floor) {
      for (const [rule, lane] of lanes)
        if (!rules.includes(rule)) for (const part of partsOf(lane)) part.clear();
      for (const rule of rules) {
        const { path, loss } = laneOf(rule),
          run = runs.of(rule);
        drawPath(path, run, moment);
        if (loss) drawLoss(loss, run, moment, floor);
      }
      if (fall)
        nameLines(fall, rules, steps, runs, (rule) => /** @type {LossParts} */ (laneOf(rule).loss).name);
    },
  };
}

/** Where a run is first and last at a level, in pixels; null where it does not fall so low. @param {Plot} plot @param {Racer} run @param {number} level */
function meets(plot, { values, n }, level) {
  let first = 0,
    last = n;
  while (first <= n && values[first] > level) first++;
  while (last > first && values[last] <= level) last--;
  return first <= n ? [plot.x(first), plot.x(Math.max(last, first))] : null;
}

/** On which side of its line a name has room: left (-1), right (1), or neither (0). @param {Plot} plot @param {number[]} own @param {number[][]} others @param {number} wide */
function sideFor({ inner: { left, right } }, [first, last], others, wide) {
  const free = (/** @type {number} */ from, /** @type {number} */ to) =>
    from >= left && to <= right && !others.some(([a, b]) => b > from && a < to);
  if (free(first - wide, first)) return -1;
  return free(last, last + wide) || last + wide < right ? 1 : 0;
}

/**
 * Each line's name beside it, at heights of their own: the fastest lowest.
 * @param {Plot} plot
 * @param {string[]} rules
 * @param {number} steps
 * @param {Runs} runs
 * @param {(rule: string) => import("../kit/types.js").Label} labelOf
 */
function nameLines(plot, rules, steps, runs, labelOf) {
  const { top, bottom } = plot.inner,
    goal = (/** @type {string} */ rule) => runs.of(rule).stepsTo ?? Infinity,
    order = rules.slice().sort((a, b) => goal(a) - goal(b));
  order.forEach((rule, k) => {
    const label = labelOf(rule),
      text = nameOf(rule),
      level = plot.y.invert(bottom - ((k + 0.7) / (order.length + 0.6)) * (bottom - top)),
      own = meets(plot, runs.of(rule), level);
    const others = rules
      .filter((other) => other !== rule)
      .map((other) => meets(plot, runs.of(other), level))
      .filter((other) => other !== null);
    const side = own && sideFor(plot, own, others, text.length * 6.6 + 10);
    label.anchor(side === 1 ? "start" : "end");
    if (own && side) label.update(plot.x.invert(own[side < 0 ? 0 : 1]), level, text, 7 * side, 4);
    else {
      // it never gets so low, or there is no room beside it: at the end of what is seen of it, above
      const { n, values } = runs.of(rule),
        seen = (/** @type {number} */ step) => plot.y(values[step]) >= top && plot.y(values[step]) <= bottom;
      let spot = Math.round(Math.min(n, steps * 0.97));
      while (spot > 0 && !seen(spot)) spot--;
      const y = Math.min(Math.max(plot.y(values[spot]), top + 12), bottom - 8);
      label.update(spot, plot.y.invert(y), text, 0, -7);
    }
  });
}
