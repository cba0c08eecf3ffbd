"""How long a chapter takes, estimated from its notebook: words, code that is shown, figures, exercises by their stars.

    reading, exercises = minutes(cells)

These are rates that we chose and that the instructor's guide states, not measurements.
"""

import json
import re

WORDS = 100  # a minute, read with a pencil
LINES = 10  # of shown code a minute
FIGURE = 3  # minutes with a picture, or with a figure in hand
STARS = {1: 5, 2: 10, 3: 20}  # minutes for an exercise of so many stars
HIDDEN = {"hide-input", "hide-cell", "remove-cell", "remove-input"}
HEAD = re.compile(r"\n*^\*\*(?:Afterwards you can|You need|Time|Short path)\b.*\n?", re.M)  # what the generator writes
ASIDE = re.compile(r"^(`{3,4})\{(?:exercise|solution)\}.*?^\1$", re.M | re.S)


def _is_figure(cell):
    return (
        "mystnb" in cell["metadata"]
        and "figure" in cell["metadata"]["mystnb"]
        or "live-figure" in json.dumps(cell.get("outputs", []))
    )


def counts(cells):
    """Words outside the exercises, lines of code that show, figures, and exercises by stars, of a notebook's cells."""
    words = lines = figures = 0
    stars = dict.fromkeys(STARS, 0)
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            words += len(re.findall(r"[\w'’-]+", re.sub(r"\$[^$]*\$", " formula ", HEAD.sub("\n", ASIDE.sub("", source)))))
            for title in re.findall(r"^`{3,4}\{exercise\} (.*)$", source, re.M):
                stars[max(1, title.count("★"))] += 1
        elif not HIDDEN & set(cell["metadata"].get("tags", [])):
            lines += sum(bool(line.strip()) for line in source.splitlines())
        figures += cell["cell_type"] == "code" and _is_figure(cell)
    return words, lines, figures, stars


def minutes(cells):
    """Minutes for the text and minutes for the exercises, each to the nearest five."""
    words, lines, figures, stars = counts(cells)
    reading = words / WORDS + lines / LINES + figures * FIGURE
    return 5 * round(reading / 5), sum(STARS[level] * many for level, many in stars.items())


def in_hours(total):
    """Minutes as hours for a table, to the nearest half: ``3``, ``2½``, ``½``."""
    whole, half = divmod(max(1, round(total / 30)), 2)
    return f"{whole or ''}{'½' if half else ''}"


FORMULA = (
    f"{WORDS} words a minute, {LINES} lines of shown code a minute, {FIGURE} minutes for a figure; "
    f"{STARS[1]}, {STARS[2]} and {STARS[3]} minutes for an exercise of one, two and three stars"
)
