// The live engine: one rule and one surface, fused into one loop.
//
// generated/rules.js and generated/surfaces.js hold templates whose per-coordinate names end in
// "$".  Here the "$" is replaced by a coordinate and a run ("0a", "1a", "0b", ...) and the pieces
// are joined into one function without calls or allocations; a call that does not change from step
// to step, or only with the step number, is made once for all of them.  Where a page forbids code from
// text (a strict content security policy), the plain functions of the same files do the same
// arithmetic, some times slower.

/** @typedef {import("./types.js").Rule} Rule */
/** @typedef {import("./types.js").Surface} Surface */

const HELPERS = "const square = (a) => a * a, cube = (a) => a * a * a;\n";
const LIMIT = 1e9;

/** Compiled loops by key; null once the page has refused to compile. @type {Map<string, Function> | null} */
let compiled = new Map();

/** The function of that source text, or null where the page forbids it. */
function compile(key, makeSource) {
  if (compiled === null) return null;
  if (!compiled.has(key)) {
    try {
      compiled.set(key, new Function(HELPERS + makeSource())());
    } catch (error) {
      if (!(error instanceof EvalError)) throw error;
      compiled = null;
      return null;
    }
  }
  return compiled.get(key);
}

/** For tests: forget that compiling is possible, or allow it again. */
export function forbidCompiling(forbid) {
  compiled = forbid ? null : new Map();
}

const put = (text, suffix) => text.replaceAll("$", suffix);
const axesOf = (surface) => (surface.dim === 1 ? [0] : [0, 1]);
const namesOf = (surface) => (surface.dim === 1 ? ["x"] : ["x", "y"]);

/** Lines that declare one run: its point and its slots, started as the rule says. */
function declare(rule, surface, run, start) {
  return axesOf(surface)
    .map((i) => {
      const s = `${i}${run}`;
      const slots = Object.entries(rule.slots).map(
        ([name, how]) => `${name}${s} = ${how === 0 ? "0" : `theta${s}`}`,
      );
      return `let ${[`theta${s} = ${start[i]}`, ...slots].join(", ")};`;
    })
    .join("\n");
}

/** Lines for one step of one run. Leaves look and grad as constants of the enclosing block. */
function stepLines(rule, surface, run) {
  const axes = axesOf(surface),
    t = rule.template,
    g = surface.template.gradient;
  const lines = [];
  for (const i of axes)
    lines.push(`const look${i}${run} = ${t.look ? put(t.look, `${i}${run}`) : `theta${i}${run}`};`);
  namesOf(surface).forEach((name, i) => lines.push(`const ${name}g${run} = look${i}${run};`));
  for (const line of g.lines) lines.push(put(line, `g${run}`));
  g.answer.forEach((answer, i) => lines.push(`const grad${i}${run} = ${put(answer, `g${run}`)};`));
  for (const i of axes) {
    const s = `${i}${run}`,
      names = ["theta", ...Object.keys(rule.slots)];
    if (t.locals.length) lines.push(`let ${t.locals.map((name) => name + s).join(", ")};`);
    for (const line of t.step) lines.push(put(line, s));
    names.forEach((name, k) => lines.push(`const next_${name}${s} = ${put(t.next[k], s)};`));
    names.forEach((name) => lines.push(`${name}${s} = next_${name}${s};`));
  }
  return lines.join("\n");
}

/** The reported point's coordinates, as expressions. */
const reported = (rule, surface, run) =>
  axesOf(surface).map((i) =>
    rule.template.read ? put(rule.template.read, `${i}${run}`) : `theta${i}${run}`,
  );

/** Lines that leave the value at a point in `target`. */
function valueLines(surface, point, target) {
  const v = surface.template.value;
  const names = namesOf(surface).map((name, i) => `const ${name}f = ${point[i]};`);
  return `{ ${names.join(" ")} ${v.lines.map((line) => put(line, "f")).join(" ")} ${target} = ${put(v.answer[0], "f")}; }`;
}

