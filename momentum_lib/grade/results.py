"""What grading leaves behind: one JSON and one feedback page a student, and tables for Canvas, Moodle and people."""

import csv
import hashlib
import html
import io
import json
import os
import re
import unicodedata
from pathlib import Path

from ..notation import LOOKS
from .chapters import CHAPTERS
from .misconceptions import BOOK, chapter

MANUAL = "by-hand.csv"
INK, QUIET = LOOKS["ink"], LOOKS["quiet"]
EDGES = {"full": LOOKS["matrix"].light, "part": LOOKS["sign"].light, "none": LOOKS["gradient"].light}
STYLE = (
    "body{font:17px/1.55 Georgia,serif;max-width:46rem;margin:2rem auto;padding:0 1rem;background:white;"
    f"color:{INK.light}}}"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin:.2rem 0}a{color:inherit}"
    ".points{float:right;font-variant-numeric:tabular-nums}"
    + "".join(f".{name}{{border-left:4px solid {colour}}}" for name, colour in EDGES.items())
    + "section{padding:.1rem 0 .1rem 1rem;margin:1rem 0}p{margin:.3rem 0;overflow-wrap:anywhere}"
    f".quiet{{color:{QUIET.light}}}"
    f"@media(prefers-color-scheme:dark){{body{{color:{INK.dark};background:#14181f}}.quiet{{color:{QUIET.dark}}}}}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_text(path, text):
    """Write a file whole or not at all."""
    # backslashreplace: half a surrogate pair in somebody's name must not stop the class
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path, data):
    """Write a file whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def key_of(path, root):
    """A safe, unique name for a submission's results: readable letters, then 128 bits of a hash of where the file lies."""
    relative = Path(path).relative_to(root).as_posix()
    plain = unicodedata.normalize("NFKD", str(Path(relative).with_suffix(""))).encode("ascii", "ignore").decode()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:40] or "submission"
    return f"{readable}-{hashlib.sha256(relative.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"


def cell_safe(text):
    """A text as a spreadsheet's cell: no control characters, and what would be read as a formula gets a quote in front."""
    text = re.sub(r"[^\S ]+", " ", str(text))
    text = "".join(char if char.isprintable() or "\ud800" <= char <= "\udfff" else " " for char in text)
    return "'" + text if unicodedata.normalize("NFKC", text).lstrip()[:1] in ("=", "+", "-", "@") else text


def points_text(points):
    """Points with at most two decimals."""
    return f"{round(points, 2):g}"


def by_hand_rows(folder):
    """The rows of ``by-hand.csv`` as (line, row), as spreadsheets save it:
    with a mark in front or without, commas or semicolons."""
    path = Path(folder) / MANUAL
    if not path.exists():
        return
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8; save it as 'CSV UTF-8'.") from None
    header = text.partition("\n")[0]
    table = csv.DictReader(io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ",")
    missing = {"key", "question", "points"} - set(table.fieldnames or ())
    if missing:
        raise ValueError(f"{path} lacks the column {sorted(missing)[0]}; needed: key, question, points.")
    for row in table:
        yield table.line_num, row


def read_by_hand(folder, master=None):
    """Points given by a person, from ``by-hand.csv``: {(key, question): (points, comment)}.

    Raises ValueError that names the line for a row that does not read, and, where the master is given,
    for a question that it does not have and for more points than a question has.
    """
    path, given = Path(folder) / MANUAL, {}
    most = {cell.question: cell.points for cell in master.of("check", "essay")} if master else {}
    for line, row in by_hand_rows(folder):
        text = (row["points"] or "").strip()
        if not text:
            continue
        here = f"{path}, line {line}"
        try:
            points = float(text.replace(",", "."))
        except ValueError:
            raise ValueError(f"{here}: points are {text!r}; allowed: a number, or nothing.") from None
        if not 0 <= points < float("inf"):
            raise ValueError(f"{here}: points are {points:g}; allowed: a number >= 0.")
        if master and row["question"] not in most:
            raise ValueError(f"{here}: there is no question {row['question']!r}; known: {', '.join(most)}.")
        if master and points > most[row["question"]]:
            raise ValueError(f"{here}: points are {points:g}; {row['question']} has {most[row['question']]:g}.")
        given[row["key"], row["question"]] = points, row.get("comment") or ""
    return given


