"""Editions of a problem set: equal from one seed, unlike from two, and with nothing in them that gives the seed away."""

import copy
import json

import grading
import pytest

from momentum_lib.grade import __main__ as program
from momentum_lib.grade import editions
from momentum_lib.grade.problem_set import BadMaster, Master, leaks

KEY, OTHER = b"k" * 32, b"o" * 32
GIVEN = """\
kappa = 60  # a comment stays
lr = 0.25
starts = [
    (1.0, 2),
    (3.0, 4),
]
trace = [1.0, 0.5]
print(f"κ = {kappa}")
"""
DRAWS = {
    "kappa": {"whole": [30, 90]},
    "lr": {"between": [0.1, 0.3], "digits": 3},
    "starts": {"rows": 3, "columns": [{"between": [1, 100], "digits": 4, "log": True}, {"choice": [2, 4]}]},
    "trace": {"computed": "hidden * np.array([1, lr])", "digits": 8},
}
HIDDEN = """\
### BEGIN HIDDEN TESTS
hidden = 3.0
planted = [0, 1]
pool = ["a", "b", "c", "d"]
grade.number(product, kappa * hidden + len([pool[i] for i in planted]), name="product")
### END HIDDEN TESTS
"""


def varied_set():
    """The small set with a question that varies and an order that does."""
    made = grading.small_set()
    given = grading.code(GIVEN, "five-given", grading.role("five-given"))
    given["metadata"] |= {"draws": copy.deepcopy(DRAWS), "such that": ["lr * kappa < 15"]}
    check = grading.code(HIDDEN, "five-check", grading.role("five-check", grade=True, points=1))
    check["metadata"]["draws"] = {"hidden": {"between": [2, 9], "digits": 5}, "planted": {"sample": 2, "of": 4}}
    solution = grading.solved("product = kappa * round(trace[0], 6) + 2")
    note = grading.text("This edition has its solutions.", "note")
    note["metadata"]["tags"] = ["practice"]
    imports = next(cell for cell in made["cells"] if cell["id"] == "imports")
    imports["source"] += '\nEDITION = "practice"\n'
    imports["metadata"]["draws"] = {"EDITION": {"mark": True}}
    made["cells"].insert(2, note)
    made["cells"] += [
        grading.text("## 5. A product", "five-text"),
        given,
        grading.code(solution, "five", grading.role("five", solution=True)),
        check,
    ]
    made["metadata"]["permute"] = [["q1", "q3", "five"]]
    return made


@pytest.fixture
def public(tmp_path):
    return Master(grading.write(tmp_path, varied_set(), "public.ipynb"))


def names_in(notebook):
    """What an edition's question draws, by running its given cell and the head of its check."""
    (given,) = (cell for cell in notebook["cells"] if cell["id"] == "five-given")
    (check,) = (cell for cell in notebook["cells"] if cell["id"] == "five-check")
    names = {}
    exec(editions.text_of(given).replace("print", "str"), names)
    exec("\n".join(editions.text_of(check).splitlines()[1:4]), names)
    return {name: names[name] for name in (*DRAWS, "hidden", "planted")}


def test_an_edition_is_drawn_from_its_key_alone_and_within_its_ranges(public):
    first = editions.edition(public, KEY)
    assert first == editions.edition(public, KEY) != editions.edition(public, OTHER)
    seen = [names_in(editions.edition(public, bytes([n]) * 32)) for n in range(60)]
    for now in seen:
        assert 30 <= now["kappa"] <= 90 and now["kappa"] != 60 and 0.1 <= now["lr"] <= 0.3 and now["lr"] * now["kappa"] < 15
        assert len(now["starts"]) == 3 and all(1 <= a <= 100 and b in (2, 4) for a, b in now["starts"])
        assert len(set(now["planted"])) == 2 and set(now["planted"]) <= {0, 1, 2, 3}
        assert now["trace"] == [float(f"{now['hidden'] * share:.7e}") for share in (1, now["lr"])]
    assert len({now["hidden"] for now in seen}) == 60 and min(now["kappa"] for now in seen) < 40 < 80
    assert any(now["planted"] == [3, 0] for now in seen) or len({tuple(now["planted"]) for now in seen}) > 8


def test_all_but_the_literals_stays_as_it_was(public):
    made = editions.edition(public, KEY)
    (given,) = (editions.text_of(cell) for cell in made["cells"] if cell["id"] == "five-given")
    assert "# a comment stays" in given and 'print(f"κ = {kappa}")' in given and given.count("\n") == GIVEN.count("\n") - 3
    assert [cell["id"] for cell in made["cells"]][:2] == ["setup", "title"] and "note" not in {c["id"] for c in made["cells"]}


