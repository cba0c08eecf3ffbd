"""An instructor's own edition of a problem set: the public master with other numbers, other planted bugs, in another order.

    python -m momentum_lib.grade new-set --seed "some words of your own" --out private

The public masters are the *practice* edition, with their solutions. What differs in an edition of yours is drawn from a seed that
stays with you; the same seed and library make the same edition again, and the students' copies hold nothing from which
the seed follows. No answer is stored: the checks compute it, and an edition is written only if its own solution earns full marks.

A master says what varies in the metadata of its code cells, beside nbgrader's, under ``draws``: ``{name: kind}``. Each
name is assigned a literal at the top level of that cell (``kappa = 60``), also among hidden tests; the
literal is the practice edition's value, and a new one takes its place. The kinds:

``{"whole": [30, 90]}``                      a whole number, both ends included
``{"between": [0.1, 0.9], "digits": 3}``     a number with that many decimals; with ``"log": true`` uniform in its logarithm,
                                             with that many significant digits
``{"choice": [...]}``                        one of these values
``{"sample": 8, "of": 13}``                  eight different whole numbers below 13, in the order drawn: places in a pool of
                                             planted bugs or cases that stands below, in the hidden tests
``{"rows": 4, "columns": [kind, ...]}``      a list of four tuples
``{"computed": "expression", "digits": 6}``  data to be shown that come from hidden draws of the question, never an answer: an
                                             expression of its names and ``np``, ``descend``, ``rules``, ``surfaces``, ``theory``
``{"mark": true}``                           a text that names the edition, for the parameters of single students

``"such that": ["lr * kappa < 2"]`` beside ``draws`` has a question drawn again until it holds, with every name that it draws.

A question is a numbered heading (``## 3. Title``) with the id ``NAME-text`` and the cells up to the next one. The notebook's
metadata may list, under ``permute``, groups of questions that trade places; headings are numbered anew, so no question names
another or uses what another defines. Text names a drawn number and does not state it. Cells tagged ``practice`` are in the
public edition alone.
"""

import argparse
import ast
import builtins
import contextlib
import copy
import hashlib
import hmac
import io
import json
import math
import re
import secrets
import sys
from itertools import count
from pathlib import Path

import numpy as np

from .grading import Checker
from .problem_set import BadMaster, Master, assigned, dumps, names_asked, write

SHORTEST_SEED = 12  # characters; fewer could be tried out one by one
MOST_DRAWS = 1000
HEADING = re.compile(r"^(##\s+)\d+(\.\s)", re.M)
PUBLIC = Path(__file__).resolve().parents[2] / "notebooks" / "homework"


def key_of(seed):
    """The secret key, 32 bytes, that a seed stands for; slow on purpose.  Raises ValueError for a seed that can be guessed."""
    if len(seed.strip()) < SHORTEST_SEED:
        raise ValueError(
            f"the seed has {len(seed.strip())} characters; allowed: {SHORTEST_SEED} or more, since students could try "
            f"short ones. For example: --seed {secrets.token_hex(8)}"
        )
    return hashlib.scrypt(seed.strip().encode("utf-8"), salt=b"momentum edition", n=2**14, r=8, p=1, dklen=32)


class Draws:
    """Numbers that a key decides: the same for the same key and label, and unrelated for any other."""

    def __init__(self, key, label):
        self.key, self.label, self.number = key, label, count()

    def digest(self):
        """The next 32 bytes."""
        return hmac.digest(self.key, f"{self.label}\n{next(self.number)}".encode(), "sha256")

    def below(self, n):
        """A whole number from 0 to n - 1."""
        return int.from_bytes(self.digest(), "big") % n

    def shuffled(self, items):
        """The items in an order of the key's."""
        items = list(items)
        return [items.pop(self.below(len(items))) for _ in range(len(items))]


def draw(kind, draws):
    """A value of one kind.  Raises ValueError for a kind that there is not."""
    match kind:
        case {"whole": [low, high]}:
            return low + draws.below(high - low + 1)
        case {"between": [low, high], "digits": digits, "log": True}:
            share = draws.below(2**53) / 2**53
            return rounded(low * (high / low) ** share, digits)
        case {"between": [low, high], "digits": digits}:
            steps = round((high - low) * 10**digits)
            return round(low + draws.below(steps + 1) / 10**digits, digits)
        case {"choice": choices}:
            return choices[draws.below(len(choices))]
        case {"sample": size, "of": n}:
            return draws.shuffled(range(n))[:size]
        case {"rows": n, "columns": columns}:
            return [tuple(draw(column, draws) for column in columns) for _ in range(n)]
        case {"mark": True}:
            return draws.digest().hex()[:12]
    raise ValueError(f"no kind of draw: {json.dumps(kind)}; see the documentation of momentum_lib.grade.editions.")