def write_by_hand(folder, master, results, given=None):
    """The table that a person fills in: one row for each essay and each question to be looked at; what is filled in stays.

    It stays also where it was added by a person, and where its submission is no longer there.  ``given`` are the points to
    write ({(key, question): (points, comment)}), by default those that are there.
    """
    given = read_by_hand(folder) if given is None else given
    rows, asked_for = [], set()
    names = {cell.question: (cell.title, cell.points) for cell in master.of("check", "essay")}
    for key, result in sorted(results.items()):
        asked = [(cell.question, cell.title, cell.points) for cell in master.of("essay")]
        asked += [(q["question"], q["title"], q["of"]) for q in result["questions"] if q["look"]]
        for question, title, of in asked:
            points, comment = given.get((key, question), ("", ""))
            asked_for.add((key, question))
            rows.append(
                [
                    key,
                    cell_safe(result["student"]),
                    question,
                    title,
                    f"{of:g}",
                    points if points == "" else points_text(points),
                    comment,
                ]
            )
    for (key, question), (points, comment) in given.items():
        if (key, question) not in asked_for:
            student, (title, of) = results.get(key, {}).get("student", ""), names.get(question, ("", 0))
            rows.append([key, cell_safe(student), question, title, f"{of:g}", points_text(points), comment])
    write_table(Path(folder) / MANUAL, ["key", "student", "question", "title", "of", "points", "comment"], rows)


