// The live engine: one rule and one surface, fused into one loop.
//
// generated/rules.js and generated/surfaces.js hold templates whose per-coordinate names end in
// "$".  Here a coordinate and a run ("0a", "1a", "0b", ...) are put behind the "$", which no name of
// Python's or of the engine's own has, and the pieces are joined into one function without calls or allocations; a call that does not change from step
// to step, or only with the step number, is made once for all of them.  Where a page forbids code from
// text (a strict content security policy), the plain functions of the same files do the same
// arithmetic, some times slower.

/** @typedef {import("./types.js").Rule} Rule */
/** @typedef {import("./types.js").Surface} Surface */
/** @typedef {import("./types.js").Hyper} Hyper */
/** @typedef {import("./types.js").Schedule} Schedule */
/** @typedef {import("./types.js").Params} Params */

const HELPERS = "const square = (a) => a * a, cube = (a) => a * a * a;\n";
const LIMIT = 1e9;

/** Compiled loops by key; null once the page has refused to compile. @type {Map<string, Function> | null} */
let compiled = new Map();

/** The function of that source text, or null where the page forbids it. @param {string} key @param {() => string} makeSource @returns {Function|null} */
function compile(key, makeSource) {
  if (compiled === null) return null;
  const known = compiled.get(key);
  if (known) return known;
  try {
    const made = new Function(HELPERS + makeSource())();
    compiled.set(key, made);
    return made;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    compiled = null;
    return null;
  }
}

/** For tests: forget that compiling is possible, or allow it again. @param {boolean} forbid */
export function forbidCompiling(forbid) {
  compiled = forbid ? null : new Map();
}

/** @param {string} text @param {string} suffix */
const put = (text, suffix) => text.replaceAll("$", () => `$${suffix}`);
/** @param {Surface} surface */
const axesOf = (surface) => (surface.dim === 1 ? [0] : [0, 1]);
/** @param {Surface} surface */
const namesOf = (surface) => (surface.dim === 1 ? ["x"] : ["x", "y"]);

/** Lines that declare one run: its point and its slots, started as the rule says. @param {Rule} rule @param {Surface} surface @param {string} run @param {string[]} start */
function declare(rule, surface, run, start) {
  return axesOf(surface)
    .map((i) => {
      const s = `$${i}${run}`;
      const slots = Object.entries(rule.slots).map(
        ([name, how]) => `${name}${s} = ${how === 0 ? "0" : `theta${s}`}`,
      );
      return `let ${[`theta${s} = ${start[i]}`, ...slots].join(", ")};`;
    })
    .join("\n");
}

/** Lines for one step of one run. Leaves look and grad as constants of the enclosing block. @param {Rule} rule @param {Surface} surface @param {string} run */
function stepLines(rule, surface, run) {
  const axes = axesOf(surface),
    t = rule.template,
    g = surface.template.gradient;
  const lines = [];
  for (const i of axes)
    lines.push(`const look${i}${run} = ${t.look ? put(t.look, `${i}${run}`) : `theta$${i}${run}`};`);
  namesOf(surface).forEach((name, i) => lines.push(`const ${name}$g${run} = look${i}${run};`));
  for (const line of g.lines) lines.push(put(line, `g${run}`));
  g.answer.forEach((answer, i) => lines.push(`const grad$${i}${run} = ${put(answer, `g${run}`)};`));
  for (const i of axes) {
    const s = `${i}${run}`,
      names = ["theta", ...Object.keys(rule.slots)];
    if (t.locals.length) lines.push(`let ${t.locals.map((name) => put(`${name}$`, s)).join(", ")};`);
    for (const line of t.step) lines.push(put(line, s));
    names.forEach((name, k) => lines.push(`const next_${name}_${s} = ${put(t.next[k], s)};`));
    names.forEach((name) => lines.push(`${name}$${s} = next_${name}_${s};`));
  }
  return lines.join("\n");
}

