"""The gate of `make check` is shut to each fault that it exists for, planted in a copy."""

import shutil
from pathlib import Path

import gate
import pytest

ROOT = Path(__file__).parents[1]
JS = Path("momentum_lib/widgets/js")
COPIED = ["eslint.config.mjs", "tsconfig.json", "package.json", "pyproject.toml", ".prettierignore", JS / "kit" / "dom.js"]

LONG = "export function long() {\n  let n = 0;\n" + "  n += 1;\n" * 200 + "  return n;\n}\n"
KNOTTED = (
    "/** @param {number} a */\nexport function knotted(a) {\n"
    + "".join(f"  if (a === {k}) return {k + 1};\n" for k in range(21))
    + "  return 0;\n}\n"
)
SHADOWED = "export const one = 1;\n/** @param {number[]} all */\nexport const sum = (all) => all.map((one) => one + 1);\n"

# A fault: the file that has it, its text, the tool that objects, and the tool's word for it.
FAULTS = {
    "an unused variable": ("unused.js", "const never = 1;\nexport const used = 2;\n", "eslint", "no-unused-vars"),
    "a shadowed name": ("shadowed.js", SHADOWED, "eslint", "no-shadow"),
    "a function of 200 lines": ("long.js", LONG, "eslint", "max-lines-per-function"),
    "a function of 22 ways": ("knotted.js", KNOTTED, "eslint", "complexity"),
    "a rule switched off for a file": ("off.js", "/* eslint no-var: 0 */\nvar a = 1;\nexport { a };\n", "eslint", "no-var"),
    "an untyped parameter": ("untyped.js", "export const same = (a) => a;\n", "types", "TS7006"),
    "a wrong type": ("wrong.js", 'import { show } from "./kit/dom.js";\nexport const a = show("1");\n', "types", "TS2345"),
    "a line that prettier sets otherwise": ("ugly.js", "export const a = {b:1}\n", "prettier", "ugly.js"),
    "a style that prettier sets otherwise": ("ugly.css", ".a{color:red}\n", "prettier", "ugly.css"),
    "a line that ruff sets otherwise": ("ugly.py", "a = {'b':1}\n", "ruff format", "ugly.py"),
    "a line of Python over the limit": ("wide.py", f'A = "{"a" * 130}"\n', "ruff", "E501"),
    "an unused import": ("unused.py", "import os\n", "ruff", "F401"),
}


def copy(folder, *names):
    """What the gate reads, so far as these faults need it."""
    for name in (*COPIED, *names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    return folder


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What every tool says of a copy with all faults in it."""
    folder = copy(tmp_path_factory.mktemp("faults"))
    for file, text, *_ in FAULTS.values():
        (folder / JS / file).write_text(text, encoding="utf-8")
    return gate.judge(list(gate.TOOLS), folder)


def test_the_gate_is_open_to_a_clean_copy(tmp_path):
    assert gate.judge(list(gate.TOOLS), copy(tmp_path)) == {}


def test_the_gate_leaves_what_others_wrote_alone(tmp_path):
    """An environment in the house holds the JavaScript and Python of every package in it."""
    house = copy(tmp_path)
    for folder in (".venv/lib", ".venv-colab", "_build/html", "build/lib", "dist"):
        (house / folder).mkdir(parents=True)
        (house / folder / "theirs.js").write_text("var a = {b:1}\n", encoding="utf-8")
        (house / folder / "theirs.css").write_text(".a{color:red}\n", encoding="utf-8")
        (house / folder / "theirs.py").write_text("import os;a={'b':1}\n", encoding="utf-8")
    assert gate.judge(list(gate.TOOLS), house) == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_gate_is_shut_to(found, fault):
    file, _, tool, word = FAULTS[fault]
    said = found[tool]
    assert file in said and word in said[said.index(file) :], said


def test_style_mends_layout_and_leaves_the_rest(tmp_path):
    folder = copy(tmp_path)
    for file, text, *_ in FAULTS.values():
        (folder / JS / file).write_text(text, encoding="utf-8")
    left = gate.mend(list(gate.TOOLS), folder)
    assert (folder / JS / "ugly.js").read_text() == "export const a = { b: 1 };\n"
    assert (folder / JS / "ugly.py").read_text() == 'a = {"b": 1}\n'
    assert (folder / JS / "ugly.css").read_text() == ".a {\n  color: red;\n}\n"
    assert set(left) == {"eslint", "types", "ruff"}


def test_the_command_names_the_tools_that_object(capsys, monkeypatch):
    monkeypatch.setattr(gate, "judge", lambda names: {"types": "one.js(1,1): error"})
    assert gate.main([]) == 1
    out, err = capsys.readouterr()
    assert "== types\none.js(1,1): error" in out and "The gate is shut: types." in err
    monkeypatch.setattr(gate, "judge", lambda names: {})
    assert gate.main(["types"]) == 0
    with pytest.raises(SystemExit):
        gate.main(["typos"])
    assert "no tool is named typos; there are ruff," in capsys.readouterr().err
