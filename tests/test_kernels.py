"""The printed sweep: its C and its NumPy text on every rule and surface, its machine code, the cache on disk, the choice.

The C text of all pairs is compiled without optimisation, many texts at a time; a covering choice of them as users get it.
"""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from texts import functions, rounded

from momentum_lib import core, descend, ops, rules, surfaces, sweep
from momentum_lib.core import rule
from momentum_lib.kernels import Unprintable, build, calls, in_c, in_numpy, lookup, printed
from momentum_lib.ops import absolute, cos, maximum, sign, sqrt, where  # noqa: F401  (the texts below use them)
from momentum_lib.surfaces import surface
from tests import forked
from tests.limits import HANG

ROOT = Path(__file__).resolve().parents[1]
ENGINE = sys.modules["momentum_lib.sweep"]
RATES = {"rosenbrock": 3e-4, "beale": 1e-3, "himmelblau": 3e-3, "rastrigin": 1e-3, "lessard": 0.02, "monkey_saddle": 0.01}
RESULTS = ("points", "values", "errors", "steps", "diverged_at")
CLOSE = {"float64": 1e-12, "float32": 1e-4}  # where the last digit of a sine may differ
NO_COMPILER = build.missing()
needs_compiler = pytest.mark.skipif(NO_COMPILER is not None, reason=str(NO_COMPILER))


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """A cache folder of this module's own: nobody's home is touched, and nothing comes from an earlier run."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kernels")
        patch.setenv(build.FOLDER, str(folder))
        yield folder


def same(a, b, exact=True):
    """Two sweeps agree in every array: bit for bit, or nearly with equal counts. Their dtypes are equal, too."""
    for name in RESULTS:
        x, y = getattr(a, name), getattr(b, name)
        assert x is None or (x.dtype == y.dtype and x.shape == y.shape), name
        if exact or x is None or name in ("steps", "diverged_at"):
            np.testing.assert_array_equal(x, y, err_msg=name)
        else:
            close = CLOSE[a.points.dtype.name]
            np.testing.assert_allclose(x, y, rtol=close, atol=close, err_msg=name)
    return True


def walked(rule, surface, **given):
    """The sweep through the rule and the surface themselves, without any printed text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ENGINE, "_program", lambda job: (None, None))
        return sweep(rule, surface, engine="numpy", **given)


def both(rule, surface, **given):
    """The sweep in NumPy and compiled; the one in NumPy has been compared with the rule's own walk."""
    one, other = (sweep(rule, surface, engine=engine, **given) for engine in ("numpy", "compiled"))
    assert (one.engine, other.engine) == ("numpy", "compiled")
    assert same(walked(rule, surface, **given), one)
    return one, other


# -- the printed text of every pair ----------------------------------------------------------------


def task(name, on, dtype="float64"):
    """A rule on a surface over a small grid, runs that diverge among them: kernel, and what sweep is given."""
    r, f = rules.get(name), surfaces.get(on)
    second = {k: np.linspace(0, 0.9, 5) for k in ("beta", "beta1") if k in r.hyper}
    kernel = in_c.kernel_of(printed(r, f, ["lr", *second]), dtype)
    top = 30 if kernel.exact else 2  # where a run is chaotic, the last digit of a sine decides: stay where it contracts
    lr = np.geomspace(0.05, top, 30) * RATES.get(on, 0.01)
    return kernel, {"rule": r, "surface": f, "steps": 40, "tol": 0.5, "dtype": dtype, "lr": lr, **second}


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("name", rules.ELEMENTWISE)
def test_in_place_is_the_rules_own_walk(name, dtype):
    """A rule or surface whose program in NumPy differs from its own text in any bit."""
    for on in surfaces.SURFACES:
        _, given = task(name, on, dtype)
        assert same(walked(**given), sweep(engine="numpy", **given)), on


NAMES = """V G AT_ONCE real whole job square cube sign larger magnitude report state block count_near advance settings results
kept run_block work run""".split()
"""What a C text defines."""


def one_text(texts):
    """The texts, as they are printed, in one that is compiled in half the time; the names of the k-th end in ``_k``."""
    parts = re.findall("^#include .*\n", texts[0], re.M)  # the headers first, with their own names
    for k, text in enumerate(texts):
        parts += [*(f"#define {name} {name}_{k}\n" for name in NAMES), text, *(f"#undef {name}\n" for name in NAMES)]
    return "".join(parts)


@needs_compiler
@pytest.mark.parametrize("name", rules.ELEMENTWISE)
def test_the_c_text_of_every_pair_is_the_rules_own_walk(name, tmp_path, monkeypatch):
    """A rule or surface whose C differs from its own text in any operation; three surfaces in float32."""
    shift = list(rules.ELEMENTWISE).index(name)
    tasks = [task(name, on) for on in surfaces.SURFACES]
    tasks += [task(name, on, "float32") for k, on in enumerate(surfaces.SURFACES) if (k + shift) % 5 == 0]
    shared, file = tmp_path / "all.so", tmp_path / "all.c"
    file.write_text(one_text([kernel.text for kernel, _ in tasks]))
    options = ["-O0", "-w", "-ffp-contract=off", "-shared", "-fPIC", "-pthread", "-o", shared]
    subprocess.run([build.compiler(), *options, file, "-lm"], check=True)
    for k, (kernel, given) in enumerate(tasks):
        monkeypatch.setitem(build._ready, kernel.text, build.library(shared, f"run_{k}"))
        assert same(walked(**given), sweep(engine="compiled", **given), kernel.exact), given["surface"]


