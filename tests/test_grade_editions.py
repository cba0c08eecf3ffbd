"""Editions of a problem set: equal from one seed, unlike from two, and with nothing in them that gives the seed away."""

import copy
import hashlib
import hmac
import json
from types import SimpleNamespace

import grading
import numpy as np
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


# -- what a key draws ------------------------------------------------------------------------------


def test_a_seed_is_the_key_that_it_was():
    """Another key, and no edition that was handed out can be made again."""
    seed = "words of mine"
    key = hashlib.scrypt(seed.encode(), salt=b"momentum edition", n=16384, r=8, p=1, dklen=32)
    assert editions.key_of(f"  {seed}\n") == editions.key_of(seed) == key
    assert editions.key_of("x" * 12) and editions.SHORTEST_SEED == 12
    with pytest.raises(ValueError, match="the seed has 11 characters; allowed: 12 or more.*--seed [0-9a-f]{16}$"):
        editions.key_of("x" * 11 + "   ")
    draws = editions.Draws(KEY, "a label")
    assert [draws.digest() for _ in range(3)] == [hmac.digest(KEY, f"a label\n{k}".encode(), "sha256") for k in range(3)]
    again = editions.Draws(KEY, "a label")
    numbers = [int.from_bytes(hmac.digest(KEY, f"a label\n{k}".encode(), "sha256"), "big") for k in range(6)]
    assert again.below(1000) == numbers[0] % 1000
    items, order = list("abcde"), []
    for k in range(5):
        order.append(items.pop(numbers[1 + k] % len(items)))
    assert again.shuffled("abcde") == order


class Told(editions.Draws):
    """Draws that are told what they find, and keep below what they were asked."""

    def __init__(self, *found):
        super().__init__(KEY, "")
        self.found, self.asked = list(found), []

    def below(self, n):
        self.asked.append(n)
        return self.found.pop(0)


DRAWN = {  # a kind -> (below what is drawn, what is found there, the value)
    "the least whole number": ({"whole": [30, 90]}, [61], [0], 30),
    "the largest": ({"whole": [30, 90]}, [61], [60], 90),
    "the least with decimals": ({"between": [0.1, 0.9], "digits": 3}, [801], [0], 0.1),
    "the largest with decimals": ({"between": [0.1, 0.9], "digits": 3}, [801], [800], 0.9),
    "one between": ({"between": [-1, 1], "digits": 2}, [201], [33], -0.67),
    "a whole number with decimals": ({"between": [2, 9], "digits": 0}, [8], [3], 5.0),
    "the least of a logarithm": ({"between": [1, 100], "digits": 4, "log": True}, [2**53], [0], 1.0),
    "the middle of a logarithm": ({"between": [2, 200], "digits": 4, "log": True}, [2**53], [2**52], 20.0),
    "three quarters, with digits that tell": ({"between": [1, 100], "digits": 3, "log": True}, [2**53], [3 * 2**51], 31.6),
    "a choice": ({"choice": ["a", "b", "c"]}, [3], [2], "c"),
    "a sample": ({"sample": 2, "of": 4}, [4, 3, 2, 1], [3, 0, 1, 0], [3, 0]),
    "rows": ({"rows": 2, "columns": [{"whole": [1, 3]}, {"choice": [7, 8]}]}, [3, 2, 3, 2], [2, 0, 0, 1], [(3, 7), (1, 8)]),
}  # fmt: skip


@pytest.mark.parametrize("what", DRAWN)
def test_each_kind_is_drawn_evenly_between_its_ends(what):
    kind, asked, found, value = DRAWN[what]
    draws = Told(*found)
    assert editions.draw(kind, draws) == value and draws.asked == asked and draws.found == []


def test_a_mark_and_what_is_no_kind():
    draws = editions.Draws(KEY, "mark")
    assert editions.draw({"mark": True}, draws) == hmac.digest(KEY, b"mark\n0", "sha256").hex()[:12]
    for kind in ({"mark": False}, {"whole": [1]}, {"between": [1, 2]}, {"log": True}, {}):
        with pytest.raises(ValueError, match="no kind of draw: "):
            editions.draw(kind, draws)


def test_numbers_are_shown_with_so_many_significant_digits():
    for value, digits, shown in (
        (1234.5, 2, 1200.0),
        (0.012345, 3, 0.0123),
        (-0.5, 1, -0.5),
        (2 / 3, 5, 0.66667),
        (np.float64(7), 1, 7.0),
    ):
        found = editions.rounded(value, digits)
        assert found == shown and type(found) is float
    assert editions.rounded(np.array([[1 / 3, 2.0], [20 / 3, 0.0]]), 2) == [[0.33, 2.0], [6.7, 0.0]]


