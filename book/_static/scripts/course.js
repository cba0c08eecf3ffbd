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

  // --- boxes that scroll sideways can be reached by keyboard: each is measured when it comes near the view ------------
  /** @type {Set<HTMLElement>} */
  const reached = new Set();
  // WebKit dies of a scrollWidth that is read inside a closed fold: what is there is measured when its fold opens.
  const folded = (/** @type {Element} */ box) => box.closest("details:not([open])") !== null;
  const reach = (/** @type {HTMLElement} */ box) => {
    if (folded(box)) return;
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
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
  const wide = "pre, .table-scroll, .picture-scroll, .math-block > .katex-display, .cell_output > .output";
  for (const box of document.querySelectorAll(wide)) near.observe(box);
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

  // --- on this page: which section is being read: the last one whose top is above a line three tenths down the view ---
  /** @type {Map<Element, HTMLAnchorElement>} */
  const links = new Map();
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (
    document.querySelectorAll("ul.sections a")
  )) {
    const target = byId(decodeURIComponent(link.hash.slice(1)));
    if (target) links.set(target, link);
  }
  /** @type {Set<Element>} */
  const begun = new Set();
  const mark = (/** @type {IntersectionObserverEntry[]} */ entries) => {
    for (const { isIntersecting, target } of entries) begun[isIntersecting ? "add" : "delete"](target);
    const current = [...links.keys()].filter((section) => begun.has(section)).pop();
    for (const [section, link] of links) {
      link.classList.toggle("here", section === current);
      if (section === current) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  };
  const reading = new IntersectionObserver(mark, { rootMargin: "9999999px 0px -70% 0px" });
  for (const section of links.keys()) reading.observe(section);

  // --- a link into the page: its target keeps its place while what lies above it takes its true height ----------------
  /** @param {Element} article */
  function keepPlace(article) {
    /** @type {HTMLElement|null} */
    let held = null;
    let until = 0;
    const release = () => {
      held = null;
      grown.disconnect();
    };
    const grown = new ResizeObserver(() => {
      if (held && performance.now() < until) held.scrollIntoView();
      else release();
    });
    const hold = () => {
      held = byId(decodeURIComponent(location.hash.slice(1)));
      until = performance.now() + 3000;
      if (held) grown.observe(article);
    };
    for (const sign of ["wheel", "touchmove", "pointerdown", "keydown"])
      addEventListener(sign, release, { passive: true });
    addEventListener("click", (event) => {
      const link = /** @type {HTMLAnchorElement|null} */ (closest(event, "a[href*='#']"));
      if (link && link.pathname === location.pathname && link.target !== "_blank") setTimeout(hold);
    });
    const [arrival] = /** @type {PerformanceNavigationTiming[]} */ (
      performance.getEntriesByType("navigation")
    );
    if (location.hash && arrival?.type === "navigate") {
      hold();
      addEventListener("load", hold);
    }
  }
  document.querySelectorAll("article").forEach(keepPlace);

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
