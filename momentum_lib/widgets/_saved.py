"""What a saved notebook shows of a live figure when it is opened again and its cell was not run yet: a picture.

JupyterLab and Notebook keep a figure's place in the file, seldom its state, and then say "model not found".  So a cell's
output is the figure and, below it, its picture with a line of what to do.  The figure hides the picture while it is alive
(``js/kit/notebook.js``); the picture hides the message where no figure came to life.
"""

import base64
import html
import io
import os

DOTS = 100  # per inch: 720 pixels for a figure of the usual width
COLOURS = 64
# One output stands below the other. The figure marks its own place, so the message is what has no mark.
DEAD, NEXT = ".jp-OutputArea-child:not(:has(.momentum-live))", "+ .jp-OutputArea-child .momentum-picture"
HIDE_MESSAGE = f"<style>{DEAD}:has({NEXT}) {{ display: none; }}</style>"
INVITATION = "This is a picture. Run this cell, and the figure moves under your hand."


def in_a_notebook():
    """Whether this kernel belongs to a notebook of Jupyter's server, whose clients save what a cell shows."""
    return "JPY_SESSION_NAME" in os.environ


def face(figure):
    """The picture of a live figure's state, as HTML that holds it whole; ``data-of`` says which figure it is of."""
    from PIL import Image  # matplotlib brings it

    drawn, png = io.BytesIO(), io.BytesIO()
    figure.picture().savefig(drawn, format="png", dpi=DOTS)
    Image.open(drawn).convert("RGBA").quantize(COLOURS, Image.Quantize.FASTOCTREE).save(png, "PNG", optimize=True)
    alt, title = html.escape(figure.alt()), html.escape(figure.title)
    picture = base64.b64encode(png.getvalue()).decode()
    return (
        f'<div class="momentum-picture" data-of="{figure._stand_in}">{HIDE_MESSAGE}'
        f"<p><b>{title}.</b> {INVITATION}</p>"
        f'<img alt="{alt}" src="data:image/png;base64,{picture}"></div>'
    )


def show(figure):
    """Display the figure, then its picture."""
    from IPython.display import display

    data, metadata = figure._repr_mimebundle_()
    display(data, metadata=metadata, raw=True)
    display({"text/html": face(figure), "text/plain": f"{figure.title}. {INVITATION}\n{figure.alt()}"}, raw=True)