/**
 * Replace every call whose arguments are all known before the loop (or depend on the step number
 * alone) by a name, and note it in `calls`: Math.cos(angle), Math.pow(beta1, t).
 *
 * @param {string} text lines of a loop's body
 * @param {Set<string>} known names that the arguments may hold
 * @param {Map<string, {name: string, holds: Set<string>}>} calls by their text; shared by all pieces of one function
 */
function pull(text, known, calls) {
  let out = "",
    from = 0;
  for (let at = text.indexOf("Math."); at >= 0; at = text.indexOf("Math.", at + 1)) {
    if (at < from) continue;
    let end = text.indexOf("(", at) + 1;
    for (let depth = 1; depth > 0; end++) depth += text[end] === "(" ? 1 : text[end] === ")" ? -1 : 0;
    const call = text.slice(at, end),
      holds = new Set(call.match(/(?<![\w.])[a-zA-Z_]\w*/g));
    holds.delete("Math");
    if (![...holds].every((name) => known.has(name))) continue;
    if (!calls.has(call)) calls.set(call, { name: `fixed_${calls.size}`, holds });
    out += text.slice(from, at) + calls.get(call).name;
    from = end;
  }
  return out + text.slice(from);
}

function pathSource(rule, surface, scheduled, extras) {
  const axes = axesOf(surface),
    dim = axes.length;
  const slots = Object.keys(rule.slots);
  const point = reported(rule, surface, "a");
  const calls = new Map(),
    known = new Set([...Object.keys(rule.hyper), ...Object.keys(surface.params), "t"]);
  const moving = ["t", ...scheduled];
  const constants = (inside) =>
    [...calls]
      .filter(([, { holds }]) => inside === moving.some((name) => holds.has(name)))
      .map(([call, { name }]) => `const ${name} = ${call};`)
      .join("\n");
  const keep = (t) =>
    [
      ...axes.map((i) => `points[${dim} * ${t} + ${i}] = ${point[i]};`),
      valueLines(
        surface,
        axes.map((i) => `points[${dim} * ${t} + ${i}]`),
        `values[${t}]`,
      ),
      ...(extras
        ? slots.flatMap((name) => axes.map((i) => `state.${name}[${dim} * ${t} + ${i}] = ${name}${i}a;`))
        : []),
    ].join("\n");
  const step = pull(stepLines(rule, surface, "a"), known, calls),
    keepStep = pull(keep("t"), known, calls);
  return `"use strict";
return function run(start, steps, hyper, params, bound, out) {
  const { points, values, state, gradients } = out;
  let { ${Object.keys(rule.hyper).join(", ")} } = hyper;
  ${scheduled.map((name) => `const ${name}_all = ${name}; ${name} = ${name}_all[0];`).join("\n")}
  const { ${Object.keys(surface.params).join(", ")} } = params;
  ${declare(
    rule,
    surface,
    "a",
    axes.map((i) => `start[${i}]`),
  )}
  ${keep("0")}
  ${constants(false)}
  for (let t = 1; t <= steps; t++) {
    ${scheduled.map((name) => `${name} = ${name}_all[t - 1];`).join("\n")}
    ${constants(true)}
    ${step}
    if (!(${axes.map((i) => `Math.abs(theta${i}a) <= bound`).join(" && ")})) return t;
    ${keepStep}
    ${extras ? axes.map((i) => `gradients[${dim} * (t - 1) + ${i}] = grad${i}a;`).join("\n") : ""}
    if (!(values[t] <= Number.MAX_VALUE)) return t;
  }
  return 0;
};`;
}

