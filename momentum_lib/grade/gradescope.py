"""Grades for Gradescope: an autograder that runs no submission and hands back what was graded here.

Gradescope takes grades of a programming assignment from an autograder alone: an archive with ``setup.sh`` and ``run_autograder``,
which for each submission writes ``/autograder/results/results.json``.  This one finds the submission's number in
``/autograder/submission_metadata.json`` and copies the file that was made for it.
"""

import io
import json
import zipfile

SETUP = "#!/usr/bin/env bash\ntrue\n"
RUN = '''\
#!/usr/bin/env python3
"""Hand back what was graded elsewhere; no line of a submission runs."""
import json
import pathlib

place = pathlib.Path("/autograder")
number = json.loads((place / "submission_metadata.json").read_text("utf-8"))["id"]
graded = place / "source" / "results" / f"{int(number)}.json"
late = {"score": 0, "output": "This submission was handed in after grading; your instructor will see to it."}
(place / "results").mkdir(exist_ok=True)
(place / "results" / "results.json").write_text(graded.read_text("utf-8") if graded.exists() else json.dumps(late), "utf-8")
'''


def results_json(master, result, by_hand, key, total):
    """What Gradescope shows of one submission: all points, and each question's with its sentence."""
    asked, tests = {question["question"]: question for question in result["questions"]}, []
    for cell in master.of("check", "essay"):
        question = asked.get(cell.question, {"points": None, "said": "Your instructor reads this one."})
        points, comment = by_hand.get((key, cell.question), (question["points"], ""))
        test = {"name": cell.title, "max_score": cell.points, "output": comment or question["said"], "output_format": "text"}
        tests.append(test | ({} if points is None else {"score": round(points, 2)}))
    notes = "\n".join(map(str, [result.get("unreadable", ""), *result.get("told", ())])).strip()
    return {"score": round(total, 2), "output": notes, "output_format": "text", "tests": tests}


def archive(results):
    """The autograder as bytes; ``results`` is {number of a submission: what `results_json` gives}."""
    made = io.BytesIO()
    texts = {"setup.sh": SETUP, "run_autograder": RUN}
    texts |= {f"results/{int(number)}.json": json.dumps(each) for number, each in sorted(results.items())}
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in texts.items():
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = (0o644 if name.endswith(".json") else 0o755) << 16
            zipped.writestr(entry, text)
    return made.getvalue()
