"""The torch optimiser: a step of the compiled and of the plain path beside torch's fused, foreach and for-loop ones.

The tensors are those of a transformer with 10.7 million parameters.  torch is left out of a machine without it.  On a CPU a
second table tells the time of one thread by its own clock, which holds on a busy machine, too: there the plain path stands
beside torch's for-loop, Muon beside torch.optim.Muon, and Schedule-Free beside its authors' package, where that is installed.
A third one tells the highest memory of the first steps, each in a process of its own.
"""

import copy
import functools
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

WIDTH, LAYERS, HEADS, CONTEXT, BATCH = 384, 6, 6, 128, 4
RULES = {  # rule -> torch's class and its options
    "heavy_ball": ("SGD", {"momentum": 0.9}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
}
LR = 1e-4


def transformer(torch, device):
    """Tokens and positions, six blocks, a head tied to the tokens: 10.7 million parameters."""
    nn = torch.nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(256, WIDTH), nn.Embedding(CONTEXT, WIDTH)
            block = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True, norm_first=True)
            self.blocks = nn.TransformerEncoder(block, LAYERS, enable_nested_tensor=False)

        def forward(self, ids):  # (batch, context) -> (batch, context, 256)
            x = self.tokens(ids) + self.positions.weight
            mask = nn.Transformer.generate_square_subsequent_mask(CONTEXT, device=ids.device)
            return self.blocks(x, mask=mask, is_causal=True) @ self.tokens.weight.mT

    torch.manual_seed(0)
    return Model().to(device)


def in_turn(tasks, rounds, wait, clock=time.perf_counter):
    """Median milliseconds of each task: every round runs them all, in an order of its own; the first one only warms up."""
    times, order = {name: [] for name in tasks}, random.Random(0)
    for turn in range(rounds + 1):
        for name in order.sample(list(tasks), len(tasks)):
            task = tasks[name]
            wait()
            begin = clock()
            task()
            wait()
            times[name] += [1e3 * (clock() - begin)] * (turn > 0)
    return {name: statistics.median(found) for name, found in times.items()}


def passes(torch, model, optimizer, batch):
    """A function: gradients of a forward and a backward pass over ``batch`` sequences, fresh ones."""
    torch.manual_seed(1)
    ids = torch.randint(256, (batch, CONTEXT), device=model.tokens.weight.device)

    def backward():
        optimizer.zero_grad()
        logits = model(ids)
        torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()

    return backward


def with_gradients(torch, model, build):
    """An optimiser on a copy of the model, after two steps on gradients of a backward pass, the last ones in place."""
    model = copy.deepcopy(model)
    optimizer = build(list(model.parameters()))
    backward = passes(torch, model, optimizer, BATCH)
    for _ in range(2):
        backward()
        optimizer.step()
    backward()
    return optimizer, backward


def agree(ours, theirs, name):
    """What is compared computes the same: the parameters after the same two steps, on average to a hundredth of a rate.

    On average, because Adam takes a full step along a gradient that is nothing but rounding (a key's bias, say).
    """
    pairs = list(zip(ours.param_groups[0]["params"], theirs.param_groups[0]["params"], strict=True))
    apart = sum((p - q).detach().abs().sum().item() for p, q in pairs) / sum(p.numel() for p, _ in pairs)
    assert apart < LR / 100, f"{name}: the optimisers part by {apart:g} on average"


def bandwidth(torch, device):
    """Bytes a second of a large copy: what the memory does when nothing else is in the way."""
    a = torch.zeros(2**28, device=device)
    b = torch.empty_like(a)
    ms = in_turn({"copy": lambda: b.copy_(a)}, 5, torch.cuda.synchronize)["copy"]
    return 2 * a.numel() * 4 / (ms / 1e3)


