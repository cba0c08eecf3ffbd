"""The problem sets on the built site: the link of each preview leads to the student's copy, over http and from a file."""

import json

import pytest

from momentum_lib.grade.problem_set import Master, leaks
from tests.browser.conftest import ROOT

SETS = {f"book/homework-{path.stem[0]}": path for path in sorted((ROOT / "notebooks" / "homework").glob("*.ipynb"))}


@pytest.mark.parametrize("name", SETS)
def test_the_link_of_a_preview_downloads_the_students_copy(site, new_page, name):
    page = new_page(width=390)
    page.goto(site.url(name))
    with page.expect_download() as download:
        page.locator("a.notebook-copy").click()
    copy = json.loads(download.value.path().read_text("utf-8"))
    master = Master(SETS[name])
    assert download.value.suggested_filename == SETS[name].name
    assert copy == master.student_copy() and leaks(master, copy) == []


@pytest.mark.parametrize("name", SETS)
def test_without_a_server_the_link_leads_to_the_file(site, new_page, name):
    """Chromium opens a file that a file links to; saving it is then the reader's."""
    page = new_page(width=390)
    page.goto(site.url(name, "file"))
    page.locator("a.notebook-copy").click()
    page.wait_for_url("**/homework/*.ipynb")
    assert json.loads(page.inner_text("body")) == Master(SETS[name]).student_copy()


@pytest.mark.parametrize("name", SETS)
def test_a_preview_shows_every_question_and_no_solution(site, new_page, name):
    page = new_page(width=1366)
    page.goto(site.url(name))
    words = page.inner_text("article").replace("’", "'")
    master = Master(SETS[name])
    for cell in master.of("check"):
        assert cell.title.rpartition(" (")[0] in words, cell.title
    assert leaks(master, {"cells": [{"source": words}]}) == []
    page.check()
