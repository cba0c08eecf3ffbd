"""The printed book on paper: a chapter of the built book, with page numbers that are true and links that arrive."""

from importlib import util

from tests.browser.served import ROOT


def test_a_chapter_on_paper(site, new_page, tmp_path):
    import pypdf

    spec = util.spec_from_file_location("course_pdf", ROOT / "book" / "pdf.py")
    pdf = util.module_from_spec(spec)
    spec.loader.exec_module(pdf)
    listed = [pair for pair in pdf.contents() if pair[1] in ("notebooks/15-clocks", "book/glossary")]
    text, rows = pdf.joined(pdf.Book(site.path, listed, "https://course.example"), "Title", "Author")
    paper, source = tmp_path / "book.pdf", tmp_path / "book.html"
    page, pages = new_page(), {}
    for _ in range(2):
        source.write_text(pdf.numbered(text, rows, pages), "utf-8")
        page.goto(source.as_uri())
        page.pdf(path=paper, prefer_css_page_size=True, print_background=True)
        before, (pages, count) = pages, pdf.page_numbers(paper)
    assert before == pages, "the second printing moves nothing"
    sheets = [sheet.extract_text() for sheet in pypdf.PdfReader(paper).pages]
    assert "Chapter 15" in sheets[pages["notebooks-15-clocks"] - 1] and len(sheets) == count
    assert pages["notebooks-15-clocks"] < pages["book-glossary"] < pages["solutions"] < pages["index"]
    assert f"Solutions and answers {pages['solutions']}" in " ".join(sheets[2].split()), "the contents have its page number"
    assert "Solution to exercise 15.1" in "".join(sheets[pages["solutions"] - 1 :])
