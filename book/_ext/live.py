"""Live figures on the static page (thin first line; grows below)."""
def setup(app):
    return {"parallel_read_safe": True, "parallel_write_safe": True}