def measure(torch, device, rounds):
    from momentum_lib import rules
    from momentum_lib.optim import Optimizer

    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    model = transformer(torch, device)
    count = sum(p.numel() for p in model.parameters())
    where = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"\nOptimiser step: {count / 1e6:.1f} million parameters in {len(list(model.parameters()))} tensors, float32, {where};")
    print(f"milliseconds, medians of {rounds} interleaved rounds")
    print(f"  {'':<12} {'fused':>8} {'foreach':>8} {'compiled':>9} {'plain':>8}   comp./fused plain/foreach", end="")
    print("  share of memory bandwidth (fused, compiled)" if device == "cuda" else "   backward + step")
    peak = bandwidth(torch, device) if device == "cuda" else None
    for name, (cls, options) in RULES.items():
        theirs = functools.partial(getattr(torch.optim, cls), lr=LR, **options)
        ours = functools.partial(Optimizer, rule=name, lr=LR)
        made = {
            "fused": with_gradients(torch, model, functools.partial(theirs, fused=True)),
            "foreach": with_gradients(torch, model, functools.partial(theirs, foreach=True)),
            "compiled": with_gradients(torch, model, functools.partial(ours, compiled=True)),
            "plain": with_gradients(torch, model, ours),
        }
        for key in ("compiled", "plain"):
            agree(made[key][0], made["foreach"][0], name)
        t = in_turn({key: optimizer.step for key, (optimizer, _) in made.items()}, 4 * rounds, wait)
        cells = f"  {name:<12} {t['fused']:8.2f} {t['foreach']:8.2f} {t['compiled']:9.2f} {t['plain']:8.2f}"
        ratios = f"{t['compiled'] / t['fused']:11.2f} x {t['plain'] / t['foreach']:11.2f} x"
        if made["compiled"][0].engine != "compiled":
            ratios += f"  ({made['compiled'][0].engine})"
        if peak:
            moved = 4 * count * (3 + 2 * len(rules.get(name).slots))  # point and slots read and written, gradient read
            last = "  ".join(f"{moved / (t[key] / 1e3) / peak:.0%}" for key in ("fused", "compiled"))
        else:
            whole = in_turn({key: both(*pair) for key, pair in made.items()}, rounds, wait)
            last = "  ".join(f"{key} {ms:.0f}" for key, ms in whole.items())
            last += f"; compiled/fused {whole['compiled'] / whole['fused']:.2f} x"
        print(f"{cells} {ratios}   {last}", flush=True)


def rivals(torch):
    """What a person would use instead: name -> (their optimiser, ours, whether it moves the hidden matrices alone)."""
    from momentum_lib.optim import Optimizer

    ours = lambda rule, **options: functools.partial(Optimizer, rule=rule, lr=LR, **options)
    found = {}
    for name, (cls, options) in RULES.items():
        theirs = functools.partial(getattr(torch.optim, cls), lr=LR, foreach=False, **options)
        found[f"{name}: torch's for-loop"] = theirs, ours(name), False
    theirs = functools.partial(torch.optim.Muon, lr=LR, weight_decay=0.0)
    found["muon in bfloat16: torch.optim.Muon"] = theirs, ours("muon", products="bfloat16"), True
    found["muon in float32: torch.optim.Muon"] = theirs, ours("muon"), True
    try:
        import schedulefree
    except ImportError as error:
        print(f"  Schedule-Free's package is left out: {error}. For it: pip install schedulefree")
        return found

    def reference(params):
        optimizer = schedulefree.SGDScheduleFree(params, lr=LR, momentum=0.9)
        optimizer.train()
        return optimizer

    found["schedule_free: schedulefree"] = reference, ours("schedule_free"), False
    found["schedule_free, compiled: schedulefree"] = reference, ours("schedule_free", compiled=True), False
    return found


def moving(torch, model, build, hidden):
    """A step of an optimiser on copies of the model's parameters with gradients drawn at random."""
    params = [p.detach().clone().requires_grad_() for p in model.parameters() if not hidden or p.ndim == 2]
    optimizer = build(params[2:] if hidden else params)
    for p in params:
        p.grad = torch.randn_like(p)
    optimizer.step()
    return optimizer.step


