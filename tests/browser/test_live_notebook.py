"""A figure in a notebook's page: the page's own styles do not reach it, and its module comes once, however often a cell runs."""

import pytest

from momentum_lib.widgets import FIGURES, Disc, Ravine, _base
from tests.browser import live

# What notebooks really say (JupyterLab 4 and Notebook 7 float the list; classic Notebook has a root font of 10 pixels), and more
# of the kind.
HOST = """<!doctype html><html data-theme="light"><head><title>A notebook</title><style>
  html { font-size: ROOTpx; }
  .output { font: 9px/3 monospace; white-space: pre; letter-spacing: 2px; text-transform: uppercase; text-align: right; }
  .output dt { float: left; width: 20%; font-weight: 700; }
  .output dd { margin-left: 24%; float: left; width: 60%; }
  .output p { margin: 2em 0; } .output svg { max-width: 50px; } .output input { width: 9px; display: none; }
  .output * { font-size: 7px; line-height: 3; } .output table, .output pre { display: none; }
</style></head><body style="margin: 0"></body></html>"""

RUN = """async ([stub, sources, states, times]) => {
    let made = 0;
    const real = URL.createObjectURL;
    URL.createObjectURL = (blob) => { made += blob.size > 5000; return real.call(URL, blob); };
    const widget_manager = { get_model: async (id) => ({ get: (name) => sources[id][name] }) };
    const import_ = async () => (await import(real.call(URL, new Blob([stub], { type: "text/javascript" })))).default;
    for (let time = 0; time < times; time++)
      for (const state of states) {
        const cell = document.body.appendChild(document.createElement("div")), heard = new Map();
        cell.className = "output";
        const el = cell.appendChild(document.createElement("div"));
        const model = { widget_manager, get: (k) => state[k], save_changes() {},
          set: (k, v) => { state[k] = v; (heard.get("change:" + k) || []).forEach((f) => f()); },
          on: (e, f) => heard.set(e, [...(heard.get(e) || []), f]), off() {} };
        el.ended = await (await import_()).render({ model, el });
      }
    return made;
}"""

TEXTS = """() => [...document.querySelectorAll(".output > div")].flatMap((el) =>
    [...el.shadowRoot.querySelectorAll("*")].filter((n) => n.checkVisibility() &&
        [...n.childNodes].some((c) => c.nodeType === 3 && c.data.trim()) && !n.closest(".lf-spoken"))
      .map((n) => { const style = getComputedStyle(n);
        return [n.getAttribute("class") || n.localName, parseFloat(style.fontSize), style.float, style.letterSpacing,
                style.whiteSpace, style.textTransform, parseFloat(style.lineHeight) / parseFloat(style.fontSize)]; }))"""


DRAWN = """() => [...document.querySelectorAll(".output > div")].every((el) => {
    const inner = el.shadowRoot.firstElementChild, seen = inner.__sizes ??= [];
    if (seen.push(inner.getBoundingClientRect().height) > 3) seen.shift();
    return inner.dataset.ready === "1" && seen.length === 3 && seen.every((one) => one === seen[0]); })"""  # asked each frame


FIGURES_IN_CELLS = "[...document.querySelectorAll('.output > div')].map((el) => el.shadowRoot.querySelectorAll('.lf').length)"


READOUTS = """() => [...document.querySelector(".output > div").shadowRoot.querySelectorAll("dl > div")].map((pair) =>
    [...pair.children].map((e) => [e.getBoundingClientRect().x, e.getBoundingClientRect().y]))"""


def sources(*names):
    """What the notebook's page asks the kernel for: a source by its id."""
    return {name: _base.Source.of(name).get_state(["key", "module", "styles", "colours"]) for name in names}


def run(page, figures, times=1, root=16, width=900):
    """Show the figures as anywidget does, ``times`` times; returns how many whole modules the page had to load,
    when all is drawn."""
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(HOST.replace("ROOT", str(root)))
    states = [{**figure.state(), "_source": f"IPY_MODEL_{figure.figure}"} for figure in figures]
    stub = figures[0]._esm
    made = page.evaluate(RUN, [stub, sources(*{figure.figure for figure in figures}), states, times])
    page.wait_for_function(DRAWN)
    return made


@pytest.fixture
def page(browser):
    with live.open_page(browser, "about:blank", wait=False) as opened:
        yield opened


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_styles_of_the_page_do_not_reach_a_figure(page, name):
    """Text has one size whatever the root font is, none below 11 pixels, and nothing floats."""
    seen = []
    for root in (10, 16):
        run(page, [FIGURES[name]()], root=root)
        texts = page.evaluate(TEXTS)
        assert len(texts) > 8, texts
        for what, size, floats, spacing, blanks, case, line in texts:
            assert size >= 11, (what, size)
            assert (floats, spacing, case) == ("none", "normal", "none"), what
            assert blanks in ("normal", "nowrap") or "lf-code" in what, (what, blanks)
            assert not line > 2.9 or what == "summary", (what, line)  # a summary is as high as a finger
        seen.append([text[:2] for text in texts])
    assert seen[0] == seen[1]


