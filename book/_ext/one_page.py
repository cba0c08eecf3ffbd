"""`make page P=03`: write one page of a site that is built, and leave out what only a whole site needs.

Only that page is read again, and only its notebook is run if it has to be. The search index, the pages of the library's source
and the students' copies stay as the last build left them, and so does the style sheet with its typefaces, unless it was edited.
"""

import os
from pathlib import Path

WHOLE_SITE = {"coursework", "sphinx_sitemap", "notfound.extension", "sphinx.ext.viewcode", "search_index"}


def _only(documents, page):
    documents[:] = [name for name in documents if name == page]


def _style_is_edited(app, page):
    """Whether the page, as it was written last, asks for another style sheet than the sources now make."""
    built = Path(app.outdir, f"{page}.html")
    return not built.exists() or f"?v={app.course_style_version}" not in built.read_text("utf-8")


def _leave_out(app, page):
    """Take the hands off that need a whole site or that have nothing to do for one page."""
    edited = _style_is_edited(app, page)
    idle = WHOLE_SITE if edited else WHOLE_SITE | {"stylesheet"}
    for event in ("build-finished", "html-collect-pages"):
        app.events.listeners[event] = [one for one in app.events.listeners[event] if one.handler.__module__ not in idle]
    builder = app.builder
    write, builder.search = builder._write_serial, False
    builder._write_serial = lambda documents: write([page])
    builder.gen_indices = builder.gen_additional_pages = builder.write_buildinfo = builder.dump_inventory = lambda: None
    if not edited:
        builder.copy_static_files = lambda: None


def connect(app):
    """Do so where $COURSE_PAGE names a document."""
    page = os.environ.get("COURSE_PAGE")
    if page:
        app.connect("env-before-read-docs", lambda app, env, documents: _only(documents, page), priority=100)
        app.connect("builder-inited", lambda app: _leave_out(app, page), priority=999)
