"""Flat buffers and their compiled step."""


class Flats:
    """The flat buffers of one optimiser."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.engine = "plain"

    def step(self, optimizer, index, way, values, members):
        """Step what is compiled; return the parameters that are left."""
        return members

    def forget(self):
        """Drop every buffer."""
