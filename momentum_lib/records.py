"""Recorded experiments: written with their provenance, read without torch, checked, and replayed.

A record is one JSON file in ``notebooks/records``.  :func:`load` reads it, :func:`verify` recomputes what it claims,
:func:`replay` runs its first steps again (this alone needs torch)::

    python -m momentum_lib.records verify notebooks/records/*.json
    python -m momentum_lib.records replay notebooks/records/momentum-cpu.json

``experiment``     its name, a key of ``train.summary.SUMMARIES``; ``family`` is cpu or gpu
``question``       what it asks, in a sentence; ``command`` runs it again
``config``         the settings that all runs share; a row adds rule, lr, hyper and seed
``seeds``          those of the runs that are counted; ``tuning`` what each side was allowed to try before
``sources``        SHA-256 of each file of the library that the numbers rest on
``older``          for a file that changed since: its present SHA-256 and why the numbers still hold
``corpus``         fingerprint of the training data; ``versions``, ``device``, ``wall_seconds``, ``recorded`` (date)
``rows``           every run, losing settings included; ``summary`` what they say, recomputed by ``verify``
``replay``         which rows' first losses are run again, over how many steps, and how closely they must agree
``digest``         SHA-256 of all the rest
"""

import argparse
import hashlib
import json
import math
import platform
import sys
from pathlib import Path

from .core import nearest
from .train.summary import SUMMARIES

FORMAT = "momentum_lib.record"
VERSION = 1
LIBRARY = Path(__file__).resolve().parent
_BESIDE, _INSTALLED = LIBRARY.parent / "notebooks" / "records", LIBRARY / "recorded"
FOLDER = _BESIDE if _BESIDE.is_dir() or not _INSTALLED.is_dir() else _INSTALLED  # the wheel carries the records as package data

TEXT, NUMBER, LIST, DICT = str, (int, float), list, dict
FIELDS = {
    "format": TEXT,
    "version": int,
    "experiment": TEXT,
    "family": TEXT,
    "question": TEXT,
    "command": TEXT,
    "config": DICT,
    "seeds": LIST,
    "tuning": DICT,
    "sources": DICT,
    "older": DICT,
    "corpus": TEXT,
    "versions": DICT,
    "device": TEXT,
    "wall_seconds": NUMBER,
    "recorded": TEXT,
    "replay": DICT,
    "summary": DICT,
    "digest": TEXT,
    "rows": LIST,
}
RUN = {
    "key": TEXT,
    "role": TEXT,
    "side": TEXT,
    "rule": TEXT,
    "lr": NUMBER,
    "hyper": DICT,
    "seed": int,
    "held_out": (int, float, type(None)),
    "diverged_at": (int, type(None)),
    "first_losses": LIST,
    "curve": LIST,
    "evaluations": LIST,
    "seconds": NUMBER,
}
TIMING = {"side": TEXT, "rule": TEXT, "milliseconds": LIST, "state_bytes": int, "parameters": int}


class RecordError(ValueError):
    """A record is damaged, or does not hold what it claims."""