/** The reported point's coordinates, as expressions. @param {Rule} rule @param {Surface} surface @param {string} run */
const reported = (rule, surface, run) =>
  axesOf(surface).map((i) =>
    rule.template.read ? put(rule.template.read, `${i}${run}`) : `theta$${i}${run}`,
  );

/** Lines that leave the value at a point in `target`. @param {Surface} surface @param {string[]} point @param {string} target */
function valueLines(surface, point, target) {
  const v = surface.template.value;
  const names = namesOf(surface).map((name, i) => `const ${name}$f = ${point[i]};`);
  return `{ ${names.join(" ")} ${v.lines.map((line) => put(line, "f")).join(" ")} ${target} = ${put(v.answer[0], "f")}; }`;
}

/** @typedef {Map<string, {name: string, holds: Set<string>}>} Calls */

/**
 * Replace every call whose arguments are all known before the loop (or depend on the step number
 * alone) by a name, and note it in `calls`: Math.cos(angle), Math.pow(beta1, t).
 *
 * @param {string} text lines of a loop's body
 * @param {Set<string>} known names that the arguments may hold
 * @param {Calls} calls by their text; shared by all pieces of one function
 */
function pull(text, known, calls) {
  let out = "",
    from = 0;
  for (let at = text.indexOf("Math."); at >= 0; at = text.indexOf("Math.", at + 1)) {
    if (at < from) continue;
    let end = text.indexOf("(", at) + 1;
    for (let depth = 1; depth > 0; end++) depth += text[end] === "(" ? 1 : text[end] === ")" ? -1 : 0;
    const call = text.slice(at, end),
      holds = new Set(call.match(/(?<![\w$.])[a-zA-Z_][\w$]*/g));
    holds.delete("Math");
    if (![...holds].every((name) => known.has(name))) continue;
    const kept = calls.get(call) ?? { name: `fixed_${calls.size}`, holds };
    calls.set(call, kept);
    out += text.slice(from, at) + kept.name;
    from = end;
  }
  return out + text.slice(from);
}

