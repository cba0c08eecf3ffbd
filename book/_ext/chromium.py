"""Which Chromium of this machine draws, prints and tests."""

import shutil

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""In this order: Debian's headless shell is the same engine without a desktop's windows, an eighth cheaper."""


def path():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)
