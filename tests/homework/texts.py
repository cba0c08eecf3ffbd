"""What the mistakes of all problem sets are written with."""


def function(head, body):
    """The text of a student's function."""
    return f"def {head}:\n    {body}\n"
