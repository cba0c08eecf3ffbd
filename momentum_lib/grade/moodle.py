"""Moodle's grading worksheet: the file that a teacher downloads from an assignment, filled in.

Moodle takes a worksheet back only as it gave it out: with its headings, in the site's language, and with the time of the last
change of each grade.  So the columns are found by what stands in them, and nothing but the grades is touched.
"""

import csv
import io
import re
from datetime import datetime
from pathlib import Path

NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")


class Worksheet:
    """A grading worksheet as it was downloaded, of an assignment with ``best`` points.

    Raises ValueError where it is none, or its maximum grade is another one: points of another measure would be wrong.
    """

    def __init__(self, path, best):
        self.path, self.best = Path(path), best
        data = self.path.read_bytes()
        self.mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not in UTF-8; give the worksheet as Moodle hands it out.") from None
        first = text.partition("\n")[0]
        self.delimiter = max(",;\t", key=first.count)
        self.end = "\r\n" if "\r\n" in text else "\n"
        self.header, *self.rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter) if row] or [
            []
        ]
        if not self.rows or any(len(row) != len(self.header) for row in self.rows):
            raise ValueError(f"{path} is no grading worksheet: its rows are missing, or not all as long as its headings.")
        self.columns = [[row[at].strip() for row in self.rows] for at in range(len(self.header))]
        who = [at for at, values in enumerate(self.columns) if all(map(participant, values)) and len(set(values)) == len(values)]
        most = [at for at in range(1, len(self.columns)) if self.may_be_maximum(at)]
        if not who or not most:
            raise ValueError(
                f"{path} is no grading worksheet of Moodle: no column holds {'the maximum grade' if who else 'participants'}. "
                "Download it from the assignment, with the offline grading worksheet switched on in its settings."
            )
        right = [at for at in most if abs(float(self.columns[at][0].replace(",", ".")) - best) < 1e-9]
        if not right:
            raise ValueError(
                f"{path}: the assignment's maximum grade is {self.columns[most[0]][0]}, and the problem set has {best:g} points; "
                f"set it to {best:g} in Moodle, and download the worksheet again."
            )
        self.who, self.most, self.grade = who[0], right[0], right[0] - 1

    def may_be_maximum(self, at):
        """Whether a column holds one number greater than 0, and the one before it numbers or nothing, which are the grades."""
        values, grades = self.columns[at], self.columns[at - 1]
        one = len(set(values)) == 1 and NUMBER.fullmatch(values[0])
        return bool(one) and float(values[0].replace(",", ".")) > 0 and all(not v or NUMBER.fullmatch(v) for v in grades)

    def filled(self, points):
        """The worksheet's text with the grades ``points`` ({participant's number: points})."""
        comma = "," in self.columns[self.most][0]
        out = io.StringIO()
        table = csv.writer(out, delimiter=self.delimiter, lineterminator=self.end)
        table.writerow(self.header)
        for row in self.rows:
            row = list(row)
            number = participant(row[self.who])
            if number in points:
                row[self.grade] = f"{points[number]:.2f}".replace(".", "," if comma else ".")
            table.writerow(row)
        return self.mark + out.getvalue()

    def times(self):
        """When each participant handed in, ``{number: time in the zone of this machine}``: the first column of times in English.

        A worksheet in another language has no such column, and nobody a time.
        """
        for values in self.columns:
            read = [moodle_time(value) for value in values]
            if any(read) and all(at or not re.search(r"\d", value) for at, value in zip(read, values)):
                return {participant(row[self.who]): at for row, at in zip(self.rows, read) if at}
        return {}

    @property
    def participants(self):
        """The numbers of all who stand in it."""
        return {participant(row[self.who]) for row in self.rows}


def moodle_time(text):
    """A time as Moodle writes it in English, ``Sunday, 1 March 2026, 1:00 PM``, in the zone of this machine; None for others."""
    for form in ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M"):
        try:
            return datetime.strptime(text, form).astimezone()
        except ValueError:
            continue
    return None


def participant(text):
    """The number of ``Participant 123``, in whatever language, or None."""
    found = re.fullmatch(r"\D*(\d+)", text.strip())
    return found[1] if found else None
