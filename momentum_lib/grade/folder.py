"""A folder of submissions: which files are notebooks, which are left out and why, and who handed them in."""

import csv
import io
import os
import re
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from .systems import Said, said_of

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
NUMBERS = ("canvas", "moodle", "gradescope")
PLACES = ("file", "canvas", "moodle", "email")  # the columns of a roster that can say whose a file is
IDS = ("name", "email", "login", "canvas", "moodle", "gradescope")


def printable(text):
    """A text for a terminal: what would move the cursor, change the colour or turn the line round is written as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in str(text)
    )


def find(folder, master, out):
    """The notebooks below a folder, sorted, and what is left out: ``([paths], [(name below the folder, why)])``.

    The master, and a folder of results that lies there, are neither.
    """
    folder, master, out = Path(folder), Path(master).resolve(), Path(out).resolve()
    found, left_out = [], []

    def unreadable(error):
        left_out.append((Path(error.filename).relative_to(folder).as_posix(), f"cannot be opened: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=unreadable):
        place = Path(place)
        for name in sorted(folders):
            path = place / name
            if path.resolve() == out and out != folder.resolve():
                folders.remove(name)
            elif path.is_symlink():
                left_out.append((path.relative_to(folder).as_posix(), "a link; put the folder itself there"))
        for name in names:
            path = place / name
            if path.resolve() == master and not path.is_symlink():
                continue
            why = why_not(path, path.relative_to(folder))
            if why is None:
                found.append(path)
            else:
                left_out.append((path.relative_to(folder).as_posix(), why))
    return sorted(found), sorted(left_out)


def why_not(path, relative):
    """Why a file is no submission, with what to do, or None where it is one."""
    name = relative.name.lower()
    try:
        kind = path.lstat().st_mode
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    if stat.S_ISLNK(kind):
        return "a link; put the file itself there"
    if not stat.S_ISREG(kind):
        return "no ordinary file"
    if any(part.startswith(".") for part in relative.parts) or relative.parts[0] == "__MACOSX":
        return "hidden; rename it where it is a submission"
    if name.endswith(".ipynb"):
        return None
    if name.endswith(ARCHIVES):
        return "an archive; unpack it"
    if ".ipynb" in name or name.endswith((".json", ".txt")):
        return "does not end in .ipynb; rename it where it is a notebook"
    return "no notebook"


@dataclass
class Owner:
    """Who handed a file in: the ``student`` of the roster or None, what is known (``ids``), whether the roster names this very
    file, what a person should see, what the system ``said``, and the student's own time that is ``due``, as the roster has it.
    """

    student: str | None = None
    ids: dict = field(default_factory=dict)
    sure: bool = False
    notes: list = field(default_factory=list)
    said: Said = field(default_factory=Said)
    due: str = ""


class Roster:
    """The list of a class: a CSV file with a column ``student``, one of ``file``, ``canvas``, ``moodle``, ``email`` (which is how
    Gradescope knows a student), and optional others: ``name``, ``login``, and ``due``, a student's own time.

    Raises ValueError that names the line where it does not read, or gives one place to two students.
    """

    def __init__(self, path=None):
        self.rows, self.places = [], {}
        for line, row in rows_of(path) if path else ():
            here = f"{path}, line {line}"
            if not row["student"]:
                raise ValueError(f"{here}: the column student is empty; write the name, number or address of the student there.")
            self.rows.append(row)
            for column in PLACES:
                place = column, plain(column, row.get(column, ""))
                if not place[1]:
                    continue
                other = self.places.setdefault(place, row)
                if other["student"] != row["student"]:
                    raise ValueError(
                        f"{here}: {column} {row[column]!r} belongs to {row['student']!r}, and further up to {other['student']!r}."
                    )

    def __bool__(self):
        return bool(self.rows)

    def row_of(self, relative, ids, names):
        """The row of a file, and whether it names this very file; ``names`` are those of all files: some stand twice."""
        places = [plain("file", relative)]
        if names.count(relative.rpartition("/")[2]) == 1:
            places.append(plain("file", relative.rpartition("/")[2]))
        for place in places:
            if ("file", place) in self.places:
                return self.places["file", place], True
        for column in PLACES[1:]:
            if ids.get(column) and (column, plain(column, ids[column])) in self.places:
                return self.places[column, plain(column, ids[column])], False
        return None, False


def rows_of(path):
    """The rows of a CSV file as (line, row), names of columns in small letters.  Raises ValueError where it does not read."""
    try:
        text = Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8; save it as 'CSV UTF-8'.") from None
    header = text.partition("\n")[0]
    table = csv.DictReader(io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ",")
    columns = {str(name).strip().lower() for name in table.fieldnames or ()}
    if "student" not in columns or not columns & {*PLACES}:
        raise ValueError(
            f"{path} has the columns {', '.join(sorted(columns)) or 'none'}; needed: student, and one of {', '.join(PLACES)}."
        )
    for row in table:
        texts = {str(name).strip().lower(): value or "" for name, value in row.items() if not isinstance(value, list)}
        kept = {name: value.strip() for name, value in texts.items()}
        if any(kept.values()):
            yield table.line_num, kept


def plain(column, text):
    """A value of the roster as it is compared: a path in one spelling, a number without the words before it."""
    if column == "file":
        return unicodedata.normalize("NFC", text.replace("\\", "/").removeprefix("./"))
    if column == "email":
        return text.strip().lower()
    number = re.search(r"(\d+)(?:\.0+)?$", text)
    return number[1] if number else text


def identify(path, root, roster, names, exports=None):
    """Who handed a file in (an `Owner`): from the roster, or from what Canvas, Moodle and Gradescope say.

    ``names`` are the names of all submissions, ``exports`` what Gradescope's metadata say (`systems.read_exports`).
    """
    relative = path.relative_to(root).as_posix()
    said = said_of(path.relative_to(root).parts, exports)
    owner = Owner(ids=dict(said.ids), notes=list(said.notes), said=said)
    row, owner.sure = roster.row_of(relative, said.ids, names)
    if row:
        owner.student, owner.due = row["student"], row.get("due", "")
        owner.ids |= {key: plain(key, row[key]) if key in NUMBERS else row[key] for key in IDS if row.get(key)}
    elif roster:
        owner.notes.append("Nobody on the roster has this file.")
    return owner


NOTHING = "handed nothing in"


def absent(roster, graded, root=Path(), left_out=()):
    """The students of a roster without a notebook, in its order: student -> what they handed in, or `NOTHING`.

    ``left_out`` are the other files below ``root``, as (name, why).
    """
    there = {result["owner"] for result in graded.values() if result.get("owner")}
    without = {row["student"]: NOTHING for row in roster.rows if row["student"] not in there}
    for name, why in left_out if without else ():
        student = identify(root / name, root, roster, ()).student
        if student in without:
            without[student] = f"left out: {name} ({why})"
    return without


def note_twins(graded):
    """A note on every result that shares its STUDENT (so its parameters) or its place in Canvas or Moodle with another.

    Of several files for one place, none counts (``ambiguous``), unless the roster names one of them by its file.
    """
    shared = {}
    for key, result in graded.items():
        if result.get("superseded"):
            continue
        places = {"STUDENT": result["student"].lower(), "owner": result.get("owner"), **result.get("ids", {})}
        for what in ("STUDENT", "owner", "canvas", "moodle", "gradescope"):
            if places.get(what):
                shared.setdefault((what, places[what]), []).append(key)
    for (what, _), keys in shared.items():
        if len(keys) < 2:
            continue
        sure = [key for key in keys if graded[key].get("sure")]
        for key in keys:
            if what != "owner":
                others = ", ".join(graded[other]["file"] for other in keys[:8] if other != key)[:300]
                note = f"The same {'STUDENT' if what == 'STUDENT' else what.title() + ' number'} stands in {others}."
                graded[key] = graded[key] | {"notes": [*graded[key]["notes"], note]}
            if what != "STUDENT" and sure != [key]:
                graded[key] = graded[key] | {"ambiguous": True}
    return graded