def canonical(value):
    """JSON text that is the same for the same value: keys sorted, no spaces, whole floats as numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def row_key(settings):
    """The identity of a run: a hash of the settings that decide its numbers."""
    plain = {name: float(value) if type(value) is int else value for name, value in settings.items()}
    plain["hyper"] = {name: float(value) for name, value in settings.get("hyper", {}).items()}
    return hashlib.sha256(canonical(plain).encode()).hexdigest()[:16]


def digest(record):
    """SHA-256 of everything in a record but the digest itself."""
    return hashlib.sha256(canonical({name: value for name, value in record.items() if name != "digest"}).encode()).hexdigest()


def source_hash(name, library=LIBRARY):
    """SHA-256 of one file of the library, line ends aside; None if it does not exist.  name: a path such as "rules/sign.py"."""
    path = Path(library) / name
    if not path.is_file():
        return None
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def sources_of(rules):
    """The files of the library that decide the numbers of runs with these rules."""
    from .rules import get

    families = {get(rule).fn.__module__.rpartition(".")[2] for rule in rules}
    optim = [path.relative_to(LIBRARY).as_posix() for path in sorted(LIBRARY.glob("optim/*.py"))]
    training = [f"train/{name}.py" for name in ("data", "loop", "model", "optimizers", "schedule", "settings", "summary")]
    return sorted({"core.py", "ops.py", "train/files.txt", *optim, *training, *(f"rules/{name}.py" for name in families)})


def code_of(rule):
    """The identity of the code that a run with this rule rests on: a hash of its sources."""
    return hashlib.sha256(canonical({name: source_hash(name) for name in sources_of([rule])}).encode()).hexdigest()[:12]


def versions():
    """Python, NumPy, and torch where it has been imported."""
    import numpy

    found = {"python": platform.python_version(), "numpy": numpy.__version__}
    if "torch" in sys.modules:
        found["torch"] = sys.modules["torch"].__version__
    return found


# -- writing -----------------------------------------------------------------------------------


def make(*, rows, sources, older=None, **fields):
    """A complete record from its parts: adds format, versions, hashes, summary and digest.  Raises RecordError if it does not
    verify."""
    record = {
        "format": FORMAT,
        "version": VERSION,
        **fields,
        "sources": {name: source_hash(name) for name in sources},
        "older": older or {},
        "versions": versions(),
        "rows": rows,
    }
    record["summary"] = _summary(record)
    record["digest"] = digest(record)
    record = {name: record[name] for name in (*FIELDS, *(name for name in record if name not in FIELDS)) if name in record}
    verify(record)
    return record


def text(record):
    """A record as the file's text: one field a line, one row a line, so that a change shows as the line it is in."""
    lines = []
    for name, value in record.items():
        if name == "rows":
            body = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in value)
            lines.append(f' "rows": [\n{body}\n ]')
        else:
            lines.append(f' "{name}": {json.dumps(value, allow_nan=False)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write(record, path):
    """Write a record that verifies to ``path``; returns the path."""
    verify(record)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_suffix(".tmp")
    making.write_text(text(record), "utf-8")
    making.replace(path)
    return path


# -- reading and checking ----------------------------------------------------------------------


def load(path):
    """Read a record: by path, or by name ("momentum-cpu") from ``notebooks/records``.

    Raises RecordError where the file is missing, no JSON, or not a record.  :func:`verify` checks what it says.
    """
    path = Path(path)
    if path.suffix != ".json":
        path = FOLDER / f"{path}.json"
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.json")) or ["none"]
        raise RecordError(f"{path} does not exist; records there: {', '.join(there)}.")
    try:
        record = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise RecordError(f"{path} is no JSON ({error}).") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise RecordError(f"{path} is not a record of this library; it lacks the mark {FORMAT!r}.")
    return record


def verify(record, library=LIBRARY):
    """Check a record from end to end; returns it, or raises RecordError with the first thing that is wrong.

    Fields and their types; the digest; each row's key against its settings; that judged seeds and tuning budgets are those
    stated and equal for all sides; the summary, recomputed; each source's hash against the library's file, or the
    stated reason why the numbers still hold.
    """
    _check_schema(record)
    if record["digest"] != digest(record):
        raise RecordError("the digest does not fit: the record was changed after it was written.")
    if record["experiment"] != "cost":
        _check_runs(record)
    difference = _differs(record["summary"], _summary(record))
    if difference:
        raise RecordError(f"the summary does not follow from the rows: {difference}.")
    _check_sources(record, library)
    return record


def _check_fields(what, value, fields):
    for name, kind in fields.items():
        if name not in value:
            raise RecordError(f"{what} lacks {name!r}.")
        if not isinstance(value[name], kind) or (isinstance(value[name], bool) and kind is not bool):
            raise RecordError(f"{what}: {name!r} has the type {type(value[name]).__name__}.")


def _check_schema(record):
    _check_fields("the record", record, FIELDS)
    if record["format"] != FORMAT or record["version"] != VERSION:
        raise RecordError(f"format {record['format']!r}, version {record['version']}; this library reads {FORMAT!r}, {VERSION}.")
    if extra := sorted(set(record) - set(FIELDS)):
        raise RecordError(f"unknown field {extra[0]!r}.")
    if record["experiment"] not in SUMMARIES:
        raise RecordError(nearest(record["experiment"], SUMMARIES, "experiment"))
    if not record["rows"]:
        raise RecordError("the record has no rows.")
    for name in ("question", "command", "device", "recorded", "corpus"):
        if not record[name].strip():
            raise RecordError(f"{name!r} is empty.")
    kind = TIMING if record["experiment"] == "cost" else RUN
    for number, row in enumerate(record["rows"]):
        if not isinstance(row, dict):
            raise RecordError(f"row {number} is no object.")
        _check_fields(f"row {number}", row, kind)
    _check_finite("the record", record)


def _check_finite(what, value):
    if isinstance(value, float) and not math.isfinite(value):
        raise RecordError(f"{what} holds {value}; a number must be finite.")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        _check_finite(f"{what}, {name}", item)


def _check_runs(record):
    seen = set()
    for number, row in enumerate(record["rows"]):
        settings = {**record["config"], **{name: row[name] for name in ("rule", "lr", "hyper", "seed")}}
        if row["key"] != row_key(settings):
            raise RecordError(f"row {number}: its key does not follow from its settings.")
        if row["key"] in seen:
            raise RecordError(f"row {number} repeats an earlier run.")
        seen.add(row["key"])
        if row["role"] not in ("tune", "judge"):
            raise RecordError(f"row {number}: role is {row['role']!r}; allowed: 'tune', 'judge'.")
        if (row["held_out"] is None) != (row["diverged_at"] is not None):
            raise RecordError(f"row {number}: a run has a held-out loss or a step at which it diverged, one of the two.")
        if row["held_out"] is not None and abs(row["held_out"] - row["evaluations"][-1][1]) > 1e-4:
            raise RecordError(f"row {number}: held_out is not its last evaluation.")
    budget = record["tuning"].get("runs_per_side")
    for side in dict.fromkeys(row["side"] for row in record["rows"]):
        mine = [row for row in record["rows"] if row["side"] == side]
        tried = sum(row["role"] == "tune" for row in mine)
        if tried != budget:
            raise RecordError(f"{side}: {tried} tuning runs; the stated budget is {budget} for every side.")
        judged = sorted(row["seed"] for row in mine if row["role"] == "judge")
        if judged != sorted(record["seeds"]):
            raise RecordError(f"{side}: judged at seeds {judged}; stated: {sorted(record['seeds'])}.")
        if {row["seed"] for row in mine if row["role"] == "tune"} & set(record["seeds"]):
            raise RecordError(f"{side}: tuned on a seed that it is judged by.")


def _summary(record):
    return SUMMARIES[record["experiment"]](record["rows"])


def _differs(stored, computed, where="summary"):
    """The first place where two summaries differ, in words, or None; floats may differ by 1e-9 of their size."""
    if isinstance(computed, dict) and isinstance(stored, dict):
        if list(stored) != list(computed):
            return f"{where} has {sorted(stored)}, computed {sorted(computed)}"
        pairs = [(f"{where}, {name}", stored[name], computed[name]) for name in computed]
    elif isinstance(computed, list) and isinstance(stored, list):
        if len(stored) != len(computed):
            return f"{where} has {len(stored)} entries, computed {len(computed)}"
        pairs = [(f"{where}, {k}", a, b) for k, (a, b) in enumerate(zip(stored, computed))]
    elif isinstance(computed, float) and isinstance(stored, (int, float)) and not isinstance(stored, bool):
        return (
            None if math.isclose(stored, computed, rel_tol=1e-9, abs_tol=1e-12) else f"{where} is {stored}, computed {computed}"
        )
    else:
        same = stored == computed and isinstance(stored, bool) == isinstance(computed, bool)
        return None if same else f"{where} is {stored!r}, computed {computed!r}"
    return next((found for where, a, b in pairs if (found := _differs(a, b, where))), None)


def _check_sources(record, library):
    if not record["sources"]:
        raise RecordError("the record names no source.")
    for name in changed(record, library):
        reason = record["older"].get(name, {})
        if reason.get("now") != source_hash(name, library) or not str(reason.get("why", "")).strip():
            raise RecordError(
                f"{name} changed since the record was made. Replay it; if its numbers still hold, state why with "
                "`python -m momentum_lib.records older FILE --because '...'`, else record it again."
            )


def changed(record, library=LIBRARY):
    """The sources whose files are no longer those that the record was made with."""
    return [name for name, value in record["sources"].items() if source_hash(name, library) != value]


# -- running it again --------------------------------------------------------------------------


def replay(record, say=print):
    """Run the first steps of the record's chosen rows on the CPU; raises RecordError where a loss is not the recorded one.

    On the bytes that the record was trained on (same fingerprint), losses must agree within ``replay["tolerance"]`` nats.
    Another
    Python has other bytes in its library; the tolerance is then ``replay["other_corpus"]``, which still tells a wrong rule
    or model, since a first loss hangs on the weights far more than on the text.  Needs torch.
    """
    if not record["replay"]["rows"]:
        say("note: nothing was trained for this record (times and bytes), so there are no first steps to run again.")
        return 0.0
    import torch

    from .train import data
    from .train.loop import Trainer
    from .train.parallel import alone
    from .train.settings import Settings

    plan, rows = record["replay"], {row["key"]: row for row in record["rows"]}
    corpus = data.corpus()
    same = corpus.fingerprint == record["corpus"]
    tolerance = plan["tolerance"] if same else plan["other_corpus"]
    if not same:
        say(
            f"note: recorded on data {record['corpus'][:12]}, this Python's library is {corpus.fingerprint[:12]}; "
            f"losses are compared within {tolerance:g} nats."
        )
    largest = 0.0
    for key in plan["rows"]:
        row = rows[key]
        config = {**record["config"], "compile": False, "shard": "none", "precision": "float32"}
        settings = Settings(**config, **{name: row[name] for name in ("rule", "lr", "hyper", "seed")})
        trainer = Trainer(settings, alone("cpu"), corpus)
        for step, recorded in enumerate(row["first_losses"][: plan["steps"]], 1):
            loss = float(trainer.step())
            largest = max(largest, abs(loss - recorded))
            if not abs(loss - recorded) <= tolerance:
                raise RecordError(
                    f"{row['side']}, lr {row['lr']:g}, seed {row['seed']}: step {step} gives the loss {loss:.6f}, recorded "
                    f"{recorded:.6f}; allowed: a difference of {tolerance:g} (torch {torch.__version__}, recorded with "
                    f"{record['versions']})."
                )
    return largest


def main(argv=None):
    """The command line: verify, replay, show, older.  Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m momentum_lib.records", description="Check recorded experiments.")
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "verify": "recompute the summary, check fields, hashes and budgets",
        "replay": "run the first steps again and compare losses (needs torch)",
        "show": "print question, command and summary",
        "older": "state why a record still holds though a source file changed; replays it first",
    }
    for name, words in helps.items():
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("files", nargs="+", type=Path, metavar="FILE")
        if name == "older":
            command.add_argument("--because", required=True, help="the reason, in a sentence")
    arguments = parser.parse_args(argv)
    try:
        for path in arguments.files:
            globals()[f"_{arguments.command}"](path, arguments)
    except (RecordError, OSError) as error:
        print(f"error: {path}: {error}", file=sys.stderr)
        return 1
    return 0


def _verify(path, _):
    record = verify(load(path))
    print(f"{path}: verified, {len(record['rows'])} rows, recorded {record['recorded']} on {record['device']}")


def _replay(path, _):
    print(f"{path}: replayed, largest difference {replay(verify(load(path))):.2e} nats")


def _show(path, _):
    record = load(path)
    print(f"{record['question']}\n{record['command']}\n{json.dumps(record['summary'], indent=1)}")


def _older(path, arguments):
    record = load(path)
    record["older"] = {name: {"now": source_hash(name), "why": arguments.because} for name in changed(record)}
    record["digest"] = digest(record)
    difference = replay(verify(record))
    write(record, path)
    print(f"{path}: {', '.join(record['older']) or 'no source'} changed; replayed, largest difference {difference:.2e} nats")


if __name__ == "__main__":
    sys.exit(main())
