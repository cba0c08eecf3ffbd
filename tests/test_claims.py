"""The claims ledger: every row's value is what its expression computes, and its chapter prints it."""

import importlib.util
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("claims", ROOT / "book" / "_gen" / "claims.py")
claims = importlib.util.module_from_spec(spec)
spec.loader.exec_module(claims)

ROWS = claims.rows()
VALUES = {}


def measure_once(row, measure=claims.measure):
    """A row's value, computed once in a process: the ledger's page asks for what the rows' own tests asked for."""
    if row["id"] not in VALUES:
        VALUES[row["id"]] = measure(row)
    return VALUES[row["id"]]


claims.measure = measure_once
KEYS = {"id", "claim", "source", "formula", "code", "value", "tolerance", "shown", "verdict", "told", "chapter", "myth"}
KEYS |= {"measured"}
VERDICTS = {"true", "true under conditions", "false as told", "open"}


def printed(chapter):
    """All text outputs of a chapter, as one string."""
    cells = json.loads(claims.PAGES[chapter].read_text("utf-8"))["cells"]
    outputs = [out for cell in cells for out in cell.get("outputs", [])]
    texts = [out.get("text") or out.get("data", {}).get("text/plain", "") for out in outputs]
    return "\n".join("".join(text) for text in texts)


def test_ledger_covers_every_chapter_and_the_errata():
    without = sorted(set(claims.PAGES) - {row["chapter"] for row in ROWS})
    assert not without, f"book/claims/{without[0]}.yml is missing or empty: write the chapter's claims there"
    assert len(claims.PAGES) == len(claims.CHAPTERS) + 1


def test_ids_are_unique_and_belong_to_their_chapter():
    ids = [str(row["id"]) for row in ROWS]
    assert len(ids) == len(set(ids))
    for row in ROWS:
        assert str(row["id"]).split(".")[0] == ("E" if row["chapter"] == "errata" else str(int(row["chapter"]))), row["id"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["id"]))
def test_row(row):
    """A drifting number, an unknown key, a missing source, a verdict without the told sentence."""
    assert set(row) <= KEYS, set(row) - KEYS
    assert row["source"] and row["claim"].endswith(".")
    if "verdict" in row or "told" in row:
        assert str(row["verdict"]).lower() in VERDICTS and row["told"]
    value = claims.measure(row)
    if isinstance(row["value"], str) or row["tolerance"] == 0:
        assert value == row["value"]
    else:
        assert abs(value - row["value"]) <= row["tolerance"], value
        assert row["tolerance"] <= max(abs(row["value"]) / 20, 1e-12), "a tolerance above 5 % holds nothing"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["id"]))
def test_chapter_prints_it(row):
    assert str(row["shown"]) in printed(row["chapter"])


@pytest.mark.parametrize("row", [row for row in ROWS if "p = " in str(row["shown"])], ids=lambda row: str(row["id"]))
def test_claim_is_no_surer_than_its_comparison(row):
    """A comparison that the seeds leave open, or make likely, is told as open or as likely: absence of evidence is no result."""
    found = re.search(r"p = \S+: (open|likely|established)$", row["shown"])[1]
    assert found == "established" or re.search(rf"\b{found}\b", row["claim"]), f"{row['id']}: its comparison is {found}"


def test_sources_are_in_the_bibliography():
    bib = (ROOT / "book" / "references.bib").read_text("utf-8")
    for row in ROWS:
        if " " not in str(row["source"]):
            assert f"{{{row['source']}," in bib, row["source"]


# --- what a reader reads ----------------------------------------------------------------------------------------------
RAW = re.compile(
    r"\b(?:sqrt|log10|exp|inv|ln)\b|[<>]=|\^|\*|\b(?:kappa|lr)\b|\b(?:beta|mu)\d\b|\b[a-z]+_\w|''|\d[eE][-+]?\d|[\w)]/\(|\)/[\w(]"
    r"|\bgrad f\b|[\d)] [-+=<>] [\w(]|\w [-+=] \d|(?<![\w.,)])-\d|[\d.] x\b|\b[A-Z] [A-Z]'"
)
"""Code, or mathematics written in it, where words or a formula should stand; a minus sign is no hyphen."""
UNRESOLVED = re.compile(r"\b[a-z]{2,}(?:19|20)\d\d[a-z]?\b")


def read(text):
    """Words without their formulas, their roles and their code."""
    return re.sub(r"\$[^$]*\$|\{[\w:]+\}`[^`]*`|`[^`]*`|\]\([^)]*\)", " ", str(text))


def published(row):
    """What of a row stands on the pages as words: name -> text."""
    found = {name: row[name] for name in ("claim", "told", "measured") if name in row}
    return found | {"see": row["myth"]["see"]} if "myth" in row else found


