"""The sweep over a grid of settings: NumPy, compiled, optax and C by hand, in turn; and how its cost grows.

optax (``pip install -r bench/requirements.txt``), numba and gcc are each left out where they are missing.
"""

import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from momentum_lib import kernels, rules, surfaces, sweep

HERE = Path(__file__).resolve().parent
SIDE, STEPS = 512, 200
TOP = {"ravine": 0.06, "rosenbrock": 2e-3}  # the largest rate of the grid; Adam's is 0.3
FORMS = {"heavy_ball": "beta", "nesterov": "beta", "adam": "beta1"}


def settings(rule, surface, side=SIDE):
    top = 0.3 if rule == "adam" else TOP[surface]
    return {"lr": np.geomspace(top / 1000, top, side), FORMS[rule]: np.linspace(0, 0.95, side)}


def median_times(tasks, rounds):
    """Median seconds of each task, run in turn after one turn that warms up."""
    times = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            begin = time.perf_counter()
            task()
            times[name] += [time.perf_counter() - begin] * (turn > 0)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def optax_grid(rule, surface):
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
    start = jnp.array(surface.start)

    def f(p):
        if surface.name == "ravine":
            c, s = np.cos(surface.params["angle"]), np.sin(surface.params["angle"])
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
    return lambda lr, beta: np.moveaxis(np.asarray(grid(lr, beta)), -1, 0)


def c_grid(surface, folder):
    """``run(lr, beta)`` of heavy ball: (points, last, escaped) from bench/grid.c; None without gcc."""
    gcc = shutil.which("gcc")
    if gcc is None:
        return None
    library = Path(folder) / f"{surface.name}.so"
    flags = ["-O3", "-march=native", "-fno-trapping-math", "-fopenmp", "-shared", "-fPIC"]
    which = f"-DSURFACE={0 if surface.name == 'ravine' else 1}"
    subprocess.run([gcc, *flags, which, HERE / "grid.c", "-o", library, "-lm"], check=True)
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
    """The other side computes the same, where runs have settled: elsewhere rounding decides."""
    settled = np.isfinite(ours.values) & (ours.errors < 0.3)
    if ours.rule.name == "adam":  # chaotic at large rates
        settled = np.broadcast_to(ours.axes["lr"][:, None] < 2e-3, ours.shape)
    close = np.isclose(points, ours.points, rtol=1e-6, atol=1e-9).all(axis=0)
    share = close[settled].mean()
    assert share > 0.95, f"{name} computes something else: {share:.3f} of the settled runs agree"


def pairs(rounds):
    """Six pairs at 512 x 512 x 200, in steady state."""
    print(
        f"\nSweep, {SIDE} x {SIDE} settings x {STEPS} steps, float64, steady state; seconds (medians of {rounds} interleaved rounds)"
    )
    print(f"  {'':<22} {'NumPy':>8} {'compiled':>9} {'optax':>8} {'C':>8}   NumPy/comp. optax/comp. comp./C")
    can = kernels.missing() is None
    if not can:
        print(f"  the compiled column is left out: {kernels.missing()}")
    with tempfile.TemporaryDirectory() as folder:
        for surface in (surfaces.ravine(kappa=25.0, angle=0.3), surfaces.rosenbrock):
            for name in FORMS:
                grid = settings(name, surface.name)
                lr, beta = grid.values()
                rule = rules.get(name)
                tasks = {"NumPy": lambda r=rule, s=surface, g=grid: sweep(r, s, steps=STEPS, engine="numpy", **g)}
                if can:
                    tasks["compiled"] = lambda r=rule, s=surface, g=grid: sweep(r, s, steps=STEPS, engine="compiled", **g)
                ours = tasks["NumPy"]()
                if can:
                    same = tasks["compiled"]()
                    for field in ("points", "values", "errors", "steps", "diverged_at"):
                        assert (getattr(ours, field) == getattr(same, field)).all(), field
                scan = optax_grid(name, surface)
                if scan:
                    points = scan(lr, beta)
                    theirs = rules.nesterov_torch if name == "nesterov" else rule  # optax reports the point ahead
                    agree("optax", sweep(theirs, surface, steps=STEPS, **grid), points)
                    tasks["optax"] = lambda run=scan, lr=lr, beta=beta: run(lr, beta)
                hand = c_grid(surface, folder) if name == "heavy_ball" else None
                if hand:
                    x, y, last, escaped = hand(lr, beta)
                    agree("C", ours, np.array([x, y]))
                    assert ((escaped > 0) == (ours.diverged_at > 0)).mean() > 0.999
                    tasks["C"] = lambda run=hand, lr=lr, beta=beta: run(lr, beta)
                t = median_times(tasks, rounds)
                cells = "".join(
                    f" {t[k]:{w}.4f}" if k in t else f" {'-':>{w}}"
                    for k, w in zip(("NumPy", "compiled", "optax", "C"), (8, 9, 8, 8))
                )
                ratio = lambda a, b, t=t: f"{t[a] / t[b]:.2f} x" if a in t and b in t else "-"
                ratios = f"{ratio('NumPy', 'compiled'):>13} {ratio('optax', 'compiled'):>11} {ratio('compiled', 'C'):>7}"
                print(f"  {surface.name + ', ' + name:<22}{cells} {ratios}", flush=True)
    print(
        "  ours and C count each run's steps and watch for divergence; optax returns the last point. Ours is equal to NumPy bit for bit."
    )


