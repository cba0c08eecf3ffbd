"""Training runs that a student hands in: what their rows must say, and whether it is true.

A question gives a `Plan`: a rule, two momenta, rates, and seeds of the student's own.  The student makes the runs (``python -m
momentum_lib.train sweep``, or `made` in a notebook) and hands in the rows as text.  `runs` checks that every row is one of the
plan's, that each side was judged at the rate that won its tuning, and makes some of the runs again, chosen by a secret.

A row that was changed, or never made, is found where it is among those that are made again: of n rows, ``count`` are, so a
single forged row is found with the chance count / n, and k of them are missed with about (1 - count / n)**k.  What is compared
may differ by `BOUNDS`, which are wider for a Python whose library has other bytes to learn from.

Only making runs needs torch, which is loaded then.
"""

import hashlib
import json
import math
from dataclasses import dataclass, field

from ..grade.answers import Wrong, answer, reject_blank

LARGEST_TEXT = 200_000  # characters
MOST_ROWS = 200
BOUNDS = {True: (2e-3, 0.05), False: (0.3, 0.5)}  # same bytes or others: nats, of the first losses and of the end
TINY = {"model": "pico", "batch": 4, "steps": 40, "warmup": 5, "eval_windows": 64, "precision": "float32"}


@dataclass(frozen=True)
class Plan:
    """The runs that a question asks for.

    ``momentum`` is the name of the hyper-parameter that is varied, ``sides`` its values; each side tries all ``rates`` at
    the seed ``tune``, and is judged at the best of them at the seeds ``judge``.  ``config`` are the other settings.
    """

    rule: str
    momentum: str
    rates: tuple
    tune: int
    judge: tuple
    sides: tuple = (0.0, 0.9)
    config: dict = field(default_factory=TINY.copy)

    def commands(self):
        """The two commands that make the runs, for a terminal; the second one is to be filled in and run for each side."""
        config = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in self.config.items())
        start = f"python -m momentum_lib.train sweep --rule {self.rule} {config} --device cpu --threads 1 --out runs.jsonl"
        words = lambda values: " ".join(f"{value:g}" for value in values)
        sides = ",".join(f"{side:g}" for side in self.sides)
        tune = f"{start} --set {self.momentum}={sides} --lr {words(self.rates)} --seed {self.tune}"
        seeds = " ".join(map(str, self.judge))
        return [tune, f"{start} --set {self.momentum}=SIDE --lr BEST --seed {seeds}"]

    def settings(self, row):
        """The settings of a row's run.  Raises ValueError for one that cannot be."""
        from .settings import Settings

        hyper = {str(name): number(value) for name, value in row["hyper"].items()}
        return Settings(**self.config, rule=self.rule, lr=number(row["lr"]), hyper=hyper, seed=row["seed"])


def number(value):
    """A plain finite number, as a float.  Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:40]!r} is no number")
    return float(value)


def made(plan, wanted):
    """Make runs of a plan in this process, (side, rate, seed) each; returns their rows as text, a line for each."""
    import torch

    from .sweep import Task, run_stated

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        runs = [Task(plan.settings({"lr": lr, "hyper": {plan.momentum: side}, "seed": seed})) for side, lr, seed in wanted]
        return "".join(json.dumps(run_stated(task, alone())) + "\n" for task in runs)
    finally:
        torch.set_num_threads(before)


def alone():
    """One process on the CPU."""
    from . import parallel

    return parallel.alone("cpu")


def read(text):
    """The rows of a text, a JSON object a line, as dicts with the fields that count.  Raises ValueError that names the line."""
    if not isinstance(text, str):
        raise ValueError("the rows must be a text: what the runs wrote, between the quotation marks")
    if len(text) > LARGEST_TEXT or text.count("\n") > 2 * MOST_ROWS:
        raise ValueError(f"the text is too long; at most {MOST_ROWS} rows are read")
    rows = []
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            first = [number(loss) for loss in row["first_losses"]]
            end = None if row["held_out"] is None else number(row["held_out"])
            known = {"key": str(row["key"]), "code": str(row["code"]), "rule": str(row["rule"]), "lr": number(row["lr"])}
            known |= {"hyper": {str(name): number(value) for name, value in row["hyper"].items()}, "seed": row["seed"]}
            if type(row["seed"]) is not int or not first:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError(f"line {place} is no row of a run; paste the rows as they were written, a line each") from None
        rows.append(known | {"line": place, "first_losses": first[:5], "held_out": end, "corpus": str(row.get("corpus", ""))})
    return rows


def runs(given, plan, *, secret=0, count=4):
    """Check rows that were handed in against a plan, and make ``count`` of the runs again, chosen by ``secret`` and the text.

    Returns the sentence that praises.  Raises Wrong with the sentence that helps, and RuntimeError where there is no torch.
    """
    student = answer(given)
    text = student.value()
    reject_blank(student.name, text)
    try:
        rows = read(text)
    except ValueError as error:
        raise Wrong(f"{student.name}: {error}.") from None
    try:
        import torch  # noqa: F401
    except ImportError:
        raise RuntimeError("these runs are made again where they are graded, which needs PyTorch: pip install torch") from None
    for row in rows:
        reject_stranger(student.name, plan, row)
    needed = complete(student.name, plan, rows)
    reject_two_starts(student.name, needed)
    rank = lambda row: hashlib.sha256(f"{secret}\n{row['key']}\n{text}".encode("utf-8", "surrogatepass")).digest()
    for row in sorted(needed, key=rank)[:count]:
        reject_other_run(student.name, plan, row)
    return f"{student.name}: {len(needed)} runs, complete and fairly chosen; {min(count, len(needed))} of them were made again."


def reject_stranger(name, plan, row):
    """Raise Wrong where a row is none of the plan's, or its key is not that of its settings."""
    from ..records import code_of, row_key

    here = f"{name}, line {row['line']}"
    if row["rule"] != plan.rule:
        raise Wrong(f"{here}: a run of {row['rule'][:40]}; your rule is {plan.rule}.", why="another rule")
    try:
        settings = plan.settings(row)
    except (ValueError, TypeError) as error:
        raise Wrong(f"{here}: {str(error)[:200]}") from None
    if set(row["hyper"]) != {plan.momentum}:
        raise Wrong(f"{here}: it sets {', '.join(row['hyper'])[:80]}; the plan's runs set {plan.momentum} alone.", why="hyper")
    if row["key"] != row_key(settings.deciding()):
        raise Wrong(
            f"{here}: its key is not that of its settings; it was made with other settings than the plan's, or changed.",
            why="another key",
        )
    if row["code"] != code_of(plan.rule):
        raise Wrong(f"{here}: made by another version of the library; install the course's and make it again.", why="other code")


