"""Model-runs a minute: many trainings as one beside the same trainings one by one.

Both take every step in full: batches, forward, backward, clipping, the rule.  A run is one of RUN steps.  On a CPU each side
has one thread and what is told is its own CPU time, so that it holds for as many cores as there are, and on a busy machine.
"""

import statistics
import time
from dataclasses import replace

from .devices import on_each

RUN = 200
RULES = ("heavy_ball", "adamw", "lion", "muon")
SIZES = {
    "cpu": (("pico", 4, 32), ("nano", 8, 4), ("nano", 16, 2)),
    "cuda": (("pico", 4, 256), ("nano", 16, 128), ("micro", 16, 64)),
}
STEPS = 3


def clock(torch, device):
    """Seconds of this process's work on a CPU, of the wall clock on a GPU when it has done all."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def trainers(model, batch, count, device):
    """(the ensemble of ``count`` runs, one run of each rule by itself)."""
    from momentum_lib.train.ensemble import Ensemble
    from momentum_lib.train.loop import Trainer
    from momentum_lib.train.parallel import alone
    from momentum_lib.train.settings import Settings

    base = Settings(model=model, batch=batch, steps=10**6, lr=1e-3, clip=1.0, precision="float32")
    runs = [replace(base, rule=RULES[k * len(RULES) // count], seed=k) for k in range(count)]
    world = alone(device)
    ones = [Trainer(run, world) for run in {run.rule: run for run in runs}.values()]
    return Ensemble(runs, world), ones


def measure(torch, device, rounds):
    """Print a table for one device: what is compared takes turns."""
    who = torch.cuda.get_device_name() if device == "cuda" else "one thread, its own CPU time"
    print(f"\nRuns of {RUN} steps a minute, {', '.join(RULES)}; {who}; medians of {rounds} interleaved rounds")
    print(f"  {'model':<6} {'batch':>5} {'together':>9} {'ensemble':>10} {'one by one':>11} {'ratio':>6}")
    for model, batch, count in SIZES[device]:
        whole, ones = trainers(model, batch, count, device)
        steps = max(1, STEPS * 16 // count) if model == "pico" else STEPS
        times = {"whole": [], "ones": []}
        for turn in range(rounds + 1):
            for name, members, each in (("whole", [whole], count), ("ones", ones, 1)):
                begin = clock(torch, device)
                for member in members:
                    for _ in range(steps):
                        member.step()
                took = (clock(torch, device) - begin) / (steps * each * len(members))
                times[name] += [took] * (turn > 0)  # the first round warms up
        whole_s, ones_s = (statistics.median(found) for found in times.values())
        minute = lambda seconds: 60 / (RUN * seconds)
        print(
            f"  {model:<6} {batch:>5} {count:>9} {minute(whole_s):>10.1f} {minute(ones_s):>11.1f} {ones_s / whole_s:>6.2f}",
            flush=True,
        )


def main(rounds):
    """Print the tables: on the CPU, and on a GPU where there is one."""
    on_each(measure, rounds, "ensembles are")
