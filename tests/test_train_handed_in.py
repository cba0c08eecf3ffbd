"""Runs that are handed in: what is true passes, what was changed, chosen or left out is found."""

import json
import sys
from dataclasses import replace

import pytest

from momentum_lib.grade import Wrong
from momentum_lib.train import data, handed_in
from momentum_lib.train.arguments import build_parser

PLAN = handed_in.Plan("heavy_ball", "beta", (0.15, 0.5), 70, (71, 72), config=handed_in.TINY | {"steps": 6, "eval_windows": 8})


@pytest.fixture(scope="module")
def text():
    """The rows of a plan: the rate 0.5 wins both tunings or 0.15 does; the judging follows."""
    tuned = handed_in.made(PLAN, [(side, lr, 70) for side in PLAN.sides for lr in PLAN.rates])
    best = {}
    for row in handed_in.read(tuned):
        best.setdefault(row["hyper"]["beta"], []).append((row["held_out"], row["lr"]))
    return tuned + handed_in.made(PLAN, [(side, min(best[side])[1], seed) for side in PLAN.sides for seed in PLAN.judge])


def changed(text, place, **changes):
    rows = [json.loads(line) for line in text.splitlines()]
    rows[place] |= changes
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_true_rows_pass_in_any_order_with_others_beside(text):
    assert "8 runs, complete and fairly chosen; 4 of them were made again" in handed_in.runs(text, PLAN, secret=1)
    more = handed_in.made(PLAN, [(0.9, 0.15, 99)])
    shuffled = "\n".join(sorted((text + more).splitlines()))
    assert "8 runs" in handed_in.runs(shuffled, PLAN, secret=1, count=1)
    assert all(row["corpus"] == data.corpus().fingerprint[:12] for row in handed_in.read(text))


def test_a_forged_end_is_found_by_as_many_secrets_as_it_should_be(text, monkeypatch):
    """One row of eight, four of which are made again: half of the secrets find it."""
    end = json.loads(text.splitlines()[7])["held_out"]
    forged, asked = changed(text, 7, held_out=end - 0.2), []
    monkeypatch.setattr(handed_in, "reject_other_run", lambda name, plan, row: asked.append(row["line"]))
    for secret in range(100):
        handed_in.runs(forged, PLAN, secret=secret)
    assert len(asked) == 400 and 30 <= asked.count(8) <= 70
    monkeypatch.undo()
    finds = next(secret for secret in range(100) if 8 in asked[4 * secret : 4 * secret + 4])
    with pytest.raises(Wrong, match="line 8") as wrong:
        handed_in.runs(forged, PLAN, secret=finds)
    assert wrong.value.why == "another run"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"held_out": None}, "another run"),
        ({"first_losses": [5.0, 5.0]}, "two starts"),
        ({"lr": 0.25}, "another key"),
        ({"seed": 73}, "another key"),
        ({"hyper": {"beta": 0.9, "lr": 0.1}}, None),
        ({"code": "x"}, "other code"),
    ],
)
def test_what_was_changed_is_found_where_it_is_looked_at(text, change, why):
    with pytest.raises(Wrong) as wrong:
        handed_in.runs(changed(text, 7, **change), PLAN, count=8)
    assert wrong.value.why == why and "line" in str(wrong.value)


@pytest.mark.parametrize("line", ["null", "[]", '{"key": 1}', "{" * 5000, '{"held_out": NaN}', "ü\x00"])
def test_what_is_no_row_is_told_by_its_line(text, line):
    with pytest.raises(Wrong, match="line 9 is no row of a run"):
        handed_in.runs(text + line, PLAN)


def test_rows_of_another_library_of_python_are_compared_within_wider_bounds(text):
    end = json.loads(text.splitlines()[7])["held_out"]
    assert handed_in.runs(changed(text, 7, held_out=end - 0.2, corpus="another"), PLAN, count=8)
    with pytest.raises(Wrong, match="another one"):
        handed_in.runs(changed(text, 7, held_out=end - 0.7, corpus="another"), PLAN, count=8)


