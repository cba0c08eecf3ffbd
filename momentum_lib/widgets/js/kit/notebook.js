// A live figure in a notebook. What anywidget is given with every figure is this short text; the figure's own module and styles
// come once, in a model that all figures of the class share, and stay in the page however often a cell is run.
// The figure stands in a shadow tree: the notebook's style sheets, which float lists and shrink text, do not reach it.

/**
 * What the class sends once: see `Source` in _base.py.
 * @typedef {{ key: string, module: string, styles: string, colours: string }} Source
 * @typedef {{ get: (name: string) => string }} SourceModel
 * @typedef {import("./types.js").Model & { widget_manager: { get_model(id: string): Promise<SourceModel> } }} NotebookModel
 * @typedef {{ render: (context: { model: import("./types.js").Model, el: HTMLElement }) => () => void }} Module
 * @typedef {{ module: Module, sheet: CSSStyleSheet }} Loaded
 */

/** @typedef {{ views: Map<string, number>, sheet: CSSStyleSheet }} Alive */
const page =
  /** @type {typeof globalThis & { momentumFigures?: Map<string, Promise<Loaded>>, momentumAlive?: Alive }} */ (
    globalThis
  );

/** @param {string} text */
function styleSheet(text) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}

/** Import the module of a class and make its sheet; the colours belong to the page, which says whether it is dark. @param {SourceModel} source */
async function load(source) {
  const address = URL.createObjectURL(new Blob([source.get("module")], { type: "text/javascript" }));
  try {
    const { default: module } = await import(address);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, styleSheet(source.get("colours"))];
    return { module, sheet: styleSheet(source.get("styles")) };
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** The module and the sheet of a figure's class, loaded once a page. @param {NotebookModel} model */
async function loaded(model) {
  const figures = (page.momentumFigures ??= new Map());
  const source = await model.widget_manager.get_model(String(model.get("_source")).replace("IPY_MODEL_", ""));
  const key = source.get("key");
  if (!figures.has(key)) figures.set(key, load(source));
  try {
    return /** @type {Loaded} */ (await figures.get(key));
  } catch (error) {
    figures.delete(key); // the next run of the cell tries again
    throw error;
  }
}

/** How many figures' places in this page are alive; the sheet hides the pictures that stand for them (see _saved.py). */
function aliveHere() {
  if (!page.momentumAlive) {
    page.momentumAlive = { views: new Map(), sheet: styleSheet("") };
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, page.momentumAlive.sheet];
  }
  return page.momentumAlive;
}

/** One more view, or one less, of the figure that its picture calls by this name. @param {string} place @param {number} change */
function count(place, change) {
  const { views, sheet } = aliveHere();
  views.set(place, (views.get(place) ?? 0) + change);
  const pictures = [...views]
    .filter(([, n]) => n > 0)
    .map(([name]) => `.momentum-picture[data-of="${CSS.escape(name)}"]`);
  const hidden = pictures.flatMap((one) => [one, `.jp-OutputArea-child:has(${one})`]);
  sheet.replaceSync(hidden.length ? `${hidden.join(", ")} { display: none; }` : "");
}

/** @param {{ model: NotebookModel, el: HTMLElement }} context */
export async function render({ model, el }) {
  const { module, sheet } = await loaded(model);
  const root = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet];
  const inner = document.createElement("div");
  root.replaceChildren(inner);
  const end = module.render({ model, el: inner });
  const place = String(model.get("_stand_in"));
  el.classList.add("momentum-live");
  count(place, 1);
  return () => {
    count(place, -1);
    end();
  };
}