/** @param {Rule} rule @param {Surface} surface @param {string[]} scheduled @param {boolean} extras */
function pathSource(rule, surface, scheduled, extras) {
  const axes = axesOf(surface),
    dim = axes.length;
  const slots = Object.keys(rule.slots);
  const point = reported(rule, surface, "a");
  /** @type {Calls} */
  const calls = new Map();
  const known = new Set([...Object.keys(rule.hyper), ...Object.keys(surface.params), "t"]);
  const moving = ["t", ...scheduled];
  const constants = (/** @type {boolean} */ inside) =>
    [...calls]
      .filter(([, { holds }]) => inside === moving.some((name) => holds.has(name)))
      .map(([call, { name }]) => `const ${name} = ${call};`)
      .join("\n");
  const keep = (/** @type {string} */ t) =>
    [
      ...axes.map((i) => `points[${dim} * ${t} + ${i}] = ${point[i]};`),
      valueLines(
        surface,
        axes.map((i) => `points[${dim} * ${t} + ${i}]`),
        `values[${t}]`,
      ),
      ...(extras
        ? slots.flatMap((name) => axes.map((i) => `state.${name}[${dim} * ${t} + ${i}] = ${name}$${i}a;`))
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
    if (!(${axes.map((i) => `Math.abs(theta$${i}a) <= bound`).join(" && ")})) return t;
    ${keepStep}
    ${extras ? axes.map((i) => `gradients[${dim} * (t - 1) + ${i}] = grad$${i}a;`).join("\n") : ""}
    if (!(values[t] <= Number.MAX_VALUE)) return t;
  }
  return 0;
};`;
}

/** @typedef {{points: Float64Array, values: Float64Array, state: Record<string, Float64Array>, gradients: Float64Array|null}} Kept */

/**
 * The same path through the plain functions, for pages that forbid compiling.
 * @param {Rule} rule
 * @param {Surface} surface
 * @param {string[]} scheduled
 * @param {ArrayLike<number>} start
 * @param {number} steps
 * @param {Schedule} hyper
 * @param {Params} params
 * @param {number} bound
 * @param {Kept} out
 * @returns {number} 0, or the step that left the finite world
 */
function plainPath(rule, surface, scheduled, start, steps, hyper, params, bound, out) {
  const axes = axesOf(surface),
    dim = axes.length,
    slots = Object.keys(rule.slots);
  const theta = axes.map((i) => start[i]);
  const state = axes.map((i) => slots.map((name) => (rule.slots[name] === 0 ? 0 : theta[i])));
  const keep = (/** @type {number} */ t, /** @type {Hyper} */ now) => {
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
  /** The numbers of one step; without a schedule always the same. @param {number} t @returns {Hyper} */
  const at = (t) =>
    scheduled.length
      ? Object.fromEntries(
          Object.entries(hyper).map(([name, value]) => [name, typeof value === "number" ? value : value[t]]),
        )
      : /** @type {Hyper} */ (hyper);
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
    for (const i of axes) if (out.gradients) out.gradients[dim * (t - 1) + i] = answer[i];
    if (!(out.values[t] <= Number.MAX_VALUE)) return t;
  }
  return 0;
}

/** Defaults of the rule, then what was asked for. @template {number | ArrayLike<number>} V @param {Rule} rule @param {Record<string, V>} hyper */
function fullHyper(rule, hyper) {
  /** @type {Record<string, V | number>} */
  const full = {};
  for (const [name, fallback] of Object.entries(rule.hyper)) {
    const value = hyper[name] ?? fallback;
    if (value === null) throw new TypeError(`${rule.name} needs ${name}`);
    full[name] = value;
  }
  return full;
}

const boundOf = (/** @type {number[]} */ start) => LIMIT * Math.max(1, ...start.map(Math.abs));

/**
 * One run. A hyper-parameter may be an array of length `steps`, one value a step.
 *
 * @param {Rule} rule
 * @param {Surface} surface
 * @param {{start?: number[], steps?: number, hyper?: Schedule, params?: Params, extras?: boolean}} options
 *   `extras` also keeps the state and the gradients.
 * @returns {import("./types.js").Run}
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
  /** @type {Kept} */
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

/** Distance of every point of a run to the nearest minimum over the start's; null without minima. @param {Surface} surface @param {ArrayLike<number>} points */
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

/** The first step from which the relative error stays at or below tol; null if it does not. @param {ArrayLike<number>|null} error @param {number} [tol] */
export function stepsTo(error, tol = 1e-6) {
  if (!error) return null;
  let last = -1;
  for (let k = 0; k < error.length; k++) if (!(error[k] <= tol)) last = k;
  return last + 1 < error.length ? last + 1 : null;
}

const LANES = ["a", "b", "c", "d"];

/**
 * A call pulled out of a map's loop, by what it changes with: nothing ("once"), the step alone ("step"), the setting alone
 * ("cell"), the step and one axis of the map ("axis": made once a row or column, as a table), the step and both ("all").
 * @typedef {{call: string, name: string, when: "once"|"step"|"cell"|"axis"|"all", onX: boolean}} Pulled
 */

/** @param {Calls} calls @param {string} xName @param {string} yName @returns {Pulled[]} */
const pulledFrom = (calls, xName, yName) =>
  [...calls].map(([call, { name, holds }]) => {
    const t = holds.has("t"),
      axes = Number(holds.has(xName)) + Number(holds.has(yName));
    const when = t ? /** @type {const} */ (["step", "axis", "all"])[axes] : axes ? "cell" : "once";
    return { call, name, when, onX: holds.has(xName) };
  });

/** One run of a map for one step, as a block: where it is, whether it escaped, when it was last out of reach. @param {Rule} rule @param {Surface} surface @param {string} run */
function laneLines(rule, surface, run) {
  const axes = axesOf(surface),
    point = reported(rule, surface, run);
  const gaps = surface.minima.map((m) =>
    axes.map((i) => `(${point[i]} - ${m[i]}) * (${point[i]} - ${m[i]})`).join(" + "),
  );
  return `{
      ${stepLines(rule, surface, run)}
      if (!(${axes.map((i) => `Math.abs(theta$${i}${run}) <= bound`).join(" && ")})) escaped_${run} = 1;
      if (!((${gaps.length > 1 ? `Math.min(${gaps.join(", ")})` : gaps[0]}) <= reach)) last_${run} = t;
    }`;
}

/** A table of an "axis" call: a row for each place on its axis, a number for each step. @param {Pulled} pulled @param {string} xName @param {string} yName */
const tableLines = ({ call, name, onX }, xName, yName) => {
  const many = onX ? "wide" : "(to - from)";
  return `const ${name}_all = new Float64Array(${many} * (steps + 1));
  for (let i = 0; i < ${many}; i++) {
    const ${onX ? `${xName} = xs[i]` : `${yName} = ys[from + i]`};
    for (let t = 1; t <= steps; t++) ${name}_all[i * (steps + 1) + t] = ${call};
  }`;
};

/** Lines that start a lane at cell k + j. @param {Rule} rule @param {Surface} surface @param {string} run @param {number} j @param {string} xName @param {string} yName */
const beginLane = (rule, surface, run, j, xName, yName) => {
  const begin = declare(
    rule,
    surface,
    run,
    axesOf(surface).map((i) => `start[${i}]`),
  );
  return `const k_${run} = Math.min(k + ${j}, cells - 1), column_${run} = k_${run} % wide, row_${run} = Math.floor(k_${run} / wide);
    const ${xName}_${run} = xs[column_${run}], ${yName}_${run} = ys[from + row_${run}];
    let escaped_${run} = 0, last_${run} = 0;
    ${begin}`;
};

/** @param {Rule} rule @param {Surface} surface @param {string} xName @param {string} yName */
function mapSource(rule, surface, xName, yName) {
  const params = Object.keys(surface.params),
    known = new Set([...Object.keys(rule.hyper), ...params, "t"]);
  /** @type {Calls} */
  const calls = new Map();
  const bodies = LANES.map((run) => pull(laneLines(rule, surface, run), known, calls));
  const pulled = pulledFrom(calls, xName, yName);
  const perCell = pulled.filter(({ when }) => when !== "once" && when !== "step").map(({ name }) => name);
  const varied = new RegExp(`\\b(${[xName, yName, ...perCell].join("|")})\\b(?!\\$)`, "g");
  /** A text with a lane's own names. @param {string} text @param {string} run */
  const vary = (text, run) => text.replace(varied, `$1_${run}`);
  /** @param {Pulled["when"]} which @param {(pulled: Pulled) => string} line */
  const each = (which, line) =>
    pulled
      .filter(({ when }) => when === which)
      .map(line)
      .join("\n");
  /** @param {Pulled["when"]} which @param {(pulled: Pulled, run: string) => string} line */
  const everyLane = (which, line) => each(which, (one) => LANES.map((run) => line(one, run)).join("\n"));
  const fixed = Object.keys(rule.hyper).filter((name) => name !== xName && name !== yName);
  return `"use strict";
return function map(start, steps, hyper, params, bound, reach, xs, ys, from, to, out) {
  const { ${fixed.join(", ")} } = hyper, { ${params.join(", ")} } = params;
  const wide = xs.length, cells = (to - from) * wide;
  ${each("once", ({ call, name }) => `const ${name} = ${call};`)}
  ${each("step", ({ call, name }) => `const ${name}_all = new Float64Array(steps + 1);\nfor (let t = 1; t <= steps; t++) ${name}_all[t] = ${call};`)}
  ${each("axis", (one) => tableLines(one, xName, yName))}
  for (let k = 0; k < cells; k += ${LANES.length}) {
    ${LANES.map((run, j) => beginLane(rule, surface, run, j, xName, yName)).join("\n")}
    ${everyLane("cell", ({ call, name }, run) => `const ${name}_${run} = ${vary(call, run)};`)}
    ${everyLane("axis", ({ name, onX }, run) => `const ${name}_at_${run} = ${onX ? "column" : "row"}_${run} * (steps + 1);`)}
    for (let t = 1; t <= steps; t++) {
      ${each("step", ({ name }) => `const ${name} = ${name}_all[t];`)}
      ${everyLane("axis", ({ name }, run) => `const ${name}_${run} = ${name}_all[${name}_at_${run} + t];`)}
      ${everyLane("all", ({ call, name }, run) => `const ${name}_${run} = ${vary(call, run)};`)}
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
 * @param {{start?: number[], steps?: number, tol?: number, hyper?: Hyper, params?: Params,
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
  const repeats = (/** @type {number} */ period, /** @type {number} */ gap) => {
    for (let k = 0; k < longest; k++)
      if (!(Math.abs(points[t - k] - points[t - k - period]) <= gap)) return false;
    return true;
  };
  let p = 1;
  while (p <= longest && !repeats(p, close)) p++;
  if (p > longest) return 0;
  for (let q = 1; q < p; q++) if (repeats(q, tol)) return q;
  return p;
}

/** @param {Rule} rule @param {Surface} surface */
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
      if (!(Math.abs(theta$0a) <= bound)) { code = ${DIVERGES}; at = t; break; }
      track[t] = theta$0a;
      if (Math.abs(theta$0a - ${rest}) <= tol && Math.abs(track[t - 1] - ${rest}) <= tol) { code = 0; at = t; break; }
      if (t % every === 0) {
        const period = periodOf(track, t, longest, close, tol);
        if (period > 0) { code = period; at = t; break; }
      }
    }
    out.codes[k] = code; out.at[k] = at;
  }
};`;
}

/** @typedef {{steps: number, tol: number, longest: number, close: number, every: number}} EndingOptions */

/**
 * The same for one run through the plain functions, for pages that forbid compiling.
 * @param {Rule} rule
 * @param {Surface} surface
 * @param {number} start
 * @param {Hyper} hyper
 * @param {Params} params
 * @param {EndingOptions} options
 */
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
 * @param {Record<string, ArrayLike<number>>} hyper each hyper-parameter, one value a run
 * @param {Partial<EndingOptions>} [options] at rest: two points
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

/** @param {Rule} rule */
function walkSource({ hyper, slots, template }) {
  const carried = ["theta", ...Object.keys(slots)];
  return `"use strict";
return function walk(o, points) {
  const { curvature, sigma, draws, steps, first, row } = o, { ${Object.keys(hyper).join(", ")} } = o.hyper;
  let ${[...carried, ...template.locals].map((name) => `${name}$ = 0`).join(", ")};
  for (let t = 1, at = first; t <= steps; t++, at += row) {
    const grad$ = curvature * theta$ + sigma * draws[at];
    ${template.step.join(" ")}
    const ${template.next.map((value, k) => `next_${k} = ${value}`).join(", ")};
    ${carried.map((name, k) => `${name}$ = next_${k};`).join(" ")}
    points[at + row] = theta$;
  }
};`;
}

/**
 * One coordinate from rest at the minimum of curvature x^2 / 2, kept in motion by the noise of its gradients: the draws at
 * first, first + row, first + 2 row, ...; its places go into `points`, each a row after its draw.
 * @param {Rule} rule one that looks where it is and whose slots start at zero
 * @param {{hyper: Hyper, curvature: number, sigma: number, draws: ArrayLike<number>, steps: number, first: number, row: number}} o
 * @param {Float64Array} points
 */
export function noisyWalk(rule, o, points) {
  const walk = compile(`walk ${rule.name}`, () => walkSource(rule));
  if (walk) {
    walk(o, points);
    return;
  }
  const { hyper, curvature, sigma, draws, steps, first, row } = o;
  let theta = 0,
    state = Object.keys(rule.slots).map(() => 0);
  for (let t = 1, at = first; t <= steps; t++, at += row) {
    [theta, state] = rule.step(theta, curvature * theta + sigma * draws[at], t, state, hyper);
    points[at + row] = theta;
  }
}

/** @param {Rule} rule */
function vectorSource({ hyper, slots, template }) {
  const kept = Object.keys(slots),
    carried = ["theta", ...kept];
  return `"use strict";
return function step(thetas, grads, slots, t, hyper) {
  const { ${Object.keys(hyper).join(", ")} } = hyper;
  ${kept.map((name, k) => `const ${name}_all = slots[${k}];`).join(" ")}
  for (let i = 0; i < thetas.length; i++) {
    const grad$ = grads[i];
    let ${["theta$ = thetas[i]", ...kept.map((name) => `${name}$ = ${name}_all[i]`), ...template.locals.map((name) => `${name}$`)].join(", ")};
    ${template.step.join(" ")}
    const ${template.next.map((value, k) => `next_${k} = ${value}`).join(", ")};
    ${carried.map((name, k) => `${k === 0 ? "thetas" : `${name}_all`}[i] = next_${k};`).join(" ")}
  }
};`;
}

/**
 * One step of a rule on a whole vector, in place: the point and its slots, each an array of the point's length.
 * @param {Rule} rule
 * @param {Float64Array} theta @param {Float64Array} grad @param {Float64Array[]} slots
 * @param {number} t the step's number, from 1
 * @param {Hyper} hyper all of the rule's
 */
export function stepVector(rule, theta, grad, slots, t, hyper) {
  const step = compile(`vector ${rule.name}`, () => vectorSource(rule));
  if (step) {
    step(theta, grad, slots, t, hyper);
    return;
  }
  for (let i = 0; i < theta.length; i++) {
    const [next, state] = rule.step(
      theta[i],
      grad[i],
      t,
      slots.map((slot) => slot[i]),
      hyper,
    );
    theta[i] = next;
    state.forEach((value, k) => {
      slots[k][i] = value;
    });
  }
}

/** @param {Rule} rule @param {string} spot */
function spotsSource({ hyper, slots }, spot) {
  const kept = Object.keys(slots);
  return `"use strict";
return function spots(thetas, slots, t, hyper, out) {
  const { ${Object.keys(hyper).join(", ")} } = hyper;
  ${kept.map((name, k) => `const ${name}_all = slots[${k}];`).join(" ")}
  for (let i = 0; i < thetas.length; i++) {
    const ${["theta$ = thetas[i]", ...kept.map((name) => `${name}$ = ${name}_all[i]`)].join(", ")};
    out[i] = ${spot};
  }
};`;
}

/**
 * Where a rule measures the gradient before step t ("look"), or the point that it reports ("read"), of a whole vector; into `out`,
 * unless that is where the vector stands.
 * @param {"look"|"read"} which @param {Rule} rule
 * @param {Float64Array} theta @param {Float64Array[]} slots @param {number} t @param {Hyper} hyper all of the rule's
 * @param {Float64Array} out
 * @returns {Float64Array} `out`, or `theta` itself
 */
export function spotsOf(which, rule, theta, slots, t, hyper, out) {
  const spot = rule.template[which];
  if (!spot) return theta;
  const fill = compile(`${which} ${rule.name}`, () => spotsSource(rule, spot));
  if (fill) fill(theta, slots, t, hyper, out);
  else {
    const at = which === "look" ? rule.lookAt : rule.readAt;
    for (let i = 0; i < theta.length; i++)
      out[i] = at(
        theta[i],
        slots.map((slot) => slot[i]),
        hyper,
      );
  }
  return out;
}
