"""The claims ledger: every row's value is what its expression computes, and its chapter prints it."""

import importlib.util
import json
import re
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


MYTHS = [row for row in ROWS if "myth" in row]


@pytest.mark.parametrize("row", MYTHS, ids=lambda row: str(row["id"]))
def test_a_myth_opens_its_figure_in_a_state_that_the_figure_keeps(row):
    """A clamped or unknown value would show another state than the sentence beside it speaks of."""
    from momentum_lib import widgets

    myth = row["myth"]
    assert set(myth) <= {"figure", "state", "see", "section"} and myth["see"].endswith(".")
    state = widgets.make(myth["figure"], **myth.get("state", {})).state()
    assert {name: state[name] for name in myth.get("state", {})} == myth.get("state", {})


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
