// The frame of every page: colours, chapters on a phone, search, copying code, where the reader is. No library.
import { closest } from "./page.js";
import { followReading, inView, keepPlace, showWhere } from "./place.js";

(() => {
  const root = document.documentElement;
  const byId = (/** @type {string} */ id) => document.getElementById(id);
  /** A dialog of the page's frame; the search page has none. @param {string} id */
  const dialogOf = (id) => /** @type {HTMLDialogElement|null} */ (byId(id));

  // --- colours: automatic, light, dark ---------------------------------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  /** @type {Record<string, string>} */
  const names = { auto: "automatic", light: "light", dark: "dark" };
  function paint() {
    const asked = root.dataset.mode ?? "",
      mode = asked in names ? asked : "auto";
    root.dataset.mode = mode;
    root.dataset.theme = mode === "auto" ? (dark.matches ? "dark" : "light") : mode;
    byId("theme-button")?.setAttribute("aria-label", `Colours: ${names[mode]}`);
  }
  dark.addEventListener("change", paint);
  byId("theme-button")?.addEventListener("click", () => {
    const order = dark.matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
    root.dataset.mode = order[(order.indexOf(root.dataset.mode ?? "auto") + 1) % 3];
    try {
      localStorage.setItem("momentum-mode", root.dataset.mode);
    } catch {
      /* storage is closed: the choice holds for this page */
    }
    paint();
  });
  paint();

  // --- dialogs: chapters on a narrow screen, search ---------------------------------------------------------------
  /** @param {HTMLDialogElement|null} dialog */
  function closeOnBackdrop(dialog) {
    dialog?.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog?.querySelector(".close")?.addEventListener("click", () => dialog.close());
  }
  const menu = dialogOf("menu-dialog"),
    drawer = menu?.querySelector(".drawer-body"),
    side = byId("side");
  closeOnBackdrop(menu);
  if (menu && drawer && side) {
    byId("menu-button")?.addEventListener("click", () => {
      drawer.append(...side.childNodes);
      menu.showModal();
      inView(drawer);
    });
    menu.addEventListener("close", () => {
      side.append(...drawer.childNodes);
      inView(side);
    });
    menu.addEventListener("click", (event) => {
      if (closest(event, "a")) menu.close();
    });
  }

  closeOnBackdrop(dialogOf("search-dialog"));

  // --- code: a button that copies it ------------------------------------------------------------------------------
  for (const block of document.querySelectorAll("div.highlight")) {
    const pre = block.querySelector("pre");
    if (!pre || block.closest(".cell_output, .live-figure")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy the code");
    button.addEventListener("click", async () => {
      const text = pre.textContent.replace(/\n$/, "");
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const area = document.createElement("textarea"); // from file:// there is no clipboard API
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
        button.focus();
      }
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 1600);
    });
    block.append(button);
  }

  // --- boxes that scroll sideways can be reached by keyboard: each is measured when it comes near the view ------------
  /** @type {Set<HTMLElement>} */
  const reached = new Set();
  // WebKit dies of a scrollWidth that is read inside a closed fold: what is there is measured when its fold opens.
  const folded = (/** @type {Element} */ box) => box.closest("details:not([open])") !== null;
  const reach = (/** @type {HTMLElement} */ box) => {
    if (folded(box) || !box.checkVisibility({ contentVisibilityAuto: true })) return; // not laid out: it has no width
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else if (!box.matches(".columns")) box.removeAttribute("tabindex"); // these nearly always go on, and say so from the start
  };
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting || folded(target)) continue;
        near.unobserve(target);
        reached.add(/** @type {HTMLElement} */ (target));
        reach(/** @type {HTMLElement} */ (target));
      }
    },
    { rootMargin: "400px 0px" },
  );
  const wide =
    "pre, .table-scroll, .picture-scroll, .columns, .math-block > .katex-display, .cell_output > .output";
  for (const box of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(wide))) {
    box.tabIndex = 0; // until it is measured
    near.observe(box);
  }
  // What is laid out only when it is near has no width before: it is measured when it is.
  const laid = (/** @type {Event & {skipped?: boolean}} */ { target, skipped }) => {
    if (skipped || !(target instanceof HTMLElement)) return;
    for (const box of reached) if (target.contains(box)) reach(box);
  };
  document.addEventListener("contentvisibilityautostatechange", laid, true);
  const unfolded = (/** @type {Event} */ { target }) => {
    if (!(target instanceof HTMLDetailsElement) || !target.open) return;
    for (const box of /** @type {NodeListOf<HTMLElement>} */ (target.querySelectorAll(wide))) {
      if (reached.has(box)) reach(box);
      else {
        near.unobserve(box); // observed anew, it is told again where the box is
        near.observe(box);
      }
    }
  };
  document.addEventListener("toggle", unfolded, true);
  // (`fonts.ready` would lay out the page at once; the event waits for what is being fetched)
  const again = () => reached.forEach(reach);
  document.fonts?.addEventListener("loadingdone", again);
  addEventListener("resize", () => requestAnimationFrame(again));

  followReading();
  showWhere();
  keepPlace();

  // --- print: open what is folded, but code and settings; close it again --------------------------------------------------------------------
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details")].filter(
      (fold) => !fold.open && fold.closest("article") && !fold.matches(".hide, .lf-more"),
    );
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
    opened = [];
  });
})();
