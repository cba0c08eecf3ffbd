"""What a step takes with each change: every variant timed in turn, round after round, so that they share the machine's moods.

The ratio to the plain variant is taken within a round, where both were timed within a second or two of each other.  On a CPU the
seconds of the core are counted beside those of the wall clock, so that what else the machine does is left out.
"""

import contextlib
import datetime
import os
import random
import socket
import time
from dataclasses import replace

import torch

from .. import records
from . import parallel
from .data import corpus
from .loop import Trainer
from .model import flops_per_token
from .optimizers import make_optimizer
from .speed import FAMILIES, RULES, settings_of
from .sweep import _context

ROUNDS = 21  # the median lies between the 6th and the 16th of so many, but for 3 % of the time
WINDOWS = 64  # that a variant is shown in a round, at least
RATE = 1e-4  # small, so that the weights stay about where they are
# Variant -> the side of `speed` whose rule it has, and the settings that it changes.
VARIANTS = {
    "adamw": ("adamw momentum", {}),
    "sgd": ("sgd", {}),
    "sgd momentum": ("sgd momentum", {}),
    "muon": ("muon momentum", {}),
    **{
        f"{name} batch {batch}": (side, {"batch": batch})
        for name, side in (("sgd", "sgd"), ("sgd momentum", "sgd momentum"), ("adamw", "adamw momentum"))
        for batch in (4, 64)
    },
    "adamw bf16": ("adamw momentum", {"precision": "bfloat16"}),
    "adamw accumulation 4": ("adamw momentum", {"accumulation": 4}),
    "adamw compiled": ("adamw momentum", {"compile": True}),
}
FUSED = ("adamw fused", "adamw fused by torch")
TWO = "adamw two processes"


def settings_for(family, side, changes):
    """The settings of a variant: the family's, with a small rate."""
    rule, hyper = settings_of(family, side)
    beside = {"adamw_lr": RATE} if rule == "muon" else {}
    return replace(family.base, rule=rule, lr=RATE, hyper={**hyper, **beside}, **changes)


def core():
    """Seconds that processors spent on this process and on the children that have ended."""
    ended = os.times()  # of children it knows hundredths alone, which is enough for those that compile
    return time.process_time() + ended.children_user + ended.children_system


class Alone:
    """A variant in this process; ``fused``: whose updates run over flat buffers, compiled, or by torch's own fused AdamW."""

    def __init__(self, settings, device, fused=""):
        self.settings, self.device = settings, device
        began = self._clock(core)
        self.trainer = Trainer(settings, parallel.World(0, 1, device))
        if fused:
            self.trainer.optimizer = self._fused(fused)
        self.run(1)
        self.first = self._clock(core) - began

    def _clock(self, on_cpu):
        return on_cpu() if self.device.type == "cpu" else time.perf_counter()

    def _fused(self, how):
        model, own = self.trainer.model, self.settings
        if how == FUSED[0]:
            return make_optimizer(model, own.rule, own.lr, own.hyper, compiled=True)
        return torch.optim.AdamW(model.parameters(), lr=own.lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True)

    def run(self, steps):
        """Make so many steps; returns milliseconds a step by the wall clock and, on a CPU, of the core."""
        began, spent = time.perf_counter(), time.process_time()
        for _ in range(steps):
            self.trainer.step()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        core_ms = 1000 * (time.process_time() - spent) / steps if self.device.type == "cpu" else None
        return 1000 * (time.perf_counter() - began) / steps, core_ms

    def close(self):
        """Nothing is left to end."""


def member(pipe, rank, port, settings, kind):
    """One of two processes of a training: makes as many steps as come through the pipe, until 0 comes."""
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    torch.set_num_threads(1)
    trainer = Trainer(settings, parallel.join(kind))
    try:
        while steps := pipe.recv():
            spent = time.process_time()
            for _ in range(steps):
                trainer.step()
            sum(weight.detach().sum() for weight in trainer.model.parameters()).item()  # a GPU is waited for
            pipe.send(time.process_time() - spent)
    finally:
        parallel.leave()