def test_claims_are_written_in_words_and_formulas():
    texts = {f"{row['id']} {name}": text for row in ROWS for name, text in published(row).items()}
    texts |= {f"{entry['name']} {name}": entry[name] for entry in claims.watched() for name in ("claim", "seen")}
    raw = {name: found[0] for name, text in texts.items() if (found := RAW.search(read(text)))}
    assert not raw, f"code in a sentence that is published; write a formula between dollars, or words: {raw}"


@pytest.mark.parametrize(
    "text",
    [
        "with lr L below 2", "about sqrt(kappa)/e", "the mean r/sqrt(1 + r^2)", "has log10 -0.81", "until 2(1 + beta)/lr = 38",
        "is 1/(1-beta).", "less than 1e-15", "x'' + 3", "U V' of", "f <= f(start)", "falls to -1.", "and beta2 of 0.95",
    ],
)  # fmt: skip
def test_code_in_a_sentence_is_found(text):
    assert RAW.search(read(text)) and not RAW.search(read(f"so that ${text}$ `{text}`"))


def test_no_key_of_the_bibliography_and_no_name_of_a_record_is_left_unresolved():
    """As the pages are written, roles and code aside."""
    for name, make in claims.FILES.items():
        page = (Path(claims.HERE) / name).read_text("utf-8") if make is claims.ledger else make()
        left = UNRESOLVED.findall(read(page)) + re.findall(r"\b[a-z]+-cpu\b", read(page))
        assert not left, f"{name}: {left}"
    assert claims.cite({"source": "this course, after wen2024"}) == "this course, after {cite:t}`wen2024`"
    assert claims.cite({"source": "d2l"}) == "{cite:t}`d2l`" and claims.cite({"source": "2020 and a code"}) == "2020 and a code"
    assert claims.cite({"source": "this course: record speed-cpu"}) == "this course: record `speed-cpu`"


def of(text):
    """The numbers of a text, a formula's too, as decimals: thin spaces and signs are taken out of the way."""
    text = re.sub(r"(?<=\d)[ \u2009\u202f](?=\d{3}\b)", "", str(text).replace("\N{MINUS SIGN}", "-"))
    return [Decimal(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", text)]


def alike(one, other):
    """Whether two numbers are the same, each in the digits that it is given in."""
    coarse = max(Decimal(1).scaleb(number.as_tuple().exponent) for number in (one, other))
    return abs(one - other) <= coarse / 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["id"]))
def test_what_was_measured_is_said(row):
    """One number that the claim has stands alone; all else has words: several values, yes and no, another number."""
    words = claims.said(row)
    assert "{}" not in words and "True" not in words and "False" not in words
    if "measured" not in row:
        assert not isinstance(row["value"], bool | str | list), f"{row['id']}: say in `measured` what its value is"
        value = Decimal(str(row["value"]))
        assert any(alike(abs(value), abs(number)) for number in of(row["claim"])), (
            f"{row['id']}: the claim does not have its value, {value}; say in `measured` what it is"
        )


def test_several_values_are_told_apart():
    two = {"chapter": "11", "id": "two", "code": "[85, -0.5]", "value": [85, -0.5], "tolerance": 0}
    assert (
        claims.said({**two, "measured": "heavy ball {} steps, {} more"}) == "heavy ball **85** steps, **\N{MINUS SIGN}0.5** more"
    )
    with pytest.raises(LookupError, match="it measures 2 values, and its `measured` has 1 places"):
        claims.said(two)
    assert claims.plain("1e-06") == "$10^{-6}$" and claims.plain("2.5e-05") == r"$2.5\cdot 10^{-5}$"


@pytest.mark.parametrize("row", [ROWS[0], *(row for row in ROWS if "told" in row)], ids=lambda row: str(row["id"]))
def test_the_mark_stands_beside_the_sentence_that_it_judges(row):
    """A true claim of the course stood beside "false": the mark was that of a sentence in the closed part."""
    line, mark = claims.entry(row)[0], claims.sign(row)[1]
    if "told" not in row:
        assert ".claim-told" not in line and line.endswith(mark)
        return
    told, claim = f"[“{claims.prose(row['told'])}”]{{.claim-told}}", f"[{claims.prose(row['claim'])}]{{.claim-text}}"
    assert f"{told} {mark} {claim}" in line and line.endswith(claim)


MYTHS = [row for row in ROWS if "myth" in row]


@pytest.mark.parametrize("row", MYTHS, ids=lambda row: str(row["id"]))
def test_a_myth_opens_its_figure_in_a_state_that_the_figure_keeps(row):
    """A clamped or unknown value would show another state than the sentence beside it speaks of."""
    from momentum_lib import widgets

    myth = row["myth"]
    assert set(myth) <= {"figure", "state", "see", "section"} and myth["see"].endswith(".")
    state = widgets.make(myth["figure"], **myth.get("state", {})).state()
    assert {name: state[name] for name in myth.get("state", {})} == myth.get("state", {})


