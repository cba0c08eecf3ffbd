"""A chapter has the number in its file's name, not that of its place in the list.

Sphinx counts the files under a numbered toctree. While a chapter is not written yet, the ones behind it would move up and
carry another number than their file, their links and their claims. So after Sphinx has counted, ``notebooks/11-adam`` is made
chapter 11 again, with its sections, figures and exercises.

A page without a number counts from 1. Sphinx has one count for all of them: the first figure of a page was "Fig. 9", and got
another number whenever a page before it had one more.
"""

import re


def number_of(document):
    """The number at the start of a document's file name, or None: 11 for ``notebooks/11-adam``."""
    found = re.match(r"(?:.*/)?(\d+)-[^/]*$", document)
    return int(found[1]) if found else None


def renumbered(number, first):
    """A section or figure number (a tuple whose first entry counts chapters) with that entry exchanged."""
    return (first, *number[1:]) if number else number


def apply(app, env):
    """Exchange the first entry of every number that Sphinx gave; in a document without a number in its name, figures count from
    1."""
    numbers = {document: number_of(document) for document in env.toc_secnumbers if number_of(document) is not None}
    for document, first in numbers.items():
        sections, figures = env.toc_secnumbers[document], env.toc_fignumbers.get(document, {})
        for anchor, number in sections.items():
            sections[anchor] = renumbered(number, first)
        for kind in figures.values():
            for anchor, number in kind.items():
                kind[anchor] = renumbered(number, first)
        for title in (env.titles.get(document), env.longtitles.get(document)):
            if title is not None and "secnumber" in title:
                title["secnumber"] = renumbered(title["secnumber"], first)
    for document in env.toc_fignumbers.keys() - numbers.keys():
        for numbered in env.toc_fignumbers[document].values():
            before = min((number[-1] for number in numbered.values() if len(number) == 1), default=1) - 1
            numbered.update({anchor: (number[0] - before,) for anchor, number in numbered.items() if len(number) == 1})
    for toc in env.tocs.values():
        for node in toc.findall(lambda node: getattr(node, "get", None) and node.get("secnumber")):
            if node.get("refuri") in numbers:
                node["secnumber"] = renumbered(node["secnumber"], numbers[node["refuri"]])
    return []


def setup(app):
    app.connect("env-get-updated", apply, priority=900)  # behind Sphinx's own counting
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