def measure_one_thread(torch, rounds):
    """The plain path beside what a person would use, in one thread's own time, and its share of a training step."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = transformer(torch, "cpu")
    print(f"\nOptimiser step in one thread's own time, milliseconds, medians of {rounds} interleaved rounds, ours / theirs")
    plain = {}
    for name, (theirs, ours, hidden) in rivals(torch).items():
        steps = {"theirs": moving(torch, model, theirs, hidden), "ours": moving(torch, model, ours, hidden)}
        t = in_turn(steps, rounds, lambda: None, time.process_time)
        plain.setdefault(name.partition(":")[0], t["ours"])
        print(f"  {name:<42} {t['theirs']:9.1f} {t['ours']:9.1f} {t['ours'] / t['theirs']:6.2f} x", flush=True)
    _, backward = with_gradients(torch, model, functools.partial(torch.optim.SGD, lr=LR))
    time_of = in_turn({"passes": backward}, max(1, rounds // 2), lambda: None, time.process_time)["passes"]
    shares = ", ".join(f"{name} {plain[name] / (plain[name] + time_of):.0%}" for name in RULES)
    print(f"  forward and backward {time_of:.0f} ms for {BATCH * CONTEXT} tokens; of a whole step the plain path takes {shares}")
    torch.set_num_threads(threads)


def peak(engine, name, steps=3):
    """Print the highest memory of a process in its first training steps, one sequence each, in copies of the parameters.

    Counted from the model without gradients on, and the parameters with it.  What importing and compiling take is there before.
    """
    import torch

    from momentum_lib.optim import Optimizer

    cls, options = RULES[name]
    theirs = functools.partial(getattr(torch.optim, cls), lr=LR, fused=True, **options)
    build = functools.partial(Optimizer, rule=name, lr=LR, compiled=True) if engine == "compiled" else theirs
    small = torch.nn.Parameter(torch.ones(64))
    small.grad = torch.ones(64)
    build([small]).step()
    model = transformer(torch, "cpu")
    kilobytes = lambda key: int(Path("/proc/self/status").read_text().partition(f"{key}:")[2].split()[0])
    before = kilobytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is what there is now
    optimizer = build(list(model.parameters()))
    backward = passes(torch, model, optimizer, 1)
    for _ in range(steps):
        backward()
        optimizer.step()
    size = 4 * sum(p.numel() for p in model.parameters()) / 1024
    print(1 + (kilobytes("VmHWM") - before) / size)


def measure_memory():
    """The compiled path's highest memory beside that of torch's fused optimiser, on Linux."""
    if not Path("/proc/self/clear_refs").exists():
        return
    print("\nHighest memory of the first three training steps, in copies of the parameters (they, gradients, state, activations)")
    for name in RULES:
        found = {}
        for engine in ("fused", "compiled"):
            call = [sys.executable, "-c", f"from bench import optim; optim.peak({engine!r}, {name!r})"]
            found[engine] = float(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
        cells = "  ".join(f"{engine} {copies:.2f}" for engine, copies in found.items())
        print(f"  {name:<12} {cells}   {found['compiled'] / found['fused']:.2f} x", flush=True)


def both(optimizer, backward):
    """A whole training step: what a step saves may be paid for in the backward pass, as where gradients go to a flat buffer."""

    def step():
        backward()
        optimizer.step()

    return step


def main(rounds):
    """Print the tables: on the CPU, and on a GPU where there is one."""
    try:
        import torch
    except ImportError as error:
        print(f"\nthe optimiser is left out: {error}. For it: pip install torch")
        return
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    measure(torch, "cpu", rounds)
    measure_one_thread(torch, rounds)
    measure_memory()
    if torch.cuda.is_available():
        measure(torch, "cuda", rounds)
