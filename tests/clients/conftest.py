"""Fixtures of the tests in other browsers: the site that notes what goes wrong in it, one Firefox, one WebKit.

`make clients` and the nightly workflow run all of them; `make test` has one page of each (tests/browser/test_clients.py).
"""

import pytest

from tests.browser import served
from tests.clients import drivers


@pytest.fixture(scope="session")
def watched_site():
    """The book, built, each page with an ear for its errors."""
    if wrong := served.build():
        pytest.fail("the book does not build:\n" + wrong, pytrace=False)
    with served.serve(watched=True) as opened:
        yield opened


@pytest.fixture(scope="session", params=sorted(drivers.LAUNCH))
def client(request):
    """Firefox, then WebKit."""
    with drivers.LAUNCH[request.param]() as launched:
        yield launched
