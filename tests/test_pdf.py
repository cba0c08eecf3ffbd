"""The printed book before it is printed: pages are joined, links lead within it, folds go to the end, numbers are filled in."""

from importlib import util
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
ONE = """<article><section id="one"><span id="label"></span><h1><span class="chapter-number">Chapter 1</span> One
<a class="headerlink" href="#one">#</a></h1><p>A <a href="../book/glossary.html#term-step">step</a>, and again a
<a href="../book/glossary.html#term-step">step</a>; <a href="02-two.html#there">there</a>, <a href="#label">here</a>,
<a href="https://example.org/x">away</a>, <a href="../files/a.ipynb">a file</a>,
<a href="02-two.html#live=race&amp;b=1">set</a>.</p>
<picture><source srcset="../_images/a-phone.svg"><img class="only-light" loading="lazy" src="../_images/a.svg" alt="A"></picture>
<img class="only-dark" src="../_images/b.svg" alt="A"><span class="katex"><span class="katex-mathml">x</span>y</span>
<details class="admonition hide"><summary>Code</summary><pre>secret</pre></details>
<details class="solution dropdown"><summary>Solution to exercise 1</summary><p>Forty-two.</p></details>
<details class="fold"><summary>Proof</summary><p>By hand.</p></details>
<section id="cards"><h2>Cards</h2><ul class="cards"><li>x</li></ul></section></section></article>"""
TWO = '<article><section id="two"><h1>Two</h1><section id="there"><h2>There</h2><p>Text [[3]].</p></section></section></article>'
GLOSSARY = """<article><section id="g"><h1>Glossary</h1><h2>Words</h2><span></span><section id="s"><h3>S</h3><p>A word.</p>
</section><dl><dt id="term-step">step</dt><dd>One move, in <a href="../notebooks/02-two.html">chapter 2</a>
and <a href="../notebooks/01-one.html">chapter 1</a>.</dd></dl></section></article>"""
LISTED = [("Part I: The idea", "notebooks/01-one"), ("Part I: The idea", "notebooks/02-two"), ("Reference", "book/glossary")]


@pytest.fixture(scope="module")
def pdf():
    """book/pdf.py as a module."""
    spec = util.spec_from_file_location("course_pdf", ROOT / "book" / "pdf.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path):
    for name, text in (("notebooks/01-one", ONE), ("notebooks/02-two", TWO), ("book/glossary", GLOSSARY)):
        path = tmp_path / f"{name}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<html><body><main>{text}</main></body></html>", "utf-8")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.ipynb").write_text("{}", "utf-8")
    return tmp_path


def test_a_page_is_made_ready_for_paper(pdf, site):
    book = pdf.Book(site, LISTED, "https://course.example")
    page = book.page("notebooks/01-one")
    text = str(page)
    hrefs = [link["href"] for link in page.select("a")]
    assert hrefs[:7] == [
        "#book-glossary--term-step", "#book-glossary--term-step", "#notebooks-02-two--there", "#notebooks-01-one--label",
        "https://example.org/x", "https://course.example/files/a.ipynb", "#notebooks-02-two",
    ]  # fmt: skip
    assert [link.get("id") for link in page.select("a")][:2] == ["use-notebooks-01-one-term-step", None]
    (image,) = page.select("img")
    assert image["src"] == (site / "_images" / "a.svg").as_uri() and "loading" not in image.attrs
    assert "secret" not in text and "Cards" not in text and "katex-mathml" not in text and "Forty-two" not in text
    assert page.select_one("details.fold").has_attr("open"), "a proof is open"
    ((document, anchor, title, body),) = book.later
    assert (document, title) == ("notebooks/01-one", "Solution to exercise 1") and "Forty-two" in str(body)
    assert page.select_one(f'.see-later a[href="#{anchor}"]')


