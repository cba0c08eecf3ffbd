"""The velocity's arrows add up to heavy ball's own step; across the valley they cancel, along it they do not."""

import numpy as np
import pytest

pytest.importorskip("anywidget")
from momentum_lib.widgets import Velocity
from momentum_lib.widgets.velocity import LR


@pytest.mark.parametrize(("beta", "step"), [(0.8, 8), (0.97, 24), (0, 5), (0.5, 0)])
def test_the_terms_add_up_to_the_step(beta, step):
    figure = Velocity(beta=beta, step=step)
    path, shown = figure.path(), figure.numbers()
    np.testing.assert_allclose(figure.terms().sum(0), path.points[step + 1] - path.points[step], atol=1e-12)
    np.testing.assert_allclose(np.reshape(shown["terms"], (-1, 2)).sum(0), -LR * path.state["v"][step + 1], atol=1e-12)
    assert len(shown["terms"]) == 2 * min(step + 1, 12)


def test_along_the_valley_they_add_and_across_it_they_cancel():
    along, across = Velocity().numbers()["kept"]
    assert along == pytest.approx(1) and across < 0.5
    assert "100 %" in Velocity().alt()
    assert Velocity(step=0).numbers()["kept"] == pytest.approx([1, 1])