def rounded(value, digits):
    """A number to so many significant digits; an array as a list of such numbers."""
    if np.ndim(value):
        return [rounded(item, digits) for item in value]
    return float(f"{float(value):.{digits - 1}e}")


# -- what a master holds ---------------------------------------------------------------------------


def groups_of(cells):
    """The places of the cells, one list a question, with what stands before the first question in front."""
    groups = [[]]
    for place, cell in enumerate(cells):
        if cell["cell_type"] == "markdown" and HEADING.match(text_of(cell)) and cell["id"].endswith("-text"):
            groups.append([])
        groups[-1].append(place)
    return groups


def text_of(cell):
    """A cell's source as one text."""
    return "".join(cell["source"])


def name_of(cells, group):
    """The name of a question, from its heading's id; "" for what stands before the first."""
    return cells[group[0]]["id"].removesuffix("-text") if group and cells[group[0]]["id"].endswith("-text") else ""


def literals(source):
    """The literals that a text assigns at its top level: ``{name: [(value, its node), ...]}``."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            with contextlib.suppress(ValueError, TypeError):
                found.setdefault(node.targets[0].id, []).append((ast.literal_eval(node.value), node.value))
    return found


def varied(cell, where):
    """What varies in a cell: ``{name: (kind, practice value)}``.  Raises BadMaster for a name without one literal."""
    kinds = cell["metadata"].get("draws") or {}
    known = literals(text_of(cell)) if kinds else {}
    for name in kinds:
        if len(known.get(name, ())) != 1:
            raise BadMaster(
                f"{where}: {name} varies, so the cell needs one line {name} = <literal> at its top level; it has "
                f"{len(known.get(name, ()))}."
            )
    return {name: (kind, known[name][0][0]) for name, kind in kinds.items()}


def replaced(source, values):
    """The text with the literals of some names replaced."""
    known, data = literals(source), source.encode("utf-8")
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    nodes = {name: known[name][0][1] for name in values}
    for name, node in sorted(nodes.items(), key=lambda item: -item[1].lineno):
        begin, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        data = data[:begin] + repr(values[name]).encode("utf-8") + data[end:]
    return data.decode("utf-8")


def computed(kind, values):
    """The value of a ``computed`` kind, from the question's drawn values."""
    from .. import descend, rules, surfaces, theory

    tools = {"np": np, "descend": descend, "rules": rules, "surfaces": surfaces, "theory": theory}
    return rounded(eval(kind["computed"], {**tools, **values}), kind["digits"])


def drawn(cells, group, key, label):
    """New values for the names that vary in a question: ``{place: {name: value}}``.  Raises BadMaster where none will do."""
    where = f"{label}, {name_of(cells, group) or 'the first cells'}"
    kinds = {place: varied(cells[place], where) for place in group if cells[place]["cell_type"] == "code"}
    rules = [rule for place in group for rule in cells[place]["metadata"].get("such that", ())]
    for attempt in range(MOST_DRAWS):
        made, values = {place: {} for place in kinds}, {}
        for place, name, kind, practice in ((p, n, k, v) for p, names in kinds.items() for n, (k, v) in names.items()):
            if "computed" not in kind:
                made[place][name] = values[name] = draw(kind, Draws(key, f"{label}\n{cells[place]['id']}\n{name}\n{attempt}"))
                if values[name] == practice and not {"choice", "sample"} & set(kind):
                    break
        else:
            for place, names in kinds.items():
                for name, (kind, _) in names.items():
                    if "computed" in kind:
                        made[place][name] = values[name] = computed(kind, values)
            if all(eval(rule, {"np": np, "math": math, **values}) for rule in rules):
                return made
    raise BadMaster(f"{where}: no draw of {MOST_DRAWS} meets {rules or 'its ranges'}; widen them.")


# -- a new edition ---------------------------------------------------------------------------------


def reject_ties(cells, groups):
    """Raise BadMaster where a question uses what another one defines: the two could not trade places."""
    made, read = {}, {}
    for group in groups:
        name, sources = name_of(cells, group), [text_of(cells[place]) for place in group if cells[place]["cell_type"] == "code"]
        sources = [source for source in sources if "%pip" not in source]
        made[name] = {one for source in sources for one in assigned(source)}
        read[name] = {one for source in sources for one in names_asked(source, dir(builtins))}
    for name in filter(None, made):
        for other in filter(None, made):
            ties = (read[name] & made[other]) - made[name] - made[""]
            if other != name and ties:
                raise BadMaster(f"question {name} uses {', '.join(sorted(ties))} of question {other}; define it in {name}, too.")


