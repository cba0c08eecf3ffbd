// The page of myths: three buttons a sentence, the verdict once one is pressed, a score kept in this browser, a text to share.
(() => {
  "use strict";
  const KEY = "momentum-myths";
  /** @type {Record<string, string>} a verdict's class -> the button's words */
  const CHOICES = { true: "True", depends: "It depends", false: "False" };
  const cards = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".myth")]);
  if (!cards.length) return;

  /** @template {keyof HTMLElementTagNameMap} K @param {K} tag @param {Record<string, string>} [attributes] @param {(Node|string)[]} children */
  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }
  const verdictOf = (/** @type {Element} */ card) => /verdict-(\w+)/.exec(card.className)?.[1] ?? "";

  // --- what was answered, in this browser -----------------------------------------------------------------------------
  /** @type {Record<string, string>} a card's id -> the answer given */
  let answers = {};
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    for (const card of cards) if (kept?.[card.id] in CHOICES) answers[card.id] = kept[card.id];
  } catch {
    /* storage is closed, or holds something else: the score begins anew */
  }
  function keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify(answers));
    } catch {
      /* storage is closed: the score holds for this page */
    }
  }

  // --- cards --------------------------------------------------------------------------------------------------------------
  /** @param {HTMLElement} card */
  function ask(card) {
    const group = make("div", { class: "myth-choices", role: "group", "aria-label": "Your verdict" });
    const yours = make("p", { class: "myth-yours", role: "status" });
    for (const [value, label] of Object.entries(CHOICES)) {
      const button = make("button", { type: "button", "data-value": value, "aria-pressed": "false" }, label);
      button.addEventListener("click", () => {
        if (card.id in answers) return;
        answers[card.id] = value;
        keep();
        show(card);
        tell();
      });
      group.append(button);
    }
    card.querySelector(".myth-told")?.after(group, yours);
    show(card);
  }

  /** A card as its answer asks: closed, or open with both verdicts. @param {HTMLElement} card */
  function show(card) {
    const given = answers[card.id];
    const right = given === verdictOf(card);
    card.classList.toggle("is-open", given !== undefined);
    card.classList.toggle("is-right", given !== undefined && right);
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (
      card.querySelectorAll(".myth-choices button")
    )) {
      button.setAttribute("aria-pressed", String(button.dataset.value === given));
      button.setAttribute("aria-disabled", String(given !== undefined));
    }
    const yours = card.querySelector(".myth-yours");
    const said = given === undefined ? "" : CHOICES[given].toLowerCase();
    if (yours) yours.textContent = said && (right ? "You are right." : `You said: ${said}.`);
  }

  // --- the score ------------------------------------------------------------------------------------------------------------
  const score = make("p", { class: "myth-score", role: "status" });
  const note = make("p", { class: "myth-note", role: "status" });
  const share = make("button", { type: "button" }, "Copy score");
  const again = make("button", { type: "button" }, "Again");
  const bar = make("div", { class: "myth-bar" }, score, share, again, note);

  const count = () => {
    const given = cards.filter((card) => card.id in answers);
    return {
      given: given.length,
      right: given.filter((card) => answers[card.id] === verdictOf(card)).length,
    };
  };
  function tell() {
    const { given, right } = count();
    const left = cards.length - given;
    score.textContent = given
      ? `${right} of ${given} right${left ? `; ${left} to go` : ""}`
      : `${left} sentences to judge`;
    share.hidden = again.hidden = !given;
    note.textContent = "";
  }
  /** The score in words: a square a sentence, and the page's address. */
  function words() {
    const { given, right } = count();
    const row = cards
      .map((card) => (card.id in answers ? (answers[card.id] === verdictOf(card) ? "■" : "□") : "·"))
      .join("");
    return `What is usually told about momentum: I judged ${given} sentences, and ${right} of my verdicts were right.\n${row}\n${location.href.split("#")[0]}`;
  }
  share.addEventListener("click", async () => {
    let copied = true;
    try {
      await navigator.clipboard.writeText(words());
    } catch {
      const area = make("textarea"); // from file:// there is no clipboard API
      area.value = words();
      document.body.append(area);
      area.select();
      copied = document.execCommand("copy");
      area.remove();
      share.focus();
    }
    note.textContent = copied ? "Copied." : words();
  });
  again.addEventListener("click", () => {
    answers = {};
    keep();
    cards.forEach(show);
    tell();
    cards[0].scrollIntoView();
    cards[0].querySelector("button")?.focus({ preventScroll: true });
  });

  cards.forEach(ask);
  cards[cards.length - 1].after(bar);
  tell();
})();
