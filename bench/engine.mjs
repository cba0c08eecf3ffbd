// The live engine beside loops written by hand for the same pair, interleaved in one process.
//
// Writes one JSON object to standard output: milliseconds, medians over rounds.  The hand-written
// loops return what the engine returns: every point and every value.
import { RULES } from "../momentum_lib/widgets/js/generated/rules.js";
import { SURFACES } from "../momentum_lib/widgets/js/generated/surfaces.js";
import { descend, stepsMap } from "../momentum_lib/widgets/js/kit/engine.js";
import { FIRST } from "../momentum_lib/widgets/js/kit/playground.js";
import { surfaceFrom } from "../momentum_lib/widgets/js/play/formula.js";
import { ruleFrom } from "../momentum_lib/widgets/js/play/rule_text.js";
import { createScenes } from "../momentum_lib/widgets/js/play/scene.js";

const [X, Y] = SURFACES.rosenbrock.start,
  B = 100;
const [PATHS, MAPS] = process.argv.slice(2).map(Number);

/** @typedef {import("../momentum_lib/widgets/js/kit/types.js").Rule} Rule */
/** @typedef {import("../momentum_lib/widgets/js/kit/types.js").Hyper} Hyper */

/** Room for n + 1 points and values. @param {number} n */
const room = (n) => [new Float64Array(2 * (n + 1)), new Float64Array(n + 1)];

