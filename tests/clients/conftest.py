"""Fixtures of the tests in other browsers: the site that notes what goes wrong in it, one Firefox, one WebKit.

`make clients` and the nightly workflow run all of them; `make test` has one page of each (tests/browser/test_clients.py).
"""

import contextlib

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


class Kept:
    """A browser that tests share; where one of them ended it, the next gets a new one."""

    def __init__(self, name):
        self._name = name
        self._stack, self._client = contextlib.ExitStack(), None

    def alive(self):
        """The browser, started if it is not there or does not answer."""
        try:
            if self._client is not None and self._client.call("() => 1") == 1:
                return self._client
        except (drivers.BrowserError, OSError):
            self.close()
        self._client = self._stack.enter_context(drivers.LAUNCH[self._name]())
        return self._client

    def close(self):
        with contextlib.suppress(drivers.BrowserError, OSError):  # it may be gone already
            self._stack.close()
        self._client = None


@pytest.fixture(scope="module", params=sorted(drivers.LAUNCH))
def kept(request):
    """Firefox, then WebKit: each module of tests has its own."""
    browser = Kept(request.param)
    yield browser
    browser.close()


@pytest.fixture
def client(kept):
    """A browser that answers: what one page does to it costs that page alone."""
    return kept.alive()
