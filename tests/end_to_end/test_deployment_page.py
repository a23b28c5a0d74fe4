"""The page on deployment: what it shows can be read by those it is for."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import click
import pytest
import yaml

from bullrush.cli.main import cli
from bullrush.cli.roles import ROLES
from bullrush.core.environment import (
    CommonSettings,
    OwnSettings,
    QueueRedisSettings,
    WorkSettings,
)
from tests.support.redis_fleets import Fleet
from tests.support.waiting import wait_until

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "deployment.md").read_text()


def snippets(language: str) -> list[str]:
    """The code of that language on the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.row(15)
def test_the_image_is_slim_and_does_not_run_as_root():
    [recipe] = snippets("dockerfile")
    steps = [line.split(" ", 1) for line in recipe.splitlines() if line]
    assert steps[0][0] == "FROM"
    assert steps[0][1].endswith("-slim")
    words = [word for word, _ in steps]
    assert words.index("USER") < words.index("ENTRYPOINT")
    known = {"FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "ARG", "ENTRYPOINT", "CMD"}
    assert set(words) <= known


@pytest.mark.row(16, 17, 18)
def test_the_three_containers_differ_by_their_role_alone():
    lines = [shlex.split(line) for line in snippets("sh")[0].splitlines()]
    assert len(lines) == 3
    roles = []
    for line in lines:
        assert line[:2] == ["docker", "run"]
        variables = dict(word.split("=", 1) for word in line if "=" in word)
        roles.append(variables.pop("WORKER_SCRIPT"))
        assert variables == {"REDIS_URL": "redis://cache:6379", "CELERY_APP": "proj"}
    assert set(roles) < set(ROLES)


@pytest.mark.row(167, 191)
def test_the_compose_file_has_a_healthcheck_and_writes_to_a_disk():
    [compose] = map(yaml.safe_load, snippets("yaml"))
    service = compose["services"]["redis"]
    check = service["healthcheck"]
    assert check["test"] == ["CMD", "redis-cli", "ping"]
    assert (check["interval"], check["timeout"], check["retries"]) == ("5s", "3s", 10)
    options = service["command"].removeprefix("redis-server --").split(" --")
    for wanted in ("save 60 1", "appendonly yes", "appendfsync everysec"):
        assert wanted in options
    with Fleet() as fleet:
        server = fleet.start(*options)
        assert server.client.config_get("appendonly") == {"appendonly": "yes"}


@pytest.mark.row(188)
def test_sentinels_accept_their_file():
    [conf] = snippets("conf")
    lines = [line for line in conf.splitlines() if not line.startswith("port")]
    with Fleet() as fleet:
        master = fleet.start()
        lines[0] = f"sentinel monitor mymaster 127.0.0.1 {master.port} 2"
        sentinel = fleet.start(*lines, sentinel=True)
        told = wait_until(lambda: sentinel.client.sentinel_masters().get("mymaster"))
    assert (int(told["quorum"]), int(told["down-after-milliseconds"])) == (2, 5000)
    assert (int(told["parallel-syncs"]), int(told["failover-timeout"])) == (1, 10000)


@pytest.mark.row(23, 24, 25, 27, 28)
def test_every_command_on_the_page_exists_with_its_options():
    lines = [line for line in "".join(snippets("sh")).splitlines() if line.startswith("bullrush")]
    lines += re.findall(r"`(bullrush [^`|]+)", PAGE)
    assert len(lines) > 8
    for line in lines:
        words = [word for word in shlex.split(line)[1:] if word != "..."]
        if words[0] == "-A":
            words = words[2:]
        if words[0] != "serve":
            check(words)


def check(words: list[str]) -> None:
    """Find the command of these words, and each of its options."""
    group: click.Command = cli
    context = click.Context(cli)
    while isinstance(group, click.Group) and words:
        found = group.get_command(context, words.pop(0))
        assert found is not None
        group = found
    known = {option for each in group.params for option in each.opts}
    for word in words:
        if word.startswith("-") and group.name != "multi":
            assert word.partition("=")[0] in known, f"{group.name} has no {word}"


@pytest.mark.row(168, 173, 174, 175, 176, 177, 178, 179, 180, 181, 182, 183)
def test_every_variable_that_is_read_is_on_the_page():
    for settings in (OwnSettings, QueueRedisSettings, CommonSettings, WorkSettings):
        for each in fields(settings):
            variable = f"{settings.env_prefix}{each.name}".upper()
            short = f"`_{each.name.upper()}"
            assert f"`{variable}" in PAGE or short in PAGE or f"{short}=" in PAGE, variable
