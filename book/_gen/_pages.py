"""What the generators of this folder share: write their files, or with ``--check`` say which are stale."""

from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(files, arguments):
    """Write each of ``files`` (name -> function that returns its text); return the exit status.

    With ``--check`` among the arguments nothing is written, and a stale file makes the status 1.
    """
    check = "--check" in arguments
    stale = []
    for name, make in files.items():
        path, text = HERE / name, make()
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, "utf-8")
    for name in stale:
        print(f'{name} is stale; run "make generate".' if check else f"wrote {name}")
    return 1 if check and stale else 0
