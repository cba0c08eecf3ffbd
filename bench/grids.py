"""The sweep over a grid of settings: NumPy, compiled, optax and C by hand, in shuffled rounds; and a whole process, cold.

optax and a C compiler are each left out where they are missing.
"""

import ctypes
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from momentum_lib import rules, surfaces, sweep
from momentum_lib.kernels import build

HERE = Path(__file__).resolve().parent
SIDES, STEPS = (64, 256, 512, 1024), 200
TOP = {"ravine": 0.06, "rosenbrock": 2e-3}  # the largest rate of the grid; Adam's is 0.3
FORMS = {"heavy_ball": "beta", "nesterov": "beta", "adam": "beta1"}
FLAGS = ("-O3", "-march=native", "-fno-trapping-math", "-fno-math-errno", "-fopenmp", "-shared", "-fPIC")  # of the C by hand
RESULTS = ("points", "values", "errors", "steps", "diverged_at")


def settings(rule, surface, side):
    top = 0.3 if rule == "adam" else TOP[surface]
    return {"lr": np.geomspace(top / 1000, top, side), FORMS[rule]: np.linspace(0, 0.95, side)}


def median_times(tasks, rounds):
    """Median seconds of each task: every round runs them all, in an order of its own; the first one only warms up."""
    times, order = {name: [] for name in tasks}, random.Random(0)
    for turn in range(rounds + 1):
        for name in order.sample(list(tasks), len(tasks)):
            begin = time.perf_counter()
            tasks[name]()
            times[name] += [time.perf_counter() - begin] * (turn > 0)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def optax_grid(rule, surface, dtype="float64"):
    """``run(lr, beta)``: the last points (2, n, m), as one jitted vmap over a scan; None where optax is missing."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax
        import optax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    make = {
        "heavy_ball": lambda lr, beta: optax.sgd(lr, momentum=beta),
        "nesterov": lambda lr, beta: optax.sgd(lr, momentum=beta, nesterov=True),
        "adam": lambda lr, beta: optax.adam(lr, b1=beta),
    }[rule]
    start = jnp.array(surface.start, dtype=dtype)

    def f(p):
        if surface.name == "ravine":
            c, s = math.cos(surface.params["angle"]), math.sin(surface.params["angle"])
            return ((c * p[0] + s * p[1]) ** 2 + surface.params["kappa"] * (c * p[1] - s * p[0]) ** 2) / 2
        return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2

    def last(lr, beta):
        optimiser = make(lr, beta)

        def step(carry, _):
            point, state = carry
            update, state = optimiser.update(jax.grad(f)(point), state)
            return (optax.apply_updates(point, update), state), None

        (point, _), _ = jax.lax.scan(step, (start, optimiser.init(start)), None, length=STEPS)
        return point

    grid = jax.jit(jax.vmap(jax.vmap(last, in_axes=(None, 0)), in_axes=(0, None)))
    return lambda lr, beta: np.moveaxis(np.asarray(grid(lr.astype(dtype), beta.astype(dtype))), -1, 0)


def c_grid(rule, surface, folder, contract="fast"):
    """``run(lr, beta)``: (points, last, escaped) from bench/grid.c; None without gcc.

    ``contract``: "fast", gcc's own choice, lets it make one rounding of a product and a sum; "off" keeps NumPy's bits.
    """
    gcc = shutil.which("gcc")
    if gcc is None:
        return None
    library = Path(folder) / f"{surface.name}-{rule}-{contract}.so"
    which = [f"-DSURFACE={0 if surface.name == 'ravine' else 1}", f"-DRULE={list(FORMS).index(rule)}"]
    subprocess.run([gcc, *FLAGS, f"-ffp-contract={contract}", *which, HERE / "grid.c", "-o", library, "-lm"], check=True)
    function = ctypes.CDLL(str(library)).grid
    array = np.ctypeslib.ndpointer(float, flags="C")
    real = ctypes.c_double
    function.argtypes = [array, array, ctypes.c_ssize_t, ctypes.c_int, *[real] * 9, *[array] * 4]
    function.restype = None
    start, minimum = surface.start, surface.minima[0]
    reach = 1e-12 * sum((a - b) ** 2 for a, b in zip(start, minimum, strict=True))
    angle, k = surface.params.get("angle", 0.0), surface.params.get("kappa", surface.params.get("b"))
    bound = 1e9 * max(1.0, *map(abs, start))
    numbers = [*start, *minimum, np.cos(angle), np.sin(angle), k, bound, reach]

    def run(lr, beta):
        n = len(lr) * len(beta)
        out = [np.empty(n) for _ in range(4)]
        function(np.repeat(lr, len(beta)), np.tile(beta, len(lr)), n, STEPS, *map(float, numbers), *out)
        return [a.reshape(len(lr), len(beta)) for a in out]

    return run


def agree(name, ours, points):
    """The other side computes the same at the lower three quarters of the rates: at the highest, runs are chaotic."""
    calm = np.isclose(points, ours.points, rtol=1e-6, atol=1e-9).all(axis=0)[: 3 * len(points[0]) // 4]
    assert calm.mean() > 0.99, f"{name} computes something else: {calm.mean():.3f} of the runs agree"


def competitors(name, surface, folder):
    """What is held against the library for one rule and surface: name -> run(lr, beta); each has been seen to agree."""
    rule, grid = rules.get(name), settings(name, surface.name, 64)
    ours = sweep(rule, surface, steps=STEPS, engine="numpy", **grid)
    found = {"C": c_grid(name, surface, folder), "C off": c_grid(name, surface, folder, "off")}
    for key, run in found.items():
        if run:
            x, y, last, escaped = run(*grid.values())
            agree(key, ours, np.array([x, y]))
            assert ((escaped > 0) == (ours.diverged_at > 0)).mean() > 0.99
    theirs = rules.nesterov_torch if name == "nesterov" else rule  # optax reports the point ahead
    for key, dtype in (("optax", "float64"), ("optax 32", "float32")):
        found[key] = optax_grid(name, surface, dtype)
        if found[key] and dtype == "float64":
            agree(key, sweep(theirs, surface, steps=STEPS, engine="numpy", **grid), found[key](*grid.values()))
    return {key: run for key, run in found.items() if run}


def ours_of(name, surface, grid):
    """The library's tasks for one rule, surface and grid; that the engines agree bit for bit is asserted."""

    def task(engine, dtype):
        return lambda: sweep(rules.get(name), surface, steps=STEPS, engine=engine, dtype=dtype, **grid)

    tasks = {"NumPy": task("numpy", "float64")}
    if build.missing() is None:
        tasks |= {"ours": task("compiled", "float64"), "ours 32": task("compiled", "float32")}
        for field in RESULTS:
            assert (getattr(tasks["NumPy"](), field) == getattr(tasks["ours"](), field)).all(), field
    return tasks


