"""When the application was deployed: marks for charts, so that one sees what changed since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .calls import Call, run
from .clock import now_ms
from .drivers import Driver
from .errors import InvalidOption
from .keys import DEFAULT_PREFIX, deploys_key

#: About how many are kept.
MOST = 500
#: Characters of a text.
LONGEST = 200
#: ms by which the clock of whoever marks may be ahead.
AHEAD = 60_000


@dataclass(frozen=True)
class Deploy:
    """One deployment.

    Args:
        at: Unix ms.
        text: what was deployed, such as a version.
    """

    at: int
    text: str


def mark_deploy(
    driver: Driver, prefix: str = DEFAULT_PREFIX, text: str = "deploy", *, at: int | None = None
) -> Deploy:
    """Remember that something is deployed now, or was.

    Args:
        driver: where the queues are.
        prefix: what every key starts with.
        text: what it is, such as a version; one line of at most 200 characters.
        at: Unix ms, when it was deployed; None for now.

    Raises:
        InvalidOption: a text that is empty, too long or no single line; a moment still to come.
        ConnectionFailed: Redis did not answer.
    """
    if not text or len(text) > LONGEST or not text.isprintable():
        raise InvalidOption(f"a deployment is named by one line of 1 to {LONGEST} characters")
    now = now_ms()
    deploy = Deploy(now if at is None else at, text)
    if not 0 <= deploy.at <= now + AHEAD:
        raise InvalidOption("a deployment is marked when it has happened: at is no later than now")
    driver.execute(
        ("XADD", deploys_key(prefix), "MAXLEN", "~", MOST, "*", "at", deploy.at, "text", text)
    )
    return deploy


def list_deploys(driver: Driver, prefix: str = DEFAULT_PREFIX, most: int = 100) -> list[Deploy]:
    """The last deployments, the newest first.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    return run(driver, deploys_call(prefix, most))


def deploys_call(prefix: str, most: int = 100) -> Call[list[Deploy]]:
    """The call behind `list_deploys`. Marks may have been made in any order, so it reads all."""
    return Call(("XREVRANGE", deploys_key(prefix), "+", "-"), lambda rows: _read(rows)[:most])


def _read(rows: Any) -> list[Deploy]:
    """The newest first. What is no mark of ours is passed over."""
    found = []
    for _, flat in rows or ():
        stored = dict(zip(flat[::2], flat[1::2], strict=False))
        at = stored.get(b"at", b"")
        if at.isdigit():
            found.append(Deploy(int(at), stored.get(b"text", b"").decode("utf-8", "replace")))
    return sorted(found, key=lambda each: each.at, reverse=True)
