"""Runs that are handed in: what is true passes, what was changed, chosen or left out is found."""

import json

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


def test_a_forged_end_is_found_by_as_many_secrets_as_it_should_be(text):
    """One row of eight, four of which are made again: half of the secrets find it."""
    end = json.loads(text.splitlines()[7])["held_out"]
    forged, found = changed(text, 7, held_out=end - 0.2), 0
    for secret in range(8):
        try:
            handed_in.runs(forged, PLAN, secret=secret)
        except Wrong as wrong:
            found += 1
            assert wrong.why == "another run" and "line 8" in str(wrong)
    assert 1 <= found <= 7


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