def test_a_new_value_is_another_one_than_the_public_editions():
    """But for a choice or a sample, of which there may be no other; drawn again until all that is asked for holds."""
    made = varied_set()
    cells = [cell for cell in made["cells"] if cell["id"].startswith("five")]
    group = list(range(len(cells)))
    cells[1]["metadata"] = {"draws": {"kappa": {"whole": [60, 61]}, "lr": {"choice": [0.25]}}}
    cells[3]["metadata"] = {
        "draws": {"hidden": {"whole": [3, 5]}, "planted": {"sample": 2, "of": 2}},
        "such that": ["hidden < 5"],
    }
    for n in range(20):
        found = editions.drawn(cells, group, bytes([n]) * 32, "set")
        assert found[1] == {"kappa": 61, "lr": 0.25} and found[3]["hidden"] == 4 and sorted(found[3]["planted"]) == [0, 1]
    cells[3]["metadata"]["such that"] = ["hidden < 4"]
    with pytest.raises(BadMaster, match=r"set, five: no draw of 1000 meets \['hidden < 4'\]; widen them"):
        editions.drawn(cells, group, KEY, "set")
    del cells[3]["metadata"]["such that"]
    cells[1]["metadata"]["draws"] = {"kappa": {"whole": [60, 60]}}
    with pytest.raises(BadMaster, match="set, five: no draw of 1000 meets its ranges; widen them"):
        editions.drawn(cells, group, KEY, "set")


def test_literals_are_exchanged_and_nothing_around_them():
    """Several of one line's length and of another, beside letters of two bytes, in any order."""
    source = 'é = "ü"; a = 1\nb = [\n    1,  # one\n    2,\n]\nc = -5  # é\n'
    assert editions.replaced(source, {"c": 7, "a": 12345, "b": (1, 2)}) == 'é = "ü"; a = 12345\nb = (1, 2)\nc = 7  # é\n'
    assert (
        editions.replaced(source, {"é": "longer"}) == source.replace('"ü"', "'longer'")
        and editions.replaced(source, {}) == source
    )
    more = editions.literals(f"{source}a = f(1)\na = 2\nx, y = 1, 2")
    values = {name: [value for value, _ in found] for name, found in more.items()}
    assert values == {"é": ["ü"], "a": [1, 2], "b": [[1, 2]], "c": [-5]}


# -- what belongs to which question ----------------------------------------------------------------


def cell_of(kind, name, source):
    return {"cell_type": kind, "id": name, "metadata": {}, "source": [source]}


def test_a_question_begins_at_a_numbered_heading_of_that_name():
    """No other heading, no words of such a name, no comment of a cell of code; of several headings the first is numbered."""
    cells = [
        cell_of("markdown", "words-text", "words"), cell_of("code", "step-text", "## 9. a step"),
        cell_of("markdown", "one-text", "## 4. One\n\n## 7. as it was\n"), cell_of("code", "one", "## 9. a step\nx = 1"),
        cell_of("markdown", "other", "## 5. No question"), cell_of("markdown", "two-text", "##  6. Two"),
    ]  # fmt: skip
    groups = editions.groups_of(cells)
    assert groups == [[0, 1], [2, 3, 4], [5]] and [editions.name_of(cells, group) for group in groups[1:]] == ["one", "two"]
    assert editions.name_of(cells, []) == "" == editions.name_of(cells, [4])
    found = [editions.text_of(cell) for cell in editions.reordered(cells, groups, [], None)]
    numbered = ["## 1. One\n\n## 7. as it was\n", "## 9. a step\nx = 1", "## 2. No question", "##  3. Two"]
    assert found == ["words", "## 9. a step", *numbered]


def test_own_answers_are_run_for_the_check_that_follows_them():
    """Whatever words and code stand in between; what no check follows is not run."""
    cell = lambda kind, role, source: SimpleNamespace(kind=kind, role=role, source=source)
    master = SimpleNamespace(of=lambda role: [], cells=[
        cell("markdown", "text", "## 1. One"), cell("code", "answer", "a = 1"), cell("markdown", "text", "words"),
        cell("code", "check", "a"), cell("markdown", "text", "## 2. Two"), cell("code", "answer", "b = 1 / 0"),
        cell("markdown", "text", "## 3. Three"), cell("code", "answer", "c = a + 1"), cell("code", "code", "## 4. a step"),
        cell("code", "check", "c"), cell("code", "check", "c"), cell("code", "answer", "d = 1 / 0"),
    ])  # fmt: skip
    names = editions.holding_own_answers(master, "ada").names
    assert (names["a"], names["c"], names["STUDENT"]) == (1, 2, "ada") and not {"b", "d"} & set(names)


def test_why_a_solution_does_not_earn_its_points_is_said(monkeypatch):
    result = {"question": "q", "points": 1.0, "of": 2.0, "said": "Not quite."}
    for more, why in (({}, "Not quite."), ({"error": "KeyError: 'x'"}, "KeyError: 'x'")):
        monkeypatch.setattr(editions, "own_answers", lambda master, student, more=more: [result | more])
        with pytest.raises(BadMaster) as refused:
            editions.reject_unsolved(SimpleNamespace(name="set"))
        assert str(refused.value) == f"set, q: its own solution does not earn its points. {why}"


def test_the_public_master_is_not_overwritten_through_a_link(public, tmp_path, monkeypatch):
    kept = public.path.read_bytes()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "masters").symlink_to(public.path.parent)
    monkeypatch.chdir(public.path.parent)
    with pytest.raises(ValueError, match="is the public master itself; choose another folder"):
        editions.new_set(public.path.name, KEY, tmp_path / "mine")
    assert public.path.read_bytes() == kept
