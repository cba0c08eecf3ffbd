// Whose settings the race runs with: each rule's own best from some start, one rate for all, or the reader's.

import { RULES } from "../generated/rules.js";
import { SURFACES } from "../generated/surfaces.js";
import { same } from "../kit/state.js";
import { tune } from "../kit/tune.js";
import { hasFloor } from "./runs.js";

/** @typedef {import("../kit/types.js").Hyper} Hyper */

/** @param {import("../race.js").RaceFigure} fig @param {() => void} rest shows whole paths */
export function createTuned(fig, rest) {
  const ownStart = () => SURFACES[fig.get("surface")].start;
  /** The start for which the settings are the best ones, and what was found there beyond the table. */
  const best = { start: ownStart(), settings: /** @type {Record<string, Hyper>} */ ({}) };

  /** From now on the table's settings are the best ones: those for the surface's own start. */
  const forget = () => Object.assign(best, { start: ownStart(), settings: {} });

  /** Search each running rule's best setting from this start, one rule a frame so that the page stays alive. */
  function tuneAll() {
    const { surface, start, rules } = fig.snapshot();
    if (!hasFloor(surface))
      return fig.say(
        "This surface has no minimum, so no setting is best on it: every rule runs at the same rate.",
      );
    const waiting = [...rules],
      found = /** @type {Record<string, Hyper>} */ ({});
    fig.say("Tuning …");
    const next = () => {
      const rule = waiting.shift();
      if (!rule) {
        fig.say("Each rule now has the setting that needs the fewest steps from this start.");
        rest();
        Object.assign(best, { start, settings: found });
        return fig.set({ tuned: true, settings: found });
      }
      const setting = tune(RULES[rule], SURFACES[surface], start);
      if (setting) found[rule] = setting;
      fig.life.frame(next);
    };
    fig.life.frame(() => fig.life.frame(next));
  }

  /** Whether every rule runs at its own best, in words. */
  function words() {
    const { surface, start, rules, settings, tuned } = fig.snapshot();
    if (!hasFloor(surface)) return "one rate for all, for where there is no minimum no setting is best";
    if (!tuned) return "one learning rate for all, which is unfair";
    if (rules.every((rule) => same([start, settings[rule]], [best.start, best.settings[rule]])))
      return "every rule at its own best setting";
    return rules.some((rule) => rule in settings)
      ? "the settings are yours"
      : "each rule tuned for another start";
  }
  return { forget, tuneAll, words };
}
/** @typedef {ReturnType<typeof createTuned>} Tuned */
