"""The limits that only what hangs reaches, on a machine however slow or busy."""

HANG = 600  # seconds that a test waits for another process
TEST = 900  # seconds after which pytest-timeout ends a test and says where it stood
