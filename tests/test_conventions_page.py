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
    before = page.table()
    monkeypatch.setitem(page.CONVENTIONS, "heavy_ball", CONVENTIONS["heavy_ball"]._replace(used_by="nobody"))
    assert page.table() != before


def test_every_convention_has_its_row():
    rows = [line for line in page.table().splitlines() if "`rules." in line]
    assert [row.split("`rules.")[1].split("`")[0] for row in rows] == list(CONVENTIONS)


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
