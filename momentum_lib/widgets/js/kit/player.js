// Play, Step and Space for a figure in which time passes.

import { addButton } from "./controls.js";
import { reducedMotion } from "./dom.js";
import { PLACED } from "./handle.js";

const CALM = "Your system asks for less motion: the whole path is shown at once; Step moves through it.";

/** Whether a key pressed there belongs to a control of its own. @param {KeyboardEvent} event */
const takesKeys = ({ target }) =>
  target instanceof Element &&
  target.closest("button, summary, select, textarea, input:not([type=range])") !== null;

/**
 * What Space does anywhere in a figure but on a control that takes the key itself.
 * @param {import("./dom.js").Life} life
 * @param {HTMLElement} root
 * @param {() => void} press
 */
export function onSpace(life, root, press) {
  life.on(root, "keydown", (event) => {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || takesKeys(event)) return;
    event.preventDefault();
    press();
  });
}

/**
 * Call `play` once, when the reader has come to the picture, and more than half of it is seen.
 * @param {import("./dom.js").Life} life
 * @param {HTMLElement} root
 * @param {() => void} play
 */
function whenReached(life, root, play) {
  const picture = root.querySelector(".lf-plot");
  if (!picture || typeof IntersectionObserver !== "function") return;
  const seen = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting || !scrollY) return; // not before somebody has scrolled here
      seen.disconnect();
      play();
    },
    { threshold: 0.6 },
  );
  seen.observe(picture);
  life.observe(seen);
  life.on(root, "pointerdown", () => seen.disconnect());
  life.on(root, "keydown", () => seen.disconnect());
}

/**
 * `head()` is the step now shown, from 0 to `length()`; it stands at the end until someone plays. `pen()` is the same
 * with the way to the next step, for a line that grows.
 * @param {import("./controls.js").Desk & {root: HTMLElement}} desk
 * @param {{length: () => number, seconds?: () => number, auto?: boolean, rest?: number}} o seconds: how long playing all of it
 *   takes; auto: it plays once by itself; rest: so many seconds it stands at the end before a round begins anew (`rounds`)
 */
export function createPlayer(desk, { length, seconds = () => 6, auto = false, rest = 2 }) {
  const { life, store, say, root } = desk;
  /** Which step is shown and the part of the way to the next; when playing began, and from which step. */
  const time = { head: Infinity, part: 0, playing: false, started: 0, from: 0, waiting: true, rounds: false };
  const at = () => Math.min(time.head, length());
  const label = () => play.name(time.playing ? "Pause" : "Play", time.playing ? "pause" : "play");
  function stop() {
    time.playing = false;
    time.rounds = false;
    time.part = 0;
    label();
  }
  /** @param {number} to */
  function seek(to) {
    stop();
    time.waiting = false;
    time.head = to;
    store.redraw();
  }
  /** One frame of playing. @param {number} now */
  function run(now) {
    if (!time.playing) return;
    if (!time.started) time.started = now;
    const n = length(),
      next = time.from + ((now - time.started) / 1000) * (n / seconds());
    time.head = next >= n ? Infinity : Math.floor(next);
    time.part = next < n ? next - Math.floor(next) : 0;
    if (time.rounds && next >= n + (rest * n) / seconds()) time.started = time.from = 0;
    if (time.rounds || next < n) life.frame(run);
    else stop();
    store.redraw();
    store.flush();
  }
  function toggle() {
    if (time.playing) return stop();
    if (reducedMotion()) {
      seek(Infinity);
      return say(CALM);
    }
    time.playing = true;
    time.waiting = false;
    time.started = 0;
    time.from = at() >= length() ? 0 : at();
    label();
    life.frame(run);
  }
  /** From the start, moving; under reduced motion all of it at once. */
  function again() {
    seek(reducedMotion() ? Infinity : 0);
    if (!reducedMotion()) toggle();
  }
  const play = addButton(desk, { label: "Play", icon: "play", press: toggle });
  const step = addButton(desk, {
    label: "Step",
    icon: "step",
    press: () => seek(at() >= length() ? 0 : at() + 1),
  });
  onSpace(life, root, toggle);
  // Whole paths while a start is dragged; once it is let go, the run begins there.
  const ofStart = (/** @type {Event} */ { target }) =>
    target instanceof Element && (target.closest("[data-starts]") ?? target.querySelector("[data-starts]"));
  life.on(root, "pointerdown", ({ target }) => {
    if (target instanceof Element && target.closest("[data-starts]")) seek(Infinity);
  });
  life.on(root, PLACED, (event) => {
    if (ofStart(event)) again();
  });
  if (auto && !reducedMotion()) whenReached(life, root, again);
  return {
    head: at,
    /** Where the pen is while playing: between two steps it speeds up and slows down. */
    pen: () => Math.min(at() + time.part * time.part * (3 - 2 * time.part), length()),
    playing: () => time.playing,
    stop,
    play: toggle,
    seek,
    /** All of it, as if nobody had played yet. */
    end() {
      seek(Infinity);
      time.waiting = true;
    },
    /** Whether all is shown and nobody has played yet. */
    waiting: () => time.waiting,
    again,
    /** From the start, again and again until `stop`, or until `once` says that this round is the last. Still under reduced motion. */
    rounds() {
      again();
      time.rounds = time.playing;
    },
    once: () => {
      time.rounds = false;
    },
    buttons: [play.node, step.node],
  };
}
