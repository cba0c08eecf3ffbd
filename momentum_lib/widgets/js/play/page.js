// The playground of the site, and of a page of somebody else's: started where the page has left its place. In a worker the same
// script searches settings.

import { mount } from "./app.js";
import { serve } from "./fair.js";
import { next } from "../kit/work.js";
import { fromHash } from "./link.js";
import { enlivenRecipes } from "./recipes.js";

const places = typeof document === "undefined" ? [] : document.querySelectorAll(".playground");
if (typeof document === "undefined") serve(/** @type {any} */ (globalThis));

/** @param {Element} place */
function start(place) {
  const { embed, page } = /** @type {HTMLElement} */ (place).dataset,
    el = document.createElement("div"),
    theme = new URLSearchParams(location.search).get("theme");
  if (embed !== undefined && (theme === "light" || theme === "dark"))
    document.documentElement.dataset.theme = theme;
  place.prepend(el);
  const root = document.documentElement.dataset.content_root ?? "";
  const { store, life, face } = mount(el, {
    state: fromHash(location.hash) ?? undefined,
    embed: embed !== undefined,
    places: embed === undefined ? { embed: `${root}embed.html` } : { page },
  });
  place.classList.add("is-live");
  /** @type {any} */ (place).__playground = face;
  life.on(window, "hashchange", () => {
    const told = fromHash(location.hash);
    if (told) store.set(told);
  });
  const list = document.querySelector("#recipes ul");
  if (list)
    next(() =>
      enlivenRecipes(life, list, (state) => {
        store.set(state);
        place.scrollIntoView({ block: "start" });
      }),
    );
}

for (const place of places) next(() => start(place)); // a task of its own: to read the script was one
