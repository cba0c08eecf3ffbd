"""What Canvas, Moodle and Gradescope call the files that they hand out, and what they say of each: whose, when, which attempt.

Canvas      ``lovelaceada_LATE_1234_56789_hw-1.ipynb``: the name, whether it is late, the user's number, the file's number (a
            later file has a larger one), and the student's own name for it, with ``-1`` at a second file of that name
Moodle      ``Ada Lovelace_987_assignsubmission_file/hw.ipynb``; with ``_`` in place of ``/`` where *Download in folders* is off
Gradescope  ``submission_123456/hw.ipynb`` beside a ``submission_metadata.yml`` with names, addresses and times

The system's own name stands outermost; anything below it is the student's choice.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

CANVAS = re.compile(r"^(?P<name>\w+?)_(?P<late>LATE_)?(?P<canvas>\d+)_(?P<file>\d+)_(?P<own>.+)$")
CANVAS_ANONYMOUS = re.compile(r"^(?P<late>LATE_)?anon_(?P<anonymous>[A-Za-z0-9]+)_(?P<file>\d+)_(?P<own>.+)$")
MOODLE = re.compile(r"^(?P<name>.+)_(?P<moodle>\d+)_assignsubmission_(?:file|onlinetext)_?$")
MOODLE_FLAT = re.compile(r"^(?P<name>.+?)_(?P<moodle>\d+)_assignsubmission_(?:file|onlinetext)_(?P<own>[^.].*)$")
GRADESCOPE = re.compile(r"^submission_(?P<gradescope>\d+)$")
METADATA = "submission_metadata.yml"
AGAIN = re.compile(r"-\d+(?=\.\w+$)")


@dataclass
class Said:
    """What a system says of a file: ``ids`` (name, email and the system's number), ``at`` (when it was handed in, or None),
    whether it is ``late`` as far as its name says so, its place among the files of one student (``order``, or None),
    and what a person should see.
    """

    ids: dict = field(default_factory=dict)
    at: datetime | None = None
    late: bool = False
    order: tuple | None = None
    notes: list = field(default_factory=list)


def named(part, last):
    """What one part of a path says in the manner of a system, as a dict of texts, or None; ``last``: whether it is the file."""
    moodle = MOODLE_FLAT if last else MOODLE
    match = moodle.match(part) or CANVAS_ANONYMOUS.match(part) or CANVAS.match(part)
    return {key: value for key, value in match.groupdict().items() if value} if match else None


def said_of(parts, exports=None):
    """What the systems say of a file (a `Said`); ``exports``: Gradescope's metadata by folder, see `read_exports`."""
    for at, part in enumerate(parts[:-1]):
        known = (exports or {}).get("/".join(parts[: at + 1]))
        if known and GRADESCOPE.match(part):
            return known
    found = [one for at, part in enumerate(parts) if (one := named(part, at == len(parts) - 1))]
    if not found:
        return Said()
    first, below = found[0], found[1:]
    said = Said({key: first[key] for key in ("name", "canvas", "moodle") if key in first}, late="late" in first)
    if "file" in first:
        said.order = "Canvas", AGAIN.sub("", first["own"]), int(first["file"])
    if "anonymous" in first:
        said.notes.append(f"Canvas hides whose this is (anonymous {first['anonymous']}): only a roster's column file can tell.")
    others = {number(one): one["name"] for one in below if number(one)}
    others = sorted((other, name) for other, name in others.items() if (other, name) != (number(first), first.get("name")))
    if others:
        listed = ", ".join(f"{name} ({other})" for other, name in others)[:200]
        said.notes.append(f"The path names {listed}, too; the outermost name decided.")
    return said


def number(ids):
    """The number of a user in what a name says, or None."""
    return ids.get("canvas") or ids.get("moodle")


def read_exports(root):
    """What the ``submission_metadata.yml`` below a folder say: ``{folder of a submission, below root: Said}``.

    Raises ValueError that names a file that does not read.
    """
    known = {}
    for path in sorted(Path(root).rglob(METADATA)):
        if path.is_symlink() or not path.is_file():
            continue
        place = path.parent.relative_to(root)
        for folder, entry in metadata(path).items():
            said = said_by(entry)
            found = GRADESCOPE.match(str(folder))
            if found:
                said.ids["gradescope"] = found["gradescope"]
                known[(place / folder).as_posix()] = said
    return known


def metadata(path):
    """The mapping in one ``submission_metadata.yml``."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(path.read_bytes(), loader)  # noqa: S506 -- both loaders are safe ones
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        where = f"{path}, line {error.problem_mark.line + 1}" if getattr(error, "problem_mark", None) else path
        raise ValueError(f"{where}: this is no metadata of Gradescope's; export the submissions again.") from None
    if not isinstance(data, dict):
        raise ValueError(f"{path}: this is no metadata of Gradescope's; export the submissions again.")
    return data


def said_by(entry):
    """What one entry of the metadata says."""
    entry = entry if isinstance(entry, dict) else {}
    people = [one for one in entry.get(":submitters") or () if isinstance(one, dict)]
    said = Said(at=aware(entry.get(":created_at")))
    if people:
        said.ids = {key: str(people[0][f":{key}"]) for key in ("name", "email") if people[0].get(f":{key}")}
    if len(people) > 1:
        names = ", ".join(str(one.get(":name")) for one in people)[:200]
        said.notes.append(f"Handed in by {len(people)} together ({names}); graded as the first one's.")
    if said.at:
        said.order = "Gradescope", "", said.at.timestamp()
    return said


def aware(value):
    """A time with its zone, of a time or a text as Gradescope writes it (in UTC where it says no zone); None for others."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip().replace(" UTC", "+00:00").replace("Z", "+00:00"))
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
