// Play, Step and Space for a figure in which time passes.

import { addButton } from "./controls.js";
import { reducedMotion } from "./dom.js";

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
 * `head()` is the step now shown, from 0 to `length()`; it stands at the end until someone plays. `pen()` is the same
 * with the way to the next step, for a line that grows.
 * @param {import("./controls.js").Desk & {root: HTMLElement}} desk
 * @param {{length: () => number, seconds?: () => number}} o seconds: how long playing all of it takes
 */
export function createPlayer(desk, { length, seconds = () => 6 }) {
  const { life, store, say, root } = desk;
  /** Which step is shown and the part of the way to the next; when playing began, and from which step. */
  const time = { head: Infinity, part: 0, playing: false, started: 0, from: 0 };
  const at = () => Math.min(time.head, length());
  const label = () => play.name(time.playing ? "Pause" : "Play", time.playing ? "pause" : "play");
  function stop() {
    time.playing = false;
    time.part = 0;
    label();
  }
  /** @param {number} to */
  function seek(to) {
    stop();
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
    time.part = next - Math.floor(next);
    if (time.head === Infinity) stop();
    else life.frame(run);
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
    time.started = 0;
    time.from = at() >= length() ? 0 : at();
    label();
    life.frame(run);
  }
  const play = addButton(desk, { label: "Play", icon: "play", press: toggle });
  const step = addButton(desk, {
    label: "Step",
    icon: "step",
    press: () => seek(at() >= length() ? 0 : at() + 1),
  });
  onSpace(life, root, toggle);
  return {
    head: at,
    /** Where the pen is while playing: between two steps it speeds up and slows down. */
    pen: () => Math.min(at() + time.part * time.part * (3 - 2 * time.part), length()),
    playing: () => time.playing,
    stop,
    play: toggle,
    seek,
    end: () => seek(Infinity),
    buttons: [play.node, step.node],
  };
}
