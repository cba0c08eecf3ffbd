"""The conventions page says what the library does: its tables are regenerated, and a changed convention shows."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from momentum_lib import convert, descend, rules, surfaces
from momentum_lib.conventions import CONVENTIONS

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("conventions_page", ROOT / "book" / "_gen" / "conventions.py")
page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(page)


def test_the_tables_on_disk_are_fresh(capsys):
    assert page.main(["--check"]) == 0, capsys.readouterr().out


def test_a_changed_convention_makes_the_table_stale(monkeypatch):
    before = page.formulas()
    monkeypatch.setitem(page.CONVENTIONS, "heavy_ball", CONVENTIONS["heavy_ball"]._replace(used_by="nobody"))
    assert page.formulas() != before


def test_every_convention_has_its_row():
    rows = [line for line in page.numbers().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(CONVENTIONS)
    assert all(rules.get(name).title in page.formulas() for name in CONVENTIONS)


def test_the_numbers_are_the_known_ones():
    """First step, steady slope, after the drop: from the formulas, by hand, at momentum 0.9."""
    rows = {line.split("`")[1]: line for line in page.numbers().splitlines() if line.startswith("| `")}
    for name, cells in {
        "classical_momentum": "| lr=0.1, beta=0.9 | 1 | 10 | 0.91 |",
        "heavy_ball": "| lr=0.1, beta=0.9 | 1 | 10 | 0.10 |",
        "averaged_momentum": "| lr=1, beta=0.9 | 0.1 | 1 | 0.10 |",
        "nesterov_torch": "| lr=0.1, beta=0.9 | 1.9 | 10 | 0.10 |",
        "nesterov_lerp": "| lr=1, beta=0.9 | 0.19 | 1 | 0.10 |",
    }.items():
        assert rows[name].endswith(cells)


@pytest.mark.parametrize("measures", ["here", "ahead"])
def test_what_the_conversion_table_offers_is_exact(measures):
    """Every pair with an entry makes one run; a pair marked with a dagger parts at a change of the rate."""
    names = [name for name, convention in CONVENTIONS.items() if convention.measures == measures]
    surface = surfaces.ravine(kappa=10, angle=0.4)
    schedule = np.where(np.arange(60) < 30, 1.0, 0.1)
    for source in names:
        for target in names:
            cell = page.factor(source, target)
            setting = convert(source, target, lr=0.01, beta=0.8)
            gaps = []
            for factor in (np.ones(60), schedule):
                points = []
                for name, hyper in ((source, {"lr": 0.01, "beta": 0.8}), (target, setting)):
                    path = descend(rules.get(name), surface, steps=60, **{**hyper, "lr": hyper["lr"] * factor})
                    points.append(path.looks)
                gaps.append(np.abs(points[0] - points[1]).max())
            assert gaps[0] < 1e-13, (source, target)
            assert (gaps[1] < 1e-13) == ("†" not in cell), (source, target, gaps[1])
