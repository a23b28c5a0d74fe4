"""``bullrush graph`` and ``bullrush amqp``, and the page of what works of the command line."""

from __future__ import annotations

import threading
import uuid

import click
import pytest
from click.testing import CliRunner

from bullrush import Celery
from bullrush.cli.amqp import ELSEWHERE
from bullrush.cli.main import cli
from bullrush.cli.rows import COMMAND_LINE, CONTROL, OPTIONS, find_command, options_of
from bullrush.worker import make_worker
from bullrush.worker.control import Panel


@pytest.fixture
def app(queue_name):
    """An application in memory."""
    with Celery("drawn", broker=f"memory://{queue_name}", set_as_current=False) as app:
        app.conf.task_default_queue = "letters"
        app.conf.control_exchange = f"fleet-{uuid.uuid4().hex}"
        yield app


def says(app, *words):
    """What a command prints."""
    result = CliRunner().invoke(cli, list(words), obj=app, catch_exceptions=False)
    return result.exit_code, result.output


def test_the_workers_that_are_up_are_drawn_with_queues_and_slots(app):
    ready = threading.Event()
    worker = make_worker(app, hostname="one@here", pool="threads", concurrency=2)
    worker.on("ready", ready.set)
    with worker:
        assert ready.wait(10)
        code, drawn = says(app, "graph", "workers", "--timeout", "3")
    assert code == 0
    lines = [line.strip() for line in drawn.splitlines()]
    assert (lines[0], lines[-1]) == ("digraph workers {", "}")
    assert f'"{app.driver.location}" -> "queue letters";' in lines
    assert '"queue letters" -> "one@here";' in lines
    assert sum('"one@here" -> "one@here ' in line for line in lines) == 2


def test_workers_may_be_named_instead(app):
    code, drawn = says(app, "graph", "workers", 'nodes:a"b,c', "threads:1")
    assert code == 0
    assert '"a\\"b" [shape=box' in drawn
    assert drawn.count("arrowhead=none") == 2


@pytest.mark.parametrize("word", ["nodes", "threads:x", "wmax:3", "nodes:"])
def test_other_words_of_a_graph_are_refused(app, word):
    code, said = says(app, "graph", "workers", word)
    assert (code, word in said) == (2, True)


def test_a_queue_is_counted_and_emptied_by_amqps_names(app):
    for delay in (0, 60_000):
        app.queue("letters").add("any", delay=delay)
    told = "queue:letters messages:2 consumers:0\nOK\n"
    assert says(app, "amqp", "queue.declare", "letters", "False") == (0, told)
    assert says(app, "amqp", "queue.purge", "letters") == (0, "2 messages deleted.\nOK\n")
    assert app.queue("letters").count() == 0


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_amqp_means_nothing_here_says_what_to_use(app, name):
    words = [] if name == "repl" else [name, "a", "b"]
    code, said = says(app, "amqp", *words)
    assert code == 2
    assert f"amqp {name}: Redis is no AMQP broker" in said


def test_every_command_of_ours_that_celery_has_is_in_the_table():
    named = {name.split()[0] for name in OPTIONS if name}
    assert named <= set(cli.list_commands(click.Context(cli)))
    assert {row.name for row in CONTROL} >= {
        name
        for name, each in Panel.meta.items()
        if each.visible and Panel.data[name].__module__.startswith("bullrush.")
    }


@pytest.mark.parametrize(
    "row", [row for row in COMMAND_LINE if row.status != "refused"], ids=lambda row: row.name
)
def test_what_the_table_says_can_be_given(row):
    words = row.name.split()
    option = words.pop() if words[-1].startswith("--") else None
    command = find_command(" ".join(words))
    assert command is not None
    assert option in (None, "--version") or option in options_of(command)
