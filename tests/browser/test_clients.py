"""A page of the site, and a figure under every hand, in Firefox and in WebKit; `make clients` has all of them.

Where a browser is not installed its test is left out, and says so; in .ci/run, which installs them, none may be left out.
"""

import pytest

from momentum_lib.widgets import make
from tests.browser import live, served
from tests.clients import drivers
from tests.clients.hands import every_control
from tests.clients.test_hands import START
from tests.clients.visits import visit

PAGE, FOLDED = "book/intro", "notebooks/06-ball"  # a live figure; folds with wide code in them


@pytest.mark.parametrize("name", sorted(drivers.LAUNCH))
def test_a_page_and_a_figure_in_another_browser(site, tmp_path, name):
    if lacking := drivers.missing(name):
        pytest.skip(f"{name} is not installed here (Debian: apt-get install {' '.join(lacking)})")
    with served.serve(site.path, watched=True) as watched, drivers.LAUNCH[name]() as client:
        client.resize(1366, 900)
        client.open(watched.url(FOLDED))
        assert client.call("() => document.querySelectorAll('article details').length") > 3
        assert visit(client, watched, PAGE, narrow=()) == []
        client.open(live.with_pictures(live.write_page(tmp_path, [make("phase")], static=True)))
        assert client.call(START) == "1"
        count, dead = every_control(client, most=2)
        assert count and not dead, dead