COMPARED = re.compile(
    r"(?:(condition number)|at step|fewest steps,|rest at|more than|of the edge,) (-?\d+(?:\.\d+)?)"
    r"|(-?\d+(?:\.\d+)?(?:e[-+]\d+)?) (?:steps|times)"
)
"""The numbers of a figure that a verdict speaks of, too: a problem, steps, places, factors."""


@pytest.mark.parametrize("row", MYTHS, ids=lambda row: str(row["id"]))
def test_a_myths_figure_has_the_numbers_of_its_verdict_or_the_difference_is_said(row):
    """The figure showed 677 steps where the verdict had 681, or 36 of another ravine: each number that the figure tells is one
    of the verdict's, or of the sentence below the figure, or of the state that the reader sees set."""
    from momentum_lib import widgets

    figure = widgets.make(row["myth"]["figure"], **row["myth"].get("state", {}))
    said, state = of(row["claim"]) + of(row["myth"]["see"]), of(json.dumps(figure.state()))
    other = []
    for problem, a, b in COMPARED.findall(figure.alt()):  # another problem than the verdict's is said, though its state is seen
        known = said if problem and problem in row["claim"] else said + state
        if (number := Decimal(a or b)) != 1 and not any(alike(number, one) for one in known):
            other.append(f"{problem} {number}".strip())
    assert not other, (
        f"{row['id']}: the figure tells {', '.join(other)}, of which verdict and sentence say nothing: {figure.alt()}"
    )


def test_a_myth_leads_to_its_section_or_says_that_there_is_none():
    assert len(MYTHS) >= 12 and {row["verdict"] for row in MYTHS} == VERDICTS - {"open"}
    row = next(row for row in MYTHS if row["id"] == "7.1")
    address, words = claims.anchor({**row, "myth": {**row["myth"], "section": "breaks"}})
    assert address.startswith("/notebooks/07-ahead.ipynb#where-it-breaks") and words.startswith("Where it breaks")
    with pytest.raises(LookupError, match=r"book/claims/07.yml, row 7.1: its chapter has no section 'proof'"):
        claims.anchor({**row, "myth": {**row["myth"], "section": "proof"}})


def watch_with(tmp_path, monkeypatch, **changes):
    """The entries of a watch of one sound entry, with these changes."""
    entry = {"name": "Young", "year": 2026, "claim": "It helps.", "source": "a thread", "url": "https://x.org", "read": "thread"}
    entry |= {"status": "reproduced", "rows": ["7.1"], "seen": "It did."} | changes
    folder = tmp_path / "book" / "claims" / "watch"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "2026.yml").write_text(json.dumps([entry]))
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    monkeypatch.setattr(claims, "rows", lambda: ROWS)
    return claims.watched()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "seen"}, "its status is 'seen'; allowed: reproduced, refuted, not seen at this size, not tried"),
        ({"read": "heard"}, "its read is 'heard'; allowed: paper, abstract"),
        ({"rows": ["7.1", "7.999"]}, "the ledger has no row 7.999"),
        ({"rows": []}, "its status is 'reproduced' and its rows are"),
        ({"status": "not tried"}, "its status is 'not tried' and its rows are"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_watched_claim_says_how_it_was_read_and_shows_what_was_seen(tmp_path, monkeypatch, changes, said):
    with pytest.raises(LookupError, match=re.escape(said)):
        watch_with(tmp_path, monkeypatch, **changes)


def test_the_watch_lists_every_entry_once_under_its_status(tmp_path, monkeypatch):
    entries = claims.watched()
    assert len({entry["name"] for entry in entries}) == len(entries) >= 15
    assert all(entry["claim"].endswith(".") and entry["seen"].endswith(".") for entry in entries)
    assert all(entry["url"].startswith("https://") and 2025 <= entry["year"] <= 2026 for entry in entries)
    page, status = claims.watch(), ""
    for line in page.splitlines():
        status = line[3:].partition(":")[0].lower() if line.startswith("## ") else status
        if line.startswith("**"):
            name = line[2:].partition("**")[0]
            assert [entry["status"] for entry in entries if entry["name"] == name] == [status]
    assert page.count("*Here*") == len(entries)
    watch_with(tmp_path, monkeypatch)
    assert "## Reproduced: 1\n" in claims.watch() and "## Refuted: none\n" in claims.watch()
    assert "{ref}`7.1 <claim-7-1>`" in claims.watch()


def test_page_is_fresh(capsys):
    assert claims.main(["--check"]) == 0, capsys.readouterr().out
