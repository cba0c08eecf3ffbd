"""What the tests leave out is said at the end of a run; where everything should be there (COMPLETE=1, as in .ci/run), it is red.

A test is left out where a program or a package is missing. That is right on somebody's laptop, and wrong where an installation
was meant to bring all of it. `MAY_LACK` holds what no installation here can bring.
"""

import os
import re

MAY_LACK = {  # what a skip says -> why it may be left out all the same
    r"needs Python 3\.13": "Debian's and the environment's own Python are older, and the rehearsal wants Colab's",
    "this machine has a GPU": "it asks what is said where there is none",
}


def reason_of(report):
    """Why a test was left out, as it said."""
    words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return words.removeprefix("Skipped: ")


def missing(reasons):
    """Those of the reasons that an installation could have prevented."""
    return sorted({reason for reason in reasons if not any(re.search(known, reason) for known in MAY_LACK)})


def pytest_sessionfinish(session):
    """The run is red if something is missing that should be there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return  # a worker: the one who has all reports judges
    reasons = [reason_of(report) for report in reporter.stats.get("skipped", [])]
    for reason in sorted(set(reasons)):
        reporter.write_line(f"\nleft out {reasons.count(reason)}: {reason}")
    if os.environ.get("COMPLETE") and (lacking := missing(reasons)):
        reporter.write_line(f"red, since everything should be here (COMPLETE is set): {'; '.join(lacking)}", red=True)
        session.exitstatus = 1