/** The same path through the plain functions, for pages that forbid compiling. */
function plainPath(rule, surface, scheduled, start, steps, hyper, params, bound, out) {
  const axes = axesOf(surface),
    dim = axes.length,
    slots = Object.keys(rule.slots);
  const theta = axes.map((i) => start[i]);
  const state = axes.map((i) => slots.map((name) => (rule.slots[name] === 0 ? 0 : theta[i])));
  const keep = (t, now) => {
    const point = axes.map((i) => rule.readAt(theta[i], state[i], now));
    axes.forEach((i) => {
      out.points[dim * t + i] = point[i];
    });
    out.values[t] =
      dim === 1 ? surface.value(point[0], 0, params) : surface.value(point[0], point[1], params);
    slots.forEach((name, k) =>
      axes.forEach((i) => {
        out.state[name][dim * t + i] = state[i][k];
      }),
    );
  };
  const at = (t) => ({ ...hyper, ...Object.fromEntries(scheduled.map((name) => [name, hyper[name][t]])) });
  keep(0, at(0));
  for (let t = 1; t <= steps; t++) {
    const now = at(t - 1);
    const look = axes.map((i) => rule.lookAt(theta[i], state[i], now));
    const answer = surface.gradient(look[0], look[1], params);
    axes.forEach((i) => {
      [theta[i], state[i]] = rule.step(theta[i], answer[i], t, state[i], now);
    });
    if (!axes.every((i) => Math.abs(theta[i]) <= bound)) return t;
    keep(t, now);
    axes.forEach((i) => {
      out.gradients[dim * (t - 1) + i] = answer[i];
    });
    if (!(out.values[t] <= Number.MAX_VALUE)) return t;
  }
  return 0;
}

/** Defaults of the rule, then what was asked for. */
function fullHyper(rule, hyper) {
  const full = {};
  for (const [name, fallback] of Object.entries(rule.hyper)) {
    full[name] = hyper?.[name] ?? fallback;
    if (full[name] === null) throw new TypeError(`${rule.name} needs ${name}`);
  }
  return full;
}

const boundOf = (start) => LIMIT * Math.max(1, ...start.map(Math.abs));

/**
 * One run. A hyper-parameter may be an array of length `steps`, one value a step.
 *
 * @param {Rule} rule
 * @param {Surface} surface
 * @param {{start?: number[], steps?: number, hyper?: Object<string, number|number[]>, params?: Object<string, number>, extras?: boolean}} options
 *   `extras` also keeps the state and the gradients.
 * @returns {{points: Float64Array, values: Float64Array, state: Object<string, Float64Array>, gradients: Float64Array|null, divergedAt: number, n: number}}
 *   `points` has dim numbers a step, (n + 1) * dim in all; `divergedAt` is 0 or the step that left
 *   the finite world; `n` counts the finite steps. Arrays end at step n.
 */
export function descend(
  rule,
  surface,
  { start = surface.start, steps = 100, hyper = {}, params = {}, extras = false } = {},
) {
  const dim = surface.dim,
    full = fullHyper(rule, hyper),
    where = { ...surface.params, ...params };
  const scheduled = Object.keys(full).filter((name) => typeof full[name] === "object");
  const room = () => new Float64Array(dim * (steps + 1));
  const out = { points: room(), values: new Float64Array(steps + 1), state: {}, gradients: null };
  const run = compile(`path ${rule.name} ${surface.name} ${scheduled} ${extras}`, () =>
    pathSource(rule, surface, scheduled, extras),
  );
  if (extras || !run) {
    for (const name of Object.keys(rule.slots)) out.state[name] = room();
    out.gradients = new Float64Array(dim * steps);
  }
  const bound = boundOf(start);
  const divergedAt = run
    ? run(start, steps, full, where, bound, out)
    : plainPath(rule, surface, scheduled, start, steps, full, where, bound, out);
  const n = divergedAt ? divergedAt - 1 : steps;
  if (n < steps) {
    out.points = out.points.subarray(0, dim * (n + 1));
    out.values = out.values.subarray(0, n + 1);
    for (const name of Object.keys(out.state)) out.state[name] = out.state[name].subarray(0, dim * (n + 1));
    if (out.gradients) out.gradients = out.gradients.subarray(0, dim * n);
  }
  return { ...out, divergedAt, n };
}

