"""The one limit of a test that waits for another process: only what hangs reaches it, on a machine however slow or busy."""

HANG = 1800  # seconds
