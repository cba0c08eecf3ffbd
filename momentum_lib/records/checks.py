"""Does a record hold what it claims?"""

import math

from ..core import nearest
from .code import LIBRARY, source_hash
from .format import FIELDS, FORMAT, VERSION, RecordError, digest, row_key
from .kinds import KINDS
from .speed import crossing


def verify(record, library=LIBRARY):
    """Check a record from end to end; returns it, or raises RecordError with the first thing that is wrong.

    Fields and their types; the digest; each row's key against its settings; that judged seeds and tuning budgets are those
    stated and equal for all sides; the summary, recomputed; each source's hash against the library's file, or the
    stated reason why the numbers still hold.
    """
    _check_schema(record)
    if record["digest"] != digest(record):
        raise RecordError("the digest does not fit: the record was changed after it was written.")
    if KINDS[record["experiment"]].trained:
        _check_runs(record)
    difference = _differs(record["summary"], summary_of(record))
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
    if record["experiment"] not in KINDS:
        raise RecordError(nearest(record["experiment"], KINDS, "experiment"))
    if not record["rows"]:
        raise RecordError("the record has no rows.")
    for name in ("question", "command", "device", "recorded", "corpus"):
        if not record[name].strip():
            raise RecordError(f"{name!r} is empty.")
    fields = KINDS[record["experiment"]].fields
    for number, row in enumerate(record["rows"]):
        if not isinstance(row, dict):
            raise RecordError(f"row {number} is no object.")
        _check_fields(f"row {number}", row, fields)
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
        own = {name: row[name] for name in ("rule", "lr", "hyper", "seed")}
        settings = {**record["config"], **row.get("changes", {}), **own}
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
        if "reached" in row and row["reached"] != crossing(row["evaluations"], record["config"]["target"]):
            raise RecordError(f"row {number}: reached is not where its evaluations cross the target.")
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


def summary_of(record):
    """What the rows of a record say together, computed anew."""
    return KINDS[record["experiment"]].summary(record["rows"])


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
    for name, reasons in record["older"].items():
        _check_reasons(name, reasons, record["sources"])
    for name in unexplained(record, library):
        raise RecordError(
            f"the code in {name} changed since the record was made. Replay it; if its numbers still hold, state why with "
            "`python -m momentum_lib.train older FILE --because '...'`, else delete it and record it again."
        )


def _check_reasons(name, reasons, sources):
    if name not in sources:
        raise RecordError(f"'older' explains {name}, which is no source of the record.")
    if not isinstance(reasons, list) or not reasons:
        raise RecordError(f"'older', {name}: a list of reasons is wanted, oldest first, each with 'now' and 'why'.")
    for number, reason in enumerate(reasons):
        if not isinstance(reason, dict) or set(reason) != {"now", "why"} or not str(reason["why"]).strip():
            raise RecordError(f"'older', {name}, reason {number}: wanted are 'now', a hash, and 'why', a sentence.")


def changed(record, library=LIBRARY):
    """The sources whose code is no longer that which the record was made with."""
    return [name for name, value in record["sources"].items() if source_hash(name, library) != value]


def unexplained(record, library=LIBRARY):
    """The changed sources whose latest reason, if there is one, was given for other code than today's."""
    older = record["older"]
    return [
        name for name in changed(record, library) if name not in older or older[name][-1]["now"] != source_hash(name, library)
    ]


def explain(record, because, library=LIBRARY):
    """The record with a reason for every change that has none.

    The reasons that it holds stay, each with the hash of the code that it was given for.
    """
    older = {name: list(reasons) for name, reasons in record["older"].items()}
    for name in unexplained(record, library):
        older.setdefault(name, []).append({"now": source_hash(name, library), "why": because})
    explained = {**record, "older": older}
    return {**explained, "digest": digest(explained)}
