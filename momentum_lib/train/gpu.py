"""Everything that a GPU is for, in one command and within a time: checks, speed, then the recorded families.

``python -m momentum_lib.train gpu --minutes 25`` needs PyTorch, NumPy and tqdm, and nothing else.  What is finished is kept: a
report of the checks, a file of rows for each family, a record where a family is complete.  Started again, after a kill or
when the time was up, it goes on from there.  ``--shrunk`` runs the same program on a CPU with tiny models: a rehearsal.
"""

import hashlib
import json
import os
import signal
import time
import traceback
from dataclasses import replace
from pathlib import Path

from .sides import Family
from .stopping import StopRequest

REPORT = "gpu-report.json"
# In the order in which each finished piece is worth most: (experiment, family); the flagship's runs are one by one.
PIECES = (("worth", "gpu"), ("best", "gpu"), ("frequency", "gpu"), ("cost", "gpu"), ("million", "flagship"))
NAMES = ("checks", "speed", *dict.fromkeys(name for name, _ in PIECES))
SPARE = 20.0  # seconds that are left over for writing


class Deadline(StopRequest):
    """A stop that also comes by itself, as a termination signal would, at ``until`` (seconds of the monotonic clock)."""

    def __init__(self, until):
        self.until, self._number = until, 0
        super().__init__()

    @property
    def number(self):
        """The signal that came, SIGTERM where the time is up, else 0."""
        return self._number or (int(signal.SIGTERM) if time.monotonic() >= self.until else 0)

    @number.setter
    def number(self, value):
        self._number = value


class Report:
    """What the checks and the speed measurement found, as a JSON file that is written anew after each of them."""

    def __init__(self, folder, provenance):
        self.path, self.content = Path(folder) / REPORT, {"provenance": provenance, "checks": {}, "speed": {}}
        if self.path.exists():
            found = json.loads(self.path.read_text("utf-8"))
            if found.get("provenance") == provenance:  # another card, torch or code: everything anew
                self.content = found

    def note(self, part, name, found):
        self.content[part][name] = found
        aside = self.path.with_suffix(".new")
        aside.write_text(json.dumps(self.content, indent=1, ensure_ascii=False) + "\n", "utf-8")
        os.replace(aside, self.path)


def shrunk(family):
    """The family with models and lengths of seconds on a CPU."""
    base = replace(family.base, model="pico", context=0, batch=2, steps=4, warmup=1, eval_every=2, eval_windows=2, log_every=2)
    return Family(replace(base, precision="float32", compile=False), family.centre, family.replay)


def provenance(device):
    """What a report holds for: card, versions, and a hash of the code that trains."""
    import torch

    from . import device as devices
    from .sweep import CODE

    code = hashlib.sha256(json.dumps(CODE, sort_keys=True).encode()).hexdigest()[:16]
    return {"device": devices.title(device), "torch": torch.__version__, "cuda": torch.version.cuda, "code": code}


def run_checks(device, report, say, until):
    """Run what :mod:`momentum_lib.train.gpu_checks` lists and the report does not hold as passed; returns the failures' names."""
    from .gpu_checks import CHECKS

    for name, check in CHECKS.items():
        if report.content["checks"].get(name, {}).get("passed") or time.monotonic() > until:
            continue
        began = time.monotonic()
        try:
            said, passed = check(device) or "", True
        except Exception as error:  # whatever a new card does wrong is a finding, and the next check may hold
            said, passed = f"{type(error).__name__}: {' '.join(str(error).split())}", False
            traceback.print_exc()
        seconds = round(time.monotonic() - began, 2)
        report.note("checks", name, {"passed": passed, "said": said, "seconds": seconds})
        say(f"{'holds' if passed else 'FAILS'}  {name.replace('_', ' ')}{': ' if said else ''}{said}  ({seconds:.1f} s)")
    return [name for name, found in report.content["checks"].items() if not found["passed"]]


