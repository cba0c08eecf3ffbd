"""What every live figure must do in a real browser, for the figures that have no test_live_<name>.py of their own."""

from pathlib import Path

import pytest

from momentum_lib.widgets import FIGURES, make
from tests.browser import live

HERE = Path(__file__).parent
NAMES = sorted(name for name in FIGURES if not (HERE / f"test_live_{name}.py").exists())


@pytest.fixture(scope="module", params=NAMES)
def figure(request):
    return make(request.param)


@pytest.fixture(scope="module")
def address(figure, tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp(figure.figure), [figure], static=True)


def same(ours, theirs, where):
    """Assert that the browser has all of Python's numbers, rows within rows."""
    if isinstance(ours, dict):
        for name, value in ours.items():
            assert name in theirs, f"{where}: fig.numbers in the module lacks {name!r}, which numbers() of the class has"
            same(value, theirs[name], f"{where}, {name}")
    else:
        assert theirs == pytest.approx(ours, rel=1e-9), where


def agrees(page, name):
    """The numbers in the browser are Python's for the state that is shown, which is returned."""
    shown = live.numbers(page)
    same(make(name, **shown["state"]).numbers(), shown, name)
    return shown["state"]


def turned(figure):
    """(control, another value for it) of the figure's first number."""
    name, kind = next((name, kind) for name, kind in figure.spec().items() if kind["kind"] == "number")
    return name, (2 * kind["initial"] + kind["max"]) / 3


def test_numbers_link_and_reset(browser, address, figure):
    name, value = turned(figure)

    def change(page):
        page.evaluate("([n, v]) => document.querySelector('.live-figure').__figure.model.set(n, v)", [name, value])
        page.wait_for_function(
            "([n, v]) => document.querySelector('.live-figure').__figure.numbers().state[n] === v", arg=[name, value]
        )
        assert agrees(page, figure.figure) == {**figure.state(), name: value}

    live.link_restores(browser, address, change, lambda page: agrees(page, figure.figure), figure)


def test_a_hostile_link_is_clamped(browser, address, figure):
    name, _ = turned(figure)
    for bad in ("NaN", "<b>"):
        live.hostile_link_is_clamped(browser, address, f"{name}={bad}", lambda page: agrees(page, figure.figure), figure)
    top = figure.spec()[name]["max"]
    live.hostile_link_is_clamped(
        browser, address, f"{name}=1e99", lambda page: agrees(page, figure.figure), figure, **{name: top}
    )


def test_copied_python_runs(browser, address):
    with live.open_page(browser, address) as page:
        _, printed = live.run_python(live.python_of(page))
        assert any(character.isdigit() for character in printed), "it prints no number"


def test_on_a_phone_and_for_everybody(browser, address):
    live.fits_a_phone(browser, address)
    live.accessible(browser, address)


def test_without_javascript_and_cleanup(browser, address, figure):
    live.static_picture_stands(browser, address)
    found = live.mounted_and_gone(browser, address, figure)  # a figure without a plot has no observer to leave
    assert found["during"][0] > found["before"][0] + 3
    assert found["after"] == found["later"] == found["before"] and found["left"] == found["heard"] == 0
