"""Predict: a box in which the reader commits to an answer, from the notation of momentum_lib.widgets.predict.

    ```{predict}
    Does the limit fall, stay or rise?

    - [ ] **It falls.** Why that is tempting.
    - [x] **It rises.** Why that is so.
    ```

In the page it stands as text: the questions, their answers, and a fold that says which is right and why the others are
tempting. One script, loaded on pages that have such a box, makes buttons and axes of it.
"""

import hashlib
import html
import json
from functools import cache
from pathlib import Path

import finding
import live
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


class predict_box(nodes.General, nodes.Element):
    """A box of questions; `told` is what the script needs to know of each."""


def _visit(self, node):
    told = html.escape(json.dumps(node["told"], sort_keys=True))
    self.body.append(f'<div class="predict" id="{node["ids"][0]}" role="group" aria-label="Predict" data-predict="{told}">')


def _depart(self, node):
    self.body.append("</div>\n")


class Predict(SphinxDirective):
    has_content = True

    def run(self):
        from momentum_lib.widgets import predict

        try:
            questions = predict.parse("\n".join(self.content))
        except ValueError as error:  # it says what is allowed
            raise self.error(str(error)) from error
        told = [{"kinds": [a.kind for a in q.answers], "curve": predict.curve(q)} for q in questions]
        node = predict_box(told=told, ids=[f"predict-{self.env.new_serialno('predict') + 1}"])
        self.set_source_info(node)
        for question in questions:
            place = nodes.container(classes=["predict-question"])
            self._read(predict.asked(question), place)
            node += place
        self._read(_fold(questions), node)
        return [node]

    def _read(self, text, node):
        """Read Markdown into a node."""
        source, _ = self.get_source_info()
        lines = text.split("\n")
        self.state.nested_parse(StringList(lines, items=[(source, self.lineno)] * len(lines)), self.content_offset, node)


def _fold(questions):
    """What is folded: for each question the right answer, then the others, each where the script finds it."""
    from momentum_lib.widgets import predict

    parts = []
    for q, question in enumerate(questions):
        lead = f"*{q + 1}.* " if len(questions) > 1 else ""
        for answer, _ in predict.answered(question):
            label = {"close": "", "low": "*Lower than the run:* ", "high": "*Higher than the run:* "}.get(
                answer.kind, f"**{answer.label}** " if answer.kind == "x" else f"*{answer.label}* "
            )
            a = question.answers.index(answer)
            said = f":::{{div}} predict-said predict-said-{q}-{a}\n{answer.said}\n:::"
            parts.append(f"::::{{div}} predict-answer\n\n{lead}{label}\n{said}\n::::")
            lead = ""
    return "`````{dropdown} Then open this\n\n" + "\n\n".join(parts) + "\n`````"


# --- the script -----------------------------------------------------------------------------------------------------
@cache
def script():
    """The script that brings the boxes of a page to life."""
    from momentum_lib.widgets import bundle

    entry = 'import { startWhenReady } from "./predict/page.js"; startWhenReady();'
    return live.smaller(entry, bundle.JS, bundle=True)


def finish(soup, app, root):
    """Give a page with a box the script."""
    if soup.head is not None and finding.first(soup, ".predict[data-predict]"):
        version = hashlib.sha256(script().encode()).hexdigest()[:8]
        soup.head.append(soup.new_tag("script", attrs={"src": f"{root}_static/predict.js?v={version}", "defer": ""}))


def _write(app, error):
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / "_static" / "predict.js").write_text(script(), encoding="utf8")


def setup(app):
    app.add_directive("predict", Predict)
    app.add_node(predict_box, html=(_visit, _depart))
    app.connect("build-finished", _write, priority=200)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
