"""All keys under a prefix, read in one step and decoded so that equal things are equal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bullrush.core.drivers import Driver

_READ = """
local found = {}
for _, key in ipairs(redis.call("KEYS", ARGV[1])) do
  local kind = redis.call("TYPE", key)["ok"]
  local value
  if kind == "string" then value = redis.call("GET", key)
  elseif kind == "list" then value = redis.call("LRANGE", key, 0, -1)
  elseif kind == "set" then value = redis.call("SMEMBERS", key)
  elseif kind == "zset" then value = redis.call("ZRANGE", key, 0, -1, "WITHSCORES")
  elseif kind == "hash" then value = redis.call("HGETALL", key)
  elseif kind == "stream" then value = redis.call("XRANGE", key, "-", "+") end
  found[#found + 1] = {key, kind, redis.call("PTTL", key), value}
end
return found
"""
_FORGET = """
local keys = redis.call("KEYS", ARGV[1])
for _, key in ipairs(keys) do redis.call("DEL", key) end
return #keys
"""

#: Fields of hashes, and of events, that hold JSON.
_JSON_FIELDS = frozenset(("data", "opts", "progress", "returnvalue", "stacktrace", "parent", "pd"))


@dataclass(frozen=True)
class Entry:
    """One key. `ttl` is in ms, None for a key that stays."""

    kind: str
    ttl: int | None
    value: Any


#: Key without the prefix (``a:wait``) -> what is there.
Snapshot = Mapping[str, Entry]


def read(driver: Driver, prefix: str) -> dict[str, Entry]:
    """Everything under the prefix; the prefix itself reads ``bull`` wherever it occurs."""
    found = {}
    for raw in driver.execute(("EVAL", _READ, 0, f"{prefix}:*")):
        key, kind, ttl, value = _texts(raw, prefix)
        name = key.removeprefix("bull:")
        found[name] = Entry(kind, ttl if ttl >= 0 else None, _decoded(name, kind, value))
    return found


def forget(driver: Driver, *prefixes: str) -> None:
    """Delete everything under the prefixes."""
    driver.execute_many([("EVAL", _FORGET, 0, f"{prefix}:*") for prefix in prefixes])


def _texts(raw: Any, prefix: str) -> Any:
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "backslashreplace").replace(prefix, "bull")
    if isinstance(raw, list):
        return [_texts(each, prefix) for each in raw]
    return raw


def _pairs(flat: list[str]) -> Iterator[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _decoded(name: str, kind: str, value: Any) -> Any:
    if kind == "set":
        return sorted(value)
    if kind == "zset":
        return {member: float(score) for member, score in _pairs(value)}
    if kind == "hash":
        every = name.endswith(":processed")
        return {field: _field(field, text, every) for field, text in _pairs(value)}
    if kind == "stream":
        return [{field: _field(field, text) for field, text in _pairs(e[1])} for e in value]
    return value


def _field(field: str, text: str, is_json: bool = False) -> Any:
    if not is_json and field not in _JSON_FIELDS:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return f"no JSON: {text}"
    return _without_empty_lists(value) if field == "opts" else value


def _without_empty_lists(value: Any) -> Any:
    """Redis' own encoder, through which Node's options go, writes an empty list as an object."""
    if isinstance(value, dict):
        return {name: _without_empty_lists(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_empty_lists(each) for each in value] or {}
    return value