def reordered(cells, groups, exchange, draws):
    """The cells with some questions in each other's places, and headings numbered anew."""
    names = [name_of(cells, group) for group in groups]
    order = list(range(len(groups)))
    for some in exchange:
        unknown = set(some) - set(names)
        if unknown:
            raise BadMaster(f"permute names {', '.join(sorted(unknown))}, and no heading has the id {sorted(unknown)[0]}-text.")
        places = sorted(names.index(name) for name in some)
        for place, name in zip(places, draws.shuffled(some), strict=True):
            order[place] = names.index(name)
    found, number = [], count(1)
    for group in (groups[place] for place in order):
        for cell in (cells[place] for place in group):
            if cell["cell_type"] == "markdown" and HEADING.search(text_of(cell)):
                cell["source"] = HEADING.sub(rf"\g<1>{next(number)}\g<2>", text_of(cell), count=1)
            found.append(cell)
    return found


def edition(master, key):
    """The notebook of a new edition of a master, as a dict.  Raises BadMaster for a master that does not say how."""
    if "edition" in master.notebook["metadata"]:
        raise BadMaster(f"{master.path.name} is an edition already; make new ones from the public master.")
    notebook = copy.deepcopy(master.notebook)
    cells = [cell for cell in notebook["cells"] if "practice" not in cell["metadata"].get("tags", ())]
    groups = groups_of(cells)
    if not any(cell["metadata"].get("draws") for cell in cells):
        raise BadMaster(f"{master.path.name}: no cell says what varies; see the documentation of momentum_lib.grade.editions.")
    exchange = notebook["metadata"].get("permute", [])
    if exchange:
        reject_ties(cells, groups)
    for group in groups:
        for place, values in drawn(cells, group, key, master.name).items():
            if values:
                cells[place]["source"] = replaced(text_of(cells[place]), values)
    notebook["cells"] = reordered(cells, groups, exchange, Draws(key, f"{master.name}\norder"))
    mark = Draws(key, f"{master.name}\nedition").digest().hex()[:12]
    notebook["metadata"]["edition"] = {"of": master.name, "master": master.digest, "mark": mark}
    return notebook


def holding_own_answers(master, student):
    """A checker, in this process, that holds a master's own answers; what no check follows, such as a page of prose and code,
    is not run.
    """
    checker, waiting = Checker(master, student, None), []
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in master.cells:
            if cell.kind == "markdown" and HEADING.match(cell.source):
                waiting = []
            if cell.role == "answer":
                waiting.append(cell)
            if cell.role == "check":
                for one in waiting:
                    checker.execute(one.source)
                waiting = []
    return checker


def own_answers(master, student):
    """The results of a master's checks for its own solution: a list of dicts as grading has them."""
    checker = holding_own_answers(master, student)
    return [checker.grade(cell) for cell in master.of("check")]


def reject_unsolved(master, students=("ada", "grace")):
    """Raise BadMaster where a master's own solution does not earn full marks."""
    for student in students:
        for result in own_answers(master, student):
            if result["points"] != result["of"]:
                why = result.get("error") or result["said"]
                raise BadMaster(f"{master.name}, {result['question']}: its own solution does not earn its points. {why}")


def new_set(path, key, out):
    """Write an edition of the master at ``path``: below ``out`` the master, and what `problem_set.write` makes of it.

    Returns the paths: master, student's copy, instructor's package.  Raises BadMaster, and leaves nothing, where the
    edition's own solution does not earn full marks.
    """
    public, out = Master(path), Path(out)
    target = out / "masters" / public.path.name
    if target.resolve() == public.path.resolve():
        raise ValueError(f"{target} is the public master itself; choose another folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(dumps(edition(public, key)), "utf-8")
    try:
        master = Master(target)
        reject_unsolved(master)
        return target, *write(master, out)
    except BadMaster:
        target.unlink()
        raise


def parser():
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m momentum_lib.grade new-set",
        description="Write an edition of your own of the problem sets, from a seed that stays with you.",
        epilog="Keep the seed: with it and the same version of the library, the same edition can be made again.",
    )
    made.add_argument("masters", nargs="*", type=Path, metavar="MASTER", help="public masters (default: all of the course)")
    made.add_argument("--seed", required=True, help=f"a text of at least {SHORTEST_SEED} characters that nobody else knows")
    made.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a folder that you do not publish")
    return made


def main(arguments=None):
    options = parser().parse_args(arguments)
    masters = options.masters or sorted(PUBLIC.glob("[0-9]*.ipynb"))
    try:
        if not masters:
            raise ValueError("the library has no masters beside it; name those of the repository: notebooks/homework/*.ipynb")
        key = key_of(options.seed)
        for path in masters:
            for made in new_set(path, key, options.out):
                print(made)
    except (BadMaster, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"Each edition's own solution earns full marks. Hand out what lies in {options.out}; keep masters, packages and seed.")
    return 0
