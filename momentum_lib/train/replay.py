"""The first steps of a recorded experiment, run again."""

import torch

from .. import records
from ..records import RecordError
from . import data
from .delay import Delayed
from .loop import Trainer
from .parallel import alone
from .settings import Settings


def replay(record, say=print):
    """Run the first steps of the record's chosen rows on the CPU; raises RecordError where a loss is not the recorded one.

    On the bytes that the record was trained on (same fingerprint), losses must agree within ``replay["tolerance"]`` nats.
    Another Python has other bytes in its library; the tolerance is then ``replay["other_corpus"]``, which still tells a wrong
    rule or model, since a first loss depends on the weights far more than on the text.  A record of times has nothing to
    replay; ``say`` is told so.
    """
    if not record["replay"]["rows"]:
        say("note: nothing was trained for this record (times and bytes), so there are no first steps to run again.")
        return 0.0
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
        config = {**record["config"], **row.get("changes", {}), "compile": False, "shard": "none", "precision": "float32"}
        trainer_of = Delayed if config.pop("delay", 0) else Trainer
        config.pop("target", None)  # says when to stop, not how to step
        settings = Settings(**config, **{name: row[name] for name in ("rule", "lr", "hyper", "seed")})
        trainer = trainer_of(settings, alone("cpu"), corpus)
        for step, recorded in enumerate(row["first_losses"][: plan["steps"]], 1):
            loss = float(trainer.step())
            largest = max(largest, abs(loss - recorded))
            if not abs(loss - recorded) <= tolerance:
                raise RecordError(
                    f"{row['side']}, lr {row['lr']:g}, seed {row['seed']}: step {step} gives the loss {loss:.6f}, recorded "
                    f"{recorded:.6f}; allowed: a difference of {tolerance:g} (torch {torch.__version__}, "
                    f"recorded with {record['versions']})."
                )
    return largest


def explain(path, because):
    """State why a record holds though code that it rests on has changed since; replays it first.

    Every reason that it holds already stays.  Returns the names of the files that got this one, and the largest difference
    of a loss.
    """
    record = records.load(path)
    new = records.unexplained(record)
    record = records.verify(records.explain(record, because))
    difference = replay(record)
    records.write(record, path)
    return new, difference
