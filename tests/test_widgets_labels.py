"""kit/labels.js: where words stand in a picture, and how wide they are."""

import json
import random

import pytest

MODULES = {"labels": "kit/labels"}
# A document that measures nothing: words take seven pixels a letter.
BEFORE = """
const node = (attributes = {}) => ({ attributes, textContent: attributes.text ?? null,
  setAttribute(name, value) { attributes[name] = value; }, getAttribute: (name) => attributes[name] ?? null });
const withDocument = (document, work) => {
  globalThis.document = document;
  try { return work(); } finally { delete globalThis.document; }
};
const blind = { createElement: () => ({ getContext: () => null }) };
const placed = ({ wishes, taken, width, height, axis, size }) => {
  const nodes = wishes.map(() => node());
  labels.arrange(wishes.map((wish, k) => ({ ...wish, node: nodes[k] })), taken, { width, height, axis },
    () => ({ font: "f", size: size ?? NaN }));
  return nodes.map(({ attributes: { visibility, x, y, "text-anchor": anchor } }) => [visibility, x, y, anchor]);
};
"""
PART = {"start": 0, "middle": 0.5, "end": 1}
HIDDEN = ["hidden", None, None, None]


def room(x, y, anchor, wide, size):
    """Left, right, top and end of words, with a pixel and a half of air at their sides."""
    left = x - PART[anchor] * wide
    return left - 1.5, left + wide + 1.5, y - 0.8 * size, y + 0.25 * size


def tried(wish, wide, size, width, axis):
    """Where words may stand, the best first: beside their place, on its other side, then a line higher, a line lower, ..."""
    least = axis + 3 if axis is not None and wish["x"] > axis - 1 and axis + 4 + wide < width else 1
    for lines in (0, -1, 1, -2, 2, -3, 3, -4, 4):
        y = wish["y"] + wish["dy"] + 1.15 * lines * size
        sides = [(wish["dx"], wish["anchor"])]
        if wish["anchor"] != "middle":
            sides.append((-wish["dx"], {"start": "end", "end": "start"}[wish["anchor"]]))
        for dx, anchor in sides:
            low, high = least + PART[anchor] * wide, width - 1 - (1 - PART[anchor]) * wide
            yield min(max(wish["x"] + dx, low), max(low, high)), y, anchor


def arranged(wishes, taken, width, height, axis, size):
    """What each label is told: whether it is seen, and where: at the first of its places that is free."""
    rooms, told = [(one["left"], one["right"], one["top"], one["bottom"]) for one in taken], []
    for wish in wishes:
        wide = 7 * len(wish["words"])
        for x, y, anchor in tried(wish, wide, size, width, axis):
            a = room(x, y, anchor, wide, size)
            over = any(a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3] for b in rooms)
            if 0.7 * size < y < height - 1 and not over:
                rooms.append(a)
                told.append(["visible", x, y, anchor])
                break
        else:
            told.append(HIDDEN)
    return told


def chance(seed):
    """A picture with labels that are in each other's way, on places of half a pixel: rooms that touch are among them."""
    draw = random.Random(seed)
    width, height = draw.choice([(60, 50), (160, 90), (300, 200)])
    axis, half = draw.choice([None, 0, 12, 40]), lambda low, high: draw.randrange(2 * low, 2 * high) / 2
    wishes = [
        {"x": half(-20, width + 20), "y": half(-10, height + 10), "dx": draw.choice([0, 4, -6.5]), "dy": draw.choice([0, -4, 12]),
         "anchor": draw.choice(list(PART)), "words": "m" * draw.randrange(1, 14)}
        for _ in range(draw.randrange(1, 9))
    ]  # fmt: skip
    corners = [(half(0, width), half(0, height)) for _ in range(draw.randrange(4))]
    taken = [{"left": x, "right": x + 22, "top": y, "bottom": y + 22} for x, y in corners]
    return {"wishes": wishes, "taken": taken, "width": width, "height": height, "axis": axis, "size": draw.choice([10, 12])}


def same(told, wanted):
    """The same labels seen, on the same sides, at the same places to the tenth of a pixel that is written."""
    assert [(one[0], one[3]) for one in told] == [(one[0], one[3]) for one in wanted]
    for one, other in zip(told, wanted, strict=True):
        if one[0] == "visible":
            assert [float(v) for v in one[1:3]] == pytest.approx(other[1:3], abs=0.0501)


def asked(js, pictures):
    """What the labels of these pictures are told."""
    return js(f"withDocument(blind, () => {json.dumps(pictures)}.map(placed))", BEFORE)


def test_words_stand_at_the_first_of_their_places_that_is_free(js):
    pictures = [chance(seed) for seed in range(600)]
    wanted = [arranged(**picture) for picture in pictures]
    seen = [one for every in wanted for one in every]
    assert 0.1 < seen.count(HIDDEN) / len(seen) < 0.9
    for told, right in zip(asked(js, pictures), wanted, strict=True):
        same(told, right)


def alone(x=100, y=100, dx=5, dy=-5, anchor="start", words="ten letter", taken=(), width=300, height=200, axis=None, size=10):
    """A picture with one label."""
    wish = {"x": x, "y": y, "dx": dx, "dy": dy, "anchor": anchor, "words": words}
    taken = [dict(zip(("left", "right", "top", "bottom"), one, strict=True)) for one in taken]
    return {"wishes": [wish], "taken": taken, "width": width, "height": height, "axis": axis, "size": size}


