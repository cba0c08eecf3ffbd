"""`make page P=03`: write one page of a site that is built, and leave out what only a whole site needs.

Only that page is read again, and only its notebook is run if it has to be. The search index, the pages of the library's source,
the typefaces and the purged style sheet stay as the last build left them; our own style sheets are joined as they are.
"""

import os

WHOLE_SITE = ("stylesheet", "coursework", "sphinx_sitemap", "notfound.extension", "sphinx.ext.viewcode")


def _only(documents, page):
    documents[:] = [name for name in documents if name == page]


def _leave_out(app, page):
    """Take the hands off that need a whole site or that have nothing to do for one page."""
    for event in ("build-finished", "html-collect-pages", "env-merge-info"):
        kept = [one for one in app.events.listeners[event] if one.handler.__module__ not in WHOLE_SITE]
        app.events.listeners[event] = kept
    app.builder.search = False
    write = app.builder._write_serial
    app.builder._write_serial = lambda documents: write([page])
    app.builder.copy_static_files = app.builder.gen_indices = app.builder.gen_additional_pages = lambda *given: None
    app.builder.write_buildinfo = app.builder.dump_inventory = lambda: None


def connect(app):
    """Do so where $COURSE_PAGE names a document."""
    page = os.environ.get("COURSE_PAGE")
    if page:
        app.connect("env-before-read-docs", lambda app, env, documents: _only(documents, page), priority=100)
        app.connect("builder-inited", lambda app: _leave_out(app, page), priority=999)