def measure_speed(device, report, say, small):
    """Tokens a second of the trainer, eager and compiled, beside the short loop of the same shape; and the share of the peak."""
    import torch

    from . import device as devices
    from .data import corpus
    from .loop import Trainer
    from .model import flops_per_token, size
    from .parallel import alone
    from .settings import Settings
    from .short_loop import loop

    model, batch, steps = ("pico", 2, 2) if small else ("small", 64, 10)
    config, precision = size(model), "float32" if small else "bfloat16"
    settings = Settings(model=model, batch=batch, steps=10**6, lr=1e-3, clip=1.0, precision=precision)
    like = replace(settings, norm="layer", positions="learned")
    wanted = {"loop": None, "ours": settings, "ours, its norms and positions": like}
    if not small:  # on a CPU it would be minutes of a compiler
        wanted["ours, compiled"] = replace(settings, compile=True)
    peak = devices.peak_flops(devices.title(device), precision) or devices.measured_peak(device, precision)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    for name, chosen in wanted.items():
        if name in report.content["speed"]:
            continue
        kind = device.type
        step = Trainer(chosen, alone(kind)).step if chosen else loop(config, batch, kind, corpus())
        best = float("inf")
        for _ in range(3):  # the first one compiles and fills caches
            wait()
            began = time.perf_counter()
            for _ in range(steps):
                step()
            wait()
            best = min(best, (time.perf_counter() - began) / steps)
        tokens = batch * config.context / best
        share = devices.utilisation(tokens, flops_per_token(config), peak)
        report.note("speed", name, {"model": model, "tokens_per_second": round(tokens), "utilisation": round(share, 4)})
        say(f"speed  {name}: {tokens:,.0f} tokens a second, {share:.1%} of the peak")


def make_family(name, family_name, family, out, device, until, say):
    """Make what is missing of a family, and its record where nothing is; returns True where it is complete."""
    from .experiments import EXPERIMENTS, plan, record, tasks
    from .folder import check_record
    from .sweep import Rows, run_all
    from .together import run_together

    experiment, path = EXPERIMENTS[name], out / f"{name}-{family_name}.json"
    command = f"python -m momentum_lib.train gpu --only {name}"
    with Rows(out / f"{name}-{family_name}.rows.jsonl", current=True) as rows:
        check_record(path, rows.rows)
        say(f"{name}, {family_name}: {plan(experiment, family)}")
        judged = []
        while not judged:  # a search names its next tries once the last ones have ended
            tuning, judged = tasks(experiment, family, rows.rows)
            run = run_all if family_name.startswith("flagship") else run_together
            if run(judged or tuning, rows, threads=0, device=device.type, say=say, stop=Deadline(until)):
                keys = {row["key"] for row in rows.rows}
                say(f"{name}: {sum(task.key in keys for task in judged or tuning)} runs are kept; the same command goes on")
                return False
        write(record(name, family_name, rows.rows, device, command, family), path, say)
    return True


def make_cost(family_name, out, device, say):
    """The record of what a step of each rule costs."""
    from . import cost
    from . import device as devices

    path = out / f"cost-{family_name}.json"
    if not path.exists():
        where = f"{devices.title(device)}; {devices.machine()}"
        write(
            cost.make_record("cost", family_name, device, "python -m momentum_lib.train gpu --only cost", where, say), path, say
        )


def write(record, path, say):
    from .. import records

    records.write(record, path)
    say(f"recorded {path}: {len(record['rows'])} rows")


def run(minutes, out, *, small=False, only=(), say=print):
    """The whole command; returns the exit code: 0, or 1 where a check failed.

    Raises DeviceError where no CUDA device is there and the rehearsal was not asked for.
    """
    from . import parallel
    from .experiments import FAMILIES
    from .gpu_checks import describe

    until = time.monotonic() + 60 * minutes - SPARE
    device = parallel.alone("cpu" if small else "cuda").device
    out.mkdir(parents=True, exist_ok=True)
    wanted = only or NAMES
    for line in describe(device):
        say(line)
    if small:
        say("a rehearsal on a CPU with tiny models: it checks the program, and no GPU has seen it")
    report = Report(out, provenance(device))
    failed = run_checks(device, report, say, until) if "checks" in wanted else []
    if "speed" in wanted and time.monotonic() < until:
        measure_speed(device, report, say, small)
    complete = True
    for name, family_name in PIECES:
        if name not in wanted:
            continue
        if time.monotonic() >= until:
            complete = False
        elif name == "cost":
            if not small:  # a record is of a real model's tensors
                make_cost(family_name, out, device, say)
        else:
            family = shrunk(FAMILIES[family_name]) if small else FAMILIES[family_name]
            called = f"{family_name}-shrunk" if small else family_name
            complete &= make_family(name, called, family, out, device, until, say)
    if failed:
        say(f"failed: {', '.join(failed)}; see {report.path}")
    say("everything is there" if complete else "the time was up; the same command goes on from here")
    return int(bool(failed))
