"""The compiled sweep: its printed text on every rule and surface, its machine code, its cache on disk, and when it is chosen.

The text is run as ordinary Python for all pairs; a covering choice of them is compiled.
"""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from texts import functions, rounded

from momentum_lib import core, descend, kernels, ops, rules, surfaces, sweep
from momentum_lib.core import rule
from momentum_lib.ops import absolute, cos, maximum, sign, sqrt, where  # noqa: F401  (the texts below use them)
from momentum_lib.surfaces import surface

ROOT = Path(__file__).resolve().parents[1]
ENGINE = sys.modules["momentum_lib.sweep"]
RATES = {"rosenbrock": 3e-4, "beale": 1e-3, "himmelblau": 3e-3, "rastrigin": 1e-3, "lessard": 0.02, "monkey_saddle": 0.01}
RESULTS = ("points", "values", "errors", "steps", "diverged_at")


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """A cache folder of this module's own: nobody's home is touched, and nothing comes from an earlier run."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kernels")
        patch.setenv(kernels.ENVIRONMENT, str(folder))
        yield folder


def same(a, b, exact=True):
    """Two sweeps agree in every array: bit for bit, or to 1e-12 with equal counts."""
    for name in RESULTS:
        x, y = getattr(a, name), getattr(b, name)
        if exact or x is None or name in ("steps", "diverged_at"):
            np.testing.assert_array_equal(x, y, err_msg=name)
        else:
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12, err_msg=name)
    return True


def both(rule, surface, **given):
    one, other = (sweep(rule, surface, engine=engine, **given) for engine in ("numpy", "compiled"))
    assert (one.engine, other.engine) == ("numpy", "compiled")
    return one, other


def few(kernel, cells):
    """The printed text as ordinary Python over the first cells of a block alone: a block of 256 is slow in Python."""
    space = {"np": np}
    exec(kernel.text.replace(f"range({kernels.WIDTH})", f"range({cells})"), space)
    return space["run"]


# -- the printed text ----------------------------------------------------------------------------


@pytest.mark.parametrize("on", surfaces.SURFACES)
@pytest.mark.parametrize("name", rules.ELEMENTWISE)
def test_the_printed_text_of_every_pair_is_the_single_run(name, on):
    """A rule or surface whose printed loop differs from its own text in any operation."""
    r, f, steps = rules.get(name), surfaces.get(on), 6
    lr = np.array([0.3, 1.0, 1.7]) * RATES.get(on, 0.01)
    second = {"beta": 0.5} if "beta" in r.hyper else {}
    second = {"beta1": np.array([0.6])} if "beta1" in r.hyper else second
    axes = {"lr": lr, **{k: v for k, v in second.items() if np.ndim(v)}}
    fixed = {k: v for k, v in {**r.hyper, **second}.items() if k not in axes}
    kernel = kernels.printed(r, f, list(axes))
    work = kernels.Work(kernel, r, f, np.array(f.start), steps, axes, fixed, 1e9, 1e-6)
    with np.errstate(all="ignore"):
        rows = work(few(kernel, 3), 0, 3)
    for cell in range(3):
        path = descend(r, f, steps=steps, **{k: v if np.ndim(v) == 0 else v[0] for k, v in second.items()}, lr=lr[cell])
        assert path.diverged_at is None and rows["escaped"][cell] == 0
        for i in range(f.dim):
            for slot in ("theta", *r.slots):
                whole = path.points if slot == "theta" else path.state[slot]
                found = rows[f"c{i}_{slot}"][cell]
                if kernel.exact:
                    assert found == whole[-1, i], (slot, i)
                else:
                    assert found == pytest.approx(whole[-1, i], rel=1e-12, abs=1e-13), (slot, i)


def test_which_pairs_are_exact():
    """A promise of equal bits where a sine is rounded otherwise, or none where it could be given."""
    for f in surfaces.SURFACES.values():
        by_its_text = not rounded(f.grad_fn, f.coordinates, powers=(2, 0.5))
        assert kernels.printed(rules.heavy_ball, f, ["lr"]).exact is by_its_text, f.name
        assert by_its_text is EXACT.get(f.name, by_its_text), f.name
    for r in rules.ELEMENTWISE.values():
        by_its_text = not any(rounded(fn, {"theta", "grad", *r.slots}, powers=(2, 0.5)) for fn in functions(r))
        assert kernels.printed(r, surfaces.bowl, list(r.hyper)).exact is by_its_text, r.name


EXACT = {"ravine": True, "rosenbrock": True, "crevice": True, "rastrigin": False, "beale": False, "plateau": False}


def test_powers_of_beta_and_angles_are_looked_up():
    """A power or a cosine in the innermost loop, where it costs more than all the rest."""
    text = kernels.printed(rules.adam, surfaces.ravine, ["lr", "beta1"]).text
    assert "**" not in text and "cos" not in text and "table_a0[step - first, place_a0[k, i]]" in text


# -- the machine code ----------------------------------------------------------------------------

COVER = [(r, list(surfaces.SURFACES)[k % len(surfaces.SURFACES)]) for k, r in enumerate(rules.ELEMENTWISE)]
COVER += [("adam", s) for s in surfaces.SURFACES if s not in {s for _, s in COVER}]


@pytest.mark.parametrize(("name", "on"), COVER)
def test_compiled_agrees_with_numpy(name, on):
    """Machine code that differs: every rule and every surface once, with runs that diverge among them."""
    r, f = rules.get(name), surfaces.get(on)
    second = {"beta": np.linspace(0, 0.9, 7)} if "beta" in r.hyper else {}
    second = {"beta1": np.linspace(0, 0.9, 7)} if "beta1" in r.hyper else second
    kernel = kernels.printed(r, f, ["lr", *second])
    top = 30 if kernel.exact else 2  # where a run is chaotic, the last digit of a sine decides: stay where it contracts
    a, b = both(r, f, steps=40, tol=0.5, lr=np.geomspace(0.05, top, 50) * RATES.get(on, 0.01), **second)
    assert same(a, b, kernel.exact)


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


@pytest.mark.parametrize("case", AXES)
def test_look_report_t_slots_and_any_axis(case):
    """A part of a rule that the kernel forgets, or an axis that lands in the wrong place."""
    assert same(*both(winding, surfaces.ravine(kappa=7.0, angle=0.4), steps=60, tol=0.1, **AXES[case]))


def test_a_report_can_diverge_and_several_minima_count():
    a, b = both(winding, surfaces.himmelblau, steps=60, tol=0.6, lr=np.geomspace(1e-3, 3.0, 400), beta=0.3)
    assert same(a, b) and 0 < np.count_nonzero(a.diverged_at) < 400 and np.isfinite(a.steps).any()


def test_more_cells_than_a_range_and_longer_axes_than_a_table(monkeypatch):
    """Seams: between ranges of cells, between stretches of steps, between tables."""
    given = {"steps": 9, "lr": np.array([0.01, 0.02, 0.05]), "beta1": np.linspace(0, 0.99, 1001), "beta2": np.array([0.9, 0.99])}
    whole = sweep(rules.adam, surfaces.rosenbrock, engine="numpy", **given)
    assert same(whole, sweep(rules.adam, surfaces.rosenbrock, engine="compiled", **given))
    monkeypatch.setattr(kernels, "CHUNK", 2 * kernels.WIDTH)
    monkeypatch.setattr(kernels, "TABLE_BYTES", 8 * 2000)
    assert same(whole, sweep(rules.adam, surfaces.rosenbrock, engine="compiled", **given))
    monkeypatch.setattr(kernels, "STEPS_AT_ONCE", 4)
    monkeypatch.setattr(ENGINE, "_cores", lambda: 1)
    assert same(whole, sweep(rules.adam, surfaces.rosenbrock, engine="compiled", **given))


def test_no_steps_and_unstable():
    assert same(*both(rules.heavy_ball, surfaces.rosenbrock, steps=0, lr=[0.1, 0.2], beta=[0.5]))
    a, b = both(rules.heavy_ball, surfaces.rosenbrock, steps=3000, unstable=True, lr=[1e-4], beta=[0.9, 1.02])
    assert same(a, b) and (a.diverged_at > 0).tolist() == [[False, True]]


@surface(domain=((-3, 3), (-3, 3)), start=(2.0, 2.0), minima=[(0.0, 0.0)])
def hole(x, y, *, edge=1.0):
    """NaN left of an edge."""
    return x**2 + y**2 + 0 * sqrt(x - edge)


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
    assert said[0] == said[1]
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
    "single precision": (rules.heavy_ball, surfaces.bowl, {"start": np.ones(2, np.float32)}, "dtype float32"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_compiled_says_why_and_auto_does_without(case, monkeypatch):
    r, f, given, why = CANNOT[case]
    with pytest.raises(kernels.Unprintable, match=f"{why}.*Use engine='numpy'"):
        sweep(r, f, engine="compiled", lr=[0.1, 0.2], **given)
    monkeypatch.setattr(ENGINE, "NS", 1e9)  # everything seems long
    found = sweep(r, f, lr=[0.1, 0.2], steps=3, **given)
    assert found.engine == "numpy" and same(found, sweep(r, f, lr=[0.1, 0.2], steps=3, engine="numpy", **given))


def test_unknown_engine():
    with pytest.raises(ValueError, match="engine is 'numba'; allowed: 'auto', 'numpy', 'compiled'"):
        sweep(rules.heavy_ball, surfaces.bowl, lr=[0.1], engine="numba")


def python(code, cache="", **environment):
    """Run a program in a fresh process whose cache folder is ``cache``; returns what it printed."""
    import os

    before = "import resource, sys, numpy as np; from momentum_lib import kernels, rules, surfaces, sweep\n"
    env = {**os.environ, kernels.ENVIRONMENT: str(cache), **environment}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", before + textwrap.dedent(code)], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == ""
    return done.stdout.split()


def test_without_numba(tmp_path):
    """A reader without numba who gets a traceback from a call that needs none."""
    out = python(
        """
        import importlib.metadata
        sys.modules["numba"] = None

        def version(name):
            raise importlib.metadata.PackageNotFoundError(name)

        importlib.metadata.version = version
        engines = set()
        for size in range(-12, 48):  # from work that is over at once to work that would take years
            sys.modules["momentum_lib.sweep"].NS = 10.0 ** (size / 4)
            engines.add(sweep(rules.heavy_ball, surfaces.bowl, lr=[0.1], steps=3).engine)
        print(*engines)
        try:
            sweep(rules.heavy_ball, surfaces.bowl, lr=[0.1], engine="compiled")
        except ImportError as error:
            print("pip" in str(error) and "engine='numpy'" in str(error))
        """,
        cache=tmp_path,
    )
    assert out == ["numpy", "True"]


# -- when it is chosen -----------------------------------------------------------------------------


def test_small_work_does_not_even_load_numba():
    out = python(
        """
        found = sweep(rules.heavy_ball, surfaces.rosenbrock, lr=np.geomspace(1e-5, 1e-3, 64), beta=np.linspace(0, .9, 64))
        print(found.engine, "numba" in sys.modules, "concurrent.futures" in sys.modules)
        """
    )
    assert out == ["numpy", "False", "False"]


def test_auto_compiles_where_it_pays(monkeypatch):
    """A threshold on the wrong side: large work stays slow, or small work waits for a compiler."""
    given = {"lr": np.geomspace(1e-5, 1e-3, 300), "beta": np.linspace(0, 0.9, 300)}
    kernel = kernels.printed(rules.heavy_ball, surfaces.rosenbrock, ["lr", "beta"])
    kernels.compiled(kernel)
    assert kernels.is_ready(kernel) and sweep(rules.heavy_ball, surfaces.rosenbrock, steps=100, **given).engine == "compiled"
    assert sweep(rules.heavy_ball, surfaces.rosenbrock, steps=2, **given).engine == "numpy"
    monkeypatch.setattr(kernels, "_ready", {})
    monkeypatch.setenv(kernels.ENVIRONMENT, "")
    assert sweep(rules.heavy_ball, surfaces.rosenbrock, steps=100, **given).engine == "numpy", "cold, one second of compiling"


def test_where_the_bits_differ_only_the_size_decides(monkeypatch):
    """A result that depends on what was compiled before."""
    given = {"lr": np.geomspace(1e-5, 1e-3, 300), "beta": np.linspace(0, 0.9, 300)}
    kernels.compiled(kernels.printed(rules.heavy_ball, surfaces.rastrigin, ["lr", "beta"]))
    assert sweep(rules.heavy_ball, surfaces.rastrigin, steps=100, **given).engine == "numpy"
    monkeypatch.setattr(ENGINE, "NS", 1e3)
    assert sweep(rules.heavy_ball, surfaces.rastrigin, steps=2, **given).engine == "compiled"


# -- the cache on disk -----------------------------------------------------------------------------

RUN = """
kernel = kernels.printed(rules.heavy_ball, surfaces.rosenbrock, ["lr"])
print(kernels.is_kept(kernel))
got = sweep(rules.heavy_ball, surfaces.rosenbrock, lr=[1e-4, 1e-3], engine="compiled")
assert (got.points == sweep(rules.heavy_ball, surfaces.rosenbrock, lr=[1e-4, 1e-3], engine="numpy").points).all()
print(sum(kernels.compiled(kernel).stats.cache_hits.values()))
"""


def test_the_second_process_finds_it_compiled(tmp_path):
    folder = tmp_path / "new" / "kernels"
    assert python(RUN, folder) == ["False", "0"]
    assert python(RUN, folder) == ["True", "1"]
    assert not list(folder.glob("*.tmp")) and folder.stat().st_mode & 0o077 == 0
    for file in (folder / "__pycache__").glob("*.nb?"):
        file.write_bytes(file.read_bytes()[:40])
    assert python(RUN, folder)[1] == "0", "a damaged file is no reason to fail"
    for file in folder.glob("*.py"):
        file.write_text("1 / 0")
    assert python(RUN, folder)[1] == "0"
    assert "1 / 0" not in next(folder.glob("*.py")).read_text()


def test_without_a_place_to_keep_it(tmp_path):
    """A sweep that fails because a folder is read-only, is a file, or the disk is full."""
    (tmp_path / "file").write_text("")
    assert python(RUN, tmp_path / "file" / "below") == ["False", "0"]
    assert python("resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n" + RUN, tmp_path / "full") == ["False", "0"]
    assert not list((tmp_path / "full").glob("*.tmp")), "half a file is left behind"
    assert python(RUN, "") == ["False", "0"]


def test_what_others_can_write_is_not_executed(tmp_path):
    if not hasattr(__import__("os"), "getuid"):
        pytest.skip("this system has no owners")
    tmp_path.chmod(0o777)
    assert python(RUN, tmp_path) == ["False", "0"] and not list(tmp_path.iterdir())


def test_processes_that_start_together(tmp_path):
    """A file half written by one process and read by another."""
    import os

    env = {**os.environ, kernels.ENVIRONMENT: str(tmp_path / "shared")}
    code = "import numpy as np; from momentum_lib import kernels, rules, surfaces, sweep\n" + RUN
    runs = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    said = [run.communicate(timeout=120) for run in runs]
    assert all(run.returncode == 0 and not err for run, (_, err) in zip(runs, said, strict=True)), said
    assert python(RUN, tmp_path / "shared") == ["True", "1"]


def test_the_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv(kernels.ENVIRONMENT)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    wanted = {"linux": tmp_path, "win32": tmp_path / "local", "darwin": tmp_path / "home" / "Library" / "Caches"}
    for platform, base in wanted.items():
        monkeypatch.setattr(kernels.sys, "platform", platform)
        assert kernels.cache_folder() == base / "momentum_lib"
    monkeypatch.setenv(kernels.ENVIRONMENT, str(tmp_path / "mine"))
    assert kernels.cache_folder() == tmp_path / "mine"
    monkeypatch.setenv(kernels.ENVIRONMENT, "")
    assert kernels.cache_folder() is None


def test_the_helpers_are_the_librarys():
    """A helper added to ops and to the printers of codegen, and forgotten here."""
    assert set(kernels._OPS) == {"where", *kernels.CALLS} and all(kernels._OPS[n] is getattr(ops, n) for n in kernels._OPS)
