// What the reader committed to, kept in this browser and nowhere else.

/** @typedef {{said: string, right: boolean, answer: string|number[]}} Kept one prediction: in words, whether it held, what was chosen or drawn */

const KEY = "momentum-predictions";

/** Everything that is kept, by page and question; nothing where the browser keeps nothing. @returns {Record<string, Record<string, Kept>>} */
function all() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {};
  }
}

/** @param {Record<string, Record<string, Kept>>} found */
function save(found) {
  try {
    if (Object.keys(found).length) localStorage.setItem(KEY, JSON.stringify(found));
    else localStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing: the prediction stands until the page is left.
  }
}

/** Whether a stored value is a prediction. @param {any} one @returns {one is Kept} */
const isKept = (one) =>
  one !== null &&
  typeof one === "object" &&
  typeof one.said === "string" &&
  typeof one.right === "boolean" &&
  (typeof one.answer === "string" ||
    (Array.isArray(one.answer) && one.answer.every((/** @type {unknown} */ v) => Number.isFinite(v))));

/** The predictions of one page, which are also told to whoever asks. @param {string} page */
export function keeper(page) {
  const found = all()[page] ?? {},
    /** @type {Record<string, Kept>} */
    mine = Object.fromEntries(Object.entries(found).filter(([, one]) => isKept(one))),
    /** @type {(() => void)[]} */
    heard = [];
  const put = () => {
    const others = all();
    delete others[page];
    save(Object.keys(mine).length ? { ...others, [page]: mine } : others);
    for (const callback of heard) callback();
  };
  return {
    /** @param {number} question @returns {Kept|undefined} */
    get: (question) => mine[question],
    /** Keep a prediction, or forget it. @param {number} question @param {Kept|null} one */
    set(question, one) {
      if (one) mine[question] = one;
      else delete mine[question];
      put();
    },
    /** @param {() => void} callback called after every change */
    watch: (callback) => {
      heard.push(callback);
    },
  };
}
