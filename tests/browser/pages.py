"""The site's pages by name, and what any browser is asked about an open one."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def pages():
    """The names of all pages, from the table of contents, and the three that Sphinx adds."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    names = [toc["root"], *(entry["file"] for part in toc["parts"] for entry in part["chapters"])]
    return [*names, "search", "genindex"]


PAGES = pages()
SCROLL = """async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight * 0.8) {
    scrollTo({ top: y, behavior: "instant" });
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  }
  scrollTo({ top: 0, behavior: "instant" });
}"""
SETTLED = """() => [...document.querySelectorAll('.live-figure[data-figure]')]
  .filter((figure) => figure.checkVisibility()).every((figure) => figure.dataset.ready === '1')
  && [...document.images].filter((image) => image.checkVisibility()).every((image) => image.complete && image.naturalWidth > 0)"""
# What is wider than its box, and either hidden there or scrolled without a shade at the edge that tells of it.
WITHOUT_CUE = """() => {
  const wrong = [];
  const clipped = (box) => box !== null && (box.clientWidth === 1 || clipped(box.parentElement)); // a pixel: for screen readers
  for (const box of document.querySelectorAll('main *')) {
    if (box.clientWidth === 0 || box.scrollWidth <= box.clientWidth + 1 || !box.checkVisibility()) continue;
    // what is measured there is a formula's own boxes, a picture's words, what is said to screen readers
    if (box.closest('.katex, svg, .visually-hidden, .lf-spoken') || clipped(box)) continue;
    const { display, overflowX, backgroundImage } = getComputedStyle(box);
    const cue = /auto|scroll/.test(overflowX) && backgroundImage.includes('gradient');
    if (display !== 'inline' && !cue)
      wrong.push(`${box.tagName} ${box.className} ${box.scrollWidth} in ${box.clientWidth}: ${box.textContent.slice(0, 50)}`);
  }
  return wrong;
}"""
TOO_WIDE = """() => {
  const root = document.documentElement, wide = root.scrollWidth - root.clientWidth;
  if (wide <= 0) return null; // not innerWidth: a phone shows a page that is too wide smaller, and innerWidth grows with it
  const names = [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1)
    .map((e) => `${e.tagName.toLowerCase()}.${[...e.classList].join('.')}`);
  return `${wide} px too wide at ${root.clientWidth}: ${names.slice(0, 6).join(', ')}`;
}"""
# Follow a link to each of some ids, from the page's end upwards, so that what lies above was never laid out: those that land
# more than 10 px from their place. At the end of a page a target stands lower, since the page does not go on.
LANDS = """async (most) => {
  const root = document.documentElement, pad = parseFloat(getComputedStyle(root).scrollPaddingTop);
  const all = [...document.querySelectorAll("article [id]")]
    .filter((one) => one.checkVisibility() && one.getClientRects().length && !one.closest("svg, .lf, dialog"));
  const step = Math.max(1, all.length / most), ids = [];
  for (let k = all.length - 1; k >= 0; k -= step) ids.push(all[Math.round(k)].id);
  const link = document.body.appendChild(document.createElement("a")), wrong = [];
  for (const id of ids) {
    link.href = `#${encodeURIComponent(id)}`;
    link.click();
    let off = 0, right = 0;
    for (let frame = 0; frame < 90 && right < 3; frame += 1) {
      await new Promise((done) => requestAnimationFrame(done));
      const target = document.getElementById(id);
      off = target.getBoundingClientRect().top - pad - parseFloat(getComputedStyle(target).scrollMarginTop);
      right = Math.abs(off) < 10 || (off > 0 && root.scrollHeight - innerHeight - scrollY < 2) ? right + 1 : 0;
    }
    if (right < 3) wrong.push(`#${id} is ${Math.round(off)} px from its place`);
  }
  link.remove();
  history.replaceState(null, "", location.pathname + location.search);
  return wrong;
}"""