def test_a_line_below_a_heading_goes_with_what_it_announces(pdf, site):
    """Heading and one line alone at the foot of a page are as lonely as the heading; a paragraph may be divided."""
    long = "<section id='s'><h2>S</h2><p>" + "Many words, more than a line has. " * 4 + "</p><p>So:</p></section>"
    code = "<pre>one\ntwo</pre><pre>" + "line\n" * 40 + "</pre>"
    code += "<table><tr><td>1</td></tr></table><table>" + "<tr><td>1</td></tr>" * 13 + "</table>"
    path = site / "notebooks" / "02-two.html"
    path.write_text(path.read_text("utf-8").replace("</section></section>", f"</section>{long}{code}</section>"), "utf-8")
    page = pdf.Book(site, LISTED, "https://course.example").page("notebooks/02-two")
    assert [line.get_text() for line in page.select("p.lead-in")] == ["Text [[3]].", "So:"]
    assert [pre.get_text() for pre in page.select("pre.whole")] == ["one\ntwo"], "a short piece of code stays in one"
    assert [len(table.select("tr")) for table in page.select("table.whole")] == [1]
    rule = next(part for part in pdf.STYLE.read_text("utf-8").split("}") if "p.lead-in + *" in part)
    assert "p.see-later" in rule and "break-before: avoid" in rule


def test_letters_have_their_own_widths_on_paper(pdf):
    """As on a screen they would be whole pixels wide, and the gaps between words uneven."""
    assert "--font-render-hinting=none" in pdf.ARGUMENTS


def test_a_heading_before_a_section_goes_with_it(pdf, site):
    page = pdf.Book(site, LISTED, "https://course.example").page("book/glossary")
    assert [tag.name for tag in page.select_one("#book-glossary--s").find_all(True)] == ["h2", "h3", "p"]


def test_the_book_is_joined_with_contents_solutions_and_index(pdf, site):
    text, rows = pdf.joined(pdf.Book(site, LISTED, "https://course.example"), "Title", "Author")
    whole = pdf.numbered(text, rows, {})
    assert pdf.dead(whole) == []
    soup = BeautifulSoup(whole, "html.parser")
    assert [link["href"] for link in soup.select(".toc a")] == [
        "#notebooks-01-one", "#notebooks-02-two", "#notebooks-02-two--there", "#book-glossary", "#solutions", "#index",
    ]  # fmt: skip
    assert soup.select(".part h1")[0].get_text() == "The idea" and len(soup.select(".part")) == 1
    assert '@page notebooks-01-one{@top-left{content:"One"}@top-right{content:"Chapter 1"}' in whole and "Text [[3]]." in whole
    pages = {"notebooks-01-one": 5, "later-1": 9, "book-glossary--term-step": 7, "use-notebooks-01-one-term-step": 6}
    pages["notebooks-02-two"] = 8
    filled = BeautifulSoup(pdf.numbered(text, rows, pages), "html.parser")
    assert filled.select_one(".toc a .at").get_text() == "5" and filled.select_one(".see-later .at").get_text() == "9"
    assert filled.select_one(".index p").get_text() == "step, 7, 6, 8", "chapter 2 marks no use: there its beginning stands"
    assert filled.select_one(".index .bold").get_text() == "7"
    assert pdf.index_of_terms(rows, dict.fromkeys(pages, 7)).count("<a") == 1, "two uses on one page are one entry"


def test_a_link_that_leads_nowhere_is_named(pdf, site):
    path = site / "notebooks" / "02-two.html"
    path.write_text(path.read_text("utf-8").replace("</p>", '<a href="01-one.html#gone">x</a></p>'), "utf-8")
    text, rows = pdf.joined(pdf.Book(site, LISTED, "https://course.example"), "Title", "Author")
    assert pdf.dead(pdf.numbered(text, rows, {})) == ["notebooks-01-one--gone"]
    path.write_text(path.read_text("utf-8").replace("01-one.html#gone", "03-three.html"), "utf-8")
    with pytest.raises(pdf.DeadLink, match="02-two links to 03-three.html, which is not in the built book"):
        pdf.Book(site, LISTED, "https://course.example").page("notebooks/02-two")


def test_the_whole_book_is_printed(pdf):
    """Every page of the table of contents, in its order."""
    listed = [document for _, document in pdf.contents()]
    assert listed[0] == "book/intro" and len(set(listed)) == len(listed)
    assert {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")} <= set(listed)
