"""What cells print, set for any width: lines that wrap with a hanging indent, and columns of figures as a table.

A notebook keeps what was printed, to the blank. On a page a line that is longer than the column goes on below, indented, and
lines that stand in columns (two blanks or more between them, at least three columns and two lines) become a table. Columns that
do not fit into one table stay as they are, in a box that can be moved sideways.
"""

import re
from dataclasses import dataclass

import finding

COLUMN = re.compile(r"\S+(?: \S+)*")
NUMBER = re.compile(r"[-+−]?[\d.]+(?:e[-+]?\d+)?[%x]?|nan|inf|-", re.I)
FEWEST = 3  # columns that make a table


@dataclass(frozen=True)
class Row:
    """A printed line in columns: where each begins and ends, and its text."""

    spans: tuple
    texts: tuple

    def joins(self, rows):
        """Whether a line has the columns of these, each over or below the others' widest."""
        columns = zip(*(row.spans for row in rows), strict=True)
        return len(self.texts) == len(rows[0].texts) and all(
            a < max(end for _, end in column) and min(begin for begin, _ in column) < b
            for (a, b), column in zip(self.spans, columns, strict=True)
        )


def _row(line):
    found = list(COLUMN.finditer(line))
    return Row(tuple(match.span() for match in found), tuple(match[0] for match in found))


def blocks(text):
    """What was printed, in order: ("table", rows), ("lines", lines), or ("columns", lines) that make no table of one shape."""
    made, lines = [], text.rstrip("\n").split("\n")
    at = 0
    while at < len(lines):
        rows, end = [_row(lines[at])], at + 1
        while len(rows[0].texts) >= FEWEST and end < len(lines) and len((row := _row(lines[end])).texts) >= FEWEST:
            rows.append(row)
            end += 1
        if len(rows) > 1:
            one = all(row.joins(rows[: k + 1]) for k, row in enumerate(rows[1:]))
            made.append(("table", rows) if one else ("columns", lines[at:end]))
        elif made and made[-1][0] == "lines":
            made[-1][1].append(lines[at])
        else:
            made.append(("lines", [lines[at]]))
        at = end
    return made


def _columns(soup, lines):
    pre = soup.new_tag("pre", attrs={"class": "columns", "tabindex": "0"})
    pre.string = "\n".join(lines)
    return pre


def _lines(soup, lines):
    pre = soup.new_tag("pre")
    for line in lines:
        span = soup.new_tag("span", attrs={"class": "said"})
        if indent := len(line) - len(line.lstrip()):
            span["style"] = f"--in:{indent}"
        span.string = line + "\n"
        pre.append(span)
    return pre


def _table(soup, rows):
    head = not any(NUMBER.fullmatch(text) for text in rows[0].texts)
    body = rows[head:]
    count = range(len(rows[0].texts))
    number = [NUMBER.match] * len(count)
    number[0] = NUMBER.fullmatch  # "2 to 32 windows" is what its row is called
    right = [sum(bool(number[k](row.texts[k])) for row in body) * 2 > len(body) for k in count]
    table = soup.new_tag("table")
    for k, row in enumerate(rows):
        line = soup.new_tag("tr")
        for column, text in enumerate(row.texts):
            cell = soup.new_tag("th", attrs={"scope": "col"}) if head and k == 0 else soup.new_tag("td")
            if right[column]:
                cell["class"] = "text-right"
            cell.string = text.replace(" ± ", "\xa0±\xa0")  # a number and how sure it is stay together
            line.append(cell)
        part = "thead" if head and k == 0 else "tbody"
        if table.find(part) is None:
            table.append(soup.new_tag(part))
        table.find(part).append(line)
    place = soup.new_tag("div", attrs={"class": "table-scroll printed"})
    place.append(table)
    return place


MAKERS = {"table": _table, "lines": _lines, "columns": _columns}


def finish(soup):
    """Set every printed output of a page anew."""
    for pre in finding.find(soup, ".cell_output .stream pre, .cell_output .text_plain pre"):
        if pre.find(lambda tag: tag.name != "span" or tag.get("class")) is not None:
            continue  # coloured by the highlighter: a traceback
        for kind, block in blocks(pre.get_text()):
            pre.insert_before(MAKERS[kind](soup, block))
        pre.decompose()