/** The loops by hand: so many steps with these numbers. @type {Partial<Record<string, (n: number, hyper: Hyper) => Float64Array[]>>} */
const BY_HAND = {
  gradient_descent(n, { lr }) {
    const [p, f] = room(n);
    let x = X,
      y = Y;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      x -= lr * gx;
      y -= lr * gy;
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  polyak(n, { lr, beta }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      ox = X,
      oy = Y;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      const nx = x - lr * gx + beta * (x - ox),
        ny = y - lr * gy + beta * (y - oy);
      ox = x;
      oy = y;
      x = nx;
      y = ny;
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  classical_momentum(n, { lr, beta }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      vx = 0,
      vy = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      vx = beta * vx + lr * gx;
      vy = beta * vy + lr * gy;
      x -= vx;
      y -= vy;
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  heavy_ball(n, { lr, beta }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      vx = 0,
      vy = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      vx = beta * vx + gx;
      vy = beta * vy + gy;
      x -= lr * vx;
      y -= lr * vy;
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  dampened_momentum(n, { lr, beta, dampening }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      vx = 0,
      vy = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      if (t === 1) {
        vx = gx;
        vy = gy;
      } else {
        vx = beta * vx + (1 - dampening) * gx;
        vy = beta * vy + (1 - dampening) * gy;
      }
      x -= lr * vx;
      y -= lr * vy;
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  averaged_momentum(n, { lr, beta }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      mx = 0,
      my = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      mx = beta * mx + (1 - beta) * gx;
      my = beta * my + (1 - beta) * gy;
      x -= lr * mx;
      y -= lr * my;
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  nesterov_lerp(n, { lr, beta }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      mx = 0,
      my = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      mx = beta * mx + (1 - beta) * gx;
      my = beta * my + (1 - beta) * gy;
      x -= lr * (beta * mx + (1 - beta) * gx);
      y -= lr * (beta * my + (1 - beta) * gy);
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  nesterov(n, { lr, beta }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      vx = 0,
      vy = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const ax = x - lr * beta * vx,
        ay = y - lr * beta * vy;
      const u = ay - ax * ax,
        gx = -2 * (1 - ax) - 4 * B * ax * u,
        gy = 2 * B * u;
      vx = beta * vx + gx;
      vy = beta * vy + gy;
      x -= lr * vx;
      y -= lr * vy;
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  nesterov_torch(n, { lr, beta }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      vx = 0,
      vy = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      vx = beta * vx + gx;
      vy = beta * vy + gy;
      x -= lr * (gx + beta * vx);
      y -= lr * (gy + beta * vy);
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  adagrad(n, { lr, eps }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      sx = 0,
      sy = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      sx += gx * gx;
      sy += gy * gy;
      x -= (lr * gx) / (Math.sqrt(sx) + eps);
      y -= (lr * gy) / (Math.sqrt(sy) + eps);
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  rmsprop(n, { lr, beta2, eps }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      sx = 0,
      sy = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      sx = beta2 * sx + (1 - beta2) * gx * gx;
      sy = beta2 * sy + (1 - beta2) * gy * gy;
      x -= (lr * gx) / (Math.sqrt(sx) + eps);
      y -= (lr * gy) / (Math.sqrt(sy) + eps);
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
  adam(n, { lr, beta1, beta2, eps }) {
    const [p, f] = room(n);
    let x = X,
      y = Y,
      mx = 0,
      my = 0,
      sx = 0,
      sy = 0;
    p[0] = x;
    p[1] = y;
    f[0] = (1 - x) * (1 - x) + B * (y - x * x) * (y - x * x);
    for (let t = 1; t <= n; t++) {
      const u = y - x * x,
        gx = -2 * (1 - x) - 4 * B * x * u,
        gy = 2 * B * u;
      mx = beta1 * mx + (1 - beta1) * gx;
      my = beta1 * my + (1 - beta1) * gy;
      sx = beta2 * sx + (1 - beta2) * gx * gx;
      sy = beta2 * sy + (1 - beta2) * gy * gy;
      const c1 = 1 - Math.pow(beta1, t),
        c2 = 1 - Math.pow(beta2, t);
      x -= (lr * (mx / c1)) / (Math.sqrt(sx / c2) + eps);
      y -= (lr * (my / c1)) / (Math.sqrt(sy / c2) + eps);
      const w = y - x * x;
      p[2 * t] = x;
      p[2 * t + 1] = y;
      f[t] = (1 - x) * (1 - x) + B * w * w;
    }
    return [p, f];
  },
};

const median = (/** @type {number[]} */ times) => [...times].sort((a, b) => a - b)[times.length >> 1];

/** Medians of several tasks, run in turn, `rounds` times after a warm-up; each sample repeats its task. @param {Record<string, () => unknown>} tasks @param {number} rounds @param {number} repeat @param {number} [warm] */
function race(tasks, rounds, repeat, warm = 20) {
  const names = Object.keys(tasks),
    times = Object.fromEntries(names.map((name) => [name, /** @type {number[]} */ ([])]));
  for (let round = -warm; round < rounds; round++) {
    for (const name of names) {
      const begin = performance.now();
      for (let k = 0; k < repeat; k++) tasks[name]();
      if (round >= 0) times[name].push((performance.now() - begin) / repeat);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times[name])]));
}

/** @type {{node: string, paths: object[], maps: object[], typed?: object, drag?: number}} */
const out = { node: process.version, paths: [], maps: [] };
for (const [name, rule] of Object.entries(RULES)) {
  const hyper = /** @type {Hyper} */ ({ ...rule.hyper, lr: 2e-4 });
  for (const steps of [1000, 10000]) {
    const engine = () => descend(rule, SURFACES.rosenbrock, { steps, hyper });
    const loop = BY_HAND[name],
      hand = loop && (() => loop(steps, hyper));
    if (hand) {
      // both must have done the same work
      const a = engine().points,
        b = hand()[0];
      for (let i = 0; i < a.length; i++)
        if (!(Math.abs(a[i] - b[i]) < 1e-8))
          throw new Error(`${name}: the loop by hand takes another path, at ${i}: ${a[i]}, ${b[i]}`);
    }
    out.paths.push({
      rule: name,
      steps,
      ...race(hand ? { engine, hand } : { engine }, PATHS, steps === 1000 ? 10 : 2),
    });
  }
}

const xs = Float64Array.from({ length: 128 }, (_, i) => 1e-4 + 2e-5 * i),
  ys = Float64Array.from({ length: 128 }, (_, i) => i / 130);

/** The map a first attempt would write: one run after the other, through the rule's and the surface's own functions. @param {Rule} rule @param {string} yName */
function genericMap(rule, yName) {
  const s = SURFACES.rosenbrock,
    map = new Float32Array(128 * 128),
    slots = Object.values(rule.slots);
  for (let k = 0; k < map.length; k++) {
    const now = /** @type {Hyper} */ ({ ...rule.hyper, lr: xs[k % 128], [yName]: ys[k >> 7] });
    let x = X,
      y = Y,
      a = slots.map((how) => (how ? X : 0)),
      b = slots.map((how) => (how ? Y : 0)),
      last = 0;
    for (let t = 1; t <= 200; t++) {
      const [gx, gy] = s.gradient(rule.lookAt(x, a, now), rule.lookAt(y, b, now), s.params);
      [x, a] = rule.step(x, gx, t, a, now);
      [y, b] = rule.step(y, gy, t, b, now);
      if (!((x - 1) * (x - 1) + (y - 1) * (y - 1) <= 1e-12)) last = t;
    }
    map[k] = last < 200 ? last + 1 : Infinity;
  }
  return map;
}

for (const [name, yName] of [
  ["heavy_ball", "beta"],
  ["nesterov", "beta"],
  ["rmsprop", "beta2"],
  ["adam", "beta1"],
  ["adam", "beta2"],
]) {
  const options = { xName: "lr", xs, yName, ys, steps: 200 };
  out.maps.push({
    rule: name,
    surface: "rosenbrock",
    axes: `lr, ${yName}`,
    ...race(
      {
        engine: () => stepsMap(RULES[name], SURFACES.rosenbrock, options),
        generic: () => genericMap(RULES[name], yName),
      },
      MAPS,
      1,
      2,
    ),
  });
}
const wide = xs.map((x) => 100 * x);
out.maps.push({
  rule: "heavy_ball",
  surface: "ravine",
  axes: "lr, beta",
  ...race(
    {
      engine: () =>
        stepsMap(RULES.heavy_ball, SURFACES.ravine, { xName: "lr", xs: wide, yName: "beta", ys, steps: 200 }),
    },
    MAPS,
    1,
  ),
});

/** The map of settings of heavy ball on Rosenbrock as one writes it by hand: a loop in a loop in a loop. */
function mapByHand() {
  const map = new Float32Array(128 * 128),
    reach = 1e-12 * ((X - 1) * (X - 1) + (Y - 1) * (Y - 1));
  for (let j = 0, k = 0; j < 128; j++)
    for (let i = 0; i < 128; i++, k++) {
      const lr = xs[i],
        beta = ys[j];
      let x = X,
        y = Y,
        vx = 0,
        vy = 0,
        last = 0,
        away = false;
      for (let t = 1; t <= 200; t++) {
        const u = y - x * x;
        vx = beta * vx - 2 * (1 - x) - 400 * x * u;
        vy = beta * vy + 200 * u;
        x -= lr * vx;
        y -= lr * vy;
        if (!(Math.abs(x) <= 1.2e9 && Math.abs(y) <= 1.2e9)) away = true;
        if (!((x - 1) * (x - 1) + (y - 1) * (y - 1) <= reach)) last = t;
      }
      map[k] = away ? NaN : last < 200 ? last + 1 : Infinity;
    }
  return map;
}
{
  const { surface } = surfaceFrom("(1 - x)^2 + 100*(y - x^2)^2"),
    { rule } = ruleFrom("v = beta*v + grad\ntheta = theta - lr*v");
  if (!surface || !rule) throw new Error("the playground does not read its own example");
  surface.minima = [[1, 1]];
  const typed = () =>
    stepsMap(rule, surface, { start: [X, Y], xName: "lr", xs, yName: "beta", ys, steps: 200 });
  const hand = mapByHand(),
    odd = typed().filter((v, k) => !(Object.is(v, hand[k]) || Math.abs(v - hand[k]) <= 1)).length;
  if (odd) throw new Error(`the typed map differs from the one by hand in ${odd} of ${hand.length} cells`);
  out.typed = race({ typed, hand: mapByHand }, MAPS, 1, 3);
  // a frame of a drag: the start moves, and every run, and every ending within the budget, is made anew
  const scenes = createScenes({ found: () => undefined, latest: () => undefined });
  let moved = 0;
  const drag = () => {
    moved += 1e-4;
    return scenes({ ...FIRST, starts: [[-2.7 + moved, -0.2]] }, 1.6);
  };
  out.drag = race({ drag }, PATHS, 1).drag;
}
process.stdout.write(JSON.stringify(out));
