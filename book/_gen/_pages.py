"""What the generators of this folder share: write their files, or with ``--check`` say which are stale."""

from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(files, arguments):
    """Write each of ``files`` (name -> function that returns its text); return the exit status.

    With ``--check`` among the arguments nothing is written, and a stale file makes the status 1.
    A LookupError says what the author has to add; its sentence is printed, and the status is 1.
    """
    check = "--check" in arguments
    stale = []
    try:
        made = {name: make() for name, make in files.items()}
    except LookupError as error:
        if isinstance(error, KeyError | IndexError):  # a fault of the script itself
            raise
        print(error)
        return 1
    for name, text in made.items():
        path = HERE / name
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, "utf-8")
    for name in stale:
        name = Path(name).name
        print(f'{name} is stale; run "make generate".' if check else f"wrote {name}")
    return 1 if check and stale else 0
