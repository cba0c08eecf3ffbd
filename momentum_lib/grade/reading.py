"""One page for whoever reads the open questions: each question's mark scheme, and below it what everybody wrote."""

import html

from .problem_set import BLANK_ESSAY
from .results import POLICY, STYLE, points_text, titled

PAGE = "by-hand.html"
OWN = (
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:.3rem 0}"
    "details{margin:.6rem 0}summary{cursor:pointer}article{border-top:1px solid #8888;padding:.6rem 0}h3{font-size:1rem;margin:0}"
)


def reading_page(master, results, by_hand):
    """The open questions of all submissions as HTML, in which every word of a student's is escaped.

    ``results`` are {key: result}, ``by_hand`` the points that are given: {(key, question): (points, comment)}. Texts stand in
    the order of the rows of ``by-hand.csv``; who wrote nothing is named at the end of a question.
    """
    parts = "".join(_question(cell, results, by_hand) for cell in master.of("essay"))
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width, "
        f"initial-scale=1'><meta http-equiv='Content-Security-Policy' content=\"{POLICY}\">"
        f"<title>{html.escape(master.title)}: to be read</title><style>{STYLE}{OWN}</style></head><body><main>"
        f"<h1>{html.escape(master.title)}: to be read</h1>"
        "<p>Write the points into <code>by-hand.csv</code>, where each text has a row with the same key. Figures, and the cells "
        f"that make them, are in the notebooks.</p>{parts}</main></body></html>\n"
    )


def _question(cell, results, by_hand):
    """One question: its mark scheme, the texts, and who wrote none."""
    texts, without = [], []
    for key, result in sorted(results.items()):
        text = result.get("essays", {}).get(cell.question, "").strip()
        who = html.escape(result["student"] or result["file"])
        if text in ("", BLANK_ESSAY):
            without.append(who)
            continue
        points = by_hand.get((key, cell.question), (None, ""))[0]
        given = "to be read" if points is None else points_text(points)
        texts.append(
            f"<article><h3>{who} <span class='points'>{given} / {cell.points:g}</span></h3>"
            f"<p class='quiet'>{html.escape(result['file'])}<br>{html.escape(key)}</p><pre>{html.escape(text)}</pre></article>"
        )
    nobody = f"<p class='quiet'>Nothing was written by {', '.join(without)}.</p>" if without else ""
    title, name, scheme = (html.escape(text) for text in (titled(cell.title), cell.question, cell.scheme))
    return (
        f"<h2>{title} <span class='quiet'>{name}</span></h2><details open><summary>Mark scheme</summary>"
        f"<pre>{scheme}</pre></details>{''.join(texts)}{nobody}"
    )
