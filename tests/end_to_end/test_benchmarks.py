"""The benchmarks run. How fast anything is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def results(tmp_path):
    """A file to write to."""
    return tmp_path / "results.jsonl"


def run(file, *arguments, results):
    """What it prints, and the rows it wrote."""
    command = [sys.executable, BENCHMARKS / file, *arguments, "--rounds", "1", "--json", results]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, [json.loads(line) for line in results.read_text().splitlines()]


@pytest.mark.parametrize("peer", ["bullrush_core@solo", "bullrush_tasks@solo"])
def test_a_tiny_round_of_a_worker_gives_a_row_and_a_table(peer, results):
    said, rows = run("workers.py", "process", "--jobs", "50", "--peers", peer, results=results)
    assert [f"{row['peer']}@{row['setting']}" for row in rows] == [peer]
    assert rows[0]["jobs"] == 50
    assert rows[0]["rate"] > 0
    assert "| bullrush" in said


def test_jobs_one_at_a_time_are_timed_from_both_ends(results):
    peer, jobs = ["--peers", "bullrush_core@solo"], ["--jobs", "3"]
    _, rows = run("workers.py", "latency", "roundtrip", *jobs, *peer, results=results)
    assert [row["work"] for row in rows] == ["latency", "roundtrip"]
    assert all(0 < row["p50"] <= row["max"] for row in rows)


def test_a_peer_that_is_not_there_is_left_out_with_a_word(results, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    results.touch()
    command = [sys.executable, BENCHMARKS / "workers.py", "cold", "--peers", "bullmq6@any"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "without bullmq6: not installed" in ended.stderr