/** Distance of every point of a run to the nearest minimum over the start's; null without minima. */
export function relativeError(surface, points) {
  if (!surface.minima.length) return null;
  const dim = surface.dim,
    n = points.length / dim,
    out = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    let least = Infinity;
    for (const m of surface.minima) {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += (points[dim * k + i] - m[i]) ** 2;
      least = Math.min(least, sum);
    }
    out[k] = Math.sqrt(least);
  }
  const first = out[0];
  return first > 0 ? out.map((d) => d / first) : null;
}

/** The first step from which the relative error stays at or below tol; null if it does not. */
export function stepsTo(error, tol = 1e-6) {
  if (!error) return null;
  let last = -1;
  for (let k = 0; k < error.length; k++) if (!(error[k] <= tol)) last = k;
  return last + 1 < error.length ? last + 1 : null;
}

const LANES = ["a", "b", "c", "d"];

function mapSource(rule, surface, xName, yName) {
  const axes = axesOf(surface),
    params = Object.keys(surface.params);
  const calls = new Map(),
    known = new Set([...Object.keys(rule.hyper), ...params, "t"]);
  const lane = (run) => {
    const point = reported(rule, surface, run);
    const gaps = surface.minima.map((m) =>
      axes.map((i) => `(${point[i]} - ${m[i]}) * (${point[i]} - ${m[i]})`).join(" + "),
    );
    return pull(
      `{
      ${stepLines(rule, surface, run)}
      if (!(${axes.map((i) => `Math.abs(theta${i}${run}) <= bound`).join(" && ")})) escaped_${run} = 1;
      if (!((${gaps.length > 1 ? `Math.min(${gaps.join(", ")})` : gaps[0]}) <= reach)) last_${run} = t;
    }`,
      known,
      calls,
    );
  };
  const bodies = LANES.map(lane);
  const kinds = [...calls].map(([call, { name, holds }]) => ({
    call,
    name,
    x: holds.has(xName),
    y: holds.has(yName),
    t: holds.has("t"),
  }));
  const varied = [xName, yName, ...kinds.filter(({ x, y }) => x || y).map(({ name }) => name)];
  const vary = (text, run) =>
    text.replace(new RegExp(`\\b(${varied.join("|")})\\b(?!\\$)`, "g"), `$1_${run}`);
  const each = (wanted, line) => kinds.filter(wanted).map(line).join("\n");
  const everyLane = (wanted, line) => each(wanted, (kind) => LANES.map((run) => line(kind, run)).join("\n"));
  const oneAxis = ({ t, x, y }) => t && x !== y;
  const table = ({
    call,
    name,
    x,
  }) => `const ${name}_all = new Float64Array(${x ? "wide" : "(to - from)"} * (steps + 1));
    for (let i = 0; i < ${x ? "wide" : "to - from"}; i++) {
      const ${x ? `${xName} = xs[i]` : `${yName} = ys[from + i]`};
      for (let t = 1; t <= steps; t++) ${name}_all[i * (steps + 1) + t] = ${call};
    }`;
  const fixed = Object.keys(rule.hyper).filter((name) => name !== xName && name !== yName);
  return `"use strict";
return function map(start, steps, hyper, params, bound, reach, xs, ys, from, to, out) {
  const { ${fixed.join(", ")} } = hyper, { ${params.join(", ")} } = params;
  const wide = xs.length, cells = (to - from) * wide;
  ${each(
    ({ t, x, y }) => !t && !x && !y,
    ({ call, name }) => `const ${name} = ${call};`,
  )}
  ${each(
    ({ t, x, y }) => t && !x && !y,
    ({ call, name }) => `const ${name}_all = new Float64Array(steps + 1);
  for (let t = 1; t <= steps; t++) ${name}_all[t] = ${call};`,
  )}
  ${each(oneAxis, table)}
  for (let k = 0; k < cells; k += 4) {
    ${LANES.map(
      (
        run,
        j,
      ) => `const k_${run} = Math.min(k + ${j}, cells - 1), column_${run} = k_${run} % wide, row_${run} = Math.floor(k_${run} / wide);
    const ${xName}_${run} = xs[column_${run}], ${yName}_${run} = ys[from + row_${run}];
    let escaped_${run} = 0, last_${run} = 0;
    ${declare(
      rule,
      surface,
      run,
      axes.map((i) => `start[${i}]`),
    )}`,
    ).join("\n")}
    ${everyLane(
      ({ t, x, y }) => !t && (x || y),
      ({ call, name }, run) => `const ${name}_${run} = ${vary(call, run)};`,
    )}
    ${everyLane(oneAxis, ({ name, x }, run) => `const ${name}_at_${run} = ${x ? "column" : "row"}_${run} * (steps + 1);`)}
    for (let t = 1; t <= steps; t++) {
      ${each(
        ({ t, x, y }) => t && !x && !y,
        ({ name }) => `const ${name} = ${name}_all[t];`,
      )}
      ${everyLane(oneAxis, ({ name }, run) => `const ${name}_${run} = ${name}_all[${name}_at_${run} + t];`)}
      ${everyLane(
        ({ t, x, y }) => t && x && y,
        ({ call, name }, run) => `const ${name}_${run} = ${vary(call, run)};`,
      )}
      ${bodies.map((body, j) => vary(body, LANES[j])).join("\n")}
    }
    ${LANES.map((run) => `out[k_${run}] = escaped_${run} ? NaN : last_${run} < steps ? last_${run} + 1 : Infinity;`).join("\n")}
  }
};`;
}