def growth(rounds):
    """From 64 x 64 to 2048 x 2048: heavy ball on Rosenbrock, everything warm."""
    print(f"\nGrowth: heavy ball on Rosenbrock, {STEPS} steps; milliseconds, and nanoseconds per run and step")
    print(f"  {'grid':>11} {'NumPy':>10} {'compiled':>10} {'auto':>10} {'optax':>10} {'NumPy':>8} {'compiled':>9} optax/comp.")
    engines = ["numpy", "compiled", "auto"] if kernels.missing() is None else ["numpy"]
    scan = optax_grid("heavy_ball", surfaces.rosenbrock)
    for side in (64, 128, 256, 512, 1024, 2048):
        grid = settings("heavy_ball", "rosenbrock", side)
        tasks = {e: lambda e=e, g=grid: sweep(rules.heavy_ball, surfaces.rosenbrock, steps=STEPS, engine=e, **g) for e in engines}
        if scan:
            tasks["optax"] = lambda g=grid: scan(*g.values())
        t = median_times(tasks, rounds if side < 1024 else 1)
        t.setdefault("optax", np.nan)
        ns = [f"{1e9 * t[e] / (side * side * STEPS):.2f}" for e in engines[:2]]
        print(f"  {f'{side} x {side}':>11}" + "".join(f" {1e3 * t[e]:10.1f}" for e in [*engines, "optax"]), end="")
        print(f" {ns[0]:>8} {ns[-1]:>9} {t['optax'] / t[engines[1]]:9.2f} x" if engines[1:] else "", flush=True)


def cold(rounds):
    """The whole process, import and compilation included, with an empty cache and with a filled one."""
    code = (
        "import sys, numpy as np; from bench.grids import settings; from momentum_lib import rules, surfaces, sweep;"
        "rule, on, side, engine = sys.argv[1:];"
        "found = sweep(rules.get(rule), surfaces.get(on), steps=200, engine=engine, **settings(rule, on, int(side)));"
        "import resource; print(found.engine, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )

    def process(*arguments, cache):
        env = {**os.environ, kernels.ENVIRONMENT: str(cache)}
        begin = time.perf_counter()
        run = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(run, cwd=HERE.parent, env=env, capture_output=True, text=True, check=True)
        return time.perf_counter() - begin, done.stdout.split()

    print("\nCold: one sweep in a fresh process, import and compilation included; seconds, what auto chose, its peak memory")
    print(f"  {'':<32} {'NumPy':>7} {'auto, nothing kept':>22} {'auto, kernel kept':>22} {'peak MB':>8}")
    for rule, on, side in (
        ("heavy_ball", "rosenbrock", 128),
        ("heavy_ball", "rosenbrock", 512),
        ("adam", "ravine", 512),
        ("heavy_ball", "rosenbrock", 1024),
        ("heavy_ball", "rosenbrock", 2048),
    ):
        with tempfile.TemporaryDirectory() as folder:
            if kernels.missing() is None:
                process(rule, on, 16, "compiled", cache=Path(folder) / "kept")
            rows = {"numpy": [], "new": [], "kept": []}
            for turn in range(max(1, rounds // 2) if side < 1024 else 1):
                rows["numpy"].append(process(rule, on, side, "numpy", cache=""))
                rows["new"].append(process(rule, on, side, "auto", cache=Path(folder) / f"new{turn}"))
                rows["kept"].append(process(rule, on, side, "auto", cache=Path(folder) / "kept"))
        t = {name: statistics.median(seconds for seconds, _ in found) for name, found in rows.items()}
        chose = {name: found[0][1] for name, found in rows.items()}
        print(
            f"  {f'{rule} on {on}, {side} x {side}':<32} {t['numpy']:7.2f} {t['new']:10.2f} {'(' + chose['new'][0] + ')':>11}"
            f" {t['kept']:10.2f} {'(' + chose['kept'][0] + ')':>11} {chose['kept'][1]:>8}",
            flush=True,
        )


def main(rounds):
    pairs(rounds)
    growth(rounds)
    cold(rounds)
