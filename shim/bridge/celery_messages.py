"""Messages of a real Celery in Redis (its protocols 1 and 2 on kombu's lists), as calls of this
library.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bullrush.core.drivers import Driver

from ..serialization import unpack

SEPARATOR = "\x06\x16"
#: kombu keeps one list for each of these steps of a priority; the first has the queue's own name.
STEPS = (0, 3, 6, 9)
PAGE = 200

#: Header of a message -> option of a call.
_OPTIONS = {
    "shadow": "shadow",
    "eta": "eta",
    "expires": "expires",
    "group": "group_id",
    "group_index": "group_index",
    "retries": "retries",
    "root_id": "root_id",
    "parent_id": "parent_id",
    "argsrepr": "argsrepr",
    "kwargsrepr": "kwargsrepr",
    "origin": "origin",
    "ignore_result": "ignore_result",
    "replaced_task_nesting": "replaced_task_nesting",
    "stamped_headers": "stamped_headers",
}
_EMBEDDED = {"callbacks": "link", "errbacks": "link_error", "chain": "chain", "chord": "chord"}
_TYPES = {"application/json": "json", "application/x-python-serialize": "pickle"}
_OWN = {"lang", "task", "id", "timelimit", "stamps", "compression", "redelivered", "headers", "utc"}


class UnreadableMessage(ValueError):
    """A message that is none of Celery's, or that may not be read; says why."""


@dataclass(frozen=True)
class StoredCall:
    """A call as `Celery.send_task` takes it."""

    name: str
    task_id: str
    args: list[Any]
    kwargs: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)


class CeleryQueue:
    """A queue of a Celery's broker.

    Args:
        driver: its Redis.
        name: the queue's.
        prefix: the transport option ``global_keyprefix``.
    """

    def __init__(self, driver: Driver, name: str, prefix: str = "") -> None:
        self.driver, self.name, self._removed = driver, name, 0
        self.keys = [
            f"{prefix}{name}{SEPARATOR}{step}" if step else prefix + name for step in STEPS
        ]

    def __len__(self) -> int:
        return sum(int(self.driver.execute(("LLEN", key))) for key in self._lists())

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """(key, message), the next one that a worker would take first. Messages may be taken away
        with `remove` on the way.
        """
        for key in self._lists():
            passed = 0
            while True:
                page = self.driver.execute(("LRANGE", key, -PAGE - passed, -1 - passed))
                if not page:
                    break
                before = self._removed
                for raw in reversed(page):
                    yield key, bytes(raw)
                passed += len(page) - (self._removed - before)

    def remove(self, key: str, raw: bytes) -> None:
        """Take a message away: the oldest of that text."""
        self._removed += int(self.driver.execute(("LREM", key, -1, raw)))

    def _lists(self) -> list[str]:
        return [key for key in self.keys if self.driver.execute(("TYPE", key)) in (b"list", "list")]


def queues_of(driver: Driver, prefix: str = "") -> list[str]:
    """Names of the queues that a Celery has declared in that Redis."""
    names: set[str] = set()
    for kind in ("_kombu.binding.", "_kombu.binding_permanent."):
        cursor: Any = b"0"
        while True:
            pattern = f"{prefix}{kind}*"
            cursor, keys = driver.execute(("SCAN", cursor, "MATCH", pattern, "COUNT", 1000))
            for key in keys:
                members = driver.execute(("SMEMBERS", key))
                names |= {_text(each).rpartition(SEPARATOR)[2] for each in members}
            if int(cursor) == 0:
                break
    inner = (".pidbox", "celeryev")
    return sorted(name for name in names if name and not any(each in name for each in inner))


def call_of(raw: bytes, accept: Iterable[str]) -> StoredCall:
    """What a message calls.

    Args:
        accept: content types that may be decoded, as ``accept_content``.

    Raises:
        UnreadableMessage: says why not; that it is a part of a chord, too.
    """
    try:
        message = json.loads(raw)
        headers, properties = message["headers"], message.get("properties") or {}
        body = unpack(_box(message, headers, properties), accept)
        if "task" in headers:
            call = _second(headers, properties, body, message["content-type"])
        else:
            call = _first(properties, body, message["content-type"])
    except Exception as error:
        raise UnreadableMessage(f"{type(error).__name__}: {error}") from error
    if "chord" in call.options:
        # How many of its parts have ended already is counted in Celery's result backend.
        raise UnreadableMessage(
            f"{call.name}[{call.task_id}] is in the header of a chord, whose body only Celery's "
            "workers would call: let them end it"
        )
    return call


def _box(
    message: Mapping[str, Any], headers: Mapping[str, Any], properties: Mapping[str, Any]
) -> dict[str, Any]:
    """The body in the form that `unpack` takes."""
    body, encoding = message["body"], message["content-encoding"]
    box = {"content_type": message["content-type"], "content_encoding": encoding}
    if headers.get("compression"):
        box["compression"] = headers["compression"]
    elif encoding != "binary" and properties.get("body_encoding") == "base64":
        body = base64.b64decode(body).decode(encoding)
    return {**box, "body": body}


def _second(
    headers: Mapping[str, Any], properties: Mapping[str, Any], body: Any, content_type: str
) -> StoredCall:
    args, kwargs, embedded = body
    options = {option: headers.get(header) for header, option in _OPTIONS.items()}
    options |= {option: (embedded or {}).get(part) for part, option in _EMBEDDED.items()}
    options |= _limits(headers.get("timelimit"))
    options |= headers.get("stamps") or {}
    own = {k: v for k, v in headers.items() if k not in _OWN and k not in _OPTIONS}
    custom = {**own, **(headers.get("headers") or {})}
    if custom:
        options["headers"] = custom
    return _call(headers["task"], headers["id"], args, kwargs, options, properties, content_type)


def _first(properties: Mapping[str, Any], body: Mapping[str, Any], content_type: str) -> StoredCall:
    """Protocol 1: everything is in the body."""
    options = {
        "eta": body.get("eta"),
        "expires": body.get("expires"),
        "retries": body.get("retries"),
        "group_id": body.get("taskset") or body.get("group"),
        "link": body.get("callbacks"),
        "link_error": body.get("errbacks"),
        "chord": body.get("chord"),
        **_limits(body.get("timelimit")),
    }
    args, kwargs = body.get("args") or [], body.get("kwargs") or {}
    return _call(body["task"], body["id"], args, kwargs, options, properties, content_type)


def _call(
    name: str,
    task_id: str,
    args: Any,
    kwargs: Any,
    options: dict[str, Any],
    properties: Mapping[str, Any],
    content_type: str,
) -> StoredCall:
    given = {option: value for option, value in options.items() if value not in (None, [], {})}
    if given.get("root_id") == task_id:
        del given["root_id"]
    if properties.get("priority"):
        given["priority"] = properties["priority"]
    if properties.get("reply_to"):
        given["reply_to"] = properties["reply_to"]
    serializer = _TYPES.get(content_type, content_type.rpartition("x-")[2])
    if serializer != "json":
        given["serializer"] = serializer
    return StoredCall(str(name), str(task_id), list(args), dict(kwargs), given)


def _limits(pair: Any) -> dict[str, Any]:
    hard, soft = pair or (None, None)
    return {"time_limit": hard, "soft_time_limit": soft}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