def complete(name, plan, rows):
    """The rows that a plan needs.  Raises Wrong for the first one that lacks, and for a side that was not judged at its best."""
    worst = lambda row: math.inf if row["held_out"] is None else row["held_out"]
    side_of = lambda row: row["hyper"].get(plan.momentum)
    there = {(side_of(row), row["lr"], row["seed"]): row for row in rows}
    needed = []
    for side in plan.sides:
        words = f"{plan.momentum} = {side:g}"
        lacking = [lr for lr in plan.rates if (side, lr, plan.tune) not in there]
        if lacking:
            raise Wrong(f"{name}: the run with {words}, rate {lacking[0]:g} and seed {plan.tune} is missing.", why="tuning")
        tuned = [there[side, lr, plan.tune] for lr in plan.rates]
        best = min(tuned, key=worst)["lr"]
        lacking = [seed for seed in plan.judge if (side, best, seed) not in there]
        if lacking and any((side, lr, lacking[0]) in there for lr in plan.rates):
            raise Wrong(
                f"{name}: with {words} you judge at another rate than the best of its tuning, {best:g}. The seeds that judge "
                "must not choose.",
                why="choice",
            )
        if lacking:
            raise Wrong(f"{name}: the run with {words}, its best rate {best:g} and seed {lacking[0]} is missing.", why="judging")
        needed += tuned + [there[side, best, seed] for seed in plan.judge]
    return needed


def reject_two_starts(name, rows):
    """Raise Wrong where two runs with one seed begin with different losses: model and first batch follow from the seed alone."""
    first = {}
    for row in rows:
        other = first.setdefault(row["seed"], row)
        if abs(other["first_losses"][0] - row["first_losses"][0]) > BOUNDS[True][0]:
            raise Wrong(
                f"{name}, lines {other['line']} and {row['line']}: two runs with the seed {row['seed']} begin with different "
                "losses, and the first loss depends on the seed alone.",
                why="two starts",
            )


def reject_other_run(name, plan, row):
    """Raise Wrong where a run, made again, is not what its row says."""
    (again,) = read(made(plan, [(row["hyper"][plan.momentum], row["lr"], row["seed"])]))
    early, late = BOUNDS[row["corpus"] in ("", again["corpus"])]
    far = [abs(a - b) for a, b in zip(row["first_losses"], again["first_losses"])]
    ends = row["held_out"], again["held_out"]
    apart = (None in ends and ends != (None, None)) or (None not in ends and abs(ends[0] - ends[1]) > late)
    if max(far) > early or len(row["first_losses"]) != len(again["first_losses"]) or apart:
        said = ", ".join("diverged" if end is None else f"{end:.3f}" for end in ends)
        raise Wrong(
            f"{name}, line {row['line']}: made again, this run is another one (its end, yours and ours: {said}).",
            why="another run",
        )
