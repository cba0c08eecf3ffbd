// The search: a dialog on every page, and a page of its own. Its index is fetched when it is first asked for.
import { closest } from "./page.js";

/** @typedef {(question: string, most: number) => {rows: HTMLAnchorElement[], count: number}} Search */

/** @type {Promise<Search>|undefined} */
let index;
const asked = () =>
  (index ??= new Promise((done, fail) => {
    const root = document.documentElement.dataset.content_root ?? "";
    const script = document.createElement("script");
    script.src = `${root}_static/search.js`;
    script.onload = () => done(/** @type {any} */ (window).courseSearch);
    script.onerror = () => {
      index = undefined;
      fail(new Error("The index of the search did not arrive."));
    };
    document.head.append(script);
  }));

/**
 * Let a form answer while the reader types. Up and down choose an answer, Enter opens it.
 * @param {HTMLFormElement} form @param {HTMLElement} list where the answers stand @param {HTMLElement} say how many there are
 * @param {number} most @param {boolean} [page] the page of the search: the address keeps the question
 */
function answer(form, list, say, most, page = false) {
  const field = /** @type {HTMLInputElement} */ (form.querySelector("input"));
  let chosen = 0;
  let answered = ""; // the question whose answers stand in the list
  const rows = () => /** @type {HTMLAnchorElement[]} */ ([...list.children]);
  const choose = (/** @type {number} */ next) => {
    const all = rows();
    chosen = all.length ? (next + all.length) % all.length : 0;
    all.forEach((row, k) => row.setAttribute("aria-selected", String(k === chosen)));
    if (all.length) field.setAttribute("aria-activedescendant", all[chosen].id);
    else field.removeAttribute("aria-activedescendant");
    all[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const show = async () => {
    const question = field.value.trim();
    if (page) {
      const address = new URL(location.href);
      if (question) address.searchParams.set("q", question);
      else address.searchParams.delete("q");
      if (location.protocol !== "file:") history.replaceState(history.state, "", address);
    }
    try {
      const search = await asked();
      if (question !== field.value.trim()) return; // the reader went on typing
      const { rows: found, count } = question ? search(question, most) : { rows: [], count: 0 };
      found.forEach((row, k) => {
        row.id = `${list.id}-${k}`;
        row.setAttribute("role", "option");
        row.tabIndex = -1;
      });
      list.replaceChildren(...found);
      answered = question;
      list.hidden = !found.length; // a list box without an option is none
      field.setAttribute("aria-expanded", String(found.length > 0));
      choose(0);
      const many = count === 1 ? "One answer" : `${count} answers`;
      say.textContent = !question
        ? ""
        : count
          ? `${many}${count > most ? `, the first ${most} are shown` : ""}`
          : `Nothing is called “${question}”, nor nearly so.`;
    } catch (error) {
      say.textContent = /** @type {Error} */ (error).message;
    }
  };
  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(chosen + step);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (answered !== field.value.trim()) await show();
    rows()[chosen]?.click();
  });
  list.addEventListener("pointermove", (event) => {
    const row = rows().findIndex((one) => one === closest(event, "[role=option]"));
    if (row >= 0 && row !== chosen) choose(row);
  });
  return show;
}

/** The dialog: its button, "/", Ctrl+K. @param {HTMLDialogElement} dialog */
function openable(dialog) {
  const [form, list, say] = /** @type {[HTMLFormElement, HTMLElement, HTMLElement]} */ (
    ["form", "[role=listbox]", ".found-count"].map((part) => dialog.querySelector(part))
  );
  const show = answer(form, list, say, 12);
  const open = () => {
    dialog.showModal();
    form.querySelector("input")?.select();
    show();
  };
  dialog.addEventListener("click", (event) => {
    if (closest(event, "a")) dialog.close();
  });
  document.getElementById("search-button")?.addEventListener("click", open);
  addEventListener("keydown", (event) => {
    const typing = closest(
      event,
      "input, textarea, select, [contenteditable], [role=slider], [role=application]",
    );
    const wanted =
      (event.key === "/" && !typing) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
    if (!wanted || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    open();
  });
}

const everywhere = document.getElementById("search-dialog");
if (everywhere instanceof HTMLDialogElement) openable(everywhere);
const own = document.querySelector(".search-page form");
if (own instanceof HTMLFormElement) {
  const [list, say] = /** @type {HTMLElement[]} */ (
    ["found-here", "found-here-count"].map((id) => document.getElementById(id))
  );
  const field = /** @type {HTMLInputElement} */ (own.querySelector("input"));
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  field.focus();
  answer(own, list, say, 60, true)();
}
