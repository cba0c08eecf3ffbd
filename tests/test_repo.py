"""What README, CONTRIBUTING, the licences, the bibliography and the workflows promise, held."""

import importlib.util
import json
import re
import subprocess
import sys
import threading
import unicodedata
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from tests.limits import HANG

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(name):
    return (ROOT / name).read_text("utf-8")


def tracked(*endings):
    """Names of the repository's files with one of these endings."""
    return [name for name in script("tests/links.py").files() if name.endswith(endings)]


def script(name):
    """A script of the repository as a module."""
    spec = importlib.util.spec_from_file_location(Path(name).stem + "_script", ROOT / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- README and CONTRIBUTING ------------------------------------------------------------------


def fenced(text):
    """The code blocks of a page, without fences."""
    return re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)


def make_targets():
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", read("Makefile"), re.M))


def test_readme_opens_with_the_two_commands():
    first = fenced(read("README.md"))[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make book", "make test"]


def test_readme_says_what_the_course_is_in_five_sentences():
    part = re.search(r"^## What it is\n+(.*?)(?=^## )", read("README.md"), re.M | re.S)[1].strip()
    lines = part.splitlines()
    assert len(lines) == 5, f"{len(lines)} lines"
    for line in lines:
        assert re.fullmatch(r"[A-Z][^.!?]*\.", line), f"not one sentence: {line}"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_named_exists(page):
    text = read(page)
    named = set(re.findall(r"^make ([\w-]+)", "\n".join(fenced(text)), re.M)) | set(re.findall(r"`make ([\w-]+)`", text))
    assert named, page
    assert named <= make_targets(), f"{page} names {sorted(named - make_targets())}, which the Makefile does not have"


def test_the_make_commands_of_the_issue_exist():
    assert {"book", "test", "bench", "generate", "notebooks"} <= make_targets()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_link_to_a_file_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", read(page)):
        assert (ROOT / target).exists(), f"{page} links to {target}, which does not exist"


def test_every_file_named_in_the_house_exists():
    house = re.search(r"^## The house\n+```\n(.*?)^```", read("CONTRIBUTING.md"), re.M | re.S)[1]
    folder = ""
    for line in house.splitlines():
        names = re.split(r"\s{3,}", line.strip())[0]
        inside = line.startswith("  ")
        for name in names.split():
            if name == "_ext/" or inside:
                path = f"{folder}{name}"
            else:
                path = name
                folder = name if name.endswith("/") else folder
            assert (ROOT / path).exists(), f"the house names {path}, which does not exist"


def test_every_module_of_the_library_is_in_the_house():
    house = read("CONTRIBUTING.md")
    for path in (ROOT / "momentum_lib").iterdir():
        if path.name.startswith("__") or path.name.startswith("."):
            continue
        assert path.name in house, f"momentum_lib/{path.name} is missing from the house of CONTRIBUTING.md"


def test_readme_python_example_runs():
    example = next(code for code in fenced(read("README.md")) if "import descend" in code)
    done = subprocess.run([sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr
    assert "None" not in done.stdout, f"the example does not arrive: {done.stdout}"


def test_readme_picture_is_there_and_small():
    name = re.search(r"!\[[^\]]{20,}\]\((book/[^)]+)\)", read("README.md"))[1]
    assert 2_000 < (ROOT / name).stat().st_size < 150_000


def test_the_steps_without_make_are_those_of_the_makefile():
    steps = next(code for code in fenced(read("README.md")) if "-m venv" in code)
    makefile = read("Makefile").replace("$(PY)", ".venv/bin/python")
    for option in re.findall(r"(?<= )(-r \S+|--no-deps|--no-build-isolation|--editable \.|--serve)", steps):
        assert option in makefile, f"README says {option}, the Makefile does not"
    for option in re.findall(r"'(--[\w-]+)'", steps):
        assert f'"{option}"' in makefile, f"README says {option}, the Makefile does not"
    for file in re.findall(r"(?<![\w/-])([\w/-]+\.(?:txt|py))\b", steps):
        assert (ROOT / file).is_file(), f"README names {file}"


# -- pins and settings ------------------------------------------------------------------------


def test_requirements_are_exact_pins():
    lines = [line.split("#")[0].strip() for line in read("requirements.txt").splitlines()]
    lines = [line for line in lines if line]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+(\s*;.*)?", line), f"not an exact pin, or an option: {line}"


def test_no_text_names_a_package_registry():
    # Split so that this file does not name them either.
    hosts = [
        "pypi" + ".org",
        "files.python" + "hosted",
        "registry." + "npmjs",
        "registry." + "yarnpkg",
        "download." + "pytorch",
        "index" + "-url",
        "proxy.golang" + ".org",
        "cran.r-" + "project",
        "conda." + "anaconda",
    ]
    for name in tracked(
        ".py", ".md", ".toml", ".txt", ".yml", ".cfg", ".json", ".ipynb", ".cff", ".js", ".cjs", "Makefile", "run"
    ):
        text = read(name)
        for host in hosts:
            assert host not in text, f"{name} names {host}"


def test_no_text_names_the_place_where_it_was_written():
    places = ["/" + "work/", "../" + "shared", "scratch" + "/", "/home" + "/", "/tmp" + "/bash"]
    for name in tracked(
        ".py", ".md", ".toml", ".yml", ".cfg", ".json", ".ipynb", ".cff", ".js", ".cjs", ".css", ".bib", "Makefile", "run"
    ):
        text = read(name)
        for place in places:
            assert place not in text, f"{name} names {place}"


def test_nothing_is_left_to_do():
    words = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "T" + "BD", "lorem " + "ipsum", "place" + "holder"]))
    for name in tracked(".py", ".md", ".toml", ".yml", ".cfg", ".ipynb", ".cff", ".css", ".html", "Makefile", "run"):
        if name.startswith("LICENSE"):
            continue
        text = read(name)
        if name.endswith((".css", ".html", ".yml")):  # the hint inside an input field has this name there
            text = text.replace("place" + "holder", "")
        text = re.sub(r'"image/png": "[^"]*"', "", text)  # the letters of a picture say nothing
        found = words.search(text)
        assert not found, f"{name}: {found[0]!r} in {text[max(0, found.start() - 40) : found.end() + 40]!r}"