class Two:
    """A variant that two processes share, each with half of every batch."""

    def __init__(self, settings, kind):
        self.settings, self.kind = settings, kind
        began, context = time.perf_counter(), _context()
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.pipes, self.crew = [], []
        for rank in range(2):
            mine, theirs = context.Pipe()
            process = context.Process(target=member, args=(theirs, rank, port, settings, kind), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(mine)
            self.crew.append(process)
        self.run(1)
        self.first = time.perf_counter() - began

    def run(self, steps):
        """Make so many steps; returns milliseconds a step by the wall clock and, on a CPU, of the busier of the two cores.

        The core's are what it takes where each process has a core for itself, but for the time that one waits for the other.
        """
        began = time.perf_counter()
        for pipe in self.pipes:
            pipe.send(steps)
        spent = max(pipe.recv() for pipe in self.pipes)
        core_ms = 1000 * spent / steps if self.kind == "cpu" else None
        return 1000 * (time.perf_counter() - began) / steps, core_ms

    def close(self):
        """End both processes."""
        for pipe in self.pipes:
            with contextlib.suppress(OSError):
                pipe.send(0)
        for process in self.crew:
            process.join(20)
            process.terminate()


def variants(family, device, say=None):
    """Name -> what is timed, each having made its first step.  Two processes on GPUs need two of them."""
    made = {}
    for name, (side, changes) in VARIANTS.items():
        made[name] = Alone(settings_for(family, side, changes), device)
    plain = settings_for(family, *VARIANTS["adamw"])
    for name in FUSED:
        made[name] = Alone(plain, device, name)
    if device.type != "cuda" or torch.cuda.device_count() > 1:
        made[TWO] = Two(plain, device.type)
    if say:
        say(f"{len(made)} variants have made their first step")
    return made


def measure(made, rounds, say=None):
    """Name -> (wall, core) milliseconds a step in each round; in a round the variants come in an order of its own."""
    times, order = {name: [] for name in made}, random.Random(0)
    for number in range(rounds + 1):
        for name in order.sample(list(made), len(made)):
            taken = made[name].run(max(1, WINDOWS // made[name].settings.batch))
            if number:  # the first round warms up
                times[name].append([value and round(value, 4) for value in taken])
        if say and number in (rounds // 2, rounds):
            say(f"{number} of {rounds} rounds")
    return times


def make_record(name, family_name, device, command, title, say=None):
    """Time every variant on the family's model; the record of the experiment of that name."""
    from .experiments import EXPERIMENTS

    family, began = FAMILIES[family_name], time.perf_counter()
    made = variants(family, device, say)
    try:
        times = measure(made, ROUNDS, say)
    finally:
        for each in made.values():
            each.close()
    base = family.base
    rows = [
        {
            "side": side,
            "settings": {key: getattr(each.settings, key) for key in ("rule", "batch", "accumulation", "precision", "compile")},
            "milliseconds": [wall for wall, _ in times[side]],
            "core": [spent for _, spent in times[side] if spent is not None],
            "first": round(each.first, 3),
        }
        for side, each in made.items()
    ]
    return records.make(
        rows=rows,
        sources=[*records.sources_of(dict.fromkeys(rule for rule, _ in RULES.values())), "train/pace.py"],
        experiment=name,
        family=family_name,
        question=EXPERIMENTS[name].question,
        command=command,
        config={
            "model": base.model,
            "batch": base.batch,
            "flops_per_token": flops_per_token(base.config()),
            "rounds": ROUNDS,
            "load": round(os.getloadavg()[0], 2),
        },
        seeds=[0],
        tuning={},
        corpus=corpus().fingerprint,
        device=title,
        wall_seconds=round(time.perf_counter() - began, 1),
        recorded=datetime.date.today().isoformat(),
        replay={"rows": [], "steps": 0, "tolerance": 0.0, "other_corpus": 0.0},
    )
