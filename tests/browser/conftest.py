"""Fixtures of the browser tests: the built site, one browser, pages that note everything that goes wrong.

    def test_x(site, new_page):
        page = new_page(width=390, theme="dark")
        page.goto(site.url("notebooks/01-ravine"))
        page.check()                       # fails on console errors, page errors, failed or foreign requests

`site` builds the book if it is not up to date (one worker builds, the others wait) and serves it under the path that it has
when published. `page.check()` is called at the end of each test for every page that was opened, too.
"""

from urllib.parse import urlsplit

import pytest

# The shared checks say what they saw.
pytest.register_assert_rewrite("tests.browser.live", "tests.browser.marks", "tests.browser.drawn")

from tests.browser import live, served
from tests.browser.served import ROOT  # noqa: F401  (tests ask here where the repository is)
from tests.browser.verdicts import Verdicts

HEIGHT = {320: 700, 360: 740, 390: 844, 768: 1024, 1366: 900}


@pytest.fixture(scope="session")
def site():
    """The book, built with warnings as errors and served on a free port for this session."""
    if wrong := served.build():
        pytest.fail("the book does not build:\n" + wrong, pytrace=False)
    with served.serve() as opened:
        yield opened


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for the session: Playwright cannot run twice in a process."""
    with live.browser() as launched:
        yield launched


KIT = """([code, given]) => {
  document.body.innerHTML = '<div id="here" style="width: 600px"></div>';
  return new (async () => {}).constructor("here", "given", code)(document.getElementById("here"), given);
}"""


@pytest.fixture(scope="module")
def kit(request, browser):
    """Run JavaScript on a page with the modules that the test's file names in ``MODULES`` and an empty element ``here``.

    ``kit("return dom.show(given)", 0.5)``; a piece ``BEFORE`` of the file comes first.
    """
    from momentum_lib.widgets import bundle

    paths = {alias: bundle.path_of(name) for alias, name in request.module.MODULES.items()}
    script = bundle.join(paths.values()) + "".join(
        f"const {alias} = m_{path.relative_to(bundle.JS).with_suffix('').as_posix().replace('/', '_')};\n"
        for alias, path in paths.items()
    )
    before = getattr(request.module, "BEFORE", "")
    with live.open_page(browser, "about:blank", wait=False) as page:
        page.add_style_tag(content=bundle.styles())
        page.add_script_tag(content=script)
        run = lambda code, given=None: page.evaluate(KIT, [f'"use strict";\n{before}\n{code}', given])
        run.page = page
        yield run


@pytest.fixture(scope="session")
def verdicts(browser, site):
    """The pages that axe found nothing on, as long as nothing of them changed."""
    return Verdicts(browser.version, site.path / "_static")


@pytest.fixture
def new_page(browser, site):
    """A function that opens a blank page: new_page(width=1366, theme="light", js=True, touch=False, reduced_motion=False)."""
    opened = []

    def open_page(width=1366, theme="light", js=True, touch=None, reduced_motion=False, **options):
        context = live.new_context(
            browser,
            viewport={"width": width, "height": HEIGHT.get(width, 900)},
            color_scheme=theme,
            java_script_enabled=js,
            has_touch=width < 600 if touch is None else touch,
            is_mobile=width < 600,
            reduced_motion="reduce" if reduced_motion else "no-preference",
            **options,
        )
        page = context.new_page()
        page.problems = []

        def on_console(message):
            if message.type in ("error", "warning"):
                page.problems.append(f"console {message.type}: {message.text}")

        def on_request(request):
            parts = urlsplit(request.url)
            if parts.scheme not in ("file", "data", "blob") and not request.url.startswith(site.base):
                page.problems.append(f"asked another host: {request.url}")

        def on_response(response):
            if response.status >= 400:
                page.problems.append(f"status {response.status}: {response.url}")

        page.on("console", on_console)
        page.on("pageerror", lambda error: page.problems.append(f"page error: {error}"))
        page.on("request", on_request)
        page.on("requestfailed", lambda request: page.problems.append(f"request failed: {request.url} ({request.failure})"))
        page.on("response", on_response)

        def check():
            assert not page.problems, "\n".join([page.url, *page.problems])

        page.check = check
        opened.append((context, page))
        return page

    yield open_page
    try:
        for _, page in opened:
            page.check()
    finally:
        for context, _ in opened:
            context.close()
