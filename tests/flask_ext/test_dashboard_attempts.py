"""How the runs of a job differ, without a server."""

from __future__ import annotations

import json

from bullrush.core import Job
from bullrush.flask_ext.dashboard.attempts import attempts_of, difference

FIRST = 'Traceback:\n  File "a.py", line 1\n  File "storage.py", line 8\nOSError: 503'
LAST = 'Traceback:\n  File "a.py", line 1\n  File "images.py", line 9\nValueError: truncated'


def runs(*stacks, made=None, state="failed"):
    """The runs of a job with these stacks."""
    stored = {
        b"stacktrace": json.dumps(stacks).encode(),
        b"atm": str(len(stacks) if made is None else made).encode(),
    }
    return attempts_of(Job("bull:q:", "1", stored), state, str)


def test_the_last_two_attempts_are_compared():
    found = difference(runs(FIRST, FIRST, LAST))
    assert (found.choices, found.old, found.new) == ((1, 2, 3), 2, 3)
    gone = [row for kind, row in found.lines if kind == "gone"]
    new = [row for kind, row in found.lines if kind == "new"]
    assert gone == ['-  File "storage.py", line 8', "-OSError: 503"]
    assert new == ['+  File "images.py", line 9', "+ValueError: truncated"]
    assert ("same", " Traceback:") in found.lines


def test_any_two_can_be_and_equal_ones_have_no_lines():
    attempts = runs(FIRST, FIRST, LAST)
    assert difference(attempts, "1", "2").lines == ()
    assert difference(attempts, "3", "1").old == 3
    assert difference(attempts, "9", "<b>").new == 3


def test_there_is_nothing_to_compare_with_one_stack():
    assert difference(runs(LAST)) is None
    assert difference(runs()) is None


def test_only_kept_stacks_are_offered():
    found = difference(runs(FIRST, LAST, made=7))
    assert found.choices == (6, 7)


def test_a_stack_without_end_is_compared_by_its_end():
    endless = "\n".join(f"frame {number}" for number in range(50_000))
    found = difference(runs(endless, endless + "\nlast"))
    assert [row for kind, row in found.lines if kind == "new"] == ["+last"]
