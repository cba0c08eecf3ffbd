// The frame of every page: colours, chapters on a phone, search, copying code, where the reader is. No library.
(() => {
  "use strict";
  const root = document.documentElement;
  const byId = (/** @type {string} */ id) => document.getElementById(id);
  /** A dialog of the page's frame; the search page has none. @param {string} id */
  const dialogOf = (id) => /** @type {HTMLDialogElement|null} */ (byId(id));
  /** The nearest element around what an event hit. @param {Event} event @param {string} selector */
  const closest = ({ target }, selector) => (target instanceof Element ? target.closest(selector) : null);

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
    });
    menu.addEventListener("close", () => side.append(...drawer.childNodes));
    menu.addEventListener("click", (event) => {
      if (closest(event, "a")) menu.close();
    });
  }

  const finder = dialogOf("search-dialog");
  closeOnBackdrop(finder);
  const openFinder = () => {
    finder?.showModal();
    finder?.querySelector("input")?.select();
  };
  byId("search-button")?.addEventListener("click", openFinder);
  addEventListener("keydown", (event) => {
    const typing = closest(
      event,
      "input, textarea, select, [contenteditable], [role=slider], [role=application]",
    );
    const asked =
      (event.key === "/" && !typing) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
    if (!asked || !finder || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    openFinder();
  });
  if (typeof DOCUMENTATION_OPTIONS === "object") {
    // the search page; from a file the summaries cannot be fetched
    if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
    const asked = new URLSearchParams(location.search).get("q");
    const field = document.querySelector(".search-form input");
    if (asked && field instanceof HTMLInputElement) field.value = asked;
  }

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

  // --- boxes that scroll sideways can be reached by keyboard --------------------------------------------------------
  /** @type {NodeListOf<HTMLElement>} */
  const boxes = document.querySelectorAll(
    "pre, .table-scroll, .math-block > .katex-display, .cell_output > .output",
  );
  const reach = () => {
    for (const box of boxes) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  new ResizeObserver(reach).observe(document.body);
  document.fonts?.ready.then(reach);

  // --- on this page: which section is being read --------------------------------------------------------------------
  const links = new Map();
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (
    document.querySelectorAll("ul.sections a")
  )) {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (target) links.set(target, link);
  }
  if (links.size) {
    const mark = () => {
      let current = null;
      for (const [section] of links)
        if (section.getBoundingClientRect().top < innerHeight * 0.3) current = section;
      for (const [section, link] of links) {
        link.classList.toggle("here", section === current);
        if (section === current) link.setAttribute("aria-current", "location");
        else link.removeAttribute("aria-current");
      }
    };
    let waiting = false;
    addEventListener(
      "scroll",
      () => {
        if (waiting) return;
        waiting = true;
        requestAnimationFrame(() => {
          waiting = false;
          mark();
        });
      },
      { passive: true },
    );
    mark();
  }

  // --- print: open what is folded, close it again --------------------------------------------------------------------
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details")].filter(
      (fold) => !fold.open && fold.closest("article"),
    );
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
    opened = [];
  });
})();
