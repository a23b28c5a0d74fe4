"""The machine can fail: a difference that was put in is found, shrunk and told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bullrush.core import scripts

from .searching import search
from .writing import add, do, newest, take


@pytest.fixture
def change_script(monkeypatch) -> Iterator[object]:
    """Changes the text of a script of ours."""
    read = scripts._source

    def change(name: str, old: str, new: str) -> None:
        def changed(path: str) -> str:
            text = read(path)
            if path == f"{name}.lua":
                assert text.count(old) == 1
                text = text.replace(old, new)
            return text

        monkeypatch.setattr(scripts, "_source", changed)
        scripts.script.cache_clear()

    yield change
    scripts.script.cache_clear()


@pytest.mark.timeout(600)
def test_a_field_that_a_script_forgets_is_found_and_told_in_few_steps(machine, change_script):
    change_script("promote_job", 'call("HSET", base .. id, field.delay, 0)\n', "")
    report = search(machine.compare, by_turns=False, seed_number=1, count=1000)
    assert report is not None
    assert "a:1 delay: node '0', ours" in report
    assert report.count("\n  1. ") == 1
    assert "\n  3. " not in report


def test_events_in_another_order_are_found(machine, change_script):
    old = 'add_event(base, "paused")'
    change_script("pause", old, f'add_event(base, "resumed")\n{old}')
    report = machine.compare([do("pause")])
    assert "a:events [0]: node nothing, ours {'event': 'resumed'}" in report


def test_an_answer_that_differs_is_found(machine, change_script):
    change_script("promote_job", "return -3", "return -1")
    report = machine.compare([add(), do("promote", job=newest("wait"))])
    assert "step 2 promote: node 'error -3', ours 'error -1'" in report


def test_a_time_to_live_that_differs_is_found(machine, monkeypatch):
    monkeypatch.setattr("tests.interop.differential.ours.LOCK_MS", 600_000)
    report = machine.compare([add(), take()])
    assert "a:1:lock ttl: node " in report