def test_the_commands_make_the_plans_runs():
    """What is printed for a terminal is understood, and means the settings that the rows are compared with."""
    from momentum_lib.train import cli
    from momentum_lib.train.sweep import grid

    for command, seeds in zip(PLAN.commands(), ([70], [71, 72])):
        words = command.replace("SIDE", "0.9").replace("BEST", "0.5").split()[3:]
        arguments = build_parser().parse_args(words)
        axes = {"rule": arguments.rule, **cli.hyper_from(arguments), "lr": arguments.lr, "seed": arguments.seed}
        made = list(grid(cli.shared_settings(arguments, axes), axes))
        assert sorted({each.seed for each in made}) == seeds and arguments.device == "cpu"
        wanted = PLAN.settings({"lr": made[-1].lr, "hyper": made[-1].hyper, "seed": made[-1].seed})
        assert made[-1].deciding() == wanted.deciding()


# -- by hand: rows that nobody made ------------------------------------------------------------------


def written(**changes):
    """A row as a run writes it, on a line."""
    row = {
        "key": "k", "code": "c", "rule": "heavy_ball", "lr": 0.5, "hyper": {"beta": 0.9}, "seed": 70, "held_out": 2.5,
        "first_losses": [5.5, 5.4, 5.3, 5.2, 5.1, 5.0], "corpus": "bytes",
    }  # fmt: skip
    return json.dumps(row | changes)


def row(side, lr, seed, held_out=2.5, **changes):
    """A row as it is read."""
    (found,) = handed_in.read(written(hyper={"beta": side}, lr=lr, seed=seed, held_out=held_out))
    return found | changes


def refused(words, why, check, *given):
    with pytest.raises(Wrong) as wrong:
        check(*given)
    assert words in str(wrong.value) and wrong.value.why == why, str(wrong.value)


def test_a_row_is_read_with_what_counts():
    found = handed_in.read(f"\n{written()}\n  \n{written(held_out=None, seed=-1, corpus=7, more=[1])}\n")
    assert found[0] == {
        "key": "k", "code": "c", "rule": "heavy_ball", "lr": 0.5, "hyper": {"beta": 0.9}, "seed": 70, "held_out": 2.5,
        "first_losses": [5.5, 5.4, 5.3, 5.2, 5.1], "corpus": "bytes", "line": 2,
    }  # fmt: skip
    assert (found[1]["held_out"], found[1]["seed"], found[1]["corpus"], found[1]["line"]) == (None, -1, "7", 4)
    assert "more" not in found[1] and handed_in.read("") == []
    wrong = [{"lr": True}, {"lr": "0.5"}, {"lr": 1e999}, {"seed": 1.0}, {"seed": True}, {"first_losses": []}, {"hyper": []}]
    wrong += [{"first_losses": [None]}, {"held_out": "2.5"}, {"hyper": {"beta": None}}, {"first_losses": 5.5}]
    for changes in wrong:
        with pytest.raises(ValueError, match="line 1 is no row of a run"):
            handed_in.read(written(**changes))
    for text, words in (
        (None, "the rows must be a text"),
        ("x" * 200_001, "too long; at most 200 rows"),
        ("\n" * 401, "too long"),
    ):
        with pytest.raises(ValueError, match=words):
            handed_in.read(text)
    assert handed_in.read(" " * 200_000) == handed_in.read("\n" * 400) == []


def plan_rows(**changes):
    """All rows of the plan, the rate 0.5 the best with 0 and 0.15 with 0.9; ``changes``: (side, lr, seed) -> loss, or "gone"."""
    losses = {(0.0, 0.15, 70): 3.0, (0.0, 0.5, 70): 2.5, (0.9, 0.15, 70): 2.0, (0.9, 0.5, 70): None}
    losses |= {(0.0, 0.5, seed): 2.6 for seed in (71, 72)} | {(0.9, 0.15, seed): 2.1 for seed in (71, 72)}
    losses |= changes.get("of", {})
    return [row(*place, loss) for place, loss in losses.items() if loss != "gone"]


