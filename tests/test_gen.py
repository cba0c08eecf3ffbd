"""The scripts of book/_gen: what an author forgot is said in a sentence, and nothing is written."""

import json
import re
import sys
from importlib import util
from pathlib import Path

import pytest

from momentum_lib import core, gaps, notation
from momentum_lib.grade.misconceptions import chapter

ROOT = Path(__file__).resolve().parents[1]
GEN = ROOT / "book" / "_gen"


@pytest.fixture
def script(monkeypatch):
    """A function that loads a script of book/_gen as a module."""
    monkeypatch.syspath_prepend(str(GEN))

    def load(name):
        spec = util.spec_from_file_location(f"{name}_script", GEN / f"{name}.py")
        module = util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def book(tmp_path, script, monkeypatch):
    """The chapters' script in a book of its own, and a function that writes its table of contents and notebooks."""
    made = script("chapters")
    monkeypatch.setattr(made, "ROOT", tmp_path)
    (tmp_path / "notebooks" / "homework").mkdir(parents=True)
    (tmp_path / "book").mkdir()

    def write(*numbers, listed=None):
        for number in numbers:
            course = {"course": {"about": f"what is {number}", "able": f"count to {number}", "needs": [1] if number > 1 else []}}
            (tmp_path / "notebooks" / f"{number:02}-n.ipynb").write_text(json.dumps({"cells": [], "metadata": course}), "utf-8")
        lines = "".join(f"      - file: notebooks/{number:02}-n\n" for number in listed or numbers)
        (tmp_path / "_toc.yml").write_text(f'parts:\n  - caption: "Part I"\n    chapters:\n{lines}', "utf-8")

    return made, write


def test_the_front_page_lists_the_chapters(book):
    """A chapter of the table of contents that the front page forgets; a sentence about a gap that there is not."""
    made, write = book
    write(1, 2, 4)
    text = made.contents()
    assert "```{tiles}\nPart I\n01-n\n02-n\n04-n\n```" in text
    assert text.endswith("The missing numbers are chapters that are still to be written.\n")
    write(1, 2, 3, 4)
    assert "missing" not in made.contents()
    assert (
        "| {doc}`3 </notebooks/03-n>` | count to 3 | {doc}`1 </notebooks/01-n>` | 0 + 0 |" in made.objectives()
        and '    4: "04-n",\n' in made.addresses()
    )


def test_a_chapter_that_needs_a_later_one_is_refused(book):
    made, write = book
    write(1, 2)
    path = made.ROOT / "notebooks" / "02-n.ipynb"
    path.write_text(path.read_text("utf-8").replace('"needs": [1]', '"needs": [2]'), "utf-8")
    with pytest.raises(LookupError, match="02-n.ipynb needs chapter 2, which does not come before it"):
        made.everything()
    path.write_text(path.read_text("utf-8").replace(', "needs": [2]', ""), "utf-8")
    with pytest.raises(LookupError, match="does not say which chapters it needs"):
        made.everything()


def test_minutes_count_what_is_read_and_not_what_is_folded(script):
    """Two hundred words, twenty lines that show, a figure, exercises of one and three stars; a head is not counted."""
    timer = script("_time")
    figure = {
        "cell_type": "code",
        "metadata": {"mystnb": {"figure": {"name": "x"}}, "tags": ["hide-input"]},
        "source": "1\n" * 90,
    }
    exercises = "```{exercise} One (★)\nword word\n```\n\n````{solution} x\nword\n````\n\n```{exercise} Two ★★★\nword\n```"
    cells = [
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": "word " * 200 + "\n\n**Afterwards you can** do it.\n\n**Short path.** No.",
        },
        {"cell_type": "code", "metadata": {}, "source": "x = 1\n\n" * 20},
        figure,
        {"cell_type": "markdown", "metadata": {}, "source": exercises},
    ]
    assert timer.counts(cells) == (200, 20, 1, {1: 1, 2: 0, 3: 1})
    reading = 200 / timer.WORDS + 20 / timer.LINES + timer.FIGURE
    assert timer.minutes(cells) == (5 * round(reading / 5), timer.STARS[1] + timer.STARS[3])
    assert [timer.in_hours(total) for total in (20, 60, 100)] == ["½", "1", "1½"]


