"""kit/work.js: what is long is done in short tasks, and ends with its figure."""

MODULES = {"work": "kit/work"}
# A task ends with its microtasks: what a step leaves for the end of its task stands in the log before the next task's step.
BEFORE = """
const log = [], life = { alive: true, frame: (callback) => setTimeout(callback) };
const step = (name) => () => { log.push(name); queueMicrotask(() => log.push(`after ${name}`)); };
const idle = () => new Promise((done) => setTimeout(() => work.next(done))); // behind all that was asked for by now
"""


def test_steps_follow_one_another_in_tasks_of_their_own(js):
    assert js("(work.inTasks(life, [step('a'), step('b')]), await idle(), await idle(), log)", BEFORE) == [
        "a", "after a", "b", "after b",
    ]  # fmt: skip
    assert js("(work.inTasks(life, [step('a')]), log)", BEFORE) == []  # not in the task that asks


def test_steps_can_be_taken_at_once_and_end_with_their_figure(js):
    assert js("(work.inTasks(life, [step('a'), step('b')])(), await idle(), log)", BEFORE) == ["a", "b", "after a", "after b"]
    assert js("(work.inTasks(life, [step('a')]), life.alive = false, await idle(), log)", BEFORE) == []


def test_work_goes_on_piece_by_piece_until_nothing_is_left(js):
    """A piece is begun once, however often it is asked for, and the next one waits for a frame."""
    pieces = """
    let left = 3;
    life.frame = (callback) => { log.push('frame'); callback(); };
    const go = work.inPieces(life, (over) => { log.push(over()); left--; return left > 0; });
    go(); go();
    while (left) await idle();
    go();
    await idle();
    """
    assert js("log", BEFORE + pieces) == [False, "frame", False, "frame", False, False]