def test_what_a_plan_needs_is_there_or_named():
    """A run that diverged taken for the best, a side judged at another rate than its own, seeds that choose."""
    needed = handed_in.complete("rows", PLAN, [row(0.9, 0.5, 99), *reversed(plan_rows())])
    assert [(each["hyper"]["beta"], each["lr"], each["seed"]) for each in needed] == [
        (0.0, 0.15, 70), (0.0, 0.5, 70), (0.0, 0.5, 71), (0.0, 0.5, 72),
        (0.9, 0.15, 70), (0.9, 0.5, 70), (0.9, 0.15, 71), (0.9, 0.15, 72),
    ]  # fmt: skip
    for changes, words, why in (
        ({(0.9, 0.5, 70): "gone"}, "rows: the run with beta = 0.9, rate 0.5 and seed 70 is missing.", "tuning"),
        ({(0.0, 0.5, 72): "gone"}, "rows: the run with beta = 0, its best rate 0.5 and seed 72 is missing.", "judging"),
        ({(0.0, 0.15, 70): 2.4}, "with beta = 0 you judge at another rate than the best of its tuning, 0.15", "choice"),
        ({(0.0, 0.5, 72): "gone", (0.0, 0.15, 72): 2.2}, "with beta = 0 you judge at another rate than the best", "choice"),
    ):
        refused(words, why, handed_in.complete, "rows", PLAN, plan_rows(of=changes))


def test_a_strangers_row_is_named_by_its_line():
    refused("x, line 1: a run of adamw; your rule is heavy_ball.", "another rule", handed_in.reject_stranger, "x", PLAN,
            row(0.9, 0.5, 70, rule="adamw"))  # fmt: skip
    more = row(0.9, 0.5, 70, rule="adamw", hyper={"beta1": 0.9, "beta2": 0.9})
    plan = replace(PLAN, rule="adamw", momentum="beta1")
    words = "x, line 1: it sets beta1, beta2; the plan's runs set beta1 alone."
    refused(words, "hyper", handed_in.reject_stranger, "x", plan, more)


def test_two_runs_of_one_seed_begin_alike():
    first = lambda seed, loss, line: row(0.9, 0.5, seed, first_losses=[loss, 4.0], line=line)
    handed_in.reject_two_starts("x", [first(1, 5.0, 1), first(1, 5.0019, 2), first(2, 9.0, 3), first(1, 4.9981, 4)])
    refused("x, lines 1 and 4: two runs with the seed 1 begin", "two starts", handed_in.reject_two_starts, "x",
            [first(1, 5.0, 1), first(2, 9.0, 3), first(1, 4.9979, 4)])  # fmt: skip


@pytest.mark.parametrize(
    ("mine", "ours", "same"),
    [
        ({}, {}, True),
        ({"held_out": 2.549}, {}, True),
        ({"held_out": 2.551}, {}, False),
        ({"held_out": 2.449}, {}, False),
        ({"first_losses": [5.5019, 5.4]}, {"first_losses": [5.5, 5.4]}, True),
        ({"first_losses": [5.5, 5.4021]}, {"first_losses": [5.5, 5.4]}, False),
        ({"first_losses": [5.5]}, {"first_losses": [5.5, 5.4]}, False),
        ({"held_out": None}, {"held_out": None}, True),
        ({"held_out": None}, {}, False),
        ({}, {"held_out": None}, False),
        ({"corpus": "other", "held_out": 2.99}, {}, True),
        ({"corpus": "other", "held_out": 3.01}, {}, False),
        ({"corpus": "other", "first_losses": [5.79]}, {"first_losses": [5.5]}, True),
        ({"corpus": "other", "first_losses": [5.81]}, {"first_losses": [5.5]}, False),
        ({"corpus": "", "held_out": 2.551}, {}, False),
    ],
)
def test_a_run_made_again_is_the_same_within_bounds(mine, ours, same, monkeypatch):
    asked = []
    monkeypatch.setattr(handed_in, "made", lambda plan, wanted: asked.append(wanted) or written(**ours))
    given = row(0.9, 0.5, 70, line=3, **mine)
    if same:
        handed_in.reject_other_run("x", PLAN, given)
    else:
        refused("x, line 3: made again, this run is another one", "another run", handed_in.reject_other_run, "x", PLAN, given)
    assert asked == [[(0.9, 0.5, 70)]]


def test_without_torch_it_is_said_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(RuntimeError, match="which needs PyTorch: pip install torch"):
        handed_in.runs(written(), PLAN)
