"""Hands for a figure in any browser: a mouse, a finger, keys, on every handle, knob and slider that it has.

`every_control` uses what a figure offers, one after the other, and returns what did not answer.
"""

# Every control that can be turned, in view one at a time: its middle in the window and how to tell it from the others.
FIND = """(index) => {
  const place = document.querySelectorAll(".live-figure[data-figure]")[index];
  const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: false })
    && !node.closest("[aria-disabled=true]") && !node.disabled;
  const nodes = [...place.querySelectorAll(".lf [role=slider], .lf input[type=range]")].filter(seen);
  window.__controls = nodes;
  const name = (node) => node.getAttribute("aria-label") || node.closest("[data-control]")?.dataset.control || node.className;
  return nodes.map((node) => name(node) + (node.matches("input") ? " (slider)" : " (handle)"));
}"""
SHOW = """async (number) => {
  const node = window.__controls[number], part = node.querySelector?.(".lf-hit") || node;
  part.scrollIntoView({ block: "center", behavior: "instant" });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const box = part.getBoundingClientRect();
  if (!node.matches("input")) return [box.x + box.width / 2, box.y + box.height / 2, 0];
  const part_of = (node.value - node.min) / (node.max - node.min); // a slider's thumb is where its value is
  return [box.x + 11 + (box.width - 22) * part_of, box.y + box.height / 2, box.width];
}"""
SHOWN = """async (number) => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const node = window.__controls[number], place = node.closest(".live-figure");
  return [JSON.stringify(place.__figure.numbers().state), node.getAttribute("aria-valuetext"), node.getAttribute("transform"),
    node.value, node.getAttribute("aria-valuenow")].join("|");
}"""
FOCUS = "(number) => window.__controls[number].focus({ preventScroll: true })"
RIGHT, LEFT, UP = "\ue014", "\ue012", "\ue013"


def pointer(kind, x, y, dx, dy, steps=4):
    """A drag by (dx, dy) pixels from (x, y) as actions of the W3C; ``kind``: mouse or touch."""
    along = [
        {"type": "pointerMove", "x": round(x + dx * k / steps), "y": round(y + dy * k / steps), "duration": 20}
        for k in range(1, steps + 1)
    ]
    start = {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}
    moves = [start, {"type": "pointerDown", "button": 0}, *along, {"type": "pointerUp", "button": 0}]
    return {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": moves}


def keys(*pressed):
    """These keys, one after the other."""
    return {
        "type": "key",
        "id": "keys",
        "actions": [{"type": kind, "value": key} for key in pressed for kind in ("keyDown", "keyUp")],
    }


def dragged(client, number, kind):
    """Whether a drag this way or that way changes what the control shows."""
    before = client.call(SHOWN, number)
    for dx, dy in ((40, -24), (-40, 24)):
        x, y, _ = client.call(SHOW, number)
        client.act(pointer(kind, x, y, dx, dy))
        if client.call(SHOWN, number) != before:
            return True
    return False


def typed(client, number):
    """Whether an arrow key changes what the control shows."""
    before = client.call(SHOWN, number)
    client.call(SHOW, number)
    for key in (RIGHT, LEFT, UP):
        client.call(FOCUS, number)
        client.act(keys(key, key))
        if client.call(SHOWN, number) != before:
            return True
    return False


def every_control(client, most=None):
    """Use every control of the first figure (the first ``most``) by mouse, finger and keys; return (how many, what is dead)."""
    names, dead = client.call(FIND, 0)[:most], []
    for number, name in enumerate(names):
        for kind in ("mouse", "touch"):
            if not dragged(client, number, kind):
                dead.append(f"{name} by {kind}")
        if not typed(client, number):
            dead.append(f"{name} by keys")
    return len(names), dead