def test_prose_never_talks_down():
    banned = re.compile(r"\b(simply|obviously|trivially|of course,|it is easy to see|clearly,)", re.I)
    for name in [*tracked(".md"), *tracked(".ipynb")]:
        if name == "CONTRIBUTING.md":  # it names the words
            continue
        text = read(name)
        if name.endswith(".ipynb"):
            text = "\n".join("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "markdown")
        found = banned.search(text)
        assert not found, f"{name}: {found[0]!r} in {text[max(0, found.start() - 60) : found.end() + 40]!r}"


# -- one address ------------------------------------------------------------------------------


def test_the_address_is_the_one_that_is_set():
    done = subprocess.run(
        [sys.executable, "book/_gen/address.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_address_is_noticed_and_written():
    address = script("book/_gen/address.py")
    text = read("README.md") + read("CITATION.cff")
    owner, name = address.owner_and_name()
    assert f"github.com/{owner}/{name}" in text
    moved = address.rewrite(text, "someone", "else.where")
    assert owner + "/" not in moved and f"{owner}.github.io" not in moved
    assert "colab.research.google.com/github/someone/else.where/blob/main" in moved
    assert address.rewrite(moved, owner, name) == text


def test_a_badly_set_address_is_refused(tmp_path):
    address = script("book/_gen/address.py")
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://example.org/a\n")
    with pytest.raises(ValueError, match=r"example\.org/a.*OWNER/NAME"):
        address.owner_and_name(tmp_path)


def test_the_address_is_typed_nowhere_else():
    owner, name = script("book/_gen/address.py").owner_and_name()
    allowed = {"_config.yml", *script("book/_gen/address.py").FILES}
    for file in tracked(".py", ".md", ".yml", ".toml", ".cff", ".js", ".css", ".html", "Makefile", "run"):
        if file not in allowed:
            assert f"{owner}/{name}" not in read(file), f"{file} types the repository's address; read it from _config.yml"


# -- licences and citation --------------------------------------------------------------------


def test_both_licences_are_there_in_full():
    bsd, cc = read("LICENSE"), read("LICENSE.CC-BY-4.0")
    assert "BSD 3-Clause" in bsd and "The Momentum course authors" in bsd and "Neither the name" in bsd
    assert "Attribution 4.0 International" in cc
    assert re.findall(r"^Section (\d) --", cc, re.M) == list("12345678")
    assert "LICENSE.CC-BY-4.0" in read("README.md") and "(LICENSE)" in read("README.md")


def test_citation_file_agrees_with_the_library():
    citation = yaml.safe_load(read("CITATION.cff"))
    import momentum_lib

    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == momentum_lib.__version__
    assert f'version = "{citation["version"]}"' in read("pyproject.toml")
    assert citation["authors"] == [{"name": "The Momentum course authors"}]
    assert set(citation["license"]) == {"BSD-3-Clause", "CC-BY-4.0"}
    assert citation["title"] == yaml.safe_load(read("_config.yml"))["title"]


# -- bibliography and glossary ----------------------------------------------------------------


def entries():
    """Key -> (type, fields, comment above) of the bibliography."""
    text, found = read("book/references.bib"), {}
    for comment, kind, key, body in re.findall(r"((?:^%[^\n]*\n)*)^@(\w+)\{([^,\s]+),\n(.*?)^\}", text, re.M | re.S):
        fields = dict(re.findall(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", body, re.M))
        found[key] = kind, fields, comment
    return found


def plain(name):
    """A name without its accents."""
    return "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))


def test_every_source_says_where_it_was_checked():
    assert len(entries()) >= 40
    for key, (_, fields, comment) in entries().items():
        assert re.match(r"% checked: \S.{10,}", comment), f"{key} does not say where it was checked"
        assert {"author", "title", "year"} <= fields.keys(), f"{key} lacks {({'author', 'title', 'year'}) - fields.keys()}"
        assert "others" not in fields["author"].split(" and "), f"{key} cuts its list of authors"
        assert re.fullmatch(r"\d{4}", fields["year"]), key


def test_keys_are_first_author_and_year():
    for key, (_, fields, _) in entries().items():
        if key in ("d2l", "jupyterbook2020"):
            continue
        family = re.sub(r"[^a-z]", "", plain(fields["author"].split(",")[0]).lower())
        first = family + fields["year"]
        assert key == first or (first in entries() and key == first + "b"), f"{key}: expected {first}"


@pytest.mark.parametrize(
    ("field", "shape"), [("doi", r"10\.\d{4,9}/\S+"), ("eprint", r"\d{4}\.\d{4,5}"), ("url", r"https://\S+")]
)
def test_identifiers_have_their_shape_and_are_used_once(field, shape):
    seen = {}
    for key, (_, fields, _) in entries().items():
        if field in fields:
            assert re.fullmatch(shape, fields[field]), f"{key}: {field} = {fields[field]}"
            assert fields[field] not in seen, f"{key} and {seen[fields[field]]} have the same {field}"
            seen[fields[field]] = key
        if "eprint" in fields:
            assert fields.get("archiveprefix") == "arXiv", key
    assert len(seen) > 5


def prose():
    """(file, Markdown text) of every page of the book."""
    for name in tracked(".md", ".ipynb"):
        if name.startswith("book/"):
            yield name, read(name)
        elif name.startswith("notebooks/") and name.endswith(".ipynb"):
            cells = json.loads(read(name))["cells"]
            yield name, "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def test_every_citation_has_its_entry():
    known, cited = entries(), set()
    for name, text in prose():
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text):
            for key in keys.split(","):
                cited.add(key.strip())
                assert key.strip() in known, f"{name} cites {key.strip()}, which the bibliography does not have"
    assert cited, "no page cites anything"


def test_every_word_that_a_page_calls_a_term_is_in_the_glossary():
    terms, used = {term.lower() for term in glossary()}, set()
    for name, text in prose():
        for word in re.findall(r"\{term\}`(?:[^<`]*<)?([^>`]+)>?`", text):
            used.add(word)
            assert word.lower() in terms, f"{name} refers to the term {word}, which the glossary does not define"
    assert len(used) > 20, "the chapters hardly use the glossary"


def test_every_source_that_the_library_names_is_in_the_bibliography():
    from momentum_lib import rules, surfaces

    known = {(plain(fields["author"].split(",")[0].strip("{}")), fields["year"]) for _, fields, _ in entries().values()}
    dois = {fields["doi"] for _, fields, _ in entries().values() if "doi" in fields}
    prints = {fields["eprint"] for _, fields, _ in entries().values() if "eprint" in fields}
    for thing in [*rules.RULES.values(), *surfaces.SURFACES.values()]:
        source = thing.source
        assert source, f"{thing.name} names no source"
        for doi in re.findall(r"doi:(\S+?)[.,;]?(?=\s|$)", source):
            assert doi in dois, f"{thing.name}: doi {doi} is not in the bibliography"
        for number in re.findall(r"arXiv:(\d{4}\.\d{4,5})", source):
            assert number in prints, f"{thing.name}: arXiv:{number} is not in the bibliography"
        for family, year in re.findall(r"\b([A-Z][a-z]+)(?:(?:,| and) [A-Z][\w-]+)*(?: et al\.)? (\d{4})\b", source):
            assert (plain(family), year) in known, f"{thing.name}: {family} {year} is not in the bibliography"


def glossary():
    """Term -> its definition."""
    body = re.search(r"```\{glossary\}\n:sorted:\n(.*?)```", read("book/glossary.md"), re.S)[1]
    found = {}
    for block in re.split(r"\n\s*\n", body.strip()):
        term, *lines = block.splitlines()
        found[term] = " ".join(line.strip() for line in lines)
    return found


def test_the_glossary_defines_the_words_of_the_course():
    terms = glossary()
    wanted = """optimisation, gradient descent, learning rate, velocity, momentum, loss function, weights, hyper-parameter,
    pre-training, gradient, step, epoch, batch, convergence, divergence, condition number, curvature, Hessian, eigenvalue,
    ravine, overshoot, damping, critical damping, exponential moving average, half-life, bias correction,
    effective learning rate, look-ahead, heavy ball, Nesterov momentum, low-pass filter, frequency response, stability edge,
    tuning budget, seed, noise ball, saddle point"""
    assert {word.strip() for word in wanted.split(",")} <= terms.keys()
    assert len(terms) == len({term.lower() for term in terms})


def test_every_definition_is_short_and_leads_to_a_chapter():
    for term, text in glossary().items():
        chapters = re.findall(r"\{doc\}`[^<`]*</(notebooks/[\w-]+)>`", text)
        assert chapters, f"{term} leads to no chapter"
        for chapter in chapters:
            assert (ROOT / f"{chapter}.ipynb").is_file(), f"{term} leads to {chapter}, which does not exist"
        assert 1 <= len(re.findall(r"[.!?](?:\s|$)", text)) <= 3, f"{term}: one to three sentences"
        for word in re.findall(r"\{term\}`(?:[^<`]*<)?([^>`]+)>?`", text):
            assert word in glossary(), f"{term} refers to {word}, which is not defined"


# -- generated tables -------------------------------------------------------------------------


def test_the_notation_tables_are_what_the_library_says():
    done = subprocess.run(
        [sys.executable, "book/_gen/notation.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_quantity_makes_the_notation_table_stale(monkeypatch):
    from momentum_lib import notation

    tables = script("book/_gen/notation.py")
    before = tables.quantities()
    monkeypatch.setitem(tables.QUANTITIES, "lr", notation.Quantity("step size", r"\alpha", "α", "theta^2 / f", low=0))
    assert tables.quantities() != before and r"| $\alpha$ | step size | `lr` | $\theta^2 / f$ |" in tables.quantities()


# -- workflows --------------------------------------------------------------------------------


def test_the_workflows_are_these():
    assert [path.stem for path in WORKFLOWS] == ["audit", "clients", "links", "mutants", "pages", "tests"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside_it(path):
    lines = [line for line in path.read_text("utf-8").splitlines() if re.search(r"\buses:", line)]
    assert lines
    for line in lines:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_one_action_has_one_commit():
    seen = {}
    for path in WORKFLOWS:
        for name, commit in re.findall(r"uses: ([\w/-]+)@([0-9a-f]{40} # \S+)", path.read_text("utf-8")):
            assert seen.setdefault(name, commit) == commit, f"{name} has two commits"
    assert {name.split("/")[0] for name in seen} == {"actions"}, "an action from elsewhere needs a reason here"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_permissions_are_the_least(path):
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {}, "nothing is permitted unless a job says so"
    allowed = {("pages", "deploy"): {"pages": "write", "id-token": "write"}}
    for name, job in workflow["jobs"].items():
        assert job["permissions"] == allowed.get((path.stem, name), {"contents": "read"}), f"{path.stem}: {name}"
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_workflow_puts_an_outsiders_text_into_a_shell_or_runs_with_secrets(path):
    text = path.read_text("utf-8")
    assert "pull_request_target" not in text and "secrets." not in text
    for job in yaml.safe_load(text)["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "pass it through env instead"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_runs_exists(path):
    for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values():
        for step in job["steps"]:
            run = step.get("run", "")
            for target in re.findall(r"\bmake ([\w-]+)", run):
                assert target in make_targets(), f"make {target}"
            for file in re.findall(r"(?<![\w/])((?:tests|\.ci|book)/[\w./-]+)", run):
                assert (ROOT / file).exists(), file
            for module in re.findall(r"\bmomentum_lib\.(\w+)", run):
                if not module.startswith("__"):
                    assert (ROOT / "momentum_lib" / f"{module}.py").exists(), module


def test_tests_run_on_the_oldest_python_and_on_colabs():
    matrix = yaml.safe_load(read(".github/workflows/tests.yml"))["jobs"]["library"]["strategy"]["matrix"]["python"]
    oldest = re.search(r'requires-python\s*=\s*">=\s*([\d.]+)', read("pyproject.toml"))[1]
    assert matrix[0] == oldest and "3.13" in matrix


def test_links_and_audit_run_every_week():
    for name in ("links", "audit"):
        workflow = yaml.safe_load(read(f".github/workflows/{name}.yml"))
        cron = workflow[True]["schedule"][0]["cron"]  # YAML reads the key "on" as true
        assert re.fullmatch(r"\d+ \d+ \* \* \d", cron)


# -- links ------------------------------------------------------------------------------------


def test_the_link_check_finds_addresses_and_dois():
    links = script("tests/links.py")
    found = links.addresses()
    assert "https://doi.org/10.1016/0041-5553(64)90137-5" in found
    assert "https://arxiv.org/abs/1412.6980" in found
    assert all(not address.endswith((".", ",", ";")) for address in found)
    sources = [("a.md", "See <https://a.example/b_(c)>, [d](https://d.example/e#f) and https://g.example.\n")]
    assert list(links.addresses(sources)) == ["https://a.example/b_(c)", "https://d.example/e#f", "https://g.example"]


def test_the_link_check_tells_lost_pages_from_closed_doors():
    links = script("tests/links.py")

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        at = f"http://127.0.0.1:{server.server_port}"
        assert links.ask(f"{at}/200") == ("fine", "200")
        assert links.ask(f"{at}/404") == ("broken", "404")
        assert links.ask(f"{at}/410") == ("broken", "410")
        assert links.ask(f"{at}/403") == ("unsure", "403")
    finally:
        server.shutdown()
        server.server_close()
    assert links.ask(at, timeout=5)[0] == "unsure"