def write_table(path, header, rows):
    """A CSV file, as RFC 4180 has it."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(header)
    table.writerows(rows)
    write_text(path, text.getvalue())


def total(result, by_hand, key):
    """All points of a student: the checks', and those that a person gave (which replace a check's), less what is deducted."""
    sums = {question["question"]: question["points"] for question in result["questions"]}
    sums |= {question: points for (owner, question), (points, _) in by_hand.items() if owner == key}
    return sum(sums.values()) * (1 - result.get("lost", 0) / 100)


def counts(result):
    """Whether a result goes into the import files: no later one counts, and it is clear whose it is."""
    return not result.get("ambiguous") and not result.get("superseded")


def write_tables(folder, master, results, absent=()):
    """``grades.csv`` for people, ``canvas.csv`` and ``moodle.csv`` for the two systems.

    Canvas matches its rows by ID, which stands in the file names that it hands out (or in the roster); Moodle by its
    participant number, which stands in the folder names that it hands out, or by an address.  Who is not known, or has several
    files, stands in neither.  ``absent`` are the students of the roster without a notebook, and what is said of each.
    """
    folder, by_hand = Path(folder), read_by_hand(folder)
    questions = [cell.question for cell in master.of("check")]
    essays = [cell.question for cell in master.of("essay")]
    best = sum(master.points)
    rows, canvas, moodle = [], [["    Points Possible", "", "", "", "", f"{best:g}"]], []
    for key, result in sorted(results.items()):
        points = {q["question"]: points_text(q["points"]) for q in result["questions"]}
        points |= {question: points_text(value) for (owner, question), (value, _) in by_hand.items() if owner == key}
        everything = points_text(total(result, by_hand, key))
        graded = [everything, f"{best:g}", *(points.get(q, "") for q in questions + essays)]
        rows.append([cell_safe(result["student"]), cell_safe(result["file"]), *graded, cell_safe(look_at(result))])
        if counts(result):
            canvas += canvas_row(result, everything)
            moodle += moodle_row(result, everything, best)
    blanks = [""] * len(questions + essays)
    rows += [[cell_safe(student), "", "", f"{best:g}", *blanks, cell_safe(words)] for student, words in dict(absent).items()]
    write_table(folder / "grades.csv", ["student", "file", "points", "of", *questions, *essays, "look at"], rows)
    write_table(folder / "canvas.csv", ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", master.title], canvas)
    write_table(folder / "moodle.csv", ["Identifier", "Full name", "Email address", "Grade", "Maximum Grade"], moodle)


def look_at(result):
    """What a person should see of a result."""
    failed = [f"{q['question']}: a check failed" for q in result["questions"] if q["look"]]
    several = ["It stands in no import file: several are for one place."] if result.get("ambiguous") else []
    told = filter(None, [result.get("unreadable", ""), *result["notes"], *several, *failed])
    return " ".join(words if words.endswith((".", "?", "!")) else f"{words}." for words in told)


def canvas_row(result, points):
    """The row for Canvas as a list of one, or none where Canvas could not tell whose it is."""
    ids = result.get("ids", {})
    if not ids.get("canvas") and not ids.get("login"):
        return []
    known = [ids.get("name") or result["student"], ids.get("canvas", ""), "", ids.get("login", ""), ""]
    return [[*map(cell_safe, known), points]]


def moodle_row(result, points, best):
    """The row for Moodle as a list of one, or none where Moodle could not tell whose it is."""
    ids = result.get("ids", {})
    if not ids.get("moodle") and not ids.get("email"):
        return []
    number = f"Participant {ids['moodle']}" if ids.get("moodle") else ""
    return [[*map(cell_safe, [number, ids.get("name") or result["student"], ids.get("email", "")]), points, f"{best:g}"]]


def feedback_page(master, result, by_hand, key):
    """The page that a student gets, as HTML in which every word of the student's is escaped."""
    say = html.escape
    parts, asked = [], {question["question"]: question for question in result["questions"]}
    for cell in master.of("check", "essay"):
        question = asked.get(cell.question, {"points": None, "said": "Your instructor reads this one."})
        points, comment = by_hand.get((key, cell.question), (question["points"], ""))
        name = cell.question.removesuffix("-check")  # of the cell with the answer
        broke = f" The cell {name}: {str(result['cells'][name])[:500]}" if name in result["cells"] else ""
        parts.append(_section(cell.title, points, cell.points, comment or question["said"] + broke))
    notes = [result.get("unreadable", ""), *result.get("told", result["notes"])]  # the other notes name other people's files
    placed = {cell.question.removesuffix("-check") for cell in master.of("check", "essay")}
    notes += [f"The cell {name}: {what}" for name, what in result["cells"].items() if name not in placed]
    aside = "".join(f"<p class='quiet'>{say(str(note)[:700])}</p>" for note in notes if note)
    best = sum(master.points)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width, "
        "initial-scale=1'>"
        f'<meta http-equiv="Content-Security-Policy" '
        f'content="{POLICY}"><title>{say(master.title)}</title><style>{STYLE}</style></head><body><main>'
        f"<h1>{say(master.title)}</h1><p>{say(result['student'] or result['file'])}: {points_text(total(result, by_hand, key))} "
        f"of {best:g} points</p>"
        f"{''.join(parts)}{aside}</main></body></html>\n"
    )


def titled(title):
    """A question's title without its points, which stand beside it."""
    return re.sub(r"\s*\([^()]*points?[^()]*\)$", "", title)


def _section(title, points, of, said):
    title = titled(title)
    grade = "none" if points == 0 else "full" if points == of else "part"
    shown = "to be read" if points is None else points_text(points)
    return (
        f"<section class='{'part' if points is None else grade}'><h2>{html.escape(title)} <span class='points'>{shown} / "
        f"{of:g}</span></h2>"
        f"<p>{linked(html.escape(said))}</p></section>"
    )


def linked(escaped):
    """An escaped text in which the course's own addresses, and the chapters that it names, are links; nobody else's are."""
    escaped = re.sub(
        rf"{re.escape(BOOK)}[\w.-]+", lambda found: f"<a href='{found[0]}'>{found[0].rpartition('/')[2]}</a>", escaped
    )
    return re.sub(
        r"\bchapter (\d{1,2})\b",
        lambda found: f"<a href='{chapter(int(found[1]))}'>{found[0]}</a>" if int(found[1]) in CHAPTERS else found[0],
        escaped,
    )


def write_student(folder, key, result):
    """One student's JSON, whole or not at all."""
    write_text(Path(folder) / "students" / f"{key}.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def read_student(folder, key):
    """One student's JSON as it was left, or None."""
    try:
        return json.loads((Path(folder) / "students" / f"{key}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
