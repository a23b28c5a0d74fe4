"""Several workers: they share, they are counted, and one that dies is made good."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import suppress

import pytest
from click.testing import CliRunner
from rich.console import Console

from bullrush import Celery
from bullrush.cli.main import cli
from bullrush.cli.processes import plain_arguments
from bullrush.cli.top import Screen
from bullrush.cli.worker_options import check_size
from bullrush.core.clock import now_ms
from tests.shim.cli.conftest import until
from tests.support.redis_fleets import free_ports
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def client(redis_url, queue_name):
    """Sends tasks of the project."""
    with Celery("client", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name
        yield app


def status(client):
    """What ``bullrush status --json`` says of the queues."""
    result = CliRunner().invoke(cli, ["status", "--json"], obj=client)
    return json.loads(result.stdout.splitlines()[0])["queues"]


#: ms of the defaults: what a lock lives, and the time between two stalled checks.
LOCK, STALLED_INTERVAL = 30_000, 30_000


@pytest.mark.row(6, 19, 20, 21, 22)
def test_three_workers_share_a_queue_and_make_good_for_one_that_is_killed(
    commands, client, queue, queue_name
):
    workers = [
        commands.start("worker", "-P", "threads", "-c", "5", "-n", f"w{number}@%h")
        for number in range(3)
    ]
    wait_until(lambda: status(client)[queue_name]["slots"] == 15, 60)
    assert status(client)[queue_name]["workers"] == 3
    results = [client.send_task("who", args=[0.05]) for _ in range(300)]
    ran = Counter(each.get(timeout=60) for each in results)
    assert set(ran) == {each.pid for each in workers}
    assert sum(ran.values()) == 300
    counts = queue.get_job_counts()
    assert counts["completed"] == 300, "none twice"
    assert status(client)[queue_name]["counts"] == dict(counts)
    held = [client.send_task("who", args=[2.0]) for _ in range(15)]
    wait_until(lambda: queue.get_job_counts("active")["active"] == 15, 30)
    workers[0].kill()
    killed_at, killed = now_ms(), workers[0].pid
    pids = {each.get(timeout=100) for each in held}
    assert killed not in pids
    assert queue.get_job_counts("completed")["completed"] == 315
    jobs = [queue.get_job(each.id) for each in held]
    taken_back = [each for each in jobs if each.stalled_count]
    assert len(taken_back) == 5, "those of the killed worker, and no others"
    assert max(each.processed_on for each in taken_back) <= killed_at + LOCK + STALLED_INTERVAL


@pytest.mark.row(8)
def test_a_script_a_command_line_and_a_beat_can_add_jobs_by_name(commands, client, queue):
    commands.run("call", "who")
    client.send_task("who")
    script = "import proj; proj.who.delay()"
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=commands.folder,
        env=commands.environment,
        check=True,
        timeout=50,
    )
    assert queue.get_job_counts("waiting")["waiting"] == 3
    written = commands.run("beat", "--once", EVERY="0.2")
    assert written.returncode == 0, written.stderr
    commands.start("worker", "-P", "solo")
    wait_until(lambda: queue.get_job_counts("completed")["completed"] >= 5, 60)
    origins = Counter(job.scheduler_id for job in queue.get_completed(0, -1))
    assert origins[None] == 3
    assert origins["often"] >= 2


@pytest.mark.row(27)
def test_whole_workers_run_side_by_side_and_one_that_dies_starts_again(commands, client):
    supervisor = commands.start(
        "worker", "--processes", "2", "-P", "threads", "-c", "2", "-l", "INFO", "-n", "cluster@h"
    )
    names = lambda: set(client.control.inspect(timeout=0.5).ping() or {})  # noqa: E731
    wait_until(lambda: names() == {"cluster-1@h", "cluster-2@h"}, 60)
    first = client.control.inspect(["cluster-1@h"]).stats()["cluster-1@h"]["pid"]
    os.kill(first, signal.SIGKILL)
    until(supervisor, "cluster-1@h has ended (-9); it starts again")

    def another():
        stats = client.control.inspect(["cluster-1@h"], timeout=0.5).stats() or {}
        return stats.get("cluster-1@h", {}).get("pid", first) != first

    wait_until(another, 60)
    supervisor.send_signal(signal.SIGHUP)
    for _ in range(2):
        until(supervisor, "Restarting the worker")
    wait_until(lambda: names() == {"cluster-1@h", "cluster-2@h"}, 60)
    supervisor.send_signal(signal.SIGTERM)
    supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0
    assert not names()


def test_the_options_of_the_supervisor_are_not_those_of_its_workers():
    line = "-A proj worker --processes 4 -n w@h --pidfile=x -c 2 --detach -l INFO --uid 7"
    assert plain_arguments(line.split()) == ["-A", "proj", "worker", "-c", "2", "-l", "INFO"]
    assert plain_arguments(["worker", "--processes=4"]) == ["worker"]


@pytest.mark.row(27)
def test_workers_that_cannot_start_are_not_started_again_for_ever(commands):
    wrong = commands.run("worker", "--processes", "2", "-P", "threads", "--start-method", "spawn")
    assert wrong.returncode == 2


@pytest.mark.row(27)
def test_a_child_that_holds_too_much_is_replaced_after_its_job(commands, client):
    commands.start(
        *("worker", "-P", "prefork", "-c", "1", "--max-memory", "250M"),
        *("-l", "INFO", "--logfile", "w.log", "--log-date-format", "at %H h"),
    )
    large = client.send_task("grow", args=[400]).get(timeout=60)
    small = client.send_task("who").get(timeout=60)
    assert small != large
    assert client.send_task("who").get(timeout=60) == small
    written = (commands.folder / "w.log").read_text()
    assert re.search(r"^\[at \d\d h", written, re.MULTILINE), written[:500]


def test_sizes_have_units():
    assert check_size(None, None, "1G") == 1024 * 1024
    assert check_size(None, None, "512M") == 512 * 1024
    assert check_size(None, None, "2000") == 2000
    with pytest.raises(Exception, match="no size"):
        check_size(None, None, "much")


@pytest.mark.row(9, 28)
def test_scaling_from_4_to_8_and_down_again_loses_no_job(commands, client, queue):
    files = ("--pidfile=%n.pid", "--logfile=%n.log")
    options = ("-P", "solo", "-l", "INFO", *files)
    results, ran = [], Counter()

    def scale(count):
        done = commands.run("multi", "scale", str(count), *options)
        assert done.returncode == 0, done.stdout + done.stderr

    def up():
        return len(client.control.inspect(timeout=0.5).ping() or {})

    def send(count):
        results.extend(client.send_task("who", args=[0.05]) for _ in range(count))

    def all_have_run():
        send(40)
        while results:
            ran[results.pop().get(timeout=60)] += 1
        return len(ran) == 8

    try:
        scale(4)
        wait_until(lambda: up() == 4, 60)
        send(100)
        scale(8)
        wait_until(lambda: up() == 8, 60)
        wait_until(all_have_run, 60, "a job in each of the eight")
        send(100)
        scale(1)
        wait_until(lambda: up() == 1, 60)
        told = commands.run("multi", "logs", "8", *options)
        assert all(f"celery{number}: " in told.stdout for number in range(1, 9))
        ran.update(each.get(timeout=60) for each in results)
        assert ran.total() >= 240
        wanted = {"completed": ran.total(), "failed": 0}
        assert queue.get_job_counts("completed", "failed") == wanted
    finally:
        scale(0)
    assert not list(commands.folder.glob("*.pid"))


@pytest.mark.row(28)
def test_top_leaves_room_for_the_workers(client, queue_name):
    for number in range(30):
        client.queue(f"{queue_name}-{number}").add("x")
    names = [f"{queue_name}-{number}" for number in range(30)]
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(Screen(client, names, rows=5).look())
    assert console.export_text().count(f"{queue_name}-") == 5


@pytest.mark.row(28)
def test_top_shows_queues_and_workers_on_a_terminal(commands, client, queue, queue_name):
    queue.add("who", {"args": [], "kwargs": {}})
    queue.pause()
    commands.start("worker", "-P", "solo", "-n", "busy@h")
    wait_until(lambda: status(client)[queue_name]["slots"] == 1, 60)
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "bullrush",
            "-A",
            "proj",
            "top",
            "-Q",
            queue_name,
            "--interval",
            "0.1",
        ],
        cwd=commands.folder,
        env={**commands.environment, "TERM": "xterm", "COLUMNS": "160", "LINES": "40"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    try:
        seen = shown(screen, (f"{queue_name} (paused)", "busy@h"))
        queue.add("who", {"args": [], "kwargs": {}})
        assert "\x1b[?1049h" in seen, "it has a screen of its own"
        process.send_signal(signal.SIGINT)
        shown(screen, ("\x1b[?1049l",))
        assert process.wait(45) == 0
    finally:
        if process.poll() is None:
            process.kill()
        os.close(screen)


def shown(screen, words, bound=60):
    """What is written until all words were seen."""
    seen, deadline = "", time.monotonic() + bound
    while not all(word in seen for word in words):
        ready, _, _ = select.select([screen], [], [], max(deadline - time.monotonic(), 0))
        assert ready, f"{words} not within {bound} s: {seen[-2000:]}"
        seen += os.read(screen, 65536).decode(errors="replace")
    return seen


def page(port):
    """The dashboard's first page; empty while nobody serves it."""
    with suppress(OSError):
        address = f"http://127.0.0.1:{port}/admin/queues"
        with urllib.request.urlopen(address, timeout=10) as reply:
            return reply.read().decode()
    return ""


