"""A visit to a page in any browser: from top to bottom, with everything that came up on the way."""

from tests.browser.pages import SCROLL, SETTLED, TOO_WIDE

NARROW = (390, 320)
SETTLE = f"""async (patience) => {{
  await ({SCROLL})();
  const settled = {SETTLED}, end = performance.now() + 1000 * patience;
  while (!settled()) {{
    if (performance.now() > end) return [...document.querySelectorAll(".live-figure[data-figure]:not([data-ready])")]
      .map((place) => `live figure ${{place.dataset.figure}} did not start`).concat("the page did not come to rest");
    await new Promise((done) => setTimeout(done, 10));
  }}
  return [];
}}"""
# A narrow view in a browser whose window cannot be narrow: the page within the page.
IN_A_FRAME = f"""async (width) => {{
  const frame = document.createElement("iframe");
  frame.style.cssText = `position: fixed; inset: 0 auto auto 0; z-index: 99; border: 0; width: ${{width}}px; height: 800px`;
  frame.src = location.href;
  const loaded = new Promise((done) => frame.addEventListener("load", done));
  document.body.append(frame);
  await loaded;
  const inside = frame.contentWindow, seen = (text) => inside.eval(text)();
  await seen({SCROLL!r});
  const found = seen({TOO_WIDE!r});
  window.__problems.push(...inside.__problems);
  frame.remove();
  return found;
}}"""


def visit(client, site, name, narrow=NARROW):
    """Open a page, see all of it, wide and narrow; return what went wrong, in sentences."""
    client.resize(1366, 900)
    client.open(site.url(name))
    found = client.call(SETTLE, 60)
    for width in (1366, *narrow):
        if width == 1366:
            wide = client.call(TOO_WIDE)
        elif client.name == "webkit":
            wide = client.call(IN_A_FRAME, width)
        else:
            client.resize(width, 800)
            client.call(SCROLL)
            wide = client.call(TOO_WIDE)
        found += [f"at {width} px: {wide}"] if wide else []
    return found + told(client, site)


def told(client, site):
    """What the page, the console and the server say went wrong, since they were last asked."""
    refused, site.refused[:] = list(site.refused), []
    return client.problems() + client.call("() => window.__problems.splice(0)") + refused