def test_plans_keep_the_order_of_needs_and_reach_their_goals(script):
    """Weeks as even as they can be; a set goes out with its part's last chapter, due a week later; nothing before its needs."""
    made = script("plans")
    assert made.shared([1, 1, 1, 3], 2) == (3, 4) and made.shared([5, 1], 3) == (1, 2)
    needs = {1: (), 2: (1,), 3: (1, 2), 4: (2,), 5: (3, 4)}
    assert made.closure([4], needs) == [1, 2, 4] and made.direct(needs) == [(1, 2), (2, 3), (2, 4), (3, 5), (4, 5)]
    listed = [made.chapters.Chapter(k, f"{k:02}-n", "", "", f"N{k}", needs[k], "", 30, 30) for k in needs]
    weeks = made.week_by_week(made.Plan(4, (4,), ("talks",)), listed, {"Part I": [1, 2]}, [1])
    assert weeks == [["chapter 1 (1 h)"], ["chapter 2 (1 h)", "set 1 out"], ["set 1 due", "chapter 4 (1 h)"], ["talks"]]
    every = made.chapters.everything()
    order = {each.number: each.needs for each in every}
    for plan in made.PLANS:
        taken = made.reached(plan, {}, order) if all(isinstance(goal, int) for goal in plan.goals) else sorted(order)
        assert all(one in taken[: taken.index(each)] for each in taken for one in order[each])
    assert made.reached(made.PLANS[-1], {}, order) == sorted(order), "the longest plan has every chapter"


def test_the_graph_has_a_link_for_each_chapter_and_an_arc_for_each_direct_need(script):
    made = script("plans")
    every = made.chapters.everything()
    text = made.graph()
    assert [int(one) for one in re.findall(r'class="number"[^>]*>(\d+)<', text)] == [each.number for each in every]
    assert text.count("<path") == len(made.direct({each.number: each.needs for each in every}))
    assert all(f'href="../notebooks/{each.stem}.html"' in text and f">{each.name}</text></a>" in text for each in every)
    assert {"Momentum in two lines", "Nesterov: look ahead"} <= {each.name for each in every}


def test_readme_counts(book):
    made, write = book
    write(*range(1, 24))
    readme = made.ROOT / "README.md"
    readme.write_text("Five words.\nThis edition holds two chapters, from a to b, nine problem sets that check.\n", "utf-8")
    assert made.readme() == "Five words.\nThis edition holds twenty-three chapters, from a to b, zero problem sets that check.\n"
    readme.write_text("No count.\n", "utf-8")
    with pytest.raises(LookupError, match='README.md must have one sentence "This edition holds'):
        made.readme()


def test_what_toc_and_folder_do_not_share_is_named(book, capsys):
    made, write = book
    write(1, 2, listed=[1, 3])
    with pytest.raises(LookupError, match=r'lists no notebooks/02-n; add the line "- file: notebooks/02-n"'):
        made.parts()
    (made.ROOT / "notebooks" / "02-n.ipynb").unlink()
    assert made.main([]) == 1
    assert "_toc.yml lists notebooks/03-n, which does not exist" in capsys.readouterr().out


def test_a_fault_of_the_script_itself_is_no_sentence(script):
    """A KeyError that is taken for an author's mistake."""
    pages = script("_pages")
    with pytest.raises(KeyError):
        pages.main({"never.md": lambda: {}["x"]}, [])
    assert not (GEN / "never.md").exists()


def test_a_row_of_claims_says_what_it_lacks(script, tmp_path, monkeypatch):
    claims = script("claims")
    (tmp_path / "book" / "claims").mkdir(parents=True)
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    file = tmp_path / "book" / "claims" / "01.yml"
    file.write_text("- {id: 1.1, claim: One., source: us, code: '1', value: 1, tolerance: 0}\n", "utf-8")
    with pytest.raises(LookupError, match=r"book/claims/01.yml, row 1.1: it lacks shown"):
        claims.rows()
    file.write_text("- {id: 1.1, claim: One., source: us, code: rates(1), value: 1, tolerance: 0, shown: 1}\n", "utf-8")
    with pytest.raises(LookupError, match=r"book/claims/01.yml, row 1.1: its code raised NameError: name 'rates'"):
        claims.measure(claims.rows()[0])
    file.rename(file.with_name("98.yml"))
    with pytest.raises(LookupError, match=r"book/claims/98.yml belongs to no chapter: there is no notebooks/98-"):
        claims.rows()


