"""Flower, unchanged, beside a worker: ``bullrush -A proj flower``."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.waiting import wait_until

#: A worker's name must not be that of another test's on the same Redis.
NODE = "celery@watched-by-flower"


@pytest.fixture
def ask(project, tmp_path) -> Iterator[Callable[..., Any]]:
    """Asks Flower, which watches a worker of the tutorial's project."""
    tutorial = project("tutorial", "proj")
    tutorial.environment["FLOWER_UNAUTHENTICATED_API"] = "true"
    log = tmp_path / "flower.log"
    flower = ("flower", "--port=0", "--address=127.0.0.1")
    options = ("-P", "threads", "-c", "2", "-E", "-n", NODE)
    with (
        tutorial.running(*flower, log=log) as process,
        tutorial.worker(*options, log=tmp_path / "worker.log"),
    ):
        found = wait_until(lambda: address_in(log.read_text(), process), 30)

        def ask(path: str, body: Any = None) -> Any:
            data = None if body is None else json.dumps(body).encode()
            with urllib.request.urlopen(f"{found}/{path}", data, timeout=20) as answer:
                text = answer.read().decode()
            return json.loads(text) if text.startswith("{") else text

        wait_until(lambda: ask(f"api/workers?refresh=1&workername={NODE}"), 30)
        yield ask


def address_in(log: str, process: subprocess.Popen[bytes]) -> str | None:
    """Where it says that it is."""
    assert process.poll() is None, log
    said = re.search(r"Visit me at (http://\S+)", log)
    return said and said[1]


def test_flower_shows_workers_and_tasks_and_steers_them(ask):
    (worker,) = ask("workers?json=1")["data"]
    assert (worker["hostname"], worker["status"]) == (NODE, True)
    known = ask("api/workers")[NODE]
    assert known["stats"]["pool"]["max-concurrency"] == 2
    assert "proj.tasks.add" in known["registered"]

    ran = ask("api/task/apply/proj.tasks.add", {"args": [2, 3]})
    assert (ran["state"], ran["result"]) == ("SUCCESS", 5)
    failed = ask("api/task/apply/proj.tasks.fail", {"args": ["no good"]})
    assert failed["state"] == "FAILURE"

    def tasks() -> dict[str, Any]:
        told: dict[str, Any] = ask("api/tasks")
        ended = {"SUCCESS", "FAILURE"} <= {each["state"] for each in told.values()}
        return told if ended else {}

    told = wait_until(tasks, 20)
    shown = told[ran["task-id"]]
    assert (shown["name"], shown["result"], shown["worker"]) == ("proj.tasks.add", "5", NODE)
    assert "no good" in told[failed["task-id"]]["exception"]

    assert "Worker pool options" in ask(f"worker/{NODE}")
    assert "proj.tasks.add" in ask(f"task/{ran['task-id']}")
    assert "Growing" in ask(f"api/worker/pool/grow/{NODE}?n=2", {})["message"]
    refreshed = f"api/workers?refresh=1&workername={NODE}"
    wait_until(lambda: ask(refreshed)[NODE]["stats"]["pool"]["max-concurrency"] == 4, 20)
