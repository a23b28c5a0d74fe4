"""``bullrush config``, files of variables, and what the worker refuses."""

from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner

from bullrush import Celery
from bullrush.cli.main import cli
from bullrush.core.errors import InvalidOption
from bullrush.worker.making import make_worker, slots_of


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("BULLRUSH_", "REDIS_", "QUEUE_", "EXECUTION_", "CELERY_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bare():
    """An application that says nothing of Redis."""
    with Celery("bare", set_as_current=False) as app:
        yield app


def rows(app, *words):
    """What the command says, by name."""
    result = CliRunner().invoke(cli, [*words, "config", "--json"], obj=app, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.output)}


@pytest.mark.row(185)
def test_each_value_is_shown_with_what_said_it(bare, monkeypatch):
    assert rows(bare)["redis"]["source"] == "default"
    monkeypatch.setenv("REDIS_URL", "redis://common")
    monkeypatch.setenv("QUEUE_REDIS_HOST", "parts")
    monkeypatch.setenv("BULLRUSH_PREFIX", "mine")
    monkeypatch.setenv("EXECUTION_WORKER_CONCURRENCY", "2")
    found = rows(bare)
    assert found["redis"]["value"] == "redis://parts:6379/0"
    assert (found["redis"]["source"], found["redis"]["unused"]) == ("QUEUE_REDIS_*", ["REDIS_URL"])
    assert (found["prefix"]["value"], found["prefix"]["source"]) == ("mine", "BULLRUSH_PREFIX")
    assert found["worker_concurrency"]["source"] == "EXECUTION_WORKER_CONCURRENCY"
    bare.conf.broker_url = "redis://settings"
    assert rows(bare)["redis"] == {
        "name": "redis",
        "value": "redis://settings",
        "source": "settings",
        "unused": [],
    }
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://celerys")
    assert rows(bare)["redis"]["source"] == "CELERY_BROKER_URL"


@pytest.mark.row(177, 185)
def test_secrets_are_only_said_to_be_there(bare, monkeypatch):
    monkeypatch.setenv("QUEUE_REDIS_PASSWORD", "hush-hush")
    monkeypatch.setenv("BULLRUSH_ADMIN_TOKEN", "hush-token")
    for words in (["config"], ["config", "--json"]):
        said = CliRunner().invoke(cli, words, obj=bare).output
        assert "hush" not in said
    assert rows(bare)["login"]["value"] == "yes"
    assert rows(bare)["admin_token"]["value"] == "is set"


@pytest.mark.row(192)
def test_a_file_of_variables_is_read_and_the_environment_wins(bare, monkeypatch, tmp_path):
    monkeypatch.setenv("BULLRUSH_PREFIX", "set")  # so that what the file says is undone at the end
    monkeypatch.delenv("BULLRUSH_PREFIX")
    monkeypatch.setenv("QUEUE_REDIS_HOST", "set")
    (tmp_path / ".env").write_text("BULLRUSH_PREFIX=of-file\nQUEUE_REDIS_HOST=of-file\n")
    found = rows(bare)
    assert found["prefix"]["value"] == "of-file"
    assert found["redis"]["value"] == "redis://set:6379/0"
    os.environ.pop("BULLRUSH_PREFIX")
    assert rows(bare, "--env-file", "")["prefix"]["value"] == "bull"
    missing = CliRunner().invoke(cli, ["--env-file", "no.env", "config"], obj=bare)
    assert missing.exit_code == 2


@pytest.mark.row(180, 222)
def test_a_worker_of_queues_in_memory_is_refused(bare, monkeypatch):
    monkeypatch.setenv("QUEUE_DRIVER", "inmemory")
    assert rows(bare)["driver"]["value"] == "inmemory"
    with pytest.raises(InvalidOption, match="--allow-inmemory"):
        CliRunner().invoke(cli, ["worker"], obj=bare, catch_exceptions=False)


@pytest.mark.row(181)
def test_the_slots_of_a_worker_come_from_the_environment(bare, monkeypatch):
    bare.conf.broker_url = "memory://slots"
    monkeypatch.setenv("EXECUTION_WORKER_CONCURRENCY", "3")
    assert make_worker(bare).concurrency == 3
    assert make_worker(bare, concurrency=4).concurrency == 4
    bare.conf.worker_concurrency = 5
    assert slots_of(bare) == 5