/**
 * Steps to converge for a grid of settings, row by row (a row is one y).
 *
 * @param {Rule} rule
 * @param {Surface} surface a surface with minima
 * @param {{start?: number[], steps?: number, tol?: number, hyper?: Object<string, number>, params?: Object<string, number>,
 *   xName: string, xs: ArrayLike<number>, yName: string, ys: ArrayLike<number>, rows?: [number, number]}} options
 *   `rows` picks rows [from, to), so that a fine map can be drawn over several frames.
 * @returns {Float32Array} (to - from) * xs.length: steps, Infinity where the budget does not do, NaN where the run diverges.
 */
export function stepsMap(
  rule,
  surface,
  {
    start = surface.start,
    steps = 200,
    tol = 1e-6,
    hyper = {},
    params = {},
    xName,
    xs,
    yName,
    ys,
    rows = [0, ys.length],
  },
) {
  const where = { ...surface.params, ...params };
  const full = fullHyper(rule, { ...hyper, [xName]: xs[0], [yName]: ys[0] });
  const [from, to] = rows,
    out = new Float32Array((to - from) * xs.length);
  const gap = Math.min(...surface.minima.map((m) => m.reduce((sum, c, i) => sum + (start[i] - c) ** 2, 0)));
  if (gap === 0) return out.fill(Infinity); // from a minimum no relative distance is defined, as in Path.steps_to
  const run = compile(`map ${rule.name} ${surface.name} ${xName} ${yName}`, () =>
    mapSource(rule, surface, xName, yName),
  );
  if (run) {
    run(start, steps, full, where, boundOf(start), tol * tol * gap, xs, ys, from, to, out);
    return out;
  }
  for (let j = from; j < to; j++) {
    for (let i = 0; i < xs.length; i++) {
      const path = descend(rule, surface, {
        start,
        steps,
        params,
        hyper: { ...hyper, [xName]: xs[i], [yName]: ys[j] },
      });
      const answer = path.divergedAt ? NaN : stepsTo(relativeError(surface, path.points), tol);
      out[(j - from) * xs.length + i] = answer === null || answer > steps ? Infinity : answer;
    }
  }
  return out;
}

/** How a run ends: 0 is at rest, a whole number >= 1 a cycle of so many points, else one of these. */
export const WANDERS = -1;
export const DIVERGES = -2;

/**
 * The period, up to `longest`, with which the last points of a run repeat to within `close`; 0 where none does. It is
 * the smallest that repeats to within `tol`: a run that closes in on 3 points from both sides in turn repeats after 6 sooner.
 * @param {ArrayLike<number>} points one coordinate a step
 * @param {number} t the last step, at least 2 * longest - 1
 * @param {number} longest
 * @param {number} close
 * @param {number} tol
 */
