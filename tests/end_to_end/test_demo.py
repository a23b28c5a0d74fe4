"""The demo is the main job on real input: it runs as a user runs it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "examples" / "shop" / "run.py"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the demo and its servers put their temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def run_demo(path=None):
    """The demo as a process of its own; `path` replaces PATH."""
    env = {**os.environ, **({"PATH": path} if path is not None else {})}
    return subprocess.run(
        [sys.executable, str(RUN)], env=env, capture_output=True, text=True, timeout=60
    )


@pytest.mark.timeout(90)
def test_every_job_of_the_demo_is_done(folder):
    done = run_demo()
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if " completed " in line}
    expected = {
        "shop.send_confirmation": r"email-queue .* 1 .*delivered to ann@example.org",
        "shop.charge_card": r"payments .* 3 .*third attempt",
        "shop.process_photo": r"images .* kB -> .* kB, thumbnail",
        "shop.ask_for_review": r"reminders .*started after \d+\.",
    }
    if shutil.which("node"):
        expected["shop.reserve_stock"] = "stock .*added by Node, run by Python"
        expected["print-label"] = "labels .*added by Python, run by node"
    assert rows.keys() == expected.keys()
    for job, pattern in expected.items():
        assert re.search(pattern, rows[job]), rows[job]
    assert '"email-queue": {' in done.stdout, "the admin JSON is shown"
    assert not list(folder.iterdir()), "temporary files are left behind"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_demo_leaves_nothing_behind(folder, number, code):
    process = subprocess.Popen(
        [sys.executable, str(RUN)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if "an order by web request" in line:
            break
    process.send_signal(number)
    _, told = process.communicate(timeout=50)
    assert process.returncode == code, told
    assert not list(folder.iterdir())
    assert str(folder) not in running_commands(), "a server still runs"


def running_commands():
    """The command lines of all processes; the servers of the demo have their folder in theirs."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
