"""The trainer on one device beside a short eager loop as nanoGPT has it: the same shape, batch and kind of step.

The loop (momentum_lib/train/short_loop.py) is written out in few lines: learned positions, layer norm without bias, one
matrix for queries, keys and values, torch's own attention, a tied head, clipping, torch.optim.AdamW.  The trainer's model
has rotary positions and RMS norms, which are more work; a second row has the loop's own positions and norms.  On a CPU the
time is one thread's own, so that it holds on a busy machine; on a GPU the wall clock's, both in bfloat16.
"""

import statistics
import time

from .devices import on_each

SIZES = {"cpu": (("nano", 16), ("micro", 16)), "cuda": (("mini", 64), ("small", 64))}


def trainer(model, batch, device, corpus, **changes):
    """A :class:`momentum_lib.train.loop.Trainer` of that shape, batch and kind of step."""
    from momentum_lib.train.loop import Trainer
    from momentum_lib.train.parallel import alone
    from momentum_lib.train.settings import Settings

    precision = "bfloat16" if device == "cuda" else "float32"
    settings = Settings(model=model, batch=batch, steps=10**6, rule="adamw", lr=1e-3, clip=1.0, precision=precision, **changes)
    return Trainer(settings, alone(device), corpus)


def in_turn(torch, tasks, rounds, steps, device):
    """Median seconds of a step of each task; they take turns, and the first round only warms up."""
    found = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, step in tasks.items():
            begin = clock(torch, device)
            for _ in range(steps):
                step()
            found[name] += [(clock(torch, device) - begin) / steps] * (turn > 0)
    return {name: statistics.median(times) for name, times in found.items()}


def clock(torch, device):
    """Seconds of this thread's work on a CPU, of the wall clock on a GPU when it has done all."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def measure(torch, device, rounds, sizes=None):
    """Print a table for one device, and return the ratios of speed by size: ours over the loop's."""
    from momentum_lib.train import data
    from momentum_lib.train import device as devices
    from momentum_lib.train.model import flops_per_token, size
    from momentum_lib.train.short_loop import loop

    corpus, ratios = data.corpus(), {}
    if device == "cuda":
        who, peak = torch.cuda.get_device_name(), devices.peak_flops(torch.cuda.get_device_name(), "bfloat16")
    else:
        who, peak = "one thread, its own time", devices.measured_peak(torch.device("cpu"), clock=time.process_time)
    peak_words = f"peak of matrix products {peak / 1e9:.0f} GFLOP/s" if peak else "no peak known"
    print(f"\nTraining steps, AdamW, beside an eager loop as nanoGPT has it; {who}; {peak_words}")
    print(f"  {'model':<6} {'tokens':>6} {'loop ms':>9} {'ours ms':>9} {'speed':>7} {'its norms':>10}   of the peak (loop, ours)")
    for model, batch in sizes or SIZES[device]:
        config = size(model)
        tasks = {
            "loop": loop(config, batch, device, corpus),
            "ours": trainer(model, batch, device, corpus).step,
            "alike": trainer(model, batch, device, corpus, norm="layer", positions="learned").step,
        }
        t = in_turn(torch, tasks, rounds, 5 if model == "nano" or device == "cuda" else 1, device)
        flops = batch * config.context * flops_per_token(config)
        shares = ", ".join(f"{flops / t[name] / peak:.0%}" for name in ("loop", "ours")) if peak else "-"
        ratios[model] = t["loop"] / t["ours"]
        print(
            f"  {model:<6} {batch * config.context:>6} {1e3 * t['loop']:>9.1f} {1e3 * t['ours']:>9.1f} {ratios[model]:>6.2f}x"
            f" {t['loop'] / t['alike']:>9.2f}x   {shares}",
            flush=True,
        )
    return ratios


def main(rounds):
    """Print the tables: on the CPU, and on a GPU where there is one."""
    on_each(measure, rounds, "the trainer is")
