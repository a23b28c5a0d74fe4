"""Long work shows how far it is, on a terminal alone."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from bullrush.core.drivers import connect

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "celery_messages.json"


@pytest.fixture
def old_queue(redis_url, queue_name):
    """A queue of Celery's with three messages that can be read."""
    messages = [raw for _, raw in json.loads(GOLDEN.read_text())["messages"]]
    readable = [raw for raw in messages if '"application/json"' in raw][:3]
    name, driver = f"{queue_name}-old", connect(redis_url)
    driver.execute(("RPUSH", name, *readable))
    yield name
    driver.execute(("DEL", name))
    driver.close()


def drawn_by(redis_url: str, *words: str) -> str:
    """What a command writes to a terminal."""
    main, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "bullrush", "-b", redis_url, *words],
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # the terminal is gone with the process
            while part := os.read(main, 4096):
                drawn += part
        assert process.wait(30) == 0, drawn
    finally:
        os.close(main)
    return drawn.decode()


def test_purge_draws_a_bar_on_a_terminal(redis_url, queue_name):
    drawn = drawn_by(redis_url, "purge", "-f", "-Q", f"{queue_name}-a,{queue_name}-b")
    assert "purging" in drawn
    assert "100%" in drawn


def test_migrate_draws_one_bar_for_what_it_has_not_seen_yet(redis_url, queue_name, old_queue):
    words = ("migrate", redis_url, "-Q", f"{old_queue}:{queue_name}", "-t", "1.2")
    drawn = drawn_by(redis_url, *words)
    assert "Migrated 3 tasks, 0 could not be read." in drawn
    # The last state of each bar; in the second that it waits for more there is nothing to show.
    assert drawn.count("100%") == 1


def test_migrate_draws_nothing_elsewhere(redis_url, queue_name, old_queue):
    words = ("-b", redis_url, "migrate", redis_url, "-Q", f"{old_queue}:{queue_name}")
    command = [sys.executable, "-m", "bullrush", *words]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    told = f"{queue_name}: 3 tasks\nMigrated 3 tasks, 0 could not be read.\n"
    assert (said.stdout, said.stderr) == (told, "")
