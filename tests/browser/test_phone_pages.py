"""The pages on a phone: what is wide can be reached, pictures stay beside their controls."""

UNREACHED = """async () => {
  const wide = [...document.querySelectorAll('pre, .table-scroll, .picture-scroll, .math-block > .katex-display')]
    .find((box) => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1);
  if (!wide) return 'nothing is wide';
  wide.scrollIntoView({ block: 'center', behavior: 'instant' });
  for (let k = 0; k < 60 && wide.tabIndex !== 0; k++) await new Promise(requestAnimationFrame);
  return wide.tabIndex;
}"""


def test_what_goes_on_can_be_reached_by_keyboard(site, new_page):
    page = new_page(width=390)
    page.goto(site.url("notebooks/01-ravine"))
    assert page.evaluate(UNREACHED) == 0


STUCK = """async () => {
  const still = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const place = document.querySelector('.live-figure');
  place.scrollIntoView({ behavior: 'instant' });
  for (let k = 0; k < 200 && place.dataset.ready !== '1'; k++) await still();
  const last = [...place.querySelectorAll('.lf-track input')].at(-1);
  place.querySelectorAll('.lf-more').forEach((fold) => { fold.open = true; });
  last.scrollIntoView({ block: 'center', behavior: 'instant' });
  await still();
  const picture = place.querySelector('.lf-plot').getBoundingClientRect(), bar = document.querySelector('.bar');
  return [picture.top - bar.getBoundingClientRect().bottom, picture.bottom < last.getBoundingClientRect().top];
}"""


def test_the_picture_stays_below_the_bar_while_its_controls_pass(site, new_page):
    """In a page's cell, too: none of what stands around the figure holds the picture."""
    page = new_page(width=390)
    page.goto(site.url("notebooks/01-ravine"))
    below, before = page.evaluate(STUCK)
    assert abs(below) < 2 and before
