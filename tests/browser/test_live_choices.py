"""Every menu and every row of buttons of a figure offers what its state may be, in that order, and sets what it says."""

import pytest

from momentum_lib.widgets import FIGURES, make
from tests.browser import live

CHOICES = {name: [key for key, spec in make(name).spec().items() if spec["kind"] == "choice"] for name in sorted(FIGURES)}
CHOICES = {name: keys for name, keys in CHOICES.items() if keys}
CHOSEN = """([i, name]) => {
    const place = document.querySelectorAll('.live-figure[data-figure]')[i], figure = place.__figure;
    const box = place.querySelector(`[data-control="${name}"]`), menu = box?.querySelector("select");
    const found = [...(box?.querySelectorAll("option, input[type=radio]") ?? [])].map((one) => {
        if (menu) {
            menu.value = one.value;
            menu.dispatchEvent(new Event("change", { bubbles: true }));
        } else one.click();
        return [one.value, figure.model.get(name)];
    });
    figure.numbers(); // draws
    return [found, menu ? menu.value : box?.querySelector(":checked").value];
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return live.write_page(tmp_path_factory.mktemp("choices"), [make(name) for name in CHOICES])


def test_every_choice_is_on_offer_and_sets_what_it_says(browser, address):
    with live.open_page(browser, address) as page:
        live.all_ready(page)
        for index, (name, keys) in enumerate(CHOICES.items()):
            for key in keys:
                options = make(name).spec()[key]["options"]
                found, shown = page.evaluate(CHOSEN, [index, key])
                assert (found, shown) == ([[value, value] for value in options], options[-1]), (name, key)