def kernel_of(rule, surface, vary, dtype="float64"):
    return in_c.kernel_of(printed(rule, surface, vary), dtype)


def test_which_pairs_are_exact():
    """A promise of equal bits where a sine is rounded otherwise, or none where it could be given."""
    for f in surfaces.SURFACES.values():
        by_its_text = not rounded(f.grad_fn, f.coordinates, powers=(2, 0.5))
        assert kernel_of(rules.heavy_ball, f, ["lr"]).exact is by_its_text, f.name
        assert by_its_text is EXACT.get(f.name, by_its_text), f.name
    for r in rules.ELEMENTWISE.values():
        by_its_text = not any(rounded(fn, {"theta", "grad", *r.slots}, powers=(2, 0.5)) for fn in functions(r))
        assert kernel_of(r, surfaces.bowl, list(r.hyper)).exact is by_its_text, r.name


EXACT = {"ravine": True, "rosenbrock": True, "crevice": True, "rastrigin": False, "beale": False, "plateau": False}


def test_powers_of_beta_and_angles_are_looked_up():
    """A power or a cosine in the innermost loop, where it costs more than all the rest."""
    text = kernel_of(rules.adam, surfaces.ravine, ["lr", "beta1"]).text
    assert "pow(" not in text and "cos(" not in text and "row_a0[i]" in text


@pytest.mark.parametrize("dtype", CLOSE)
def test_looked_up_powers_are_one_power_at_a_time(dtype):
    """A table of powers made in one go that differs from beta**t in the last digit."""
    base = np.concatenate([[0.0, 1.0, 0.5], np.random.default_rng(0).uniform(0, 1.1, 300)]).astype(dtype)
    for times in (range(1, 300), range(2, 40), range(1000, 1100)):
        with np.errstate(over="ignore", under="ignore"):
            table = lookup.over_steps("1 - h_beta ** t / 3", {"h_beta": base}, times, len(base), dtype)
            for row, t in zip(table, times, strict=True):
                assert row.dtype == dtype and (row == 1 - base**t / 3).all(), t
    odd = lookup.over_steps("(t + 1) ** 0.5 * h_beta", {"h_beta": base}, range(1, 9), len(base), dtype)
    assert all((row == (t + 1) ** 0.5 * base).all() for t, row in enumerate(odd, 1))


# -- the machine code ----------------------------------------------------------------------------

COVER = [(r, list(surfaces.SURFACES)[k % len(surfaces.SURFACES)]) for k, r in enumerate(rules.ELEMENTWISE)]
COVER += [("adam", s) for s in surfaces.SURFACES if s not in {s for _, s in COVER}]


@needs_compiler
@pytest.mark.parametrize(("name", "on"), COVER)
def test_compiled_agrees_with_numpy(name, on):
    """Machine code that differs: every rule and every surface once, in both dtypes by turns."""
    dtype = "float32" if COVER.index((name, on)) % 3 == 2 else "float64"
    kernel, given = task(name, on, dtype)
    assert same(*both(**given), kernel.exact)


def test_the_cover_covers():
    assert {r for r, _ in COVER} == set(rules.ELEMENTWISE) and {s for _, s in COVER} == set(surfaces.SURFACES)


@rule(kept="theta", m=0, family="momentum")
def winding(theta, grad, kept, m, *, lr, beta=0.9, decay=0.99, t):
    """A rule that uses everything: t, a theta slot, a look, a report, every helper."""
    share = 1 - decay**t
    root = sqrt(beta + 1)
    m = beta * m + share * maximum(grad, -100 * absolute(grad))
    m = where(t > 2, m, m + 0.1 * sign(grad))
    kept = decay * kept + (1 - decay) * theta
    return theta - lr * m / root, kept, m


@winding.looks_at
def _(theta, kept, m, *, lr, beta, decay):
    return theta - lr * beta * m


@winding.reports
def _(theta, kept, m, *, lr, beta, decay):
    return (theta + kept) / 2


AXES = {
    "none": {"lr": 0.02},
    "one": {"lr": np.linspace(0.001, 0.4, 300)},
    "a default": {"lr": 0.02, "decay": np.linspace(0.1, 0.999, 300)},
    "three, not in the rule's order": {
        "decay": np.linspace(0.5, 0.99, 5),
        "lr": np.geomspace(1e-3, 1.5, 9),
        "beta": np.linspace(0, 0.99, 7),
    },
}


@needs_compiler
@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("case", AXES)
def test_look_report_t_slots_and_any_axis(case, dtype):
    """A part of a rule that the kernel forgets, or an axis that lands in the wrong place."""
    assert same(*both(winding, surfaces.ravine(kappa=7.0, angle=0.4), steps=60, tol=0.1, dtype=dtype, **AXES[case]))


@needs_compiler
def test_a_report_can_diverge_and_several_minima_count():
    a, b = both(winding, surfaces.himmelblau, steps=60, tol=0.6, lr=np.geomspace(1e-3, 3.0, 400), beta=0.3)
    assert same(a, b) and 0 < np.count_nonzero(a.diverged_at) < 400 and np.isfinite(a.steps).any()