@pytest.mark.row(5)
def test_one_command_has_everything_for_development(commands, queue_name):
    variables = dict(commands.environment)
    variables.pop("BROKER")
    commands.environment = variables
    [port] = free_ports(1)
    words = ("dev", "--redis-port", "0", "--port", str(port))
    process = commands.start(*words, PATH="/nowhere", EVERY="0.5")
    said = until(process, f"[dashboard] http://127.0.0.1:{port}/admin/queues")
    url = re.search(r"redis://127.0.0.1:\d+/0", said)[0]
    with Celery("outside", broker=url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name
        first = app.send_task("who").get(timeout=60)
        wait_until(lambda: queue_name in page(port), 60, "the queue on the dashboard")
        done = lambda: app.queue(queue_name).get_completed(0, -1)  # noqa: E731
        wait_until(lambda: any(job.scheduler_id == "often" for job in done()), 60, "a tick of beat")
        module = commands.folder / "proj.py"
        module.write_text(module.read_text() + "\n# changed\n")
        wait_until(lambda: app.send_task("who").get(timeout=60) != first, 60)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.row(191)
def test_what_is_kept_in_a_folder_is_there_the_next_time(commands, queue_name):
    commands.environment.pop("BROKER")
    words = ("dev", "--redis-port", "0", "--no-dashboard", "--no-reload", "--persist", "kept")
    first = commands.start(*words, "-Q", "nothing")
    url = re.search(r"redis://127.0.0.1:\d+/0", until(first, "[worker]"))[0]
    with Celery("outside", broker=url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name
        app.send_task("who")
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    [port] = free_ports(1)
    words = (*words[:2], str(port), *words[3:])
    second = commands.start(*words, "-Q", queue_name)
    assert f"redis://127.0.0.1:{port}/0" in until(second, "[worker]")
    with Celery("outside", broker=f"redis://127.0.0.1:{port}/0", set_as_current=False) as app:
        app.conf.task_default_queue = queue_name
        done = app.queue(queue_name)
        wait_until(lambda: done.get_job_counts("completed")["completed"] == 1, 60)