# Ten letters of seven pixels: at (105, 95) they take 103.5 to 176.5 across, 87 to 97.5 down.
BY_HAND = [
    (alone(), (105, 95, "start")),
    (alone(taken=[(176.5, 190, 80, 100), (90, 103.5, 80, 100), (100, 180, 80, 87), (100, 180, 97.5, 110)]), (105, 95, "start")),
    *((alone(taken=[one]), (95, 95, "end")) for one in [(176, 190, 80, 100), (100, 180, 80, 87.5), (100, 180, 97, 110)]),
    (alone(taken=[(90, 104, 87, 100)]), (105, 83.5, "start")),  # in the way on both sides
    (alone(anchor="middle", taken=[(90, 104, 87, 100)]), (105, 83.5, "middle")),
    (alone(anchor="end", dx=-5, taken=[(50, 60, 80, 100)]), (105, 95, "start")),
    (alone(x=250), (229, 95, "start")),  # no farther than a pixel from the edge
    (alone(x=10, anchor="end", dx=-5), (71, 95, "end")),
    (alone(width=50), (1, 95, "start")),  # there is no room, and they begin at the left
    (alone(x=40, dx=-20, axis=40), (43, 95, "start")),  # beside the axis, not across it
    (alone(x=39, dx=-20, axis=40), (19, 95, "start")),
    (alone(x=40, dx=-20, axis=40, width=114), (20, 95, "start")),  # where there is room beside it
    (alone(x=40, dx=-20, axis=40, width=115), (43, 95, "start")),
    (alone(y=12, dy=-5), (105, 18.5, "start")),  # the line of writing lies below seven tenths of a line
    (alone(y=12.5, dy=-5), (105, 7.5, "start")),
    (alone(y=204, dy=-5), (105, 187.5, "start")),  # and a pixel from the lower edge
    (alone(y=203.5, dy=-5), (105, 198.5, "start")),
    (alone(taken=[(0, 300, 0, 200)]), None),
    (alone(taken=[(0, 300, 36, 200)]), None),
    (alone(y=103, taken=[(0, 300, 57, 200)]), (105, 52, "start")),  # four lines higher, no more
    (alone(taken=[(0, 300, 0, 143)]), None),
    (alone(y=109, taken=[(0, 300, 0, 142)]), (105, 150, "start")),
    (alone(size=None), None),  # a size that is not known yet
]


def test_places_by_hand(js):
    for told, right in zip(asked(js, [picture for picture, _ in BY_HAND]), (right for _, right in BY_HAND), strict=True):
        same(told, [["visible", *right] if right else HIDDEN])


def test_the_room_of_words_that_stand(js):
    ends = [None, "start", "middle", "end"]
    nodes = [{"x": "100", "y": "50", "text": "abcd", **({"text-anchor": end} if end else {})} for end in ends] + [{}]
    rooms = js(
        f"withDocument(blind, () => {json.dumps(nodes)}.map((one) => labels.roomOf(node(one), {{ font: 'f', size: 20 }})))",
        BEFORE,
    )
    lefts = [100, 100, 86, 72, 0]
    for one, left, wide, y in zip(rooms, lefts, [28, 28, 28, 28, 0], [50, 50, 50, 50, 0], strict=True):
        assert one == {"left": left - 1.5, "right": left + wide + 1.5, "top": y - 16, "bottom": y + 5}


MEASURED = """
const asked = [], fonts = { status: "loaded" };
const pen = { measureText: (words) => { asked.push([words, pen.font, pen.wordSpacing]); return { width: 10 * words.length }; } };
const document = { fonts, createElement: (tag) => ({ getContext: (kind) => (tag === "canvas" && kind === "2d" ? pen : null) }) };
const wide = (text, font) => {
  const { left, right } = labels.roomOf(node({ text }), { font, size: 10 });
  return right - left - 3;
};
"""


def test_words_are_measured_once_in_each_font(js):
    many = "Array.from({ length: 4002 }, (_, k) => wide(`${k}`, 'a'))"
    found = js(
        f"""withDocument(document, () => {{
        const widths = [wide("abc", "a"), wide("abc", "a"), wide("abc", "b"), wide("abcd", "a")];
        const first = asked.splice(0);
        fonts.status = "loading"; // in the typeface that stands in
        const early = [wide("new", "a"), wide("new", "a")];
        fonts.status = "loaded"; wide("new", "a"); wide("new", "a");
        const later = [early, asked.splice(0).length];
        {many}; // words that move are for ever new
        asked.length = 0; wide("4001", "a"); wide("abc", "a");
        return [widths, first, later, asked]; }})""",
        BEFORE + MEASURED,
    )
    assert found == [
        [30, 30, 30, 40],
        [["abc", "a", "0.75px"], ["abc", "b", "0.75px"], ["abcd", "a", "0.75px"]],
        [[30, 30], 3],
        [["abc", "a", "0.75px"]],
    ]


def test_widths_are_kept_as_long_as_they_are_few(js):
    """4000 of them: the next two make room."""
    found = js(
        """withDocument(document, () => {
        for (let k = 0; k < 4000; k++) wide(`${k}`, "a");
        asked.length = 0; wide("0", "a"); wide("x", "a"); wide("0", "a");
        return asked.map(([words]) => words); })""",
        BEFORE + MEASURED,
    )
    assert found == ["x"]
