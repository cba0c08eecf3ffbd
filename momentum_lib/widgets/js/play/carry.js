// Take it with you: the link that restores all, one line for another page, the code, the picture.

import { h } from "../kit/dom.js";
import { toHash } from "../kit/playground.js";
import { codeOf, toldBy } from "./code.js";
import { csvOf, gifOf, mapMovie, pngOf, save, svgText, viewMovie } from "./export.js";
import { glyph } from "./parts.js";

/** @typedef {import("./types.js").Scene} Scene */

/** Copy a text; where the page may not, it is selected for the reader. @param {HTMLTextAreaElement|HTMLInputElement} field @returns {Promise<boolean>} */
async function copyFrom(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

/** In which library's terms the code is written. */
const TARGETS = { momentum_lib: "momentum_lib", torch: "PyTorch", optax: "JAX and optax" };

/** The line that shows a playground in any page. @param {string} address */
const embedLine = (address) =>
  `<iframe src="${address}" title="Playground: momentum" width="100%" height="640" loading="lazy" allowfullscreen></iframe>`;

/** Addresses of this state: the page's, and the embed's beside it. @param {string} here @param {import("./types.js").PlayState} state @param {{page?: string, embed?: string}} places */
export function addresses(here, state, { page, embed }) {
  const hash = `#${toHash(state)}`;
  const of = (/** @type {string|undefined} */ place) => {
    const url = new URL(place ?? here, here);
    url.search = "";
    url.hash = hash;
    return url.href;
  };
  return { page: of(page), embed: of(embed) };
}

/**
 * The button and its dialog.
 * @param {{life: import("../kit/dom.js").Life, root: HTMLElement, parent: HTMLElement, scene: () => Scene,
 *   seek: (step: number) => void, places: {page?: string, embed?: string}}} o `seek` draws the page as it is at a step
 */
export function createCarry({ life, root, parent, scene, seek, places }) {
  const button = h(
    "button",
    { type: "button", class: "pg-carry-button", "aria-haspopup": "dialog", "aria-label": "Take it with you" },
    glyph("share"),
    h("span", { class: "pg-wide-words", text: "Take it with you" }),
  );
  parent.append(button);
  const close = h("button", { type: "button", class: "pg-close", "aria-label": "Close" }, glyph("close")),
    body = h("div", { class: "pg-carry-body" }),
    note = h("p", { class: "pg-note", role: "status" }),
    dialog = h(
      "dialog",
      { class: "pg-carry", "aria-label": "Take it with you" },
      h("div", { class: "pg-carry-head" }, h("b", { text: "Take it with you" }), close),
      body,
      note,
    );
  root.append(dialog);
  /** A line to be copied. @param {string} label @param {string} does @param {boolean} [tall] */
  function line(label, does, tall = false) {
    const field = h(tall ? "textarea" : "input", {
        class: "pg-field",
        readonly: true,
        "aria-label": label,
        spellcheck: "false",
        ...(tall ? { rows: 9 } : {}),
      }),
      copy = h("button", {
        type: "button",
        class: "lf-button",
        text: "Copy",
        "aria-label": `Copy: ${label}`,
      });
    life.on(copy, "click", async () => {
      note.textContent = (await copyFrom(field))
        ? `${does}.`
        : "Your browser does not let a page copy: the text is selected, copy it yourself.";
    });
    const node = h(
      "div",
      { class: "pg-line-row" },
      h("span", { class: "pg-line-label", text: label }),
      field,
      copy,
    );
    return { node, field };
  }
  const link = line("A link to all of this", "Copied: the link opens the playground as it is now"),
    embed = line(
      "One line for your own page or slide",
      "Copied: the line shows this playground in another page",
    );
  const policy = h("p", { class: "pg-policy" });
  embed.node.append(policy);
  const target = h(
      "select",
      { class: "pg-add pg-target", "aria-label": "As code for" },
      ...Object.entries(TARGETS).map(([value, text]) => h("option", { value, text: `As code for ${text}` })),
    ),
    code = line(
      "The picked rule on this surface as code",
      "Copied: it runs as it is and ends at the same point",
      true,
    );
  /** Write the code of the state now. */
  function write() {
    code.field.value = codeOf(/** @type {keyof typeof TARGETS} */ (target.value), toldBy(scene()));
  }
  life.on(target, "change", write);
  code.node.querySelector(".pg-line-label")?.replaceWith(target);
  const files = h("div", { class: "pg-files" });
  const file = (/** @type {string} */ label, /** @type {() => void|Promise<void>} */ make) => {
    const one = h("button", { type: "button", class: "lf-button", text: label });
    files.append(one);
    life.on(one, "click", async () => {
      try {
        await make();
      } catch (error) {
        note.textContent = `That picture could not be made here: ${error instanceof Error ? error.message : error}.`;
      }
    });
  };
  const view = () => /** @type {HTMLElement} */ (root.querySelector(".pg-view:not([hidden])"));
  /** The picture as SVG text; a view that is a table has none. */
  const drawn = () => {
    const text = svgText(view());
    if (!text) throw new Error("this view is text; choose another one");
    return text;
  };
  /** The view that moves with the steps, or else the map. */
  const movie = () =>
    ["curves", "land"].includes(scene().state.view)
      ? viewMovie(view(), scene().state.steps, seek)
      : mapMovie(scene(), root);
  file("Picture (PNG)", async () => save(await pngOf(drawn()), "image/png", "momentum.png"));
  file("Drawing (SVG)", () => save(drawn(), "image/svg+xml", "momentum.svg"));
  file("Moving picture (GIF)", async () => {
    const made = await gifOf(movie(), (part) => {
      note.textContent = `Making the moving picture: ${Math.round(100 * part)} % …`;
    });
    note.textContent = "The moving picture is made.";
    save(/** @type {any} */ (made), "image/gif", "momentum.gif");
  });
  file("Numbers (CSV)", () => save(csvOf(scene()), "text/csv", "momentum.csv"));
  body.append(
    link.node,
    embed.node,
    code.node,
    h(
      "div",
      { class: "pg-line-row" },
      h("span", { class: "pg-line-label", text: "What you see, as a file" }),
      files,
    ),
  );
  life.on(close, "click", () => dialog.close());
  life.on(dialog, "click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  life.on(button, "click", () => {
    const to = addresses(location.href, scene().state, places);
    link.field.value = to.page;
    embed.field.value = embedLine(to.embed);
    policy.textContent = `It loads nothing from anywhere else. A page with a strict policy needs: frame-src ${new URL(to.embed).origin}`;
    note.textContent = "";
    write();
    dialog.showModal();
  });
  return { body, line, say: (/** @type {string} */ text) => (note.textContent = text), button, dialog };
}
