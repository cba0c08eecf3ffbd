"""Export every figure and animation of the built book for slides: one folder a chapter, one index with captions and alt texts.

    python book/figures.py                    _build/html -> _build/figures
    python book/figures.py --site SITE --out FOLDER

Nothing is executed again: the figures are those of the site. A drawn figure comes as SVG and, where Chromium is installed,
as PNG 1920 pixels wide; a live figure as a PNG of the state in which its page shows it; an animation as the file that it is.
"""

import argparse
import html
import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup
from tqdm import tqdm

from momentum_lib.notation import LOOKS

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import chromium  # noqa: E402

WIDTH = 1920
STYLE = (
    "body{font:17px/1.55 Georgia,serif;max-width:60rem;margin:2rem auto;padding:0 1rem;background:white;"
    f"color:{LOOKS['ink'].light}}}"
    "figure{margin:2rem 0}img{width:100%;height:auto}figcaption{margin:.4rem 0}"
    f".alt{{color:{LOOKS['quiet'].light};font-size:.9rem}}"
)


@dataclass
class Picture:
    """One picture of a chapter: the files of its folder that show it, its caption, its alt text."""

    name: str
    caption: str
    alt: str
    source: Path
    live: tuple | None = None  # (figure's name, state)
    files: tuple = ()


def plain(tag):
    """The text of a tag, each formula once, as it reads."""
    if tag is None:
        return ""
    copy = BeautifulSoup(str(tag), "html.parser")
    for extra in copy.select(".katex-html, annotation, .headerlink"):
        extra.decompose()
    return re.sub(r"\s+", " ", copy.get_text()).strip()


def pictures(page):
    """The title and the Pictures of one built page, in its order."""
    soup = BeautifulSoup(page.read_text("utf-8"), "html.parser")
    found = []
    for image in soup.select("article img:not(.only-dark)"):
        figure, live = image.find_parent("figure"), image.find_parent(class_="live-figure")
        words = live["data-figure"].replace("_", "-") if live else (figure or {}).get("id", "figure").removeprefix("fig-")
        state = (live["data-figure"], json.loads(live["data-state"])) if live else None
        source = (page.parent / unquote(image["src"].partition("?")[0])).resolve()
        name = f"{len(found) + 1:02}-{words}"
        found.append(Picture(name, plain(figure and figure.find("figcaption")), image.get("alt", ""), source, state))
    for link in soup.select("article a.download[href]"):
        source = (page.parent / unquote(link["href"])).resolve()
        if source.suffix in (".gif", ".mp4"):
            found.append(Picture(f"{len(found) + 1:02}-{source.stem}", plain(link), f"Animation: {source.stem}.", source))
    return plain(soup.select_one("article h1")), found


def draw_live(picture, folder):
    """A live figure's picture in the state that its page shows, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from momentum_lib import widgets

    name, state = picture.live
    figure = widgets.make(name, **state).picture()
    target = folder / f"{picture.name}.png"
    figure.savefig(target, dpi=WIDTH / figure.get_size_inches()[0], facecolor="white")
    plt.close(figure)
    return target


def drawer():
    """A function ``(svg, png)`` that draws one as the other, and a function that ends it; (None, None) without Chromium."""
    path = chromium.path()
    if path is None:
        return None, None
    from playwright.sync_api import sync_playwright

    driver = sync_playwright().start()
    browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page(viewport={"width": WIDTH, "height": 1080})

    def draw(svg, png):
        page.goto("about:blank")
        page.set_content(f"<body style='margin:0;background:#fff'>{''.join(svg.read_text('utf-8').partition('<svg')[1:])}")
        page.add_style_tag(content="svg{display:block;width:1920px;height:auto}")
        page.locator("svg").first.screenshot(path=png)

    def end():
        browser.close()
        driver.stop()

    return draw, end


def export(page, folder, draw):
    """Write one chapter's folder; returns its title and its Pictures with their files."""
    title, found = pictures(page)
    folder.mkdir(parents=True, exist_ok=True)
    for picture in found:
        copy = folder / f"{picture.name}{picture.source.suffix}"
        files = [copy]
        shutil.copyfile(picture.source, copy)
        if picture.live:
            files.append(draw_live(picture, folder))
        elif copy.suffix == ".svg" and draw:
            draw(copy, folder / f"{picture.name}.png")
            files.append(folder / f"{picture.name}.png")
        picture.files = tuple(files)
    return title, found


def index(chapters, out):
    """The page that lists everything: pictures, captions, alt texts to copy, and the licence."""
    say, parts = html.escape, []
    for title, found in chapters:
        parts.append(f"<h2>{say(title)}</h2>")
        for picture in found:
            names = [file.relative_to(out).as_posix() for file in picture.files]
            links = " · ".join(f"<a href='{say(name)}'>{say(Path(name).name)}</a>" for name in names)
            parts.append(
                f"<figure><img src='{say(names[0])}' alt='{say(picture.alt)}' "
                f"loading='lazy'><figcaption>{say(picture.caption)}</figcaption>"
                f"<p class='alt'>Alt text: {say(picture.alt)}</p><p>{links}</p></figure>"
            )
    text = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width, "
        f"initial-scale=1'>"
        f"<title>Figures for slides</title><style>{STYLE}</style></head><body><h1>Figures for slides</h1>"
        "<p>CC BY 4.0: use and change them, and name The Momentum course authors.</p>"
        f"{''.join(parts)}</body></html>\n"
    )
    (out / "index.html").write_text(text, "utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html", help="the built book (default: _build/html)")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "figures", help="where to write (default: _build/figures)")
    options = parser.parse_args(arguments)
    pages = sorted((options.site / "notebooks").glob("[0-9]*.html"))
    if not pages:
        print(f"{options.site} holds no built chapter; run: python book/build.py", file=sys.stderr)
        return 2
    draw, end = drawer()
    try:
        chapters = [export(page, options.out / page.stem, draw) for page in tqdm(pages, unit="chapter")]
    finally:
        if end:
            end()
    index(chapters, options.out)
    count = sum(len(found) for _, found in chapters)
    print(f"{count} figures of {len(pages)} chapters:", options.out / "index.html")
    if draw is None:
        print("Chromium was not found, so drawn figures are SVG only.")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