SEAMS = {
    "ranges of cells": {"CELLS": 128},
    "tables": {"TABLE_BYTES": 8 * 2000},
    "stretches of steps": {"WORK": 1},
    "all": {"CELLS": 320, "TABLE_BYTES": 8 * 100, "WORK": 1},
}


@needs_compiler
@pytest.mark.parametrize("case", SEAMS)
def test_seams_change_no_bit(case, monkeypatch):
    """Seams between ranges of cells, between stretches of steps, between tables of one axis; one core."""
    given = {"steps": 9, "lr": np.array([0.01, 0.02, 3.0]), "beta1": np.linspace(0, 0.99, 1001), "beta2": np.array([0.9, 0.99])}
    whole = walked(rules.adam, surfaces.rosenbrock, **given)
    for name, value in SEAMS[case].items():
        monkeypatch.setattr(calls, name, value)
    assert same(whole, sweep(rules.adam, surfaces.rosenbrock, engine="compiled", **given))
    monkeypatch.setattr(calls, "cores", lambda: 1)
    assert same(whole, sweep(rules.adam, surfaces.rosenbrock, engine="compiled", **given))


def test_slices_of_the_program_change_no_bit(monkeypatch):
    given = {"steps": 40, "lr": np.geomspace(1e-4, 3.0, 90), "beta1": [0.0, 0.5, 0.9], "beta2": [0.9, 0.99]}
    whole = walked(rules.adam, surfaces.rosenbrock, **given)
    for slice_bytes in (1, 10_000, 50_000):
        monkeypatch.setattr(in_numpy, "SLICE_BYTES", slice_bytes)
        assert same(whole, sweep(rules.adam, surfaces.rosenbrock, engine="numpy", **given))


GOES = {  # what the bookkeeping must get right: converge and leave again, diverge at once and late, neither
    "circles": {"rule": rules.heavy_ball, "surface": surfaces.bowl, "lr": np.linspace(0.001, 4.2, 97), "beta": [0.0, 0.9, 0.999]},
    "leaves late": {"rule": rules.gradient_descent, "surface": surfaces.bowl, "lr": np.linspace(1.99, 2.05, 150)},
    "arrives at once": {"rule": rules.gradient_descent, "surface": surfaces.bowl, "lr": np.linspace(0.99, 1.01, 150)},
    "never": {"rule": rules.signum, "surface": surfaces.rosenbrock, "lr": np.geomspace(1e-6, 1, 150)},
}


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("tol", [1e-6, 0.3, 0.9])
@pytest.mark.parametrize("case", GOES)
def test_every_count_is_that_of_the_single_run(case, tol, dtype):
    """A run that touches the minimum and leaves it, or escapes and comes back, between two looks at the bookkeeping."""
    given = {**GOES[case], "steps": 333, "tol": tol, "dtype": dtype, "limit": 30.0}
    whole = walked(**given)
    for engine in ["numpy", *(["compiled"] if NO_COMPILER is None else [])]:
        assert same(whole, sweep(engine=engine, **given))


@needs_compiler
def test_no_steps_and_unstable():
    assert same(*both(rules.heavy_ball, surfaces.rosenbrock, steps=0, lr=[0.1, 0.2], beta=[0.5]))
    a, b = both(rules.heavy_ball, surfaces.rosenbrock, steps=3000, unstable=True, lr=[1e-4], beta=[0.9, 1.02])
    assert same(a, b) and (a.diverged_at > 0).tolist() == [[False, True]]


@surface(domain=((-3, 3), (-3, 3)), start=(2.0, 2.0), minima=[(0.0, 0.0)])
def hole(x, y, *, edge=1.0):
    """A gradient that is NaN left of an edge."""
    return x**2 + y**2 + 0 * edge


@hole.grad
def _(x, y, *, edge):
    return 2 * x + 0 * sqrt(x - edge), 2 * y


@surface(domain=((-3, 3), (-3, 3)), start=(2.0, 2.0), minima=[])
def shallow(x, y):
    """NaN in the value alone."""
    return sqrt(x - 1) + y


@shallow.grad
def _(x, y):
    return x, y


@needs_compiler
@pytest.mark.parametrize("name", ["gradient_descent", "nesterov"])
def test_a_surface_that_answers_nan_is_named(name):
    """A NaN of the surface's own that passes for divergence, or an error that points elsewhere."""
    said = []
    for engine in ("numpy", "compiled"):
        with pytest.raises(ValueError, match=r"surface 'hole' returned gradient = \[nan, .*Mend the surface") as error:
            sweep(rules.get(name), hole, engine=engine, lr=np.full(3000, 0.1), steps=30)
        said.append(str(error.value))
        with pytest.raises(ValueError, match="surface 'shallow' returned value = nan"):
            sweep(rules.get(name), shallow, engine=engine, lr=[0.1, 0.2], steps=30)
    with pytest.raises(ValueError) as single:
        descend(rules.get(name), hole, lr=0.1, steps=30)
    assert said == [str(single.value)] * 2
    a, b = both(rules.get(name), hole, lr=np.geomspace(1e10, 1e12, 90), steps=9, start=(3.0, 1.0))
    assert same(a, b) and (a.diverged_at > 0).any(), "a run that leaves the finite world is no fault of the surface"


# -- what cannot be compiled -----------------------------------------------------------------------

GLOBAL = 2.0


@rule(v=0)
def with_a_global(theta, grad, v, *, lr):
    v = GLOBAL * v + grad
    return theta - lr * v, v


