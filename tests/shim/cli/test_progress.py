"""Long work shows how far it is, on a terminal alone."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys


def test_purge_draws_a_bar_on_a_terminal(redis_url, queue_name):
    main, theirs = pty.openpty()
    command = [sys.executable, "-m", "bullrush", "-b", redis_url, "purge", "-f"]
    try:
        process = subprocess.Popen(
            [*command, "-Q", f"{queue_name}-a,{queue_name}-b"], stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # the terminal is gone with the process
            while part := os.read(main, 4096):
                drawn += part
        assert process.wait(30) == 0
    finally:
        os.close(main)
    assert b"purging" in drawn
    assert b"100%" in drawn