def pairs(rounds, sides=SIDES):
    """Six pairs at several sizes, in steady state."""
    print(
        f"\nSweep, {STEPS} steps, steady state, {os.cpu_count()} threads; milliseconds, medians of shuffled rounds.  C by hand: "
        f"gcc"
    )
    print(
        f"{' '.join(FLAGS[:4])}, OpenMP, contraction on (gcc's own choice) and off (NumPy's bits, as ours).  optax: jit, vmap, "
        f"scan."
    )
    print("ours and C count each run's steps and watch for divergence; optax returns the last point; ours is NumPy bit for bit.")
    columns = ("NumPy", "ours", "C", "C off", "optax", "ours 32", "optax 32")
    print(f"  {'':<22} {'side':>5}" + "".join(f" {c:>8}" for c in columns), end="")
    print("   ours/C ours/Coff optax/ours NumPy/ours optax32/ours32 optax/ours32")
    if why := build.missing():
        print(f"  the compiled columns are left out: {why}")
    with tempfile.TemporaryDirectory() as folder:
        for surface in (surfaces.ravine(kappa=25.0, angle=0.3), surfaces.rosenbrock):
            for name in FORMS:
                others = competitors(name, surface, folder)
                for side in sides:
                    grid = settings(name, surface.name, side)
                    lr, beta = grid.values()
                    tasks = ours_of(name, surface, grid)
                    if side > 512:
                        tasks.pop("NumPy")  # seconds, and nothing new
                    tasks |= {key: lambda run=run, lr=lr, beta=beta: run(lr, beta) for key, run in others.items()}
                    t = median_times(tasks, rounds * max(1, min(4, 512 // side)))
                    print(f"  {surface.name + ', ' + name:<22} {side:>5}", end="")
                    print("".join(f" {1e3 * t[c]:8.2f}" if c in t else f" {'-':>8}" for c in columns), end="  ")
                    for a, b in (("ours", "C"), ("ours", "C off"), ("optax", "ours"), ("NumPy", "ours")):
                        print(f" {t[a] / t[b]:7.2f}x" if a in t and b in t else f" {'-':>8}", end="")
                    for a, b in (("optax 32", "ours 32"), ("optax", "ours 32")):
                        print(f" {t[a] / t[b]:9.2f}x" if a in t and b in t else f" {'-':>10}", end="")
                    print(flush=True)


SCRIPT = """
import sys, numpy as np
from momentum_lib import rules, surfaces, sweep
n = int(sys.argv[1])
found = sweep(rules.heavy_ball, surfaces.rosenbrock, steps=200, engine=sys.argv[2],
              lr=np.geomspace(2e-6, 2e-3, n), beta=np.linspace(0, 0.95, n))
print(found.values[0, 0], found.engine)
"""


def cold(rounds, sides=(128, 256, 512, 1024)):
    """The whole process, import and compilation included: a plain NumPy script, and ours with a cache empty and filled."""

    def process(*words, cache=""):
        env = {**os.environ, build.FOLDER: str(cache)}
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *map(str, words)], cwd=HERE.parent, env=env, capture_output=True, text=True, check=True
        )
        return time.perf_counter() - begin, done.stdout.split()

    print("\nCold: heavy ball on Rosenbrock in a fresh process, everything included; seconds, medians of shuffled rounds.")
    print("The plain script is bench/plain.py: the same arithmetic in twelve lines, no count of steps, no watch for divergence.")
    print(f"  {'side':>5} {'plain':>7} {'NumPy':>7} {'auto, nothing kept':>22} {'auto, kernel kept':>22}   ratios to plain")
    order = random.Random(0)
    for side in sides:
        with tempfile.TemporaryDirectory() as folder:
            keep = Path(folder) / "kept"
            if build.missing() is None:
                process("-c", SCRIPT, 16, "compiled", cache=keep)
            tasks = {
                "plain": ([HERE / "plain.py", side], [""]),
                "NumPy": (["-c", SCRIPT, side, "numpy"], [""]),
                "new": (["-c", SCRIPT, side, "auto"], [Path(folder) / f"new{turn}" for turn in range(99)]),
                "kept": (["-c", SCRIPT, side, "auto"], [keep]),
            }
            rows = {name: [] for name in tasks}
            for turn in range(2 * rounds + 1 if side <= 512 else rounds):
                for name in order.sample(list(tasks), len(tasks)):
                    words, caches = tasks[name]
                    rows[name].append(process(*words, cache=caches[turn % len(caches)]))
        t = {name: statistics.median(seconds for seconds, _ in found) for name, found in rows.items()}
        assert len({found[0][1][0] for found in rows.values()}) == 1, "the scripts print different values"
        chose = {name: found[0][1][-1] for name, found in rows.items()}
        print(
            f"  {side:>5} {t['plain']:7.3f} {t['NumPy']:7.3f} {t['new']:10.3f} {'(' + chose['new'] + ')':>11} {t['kept']:10.3f}"
            f" {'(' + chose['kept'] + ')':>11}   NumPy {t['NumPy'] / t['plain']:.2f}, nothing kept {t['new'] / t['plain']:.2f},"
            f" kept {t['kept'] / t['plain']:.2f}",
            flush=True,
        )


def main(rounds, sides=SIDES):
    pairs(rounds, sides)
    cold(rounds)
