"""The commands of the command line, but for those that run until they are stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import bullrush
from bullrush import Celery, signals
from bullrush.bin.base import CeleryCommand
from bullrush.bridge.celery_messages import UnreadableMessage, call_of
from bullrush.cli import commands
from bullrush.cli.daemon import own_arguments, read_pid
from bullrush.cli.main import cli
from bullrush.cli.nodes import nodes_of
from bullrush.cli.shell import names_of
from bullrush.cli.upgrade import renamed
from bullrush.core.drivers import connect
from bullrush.core.worker import Worker
from tests.support.waiting import wait_until

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "celery_messages.json"
JSON = ("json",)


def bullrush_says(app: Celery | None, *words: str, answer: str = "") -> Result:
    """Carry out a command in this process."""
    return CliRunner().invoke(cli, list(words), obj=app, input=answer, prog_name="bullrush")


def test_purge_asks_and_says_how_many_there_were(app, queue_name):
    for countdown in (0, 0, 100):
        app.send_task("any", countdown=countdown)
    refused = bullrush_says(app, "purge", answer="n\n")
    assert refused.exit_code == 1
    assert f"This will remove all tasks from queue: {queue_name}." in refused.output
    assert app.queue(queue_name).get_job_counts()["waiting"] == 2
    done = bullrush_says(app, "purge", "-f")
    assert (done.exit_code, done.output) == (0, "Purged 3 messages from 1 known task queue.\n")
    again = bullrush_says(app, "purge", "-f", "-Q", f"{queue_name},b,c", "-X", "c")
    assert again.output == "No messages purged from 2 queues.\n"


def test_bindings_are_listed(app, queue_name):
    app.conf.task_routes = {"a.*": "images"}
    said = bullrush_says(app, "list", "bindings").output.split("\n")
    assert said[0].split() == ["Queue", "Exchange", "Routing", "Key"]
    assert sorted(line.split()[0] for line in said[2:-1]) == sorted(["images", queue_name])


def test_a_task_is_called_and_its_result_printed(app, start):
    @app.task(name="proj.add")
    def add(x, y):
        if y is None:
            raise LookupError("nothing to add")
        return x + y

    start()
    called = bullrush_says(app, "call", "proj.add", "-a", "[1]", "-k", '{"y": 2}')
    assert called.exit_code == 0
    found = bullrush_says(app, "result", called.output.strip())
    assert (found.exit_code, found.output) == (0, "3\n")
    failed = bullrush_says(app, "call", "proj.add", "-a", "[1, null]").output.strip()
    seen = bullrush_says(app, "result", failed)
    assert seen.exit_code == 1
    assert "LookupError: nothing to add" in seen.output
    assert "Traceback" in bullrush_says(app, "result", "--traceback", failed).output


def test_options_of_a_call_are_kept(app, queue_name):
    words = ("--countdown", "100", "--queue", "other", "--expires", "2099-01-01T00:00:00Z")
    task_id = bullrush_says(app, "call", "any", *words).output.strip()
    job = app.queue("other").get_job(task_id)
    assert job.delay == 100_000
    assert job.data["celery"]["expires"].startswith("2099-01-01")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("call", "any", "-a", "xx"), "Expecting value"),
        (("call", "any", "-k", "[1]"), "[1] is no object"),
        (("call", "any", "--eta", "soon"), "soon"),
        (("wrker",), "Did you mean 'worker'?"),
        (("amqp",), "amqp repl: Redis is no AMQP broker; use bullrush shell"),
        (("amqp", "basic.publish", "x", "--any"), "use bullrush call"),
        (("graph", "bootsteps"), "no bootsteps"),
        (("worker", "-P", "gevent"), "use asyncio"),
        (("worker", "-c", "0"), "auto"),
        (("worker", "--autoscale", "1,3"), "least=3"),
        (("shell", "--gevent"), "--gevent is not here"),
        (("worker", "--pidfile", "/no/such/folder/x.pid"), "--pidfile"),
        (("worker", "--uid", "nobody-of-that-name"), "--uid"),
        (("worker", "--umask", "99"), "octal"),
    ],
)
def test_a_wrong_word_is_refused_with_what_to_do(own, words, says):
    said = bullrush_says(own, *words)
    assert said.exit_code == 2
    assert says in said.output


@pytest.fixture
def own() -> Celery:
    """An application that no command reaches Redis for."""
    return Celery("proj", broker="memory://commands", set_as_current=False)


def test_a_report_says_versions_and_no_secrets(own):
    own.conf.broker_url = "redis://:geheim@nowhere:1/0"
    said = bullrush_says(own, "report").output
    assert bullrush.__version__ in said
    assert "geheim" not in said


def test_a_shell_has_the_application_and_its_tasks(own):
    @own.task(name="proj.only_here")
    def only_here(x):
        return x

    names = names_of(own)
    assert names["app"] is names["celery"] is own
    assert names["only_here"] == only_here
    assert "only_here" not in names_of(own, without_tasks=True)


def test_options_of_an_application_are_there_and_told(own):
    told = []

    def tell(sender, app, options, **named):
        told.append((sender.name, app, options))

    own.user_options["preload"].add(click.Option(["--template"], default="plain"))
    own.user_options["report"].add(click.Option(["--loud"], is_flag=True, expose_value=False))
    signals.user_preload_options.connect(tell)
    try:
        assert bullrush_says(own, "report", "--loud", "--template", "rich").exit_code == 0
    finally:
        signals.user_preload_options.disconnect(tell)
    assert told == [("report", own, {"template": "rich"})]


def test_options_that_are_added_to_a_worker_reach_its_signals(app, monkeypatch):
    told = []
    app.user_options["worker"].add(click.Option(["--colour"], default="red"))

    def begin(options, **named):
        told.append(options["colour"])

    def end(sender, **named):
        told.append(sender.options["colour"])

    monkeypatch.setattr(signals.celeryd_init, "receivers", ())
    monkeypatch.setattr(signals.worker_init, "receivers", ())
    signals.celeryd_init.connect(begin, weak=False)
    signals.worker_init.connect(end, weak=False)
    monkeypatch.setattr(Worker, "run", lambda self: told.append(self.settings.pool))
    words = ("worker", "-P", "solo", "--allow-inmemory", "--colour", "blue")
    assert bullrush_says(app, *words).exit_code == 0
    assert told == ["blue", "blue", "solo"]


def test_options_that_are_added_to_another_command_are_taken(own):
    own.user_options["report"].add(click.Option(["--tint"], default="red"))
    assert bullrush_says(own, "report", "--tint", "blue").exit_code == 0


def test_other_libraries_add_commands(own, monkeypatch):
    @click.command(cls=CeleryCommand)
    @click.argument("colour")
    @click.pass_context
    def flower(context, colour):
        context.obj.secho(f"in bloom for {context.obj.app.main}", fg=colour)
        context.obj.error(context.obj.style(str(context.obj.quiet), bold=True))

    monkeypatch.setattr(commands, "_plugins", lambda: {"flower": lambda: flower})
    said = bullrush_says(own, "-q", "-C", "flower", "red")
    assert (said.exit_code, said.stdout, said.stderr) == (0, f"in bloom for {own.main}\n", "True\n")


def test_a_command_of_another_library_is_imported_when_it_is_used(own, monkeypatch):
    def load():
        raise ImportError("no petals")

    monkeypatch.setattr(commands, "_plugins", lambda: {"flower": load})
    assert "flower" in bullrush_says(own, "--help").output
    said = bullrush_says(own, "flower", "--port=5555")
    assert (said.exit_code, said.output) == (1, "Error: flower cannot be used: no petals\n")


def test_every_command_has_a_help_text(own):
    context = click.Context(cli, obj=own)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command.get_short_help_str()
        # That of another library would be imported, and Celery's name taken in this process.
        if name != "multi" and name in cli.homes:
            assert bullrush_says(own, name, "--help").exit_code == 0


OLD = """\
# BROKER_URL in a comment
BROKER_URL = 'redis://'
CELERYD_CONCURRENCY = 4; CELERY_TASK_SERIALIZER = 'json'
CELERY_ROUTES = {'a': {'queue': 'CELERYD_CONCURRENCY'}}
DEBUG = True
"""
NEW = """\
# BROKER_URL in a comment
broker_url = 'redis://'
worker_concurrency = 4; task_serializer = 'json'
task_routes = {'a': {'queue': 'CELERYD_CONCURRENCY'}}
DEBUG = True
"""


def test_old_names_of_settings_are_rewritten(own, tmp_path):
    assert renamed(OLD) == NEW
    assert "CELERY_WORKER_CONCURRENCY = 4" in renamed(OLD, "CELERY")
    path = tmp_path / "settings.py"
    path.write_text(OLD)
    assert bullrush_says(own, "upgrade", "settings", str(path)).exit_code == 0
    assert path.read_text() == NEW
    assert (tmp_path / "settings.py.orig").read_text() == OLD
    assert "Nothing to change" in bullrush_says(own, "upgrade", "settings", str(path)).output


def messages() -> list[tuple[str, str]]:
    """What a real Celery wrote."""
    return [(key, raw) for key, raw in json.loads(GOLDEN.read_text())["messages"]]


@pytest.fixture
def source(redis_url):
    """A Redis with the messages of a real Celery in database 7."""
    url = redis_url.rpartition("/")[0] + "/7"
    driver = connect(url)
    driver.execute(("FLUSHDB",))
    for key, raw in messages():
        driver.execute(("RPUSH", key, raw))
        queue = key.partition("\x06")[0]
        binding = "\x06\x16".join([queue, "", queue])
        driver.execute(("SADD", f"_kombu.binding.{queue}", binding))
    yield url
    driver.execute(("FLUSHDB",))
    driver.close()


def test_messages_of_a_real_celery_become_jobs(own, source):
    said = bullrush_says(own, "migrate", source)
    assert said.exit_code == 1, said.output
    assert "Migrated 7 tasks, 1 could not be read." in said.output
    assert "application/x-python-serialize" in said.output
    by_name = {job.name: job for job in own.queue("celery").get_jobs("waiting")}
    assert by_name["un.known"].id == "my-own-id"
    assert by_name["un.known"].data["args"] == ["é", None]
    assert by_name["un.known"].data["kwargs"] == {"a": [1]}
    assert by_name["zip"].data["args"] == ["x" * 100]
    chained = [job for job in own.queue("celery").get_jobs("waiting") if "chain" in _of(job)]
    assert [each["args"] for each in _of(chained[0])["chain"]] == [[4], [3]]
    (important,) = own.queue("celery").get_jobs("prioritized")
    assert important.priority == 6
    assert _of(important)["headers"] == {"h": "v"}
    assert _of(important)["timelimit"] == [10, None]
    assert _of(important)["shadow"] == "sh"
    (other,) = own.queue("other").get_jobs("waiting")
    assert _of(other)["callbacks"][0]["args"] == [5]
    assert "expires" in _of(other)
    assert own.queue("celery").get_job_counts()["delayed"] == 1


def _of(job):
    return job.data.get("celery", {})


def test_migrating_twice_doubles_nothing_and_acknowledging_empties_the_source(own, source):
    own.conf.accept_content = ["json", "pickle"]
    for _ in range(2):
        assert bullrush_says(own, "migrate", source, "-Q", "celery:new").exit_code == 0
    assert own.queue("new").get_job_counts()["waiting"] == 5
    few = bullrush_says(own, "migrate", source, "-a", "-n", "1", "-T", "app.add")
    assert "Migrated 1 tasks" in few.output
    assert "Migrated 7 tasks, 0" in bullrush_says(own, "migrate", source, "-a").output
    driver = connect(source)
    assert [driver.execute(("LLEN", key)) for key in ("celery", "other")] == [0, 0]
    driver.close()


def test_protocol_1_and_plain_bodies_are_read():
    body = {"task": "a.b", "id": "i", "args": [1], "kwargs": {}, "retries": 2, "eta": None}
    raw = {
        "body": json.dumps(body),
        "headers": {},
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "properties": {},
    }
    found = call_of(json.dumps(raw).encode(), JSON)
    assert (found.name, found.task_id, found.args) == ("a.b", "i", [1])
    assert found.options == {"retries": 2}


def test_a_part_of_a_chord_is_left_for_celery_which_counts_them(own, source):
    total = {"task": "total", "args": [], "kwargs": {}, "options": {"task_id": "b"}}
    raw = {
        "body": json.dumps([[], {}, {"chord": total, "chain": None}]),
        "headers": {"task": "a.b", "id": "part"},
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "properties": {},
    }
    driver = connect(source)
    driver.execute(("RPUSH", "chords", json.dumps(raw)))
    said = bullrush_says(own, "migrate", source, "-Q", "chords", "-a")
    assert (said.exit_code, driver.execute(("LLEN", "chords"))) == (1, 1)
    driver.close()
    assert "a.b[part] is in the header of a chord" in said.output


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"headers": {}, "body": "x"}'])
def test_what_is_no_message_is_refused(raw):
    with pytest.raises(UnreadableMessage):
        call_of(raw, JSON)


def test_names_of_nodes_are_read_as_celery_multi_does():
    host = nodes_of(["a"]).nodes[0].name.partition("@")[2]
    assert [each.name for each in nodes_of(["3"]).nodes] == [f"celery{n}@{host}" for n in (1, 2, 3)]
    assert [each.short for each in nodes_of(["2-3"]).nodes] == ["celery2", "celery3"]
    assert [each.name for each in nodes_of(["a", "b@x"]).nodes] == [f"a@{host}", "b@x"]
    prefixed = nodes_of(["2", "--range-prefix=w"])
    assert [each.short for each in prefixed.nodes] == ["w1", "w2"]


def test_options_of_nodes_are_for_all_or_for_some():
    some = ["-c:1-2", "8", "-Q:c", "images"]
    words = ["-A", "proj", "-l", "INFO", "-c", "2", *some, "-E", "--pidfile=/run/%n.pid"]
    given = nodes_of(["a", "b", "c", *words, "-9"])
    assert given.signal == signal.SIGKILL
    first, _, last = given.nodes
    assert first.command()[:9] == ["-A", "proj", "worker", "-l", "INFO", "-c", "8", "-E", "-n"]
    assert first.pidfile == "/run/a.pid"
    assert "images" in last.command()
    assert last.command()[last.command().index("-c") + 1] == "2"
    assert first.command()[-1] == "--logfile=/var/log/celery/a%I.log"


def test_multi_says_names_commands_and_templates(own):
    assert bullrush_says(own, "multi", "expand", "%n|%p", "a@x", "b@y").output == "a|a@x\nb|b@y\n"
    assert bullrush_says(own, "multi", "names", "a@x").output == "a@x\n"
    assert " -m bullrush worker " in bullrush_says(own, "multi", "show", "a@x").output
    assert bullrush_says(own, "multi", "get", "b", "a@x", "b@y").output.startswith("worker -n b@y")
    assert "usage: multi start" in bullrush_says(own, "multi", "help").output
    assert bullrush_says(own, "multi", "dance").exit_code == 1


def test_multi_starts_and_stops_workers(redis_url, tmp_path):
    (tmp_path / "proj.py").write_text(
        f"from bullrush import Celery\napp = Celery('proj', broker={redis_url!r})\n"
    )
    words = ["a@here", "b@here", "-A", "proj", "-P", "solo", "-Q", f"multi-{os.getpid()}"]
    files = [f"--pidfile={tmp_path}/%n.pid", f"--logfile={tmp_path}/%n%I.log", "-l", "INFO"]

    def multi(action: str) -> str:
        command = [sys.executable, "-m", "bullrush", "multi", action, *words, *files]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=50
        ).stdout

    assert multi("start").count(": OK") == 2
    try:
        logs = [tmp_path / "a.log", tmp_path / "b.log"]
        for log in logs:
            wait_until(
                lambda log=log: log.exists() and "ready." in log.read_text(), 30, "a worker's start"
            )
        assert read_pid(tmp_path / "a.pid") is not None
        assert multi("start").count("ALREADY RUNNING") == 2
    finally:
        stopped = multi("stopwait")
    assert stopped.count(": stopped") == 2
    assert not list(tmp_path.glob("*.pid"))
    assert multi("stop").count(": DOWN") == 2


def test_a_detached_command_is_the_same_without_that_word(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bullrush", "-A", "proj", "worker", "-D", "--pidfile", "x"])
    assert own_arguments() == ["-A", "proj", "worker", "--pidfile", "x"]


def test_a_pid_file_of_a_process_that_runs_is_respected(own, tmp_path):
    path = tmp_path / "w.pid"
    path.write_text(f"{os.getppid()}\n")
    said = bullrush_says(own, "worker", "--pidfile", str(path))
    assert said.exit_code == 73
    assert "already exists" in said.output
    path.write_text("no number")
    assert read_pid(path) is None


LOG = """\
stray
[2026-11-24 16:06:11,524: INFO/MainProcess] Task app.add[1] received
[2026-11-24 16:06:11,525: INFO/MainProcess] Task app.boom[2] received
[2026-11-24 16:06:11,526: INFO/MainProcess] Task app.add[3] received
[2026-11-24 16:06:11,527: INFO/ForkPoolWorker-2] Task app.add[1] succeeded in 0.1s: 3
[2026-11-24 16:06:11,543: ERROR/ForkPool-1] Task app.boom[2] raised unexpected: ValueError('no')
Traceback (most recent call last):
ValueError: no
"""


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("stats", "Tasks received: 3\n  app.add: 2 (succeeded: 1)\n  app.boom: 1 (raised: 1)\n"),
        ("incomplete", "app.add[3]\n"),
        ("debug", "stray\n"),
        ("traces", "1 times:\nTraceback (most recent call last):\nValueError: no\n\n"),
        (
            "errors",
            "Task app.boom[2] raised unexpected: ValueError('no')\n"
            "Traceback (most recent call last):\nValueError: no\n",
        ),
    ],
)
def test_a_log_is_read(own, tmp_path, word, says):
    path = tmp_path / "worker.log"
    path.write_text(LOG)
    assert bullrush_says(own, "logtool", word, str(path)).output == says


def test_inspect_and_control_speak_to_the_workers_that_are_up(app, start):
    @app.task(name="limited")
    def limited():
        pass

    start(hostname="celery@asked")
    wait_until(lambda: app.control.inspect(timeout=0.5).ping(), 15)
    ping = bullrush_says(app, "inspect", "-t", "1", "ping")
    assert (ping.exit_code, "celery@asked: OK" in ping.output) == (0, True)
    registered = bullrush_says(app, "inspect", "-t", "1", "-j", "registered")
    assert "limited" in json.loads(registered.output)["celery@asked"]
    told = bullrush_says(app, "control", "-t", "1", "rate_limit", "limited", "10/m")
    assert (told.exit_code, "new rate limit set" in told.output) == (0, True)
    unknown = bullrush_says(app, "inspect", "nonsense")
    assert unknown.exit_code == 2
    assert "Available inspect commands: active" in unknown.output
    assert "rate_limit" in bullrush_says(app, "control", "--list").output


def test_answers_of_workers_are_written_as_celery_writes_them(app, start):
    start(hostname="celery@asked")
    wait_until(lambda: app.control.inspect(timeout=0.5).ping(), 15)
    ended = bullrush_says(app, "control", "-t", "1", "terminate", "KILL", "no-id", "other-id")
    assert ended.output == "->  celery@asked: OK\n        terminate: tasks unknown\n"
    told = bullrush_says(app, "control", "-t", "1", "-j", "terminate", "FOO", "no-id")
    assert "SIGFOO" in json.loads(told.output)[0]["celery@asked"]["error"]
    revoked = bullrush_says(app, "inspect", "-t", "1", "-j", "revoked")
    assert {"no-id", "other-id"} <= set(json.loads(revoked.output)["celery@asked"])
    stats = bullrush_says(app, "inspect", "-t", "1", "stats").output
    written = stats.partition("OK\n")[2].partition("\n\n")[0]
    assert json.loads(written)["pool"]["max-concurrency"] == 2
    short = bullrush_says(app, "-q", "inspect", "-t", "1", "ping").output
    assert short == "->  celery@asked: OK\n        pong\n"
    refused = bullrush_says(app, "control", "-t", "1", "election").output
    assert "use a deduplication id" in refused
    assert "Missing argument 'COMMAND'" in bullrush_says(app, "inspect").output


def test_a_command_that_no_worker_hears_ends_with_the_code_for_it(app):
    said = bullrush_says(app, "inspect", "-t", "0.2", "ping")
    assert (said.exit_code, "No nodes replied" in said.output) == (69, True)