def test_a_problem_set_without_a_page_or_a_title_is_named(script, tmp_path, monkeypatch):
    homework = script("homework")
    path = ROOT / "notebooks" / "homework" / "1-idea.ipynb"
    master = homework.Master(path)
    assert homework.introduction(path, master)
    with pytest.raises(LookupError, match=r"homework/9-more.ipynb has no page: write book/homework-9.md"):
        homework.introduction(path.with_name("9-more.ipynb"), master)
    monkeypatch.setattr(master, "cells", [cell for cell in master.cells if not cell.source.startswith("# ")])
    with pytest.raises(LookupError, match='homework/1-idea.ipynb has no title: a cell of text that begins with "# "'):
        homework.introduction(path, master)


def test_a_family_or_a_symbol_without_its_look_is_named(monkeypatch):
    assert gaps.found() == []
    monkeypatch.setattr(gaps, "FAMILIES", (*core.FAMILIES, "cubic"))
    monkeypatch.setitem(notation.QUANTITIES, "lr", notation.Quantity("rate", "r", "r", look="glare"))
    family, symbol = gaps.found()
    assert "the family 'cubic' of momentum_lib/core.py has no row in LOOKS" in family
    assert "QUANTITIES['lr'] of momentum_lib/notation.py has the look 'glare'; there are gradient," in symbol


def test_a_link_to_a_chapter_that_is_not_there_is_refused():
    with pytest.raises(LookupError, match="no chapter has the number 99; there are 1, 2"):
        chapter(99)


def test_the_timeline_shows_every_training_once_and_no_name_lies_on_another(script):
    """Drawn for a laptop and a phone: marks and names keep apart and inside, and what is not stated is empty."""
    settings = script("settings")
    for frame in settings.FRAMES:
        marks = settings.places(frame)
        assert sorted(run.name for run, _, _ in marks) == sorted(run.name for run in settings.RUNS)
        boxes = [(x - 6, y - 6, x + 6, y + 6) for _, x, y in marks] + [box for *_, box in settings.labels(frame)]
        hits = [(a, b) for k, a in enumerate(boxes) for b in boxes[:k] if settings.overlap(a, b)]
        assert not hits, (frame.name, hits)
        assert all(
            frame.left < left and right <= frame.width and top > 0 and bottom < frame.height for left, top, right, bottom in boxes
        )
        text = settings.drawing(frame)
        assert text.count('class="is-empty"') == sum(not run.states("momentum") for run in settings.RUNS)
        assert text.count("<a ") == len(settings.RUNS)


def test_a_schedule_and_a_tiny_number_are_set_as_formulas(script):
    """ "1 - k^(-0.8)" and "1e-08" stood in the text as a program has them."""
    settings = script("settings")
    assert settings.shown("1 - k^(-0.8) at step k") == "$1 - k^{-0.8}$ at step $k$"
    assert (settings.shown(1e-8), settings.shown(0.1), settings.shown("not stated")) == ("$10^{-8}$", "0.1", "*not stated*")
    assert not [run.name for run in settings.RUNS if settings.key(run) not in settings.overview()]


def test_all_generators_run_in_one_process_and_the_first_red_one_ends_it(script, monkeypatch, tmp_path, capsys):
    """`make check` and `make generate`: each with its own arguments; what is left out has to be the name of one."""
    every = script("_all")
    assert [path.name for path in every.generators()] == sorted(path.name for path in GEN.glob("[a-z]*.py"))
    assert "claims" in {path.stem for path in every.generators()} - {path.stem for path in every.generators(["claims"])}
    with pytest.raises(SystemExit, match="--but: no generator is named clams; there are address, "):
        every.main(["--check", "--but", "clams"])
    for name, text in {
        "a": "import sys; print('a', sys.argv[1:])",
        "b": "import sys; print('b'); sys.exit(int('--check' in sys.argv))",
        "c": "print('c')",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(every, "HERE", tmp_path)
    monkeypatch.setattr("momentum_lib.codegen.main", lambda arguments: print("codegen", arguments) or 0)
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    assert every.main(["--check"]) == 1 and capsys.readouterr().out == "codegen ['--check']\na ['--check']\nb\n"
    assert every.main([]) == 0 and capsys.readouterr().out == "codegen []\na []\nb\nc\n"
    assert every.main(["--check", "--but", "b"]) == 0 and capsys.readouterr().out == "codegen ['--check']\na ['--check']\nc\n"