@rule()
def with_a_loop(theta, grad, *, lr):
    for _ in (1, 2):
        theta = theta - lr * grad
    return theta


class Foreign:
    name, dim, start, minima = "foreign", 2, (1.0, 1.0), [(0.0, 0.0)]

    def value(self, p):
        return (p**2).sum(axis=0)

    def gradient(self, p):
        return 2 * p


def fake_helper():
    def helper(x):
        return 2 * x

    space = {"sqrt": helper}
    fn = type(lambda: 0)(rules.rmsprop.fn.__code__, space, "rmsprop", None, None)
    fn.__kwdefaults__ = rules.rmsprop.fn.__kwdefaults__
    return core.Rule(fn, {"s": 0}, family="adaptive", title=None, same_as=None)


CANNOT = {
    "a foreign surface": (rules.heavy_ball, Foreign(), {}, "'foreign' cannot be compiled: it is not made by @surface"),
    "any dimension": (rules.heavy_ball, surfaces.quadratic([1.0, 2.0]), {}, "it has a dimension of its own"),
    "noise": (rules.heavy_ball, surfaces.noisy(surfaces.bowl), {}, "its gradient draws random numbers"),
    "a global": (with_a_global, surfaces.bowl, {}, "it uses 'GLOBAL', which is none of its arguments"),
    "a loop": (with_a_loop, surfaces.bowl, {}, "straight-line arithmetic .*found For"),
    "another sqrt": (fake_helper(), surfaces.bowl, {}, "its sqrt is not that of momentum_lib.ops"),
    "half precision": (rules.heavy_ball, surfaces.bowl, {"start": np.ones(2, np.float16)}, "dtype float16"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_compiled_says_why_and_auto_does_without(case, monkeypatch):
    r, f, given, why = CANNOT[case]
    with pytest.raises(Unprintable, match=f"{why}.*Use engine='numpy'"):
        sweep(r, f, engine="compiled", lr=[0.1, 0.2], **given)
    monkeypatch.setattr(ENGINE, "NS", 1e9)  # everything seems long
    found = sweep(r, f, lr=[0.1, 0.2], steps=3, **given)
    assert found.engine == "numpy" and same(found, sweep(r, f, lr=[0.1, 0.2], steps=3, engine="numpy", **given))


def test_unknown_engine():
    with pytest.raises(ValueError, match="engine is 'numba'; allowed: 'auto', 'numpy', 'compiled'"):
        sweep(rules.heavy_ball, surfaces.bowl, lr=[0.1], engine="numba")


def python(code, cache="", **environment):
    """Run a program in a fresh process whose cache folder is ``cache``; returns what it printed."""
    before = "import sys, numpy as np; from momentum_lib import rules, surfaces, sweep; "
    before += "from momentum_lib.kernels import build, in_c, printed\n"
    env = {**os.environ, build.FOLDER: str(cache), **environment}
    done = forked.run(["-W", "error", "-c", before + textwrap.dedent(code)], cwd=ROOT, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == ""
    return done.stdout.split()


WITHOUT = """
engines = set()
for size in range(-12, 48):  # from work that is over at once to work that would take years
    sys.modules["momentum_lib.sweep"].NS = 10.0 ** (size / 4)
    engines.add(sweep(rules.heavy_ball, surfaces.bowl, lr=[0.1], steps=3).engine)
print(*engines)
try:
    sweep(rules.heavy_ball, surfaces.bowl, lr=[0.1], engine="compiled")
except ImportError as error:
    print("engine='numpy'" in str(error), error)
"""


def fake_compiler(folder, text):
    path = folder / "mycc"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def test_without_a_compiler(tmp_path):
    """A reader without a compiler who gets a traceback from a call that needs none, or no reason from one that does."""
    said = python(WITHOUT, tmp_path, **{build.COMPILER: ""})
    assert said[:2] == ["numpy", "True"] and "switched off by an empty MOMENTUM_CC" in " ".join(said)
    said = python(WITHOUT, tmp_path, **{build.COMPILER: "no-such-compiler"})
    assert said[:2] == ["numpy", "True"] and "no C compiler was found (no-such-compiler)" in " ".join(said)


def test_elsewhere(monkeypatch):
    """Windows, and a Mac whose compiler would open a window."""
    monkeypatch.setattr(build.sys, "platform", "win32")
    assert "Windows has none" in build.missing()
    monkeypatch.setattr(build.sys, "platform", "darwin")
    monkeypatch.setattr(build, "compiler", lambda: "/usr/bin/cc")
    monkeypatch.setattr(build, "_command", lambda *words: subprocess.CompletedProcess(words, 2))
    assert "xcode-select --install" in build.missing()
    monkeypatch.setattr(build, "_command", lambda *words: subprocess.CompletedProcess(words, 0))
    assert build.missing() is None


@needs_compiler
def test_a_compiler_that_fails(tmp_path):
    """A compiler that is there and cannot, or that leaves something that does not load:
    NumPy does it, with the reason at hand."""
    broken = fake_compiler(tmp_path, "echo '<stdin>:1: error: no space left' >&2; exit 1")
    said = " ".join(python(WITHOUT, tmp_path / "a", **{build.COMPILER: broken}))
    assert said.startswith("numpy True") and "mycc failed: <stdin>:1: error: no space left" in said
    useless = fake_compiler(tmp_path, 'while [ "$1" != -o ]; do shift; done; echo hello > "$2"')
    said = " ".join(python(WITHOUT, tmp_path / "b", **{build.COMPILER: useless}))
    assert said.startswith("numpy True") and "kernel" in said
    plain = f'case "$*" in *-march=native*) echo "error: bad value" >&2; exit 1;; esac; exec {build.compiler()} "$@"'
    assert python(RUN, tmp_path / "c", **{build.COMPILER: fake_compiler(tmp_path, plain)}) == ["False", "True"]


# -- when it is chosen -----------------------------------------------------------------------------


def test_small_work_does_not_even_look_for_a_compiler():
    out = python(
        """
        found = sweep(rules.heavy_ball, surfaces.rosenbrock, lr=[1e-3, 1e-4], beta=np.linspace(0, .9, 9))
        print(found.engine, "subprocess" in sys.modules)
        """.replace("print", "import sys; print")
    )
    assert out[0] == "numpy"


@needs_compiler
def test_auto_compiles_where_it_pays(monkeypatch):
    """A threshold on the wrong side: large work stays slow, or small work waits for a compiler."""
    given = {"lr": np.geomspace(1e-5, 1e-3, 200), "beta": np.linspace(0, 0.9, 200)}
    kernel = kernel_of(rules.heavy_ball, surfaces.rosenbrock, ["lr", "beta"])
    monkeypatch.setattr(build, "_ready", {})
    build.compiled(kernel)
    assert build.is_ready(kernel) and sweep(rules.heavy_ball, surfaces.rosenbrock, steps=100, **given).engine == "compiled"
    assert sweep(rules.heavy_ball, surfaces.rosenbrock, steps=2, **given).engine == "numpy"
    monkeypatch.setattr(build, "_ready", {})
    assert sweep(rules.heavy_ball, surfaces.rosenbrock, steps=100, **given).engine == "compiled", "kept on disk"
    monkeypatch.setattr(build, "_ready", {})
    monkeypatch.setenv(build.FOLDER, "")
    assert sweep(rules.heavy_ball, surfaces.rosenbrock, steps=100, **given).engine == "numpy", "cold, and soon over"
    monkeypatch.setattr(ENGINE, "NS", 1e3)
    assert sweep(rules.heavy_ball, surfaces.rosenbrock, steps=100, **given).engine == "compiled", "cold, and worth it"


@needs_compiler
def test_where_the_bits_differ_only_the_size_decides(monkeypatch):
    """A result that depends on what was compiled before."""
    given = {"lr": np.geomspace(1e-5, 1e-3, 100), "beta": np.linspace(0, 0.9, 100)}
    build.compiled(kernel_of(rules.heavy_ball, surfaces.rastrigin, ["lr", "beta"]))
    assert sweep(rules.heavy_ball, surfaces.rastrigin, steps=100, **given).engine == "numpy"
    monkeypatch.setattr(ENGINE, "NS", 1e3)
    assert sweep(rules.heavy_ball, surfaces.rastrigin, steps=2, **given).engine == "compiled"


# -- single precision ------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("seed", range(40))
def test_float32_is_the_single_run_in_float32(seed):
    """float32 that is computed in float64, or a kernel whose float32 differs from NumPy's."""
    rng = np.random.default_rng(seed)
    r = rules.get(["gradient_descent", "heavy_ball", "adam"][seed % 3])
    f = [surfaces.rosenbrock, surfaces.ravine(kappa=float(10 ** rng.uniform(0, 4)), angle=float(rng.uniform(-3, 3)))][seed % 2]
    lr, start = 10 ** rng.uniform(-6, 0, rng.integers(1, 5)), rng.uniform(-2, 2, 2).astype(np.float32)
    steps = int(rng.integers(0, 60))
    for engine in ("numpy", "compiled"):
        grid = sweep(r, f, start, steps, engine=engine, lr=lr)
        assert grid.points.dtype == grid.values.dtype == np.float32 and grid.errors.dtype == float
        for k, rate in enumerate(lr):
            path = descend(r, f, start, steps=steps, lr=rate)
            assert grid.diverged_at[k] == (path.diverged_at or 0)
            if not path.diverged_at:
                assert (grid.points[:, k] == path.points[-1]).all() and grid.values[k] == path.values[-1]


def test_the_dtype_is_the_starts_or_the_one_asked_for():
    given = {"rule": rules.heavy_ball, "surface": surfaces.bowl, "lr": [0.1, 0.2], "steps": 9}
    half = sweep(**given, dtype="float32")
    assert half.start.dtype == half.points.dtype == np.float32 and sweep(**given).points.dtype == float
    assert same(half, sweep(**given, start=np.array(surfaces.bowl.start, np.float32)))
    assert same(half, sweep(**given, dtype=np.float32)) and same(half, sweep(**given, dtype=np.dtype("float32")))
    assert sweep(**given, start=np.ones(2, np.float32), dtype=float).points.dtype == float
    for bad in ("float16", "int64", 32, complex):
        with pytest.raises(ValueError, match="allowed: 'float64', 'float32', or None for the start's own"):
            sweep(**given, dtype=bad)


# -- the cache on disk -----------------------------------------------------------------------------

RUN = """
kernel = in_c.kernel_of(printed(rules.heavy_ball, surfaces.rosenbrock, ["lr"]))
print(build.is_kept(kernel))
got = sweep(rules.heavy_ball, surfaces.rosenbrock, lr=[1e-4, 1e-3], engine="compiled")
assert (got.points == sweep(rules.heavy_ball, surfaces.rosenbrock, lr=[1e-4, 1e-3], engine="numpy").points).all()
print(build.is_kept(kernel))
"""


def kept_in(folder):
    (path,) = folder.glob("kernel_*.so")
    return path


@needs_compiler
def test_the_second_process_finds_it_compiled(tmp_path):
    folder = tmp_path / "new" / "kernels"
    assert python(RUN, folder) == ["False", "True"]
    assert not list(folder.glob("*.tmp")) and folder.stat().st_mode & 0o077 == 0
    no_compiler_runs = fake_compiler(tmp_path, "exit 1")
    assert python(RUN, folder) == ["True", "True"]
    same_name = f"build.compile_to = None\n{RUN}"  # to compile would fail
    assert python(same_name, folder) == ["True", "True"]
    assert "mycc" in no_compiler_runs and python(f"print(build.key_of('a'))\n{RUN}", folder)[1:] == ["True", "True"]


@needs_compiler
@pytest.mark.parametrize("damage", ["cut short", "empty", "one bit", "another kernel", "a link"])
def test_a_damaged_file_is_compiled_anew(damage, tmp_path):
    """A library cut short by a kill, or corrupt: to load it could end the process."""
    python(RUN, tmp_path)
    path = kept_in(tmp_path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.unlink()
    if damage == "a link":
        (tmp_path / "elsewhere").write_bytes(whole)
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.write_bytes(
            {"cut short": whole[:5000], "empty": b"", "one bit": bytes(flipped), "another kernel": b"\x7fELF" * 999}[damage]
        )
    (tmp_path / "half.tmp").write_bytes(whole[:999])  # what a killed process leaves
    assert python(RUN, tmp_path) == ["False", "True"]
    assert path.read_bytes() == whole and not path.is_symlink()


@needs_compiler
def test_without_a_place_to_keep_it(tmp_path):
    """A sweep that fails because a folder is read-only, is a file, the disk is full, or nothing may be executed there."""
    (tmp_path / "file").write_text("")
    assert python(RUN, tmp_path / "file" / "below") == ["False", "False"]
    assert python(RUN, "") == ["False", "False"]
    full = "def full(*_): raise OSError(28, 'No space left on device')\nbuild.os.replace = full\n"
    assert python(full + RUN, tmp_path / "full") == ["False", "False"]
    assert not list((tmp_path / "full").glob("*.tmp")), "half a file is left behind"
    forbidden = (
        f"load = build.ctypes.CDLL\ndef cdll(path):\n    if {str(tmp_path)!r} in path: raise OSError('noexec')\n    return "
        f"load(path)\n"
    )
    assert python(forbidden + "build.ctypes.CDLL = cdll\n" + RUN, tmp_path / "noexec") == ["False", "True"]


@needs_compiler
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_what_others_can_write_is_not_executed(mode, tmp_path):
    tmp_path.chmod(mode)
    assert python(RUN, tmp_path) == ["False", "False"] and not list(tmp_path.iterdir())
    tmp_path.chmod(0o700)
    python(RUN, tmp_path)
    kept_in(tmp_path).chmod(0o766)
    assert python(RUN, tmp_path) == ["False", "True"], "a file that others can write is replaced"
    assert kept_in(tmp_path).stat().st_mode & 0o022 == 0


@needs_compiler
def test_another_processor_compiler_or_text_is_another_file(monkeypatch):
    """A home folder shared by two machines: code for the one stops the other's process."""
    keys = {build.key_of("a"), build.key_of("b")}
    monkeypatch.setattr(build, "processor", lambda: "another")
    keys.add(build.key_of("a"))
    monkeypatch.setattr(build, "OPTIONS", ("-O1",))
    keys.add(build.key_of("a"))
    monkeypatch.setattr(build, "compiler", lambda: sys.executable)
    assert len({*keys, build.key_of("a")}) == 5


@needs_compiler
def test_processes_that_start_together(tmp_path):
    """A file half written by one process and read by another; a process killed while it compiles."""
    env = {**os.environ, build.FOLDER: str(tmp_path / "shared")}
    code = (
        "import numpy as np; from momentum_lib import rules, surfaces, sweep; from momentum_lib.kernels import build, in_c, "
        "printed\n"
    )
    run = [sys.executable, "-c", code + RUN]
    killed = subprocess.Popen(run, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    running = [subprocess.Popen(run, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    killed.kill()
    killed.wait()
    said = [process.communicate(timeout=HANG) for process in running]
    assert all(process.returncode == 0 and not err for process, (_, err) in zip(running, said, strict=True)), said
    assert python(RUN, tmp_path / "shared") == ["True", "True"]


@needs_compiler
def test_threads_and_forks():
    """Threads that sweep at once, and a child forked after a compiled sweep: threads of the parent are not in it."""
    out = python(
        """
        import os, threading, warnings
        warnings.simplefilter("ignore")
        given = {"lr": np.geomspace(1e-5, 3e-3, 80), "beta": np.linspace(0, .9, 60), "engine": "compiled"}
        want = sweep(rules.heavy_ball, surfaces.rosenbrock, **{**given, "engine": "numpy"})
        found = []
        work = lambda: found.append(sweep(rules.heavy_ball, surfaces.rosenbrock, **given))
        threads = [threading.Thread(target=work) for _ in range(6)]
        [t.start() for t in threads], [t.join() for t in threads]
        child = os.fork()
        if child == 0:
            os._exit(0 if (sweep(rules.heavy_ball, surfaces.rosenbrock, **given).points == want.points).all() else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(found), all((f.points == want.points).all() for f in found))
        """
    )
    assert out == ["0", "6", "True"]


@needs_compiler
def test_ctrl_c_is_heard_between_calls(monkeypatch):
    """A long sweep that cannot be stopped: each call is short, and what interrupts it there ends it."""
    monkeypatch.setattr(calls, "CELLS", 64)
    made = []

    def done(steps):
        made.append(steps)
        raise KeyboardInterrupt

    monkeypatch.setattr(ENGINE, "_progress", lambda *_: __import__("contextlib").nullcontext(done))
    with pytest.raises(KeyboardInterrupt):
        sweep(rules.heavy_ball, surfaces.bowl, steps=10, engine="compiled", lr=np.linspace(0.1, 0.2, 1000))
    assert made == [640]


def test_the_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv(build.FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    wanted = {"linux": tmp_path, "win32": tmp_path / "local", "darwin": tmp_path / "home" / "Library" / "Caches"}
    for platform, base in wanted.items():
        monkeypatch.setattr(build.sys, "platform", platform)
        assert build.cache_folder() == base / "momentum_lib"
    monkeypatch.setenv(build.FOLDER, str(tmp_path / "mine"))
    assert build.cache_folder() == tmp_path / "mine"
    monkeypatch.setenv(build.FOLDER, "")
    assert build.cache_folder() is None


def test_the_helpers_are_the_librarys():
    """A helper added to ops and to the printers, and forgotten here."""
    assert set(lookup.OPS) == {"where", *lookup.CALLS} and all(lookup.OPS[n] is getattr(ops, n) for n in lookup.OPS)
    assert set(lookup.CALLS) <= in_numpy.NAMES


# -- looking up and calling, by hand -----------------------------------------------------------------


def test_where_a_range_of_cells_lies_along_each_axis():
    """Every range of a small grid, counted in C order: the index of each cell, and which places of an axis are used."""
    shape = (2, 3, 4)
    own = SimpleNamespace(lookup=SimpleNamespace(axes={k: np.zeros(n) for k, n in enumerate(shape)}), strides={0: 12, 1: 4, 2: 1})
    cells = np.stack(np.unravel_index(np.arange(24), shape))
    for begin in range(24):
        for end in range(begin + 1, 25):
            for k, length in enumerate(shape):
                indices = cells[k, begin:end]
                assert lookup.place(shape, k, begin, end).tolist() == indices.tolist(), (k, begin, end)
                first, count = calls.Calls.used(own, k, begin, end)
                runs = 1 + int(np.count_nonzero(np.diff(np.arange(begin, end) // own.strides[k])))
                assert (first, count) == ((0, length) if runs >= length else (indices[0], runs)), (k, begin, end)


def test_powers_of_the_step_are_taken_out_of_an_expression():
    """What is left is computed for all steps at once, unless the step stands in it otherwise."""
    for text, bare, bases, easy in (
        ("1 - h_beta ** t", "1 - q0", ("h_beta",), True),
        ("h_a ** t / (1 - (h_b + 1) ** t)", "q0 / (1 - q1)", ("h_a", "h_b + 1"), True),
        ("t * h_beta ** t", "t * q0", ("h_beta",), False),
        ("(h_a + t) ** t", "(h_a + t) ** t", (), False), ("h_a ** 2", "h_a ** 2", (), True), ("t ** h_a", "t ** h_a", (), False),
        ("h_a * t", "h_a * t", (), False),
    ):  # fmt: skip
        assert lookup._without_powers(text) == (bare, bases, easy), text


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tables_over_steps_are_the_expression_step_by_step(dtype):
    values = {"h_beta": np.array([0.9, 0.5, 0.99], dtype=dtype), "h_c": np.array([3.0], dtype=dtype), "p_k": 2.0}
    times = range(3, 8)
    for text in ("1 - h_beta ** t", "h_c * h_beta ** t + p_k", "sqrt(t) * h_c", "p_k ** t", "h_c"):
        found = lookup.over_steps(text, values, times, 3, dtype)
        wanted = np.stack([np.broadcast_to(lookup.evaluate(text, {**values, "t": t}), 3) for t in times])
        assert found.dtype == dtype and found.shape == (5, 3) and found.flags.c_contiguous
        np.testing.assert_allclose(found, wanted, rtol=1e-6 if dtype == np.float32 else 1e-14, err_msg=text)


def test_how_many_steps_one_call_makes():
    """As many as there are, as the work of one call allows, and as the tables have room for; one at least."""
    program = SimpleNamespace(operations=2.0, by_step={"a": 0, "b": 0}, by_axis={"c": ("lr", ""), "d": ("beta", "")})
    own = SimpleNamespace(kernel=SimpleNamespace(program=program), used=lambda axis, begin, end: (0, 3 if axis == "lr" else 5))
    width = 2 + 3 + 5
    for steps, work, room, found in (
        (7, 1 << 31, 1 << 24, 7), (100, 2 * 4 * 30, 1 << 24, 30), (100, 2 * 4 * 30 + 7, 1 << 24, 30),
        (100, 1 << 31, 8 * width * 25, 25), (100, 1 << 31, 8 * width * 25 - 1, 24), (100, 1, 1 << 24, 1), (100, 1 << 31, 1, 1),
        (0, 1 << 31, 1 << 24, 1),
    ):  # fmt: skip
        own.steps = steps
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(calls, "WORK", work)
            patch.setattr(calls, "TABLE_BYTES", room)
            assert calls.Calls.at_once(own, 10, 14) == found, (steps, work, room)
    program.by_step, program.by_axis, own.steps = {}, {}, 10**9
    assert calls.Calls.at_once(own, 0, 1) == min(10**9, (1 << 24) // 8)
    assert (calls.CELLS, calls.WORK, calls.TABLE_BYTES) == (2**18, 2**31, 2**24)


def test_a_table_of_all_steps_and_places_is_made_once():
    made = []

    def by_step(times):
        made.append(times)
        return f"steps {times}"

    def by_axis(name, times, places):
        made.append((name, times, places.tolist()))
        return f"{name} {times}"

    own = SimpleNamespace(
        _tables={}, steps=4, lookup=SimpleNamespace(by_step=by_step, by_axis=by_axis, axes={"lr": np.zeros(5)}),
        kernel=SimpleNamespace(program=SimpleNamespace(by_axis={"c": ("lr", "")})),
    )  # fmt: skip
    whole, part = range(1, 5), range(1, 3)
    for times, name, first, count in ((whole, None, 0, 0), (part, None, 0, 0), (whole, "c", 3, 4), (part, "c", 3, 4)):
        found = [calls.Calls.table(own, name, times, first, count) for _ in range(2)]
        assert found[0] == found[1] == (f"steps {times}" if name is None else f"c {times}")
    assert made == [whole, part, part, ("c", whole, [3, 4, 0, 1]), ("c", part, [3, 4, 0, 1]), ("c", part, [3, 4, 0, 1])]


def test_what_a_call_is_handed(monkeypatch):
    """Stretches of steps for a range of cells: what is kept between them, how many threads, what is told and returned."""
    asked, told = [], []
    monkeypatch.setattr(calls, "call", lambda run, whole, numbers, arrays: asked.append((whole, numbers, arrays)) or -1)
    monkeypatch.setattr(calls, "cores", lambda: 3)
    names = ("begin", "end", "budget", "size", "cores", "first", "stop", "offset_lr", "width_lr", "stride_lr", "length_lr")
    program = SimpleNamespace(by_axis={"c": ("lr", "")})
    arrays = ("saved", "out", "axis_lr", "d", "by_step", "table_c", "none")
    kernel = SimpleNamespace(program=program, saved=2, dtype=np.float64, whole=names, arrays=arrays)
    axis, out = np.arange(1000.0), np.zeros(1000)
    own = SimpleNamespace(
        kernel=kernel, steps=5, size=1000, out={"out": out}, numbers=[1.0], strides={"lr": 1}, function="run",
        lookup=SimpleNamespace(axes={"lr": axis}, derived={"d": "derived"}), used=lambda name, begin, end: (begin, end - begin),
        table=lambda name, times, first, count: (name, times, first, count), at_once=lambda begin, end: 2,
    )  # fmt: skip
    assert calls.Calls.cells(own, 10, 10 + 5 * calls.V, told.append) == -1
    stretches, threads = [(1, 3), (3, 5), (5, 6)], 2  # five blocks: a thread for each four
    assert [dict(zip(names, whole)) for whole, _, _ in asked] == [
        {"begin": 10, "end": 10 + 5 * calls.V, "budget": 5, "size": 1000, "cores": threads, "first": first,
         "stop": stop, "offset_lr": 10, "width_lr": 5 * calls.V, "stride_lr": 1, "length_lr": 1000} for first, stop in stretches
    ]  # fmt: skip
    for (first, stop), (_, numbers, (saved, one, two, derived, steps, table, none)) in zip(stretches, asked, strict=True):
        assert numbers == [1.0] and saved is asked[0][2][0] and saved.shape == (2 * 5,) and saved.dtype == float
        assert one is out and two is axis and derived == "derived" and none is None
        assert steps == (None, range(first, stop), 0, 0) and table == ("c", range(first, stop), 10, 5 * calls.V)
    assert told == [count * 5 * calls.V for count in (2, 2, 1)]
    asked.clear()
    own.at_once = lambda begin, end: 5
    calls.Calls.cells(own, 0, 100, None)
    assert len(asked) == 1 and asked[0][2][0] is None, "nothing is kept for a second stretch that there is not"
    asked.clear()
    own.steps = 0
    calls.Calls.cells(own, 0, 100, told.append)
    assert [dict(zip(names, whole))["stop"] for whole, _, _ in asked] == [1] and told[-1] == 0, "no steps: a call that looks"
    own.size = 100
    own.cells = lambda begin, end, done: told.append((begin, end, done)) or (7 if begin == 30 else -1)
    monkeypatch.setattr(calls, "CELLS", 30)
    assert calls.Calls.__call__(own, "done") == 7 and told[-2:] == [(0, 30, "done"), (30, 60, "done")]
    own.cells = lambda begin, end, done: told.append((begin, end)) or -1
    assert calls.Calls.__call__(own) is None and told[-4:] == [(0, 30), (30, 60), (60, 90), (90, 100)]
    own.cells = lambda begin, end, done: 0
    assert calls.Calls.__call__(own) == 0, "the first cell of all"