export function periodOf(points, t, longest, close, tol) {
  const repeats = (p, gap) => {
    for (let k = 0; k < longest; k++) if (!(Math.abs(points[t - k] - points[t - k - p]) <= gap)) return false;
    return true;
  };
  let p = 1;
  while (p <= longest && !repeats(p, close)) p++;
  if (p > longest) return 0;
  for (let q = 1; q < p; q++) if (repeats(q, tol)) return q;
  return p;
}

function endingsSource(rule, surface) {
  const names = Object.keys(rule.hyper),
    rest = surface.minima[0][0];
  return `"use strict";
return function endings(starts, hyper, params, o, track, periodOf, out) {
  const { steps, tol, longest, close, every } = o;
  const { ${Object.keys(surface.params).join(", ")} } = params;
  for (let k = 0; k < starts.length; k++) {
    const start = starts[k], bound = ${LIMIT} * Math.max(1, Math.abs(start));
    ${names.map((name) => `const ${name} = hyper.${name}[k];`).join(" ")}
    ${declare(rule, surface, "a", ["start"])}
    let code = ${WANDERS}, at = steps;
    track[0] = start;
    for (let t = 1; t <= steps; t++) {
      ${stepLines(rule, surface, "a")}
      if (!(Math.abs(theta0a) <= bound)) { code = ${DIVERGES}; at = t; break; }
      track[t] = theta0a;
      if (Math.abs(theta0a - ${rest}) <= tol && Math.abs(track[t - 1] - ${rest}) <= tol) { code = 0; at = t; break; }
      if (t % every === 0) {
        const period = periodOf(track, t, longest, close, tol);
        if (period > 0) { code = period; at = t; break; }
      }
    }
    out.codes[k] = code; out.at[k] = at;
  }
};`;
}

/** The same for one run through the plain functions, for pages that forbid compiling. */
function plainEnding(rule, surface, start, hyper, params, { steps, tol, longest, close, every }) {
  const { points, n, divergedAt } = descend(rule, surface, { start: [start], steps, hyper, params }),
    rest = surface.minima[0][0];
  for (let t = 1; t <= n; t++) {
    if (Math.abs(points[t] - rest) <= tol && Math.abs(points[t - 1] - rest) <= tol) return [0, t];
    if (t % every) continue;
    const period = periodOf(points, t, longest, close, tol);
    if (period > 0) return [period, t];
  }
  return divergedAt ? [DIVERGES, divergedAt] : [WANDERS, steps];
}

/**
 * How many runs on a surface of one dimension end: at rest in its minimum, round a cycle, nowhere, or beyond all bounds.
 *
 * @param {Rule} rule
 * @param {Surface} surface
 * @param {ArrayLike<number>} starts one a run
 * @param {Object<string, ArrayLike<number>>} hyper each hyper-parameter, one value a run
 * @param {{steps?: number, tol?: number, longest?: number, close?: number, every?: number}} [options] at rest: two points
 *   in a row within `tol` of the minimum; a cycle: asked at every `every`-th step (at least 2 * longest) with periodOf
 * @returns {{codes: Int16Array, at: Int32Array}} the period, 0 (at rest), WANDERS or DIVERGES; and the step at which that was seen
 */
export function endings(
  rule,
  surface,
  starts,
  hyper,
  { steps = 1000, tol = 1e-6, longest = 24, close = 1e-9, every = 100 } = {},
) {
  const options = { steps, tol, longest, close, every },
    out = { codes: new Int16Array(starts.length), at: new Int32Array(starts.length) };
  const run = compile(`endings ${rule.name} ${surface.name}`, () => endingsSource(rule, surface));
  if (run) run(starts, hyper, surface.params, options, new Float64Array(steps + 1), periodOf, out);
  else
    for (let k = 0; k < starts.length; k++) {
      const one = Object.fromEntries(Object.keys(rule.hyper).map((name) => [name, hyper[name][k]]));
      [out.codes[k], out.at[k]] = plainEnding(rule, surface, starts[k], one, surface.params, options);
    }
  return out;
}