def test_questions_trade_places_and_headings_are_numbered_anew(public):
    orders = set()
    for n in range(40):
        cells = editions.edition(public, bytes([n]) * 32)["cells"]
        headings = [editions.text_of(cell) for cell in cells if cell["id"].endswith("-text")]
        assert [text.split(".")[0] for text in headings] == [f"## {n}" for n in range(1, 6)]
        order = [cell["id"] for cell in cells if cell["id"].endswith("-text")]
        assert order[1] == "q2-text" and order[3] == "q4-text"
        orders.add(tuple(order))
    assert len(orders) == 6


def test_a_new_set_is_solved_by_its_own_solution_and_gives_no_seed_away(public, tmp_path, capsys):
    words = ["new-set", str(public.path), "--seed", "a long enough seed", "--out", str(tmp_path / "mine")]
    assert program.main(words) == 0
    paths = capsys.readouterr().out.splitlines()
    master = Master(paths[0])
    assert [result["points"] for result in editions.own_answers(master, "grace")] == [cell.points for cell in master.of("check")]
    copy_text = (tmp_path / "mine" / "public.ipynb").read_text("utf-8")
    assert leaks(master, json.loads(copy_text)) == [] and "draws" not in copy_text and "a long enough" not in copy_text
    mark = json.loads(master.path.read_text("utf-8"))["metadata"]["edition"]["mark"]
    assert f"EDITION = '{mark}'" not in copy_text or mark != "practice"
    before = master.path.read_text("utf-8")
    assert program.main(words) == 0 and master.path.read_text("utf-8") == before
    assert program.main([*words[:3], "another long seed", *words[4:]]) == 0 and master.path.read_text("utf-8") != before


def test_an_edition_that_its_solution_does_not_solve_is_not_written(tmp_path, capsys):
    made = grading.with_cells({"five": grading.solved("product = 182")}, varied_set())
    path = grading.write(tmp_path, made, "public.ipynb")
    assert program.main(["new-set", str(path), "--seed", "a long enough seed", "--out", str(tmp_path / "mine")]) == 2
    assert "five-check: its own solution does not earn its points" in capsys.readouterr().err
    assert not list((tmp_path / "mine").rglob("*.ipynb"))


def test_a_seed_that_can_be_guessed_is_refused_and_the_public_master_is_not_overwritten(public, tmp_path, capsys):
    assert program.main(["new-set", str(public.path), "--seed", "1", "--out", str(tmp_path)]) == 2
    assert "has 1 characters; allowed: 12 or more" in capsys.readouterr().err
    (tmp_path / "masters").mkdir()
    moved = public.path.rename(tmp_path / "masters" / "public.ipynb")
    before = moved.read_bytes()
    assert program.main(["new-set", str(moved), "--seed", "a long enough seed", "--out", str(tmp_path)]) == 2
    assert moved.read_bytes() == before


def broken(change):
    made = varied_set()
    cells = {cell["id"]: cell for cell in made["cells"]}
    change(made, cells)
    return made


FAULTS = {
    "nothing varies, so the cell needs one line nothing = <literal> at its top level; it has 0": lambda made, cells: cells[
        "five-given"
    ]["metadata"]["draws"].update(nothing={"whole": [1, 2]}),
    "it has 2": lambda made, cells: cells["five-given"].update(source=GIVEN + "lr = 0.1\n"),
    "no draw of 1000 meets": lambda made, cells: cells["five-given"]["metadata"].update({"such that": ["lr > 1"]}),
    "uses kappa of question five|uses kappa of question q2": lambda made, cells: cells["q3-check"].update(
        source=cells["q3-check"]["source"].replace("points=4)", "points=4 + 0 * kappa)")
    ),
    "permute names six": lambda made, cells: made["metadata"].update(permute=[["q1", "six"]]),
    "is an edition already": lambda made, cells: made["metadata"].update(edition={}),
    "no kind of draw": lambda made, cells: cells["five-given"]["metadata"]["draws"].update(kappa={"integer": [1, 2]}),
}


@pytest.mark.parametrize("said", FAULTS)
def test_a_master_that_does_not_say_how_it_varies_is_refused(tmp_path, said):
    master = Master(grading.write(tmp_path, broken(FAULTS[said]), "public.ipynb"))
    with pytest.raises((BadMaster, ValueError)) as refused:
        editions.edition(master, KEY)
    assert any(part in str(refused.value) for part in said.split("|"))


def test_a_set_that_says_nothing_of_what_varies_is_refused(tmp_path):
    with pytest.raises(BadMaster, match="no cell says what varies"):
        editions.edition(grading.master(tmp_path), KEY)