def test_readouts_stand_above_each_other(page):
    """A read-out's value stands below its name, at its left edge, as on the course's own page."""
    run(page, [Ravine()])
    boxes = page.evaluate(READOUTS)
    assert len(boxes) >= 2
    for (name_x, name_y), (value_x, value_y) in boxes:
        assert value_x == pytest.approx(name_x, abs=0.5) and value_y > name_y + 8


def test_a_module_comes_once(page):
    """Three runs of two cells of one class and one of another: two modules; at the page one sheet of colours a class, and one
    that hides the pictures of figures that are alive."""
    assert run(page, [Ravine(), Ravine(lr=0.03), Disc()], times=3) == 2
    assert page.evaluate("document.adoptedStyleSheets.length") == 3
    assert page.evaluate(FIGURES_IN_CELLS) == [1] * 9
    page.evaluate("document.querySelectorAll('.output > div').forEach((el) => el.ended())")
    assert page.evaluate(FIGURES_IN_CELLS) == [0] * 9


def test_a_module_that_did_not_come_is_asked_for_again(page):
    """A source that breaks off is an error, and no memory of it stays."""
    state = {**Ravine().state(), "_source": "IPY_MODEL_ravine"}
    page.set_content(HOST.replace("ROOT", "16"))
    broken = sources("ravine")
    broken["ravine"]["module"] = "export default {"
    with pytest.raises(live.PlaywrightError, match="Unexpected end of input"):
        page.evaluate(RUN, [Ravine()._esm, broken, [state], 1])
    assert page.evaluate(RUN, [Ravine()._esm, sources("ravine"), [state], 1]) == 1


PICTURES = """(names) => names.forEach((name) => {
    const output = document.body.appendChild(document.createElement("div"));
    output.className = "jp-OutputArea-child";
    output.innerHTML = `<div class="momentum-picture">a picture</div>`;
    output.firstChild.dataset.of = name;
})"""
SEEN = """() => [...document.querySelectorAll(".jp-OutputArea-child")].filter((one) => one.checkVisibility())
    .map((one) => one.firstChild.dataset.of)"""


def test_the_picture_that_stands_for_a_figure_is_hidden_while_the_figure_is_alive(page):
    """Of two views of one figure the picture comes back with the last; names are no selectors; others' pictures stay."""
    names = ["one", 'a "b".c', "other"]
    page.set_content(HOST.replace("ROOT", "16"))
    page.evaluate(PICTURES, names)
    states = [{**Ravine().state(), "_source": "IPY_MODEL_ravine", "_stand_in": name} for name in ("one", "one", names[1])]
    assert page.evaluate(SEEN) == names
    page.evaluate(RUN, [Ravine()._esm, sources("ravine"), states, 1])
    seen = [page.evaluate(SEEN)]
    assert page.evaluate("[...document.querySelectorAll('.output > div')].every((el) => el.matches('.momentum-live'))")
    for k in (2, 0, 1):
        page.evaluate("(k) => document.querySelectorAll('.output > div')[k].ended()", k)
        seen.append(page.evaluate(SEEN))
    assert seen == [names[2:], names[1:], names[1:], names]


def test_a_view_that_is_shown_anew_in_its_place_is_one_figure(page):
    """And the address under which a module came is given back."""
    page.set_content(HOST.replace("ROOT", "16"))
    open_now = page.evaluate("""() => {
        const open = new Set(), { createObjectURL: make, revokeObjectURL: end } = URL;
        URL.createObjectURL = (blob) => { const url = make.call(URL, blob); if (blob.size > 5000) open.add(url); return url; };
        URL.revokeObjectURL = (url) => { open.delete(url); return end.call(URL, url); };
        window.openNow = () => open.size;
        return open.size;
    }""")
    page.evaluate(RUN, [Ravine()._esm, sources("ravine"), [{**Ravine().state(), "_source": "IPY_MODEL_ravine"}], 1])
    again = """async ([stub, sources, state]) => {
        const el = document.querySelector(".output > div");
        const { default: one } = await import(URL.createObjectURL(new Blob([stub], { type: "text/javascript" })));
        await one.render({ el, model: { widget_manager: { get_model: async (id) => ({ get: (name) => sources[id][name] }) },
          get: (name) => state[name], set() {}, on() {}, off() {}, save_changes() {} } });
        return [el.shadowRoot.querySelectorAll(".lf").length, el.shadowRoot.adoptedStyleSheets.length, el.children.length];
    }"""
    state = {**Ravine().state(), "_source": "IPY_MODEL_ravine"}
    assert page.evaluate(again, [Ravine()._esm, sources("ravine"), state]) == [1, 1, 0]
    assert open_now == page.evaluate("openNow()") == 0


def test_hands_reach_a_figure_in_a_notebook(page):
    """A typed number is kept while it is typed, and moves the state."""
    run(page, [Ravine()])
    typed = page.locator('[data-control="lr"] input[type=text]')
    typed.fill("0.03")
    page.keyboard.press("Enter")
    shown = page.evaluate("document.querySelector('.output > div').shadowRoot.firstElementChild.__figure.numbers().state.lr")
    assert shown == 0.03
