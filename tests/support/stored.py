"""Looking at what is stored, as a person with redis-cli would."""

from __future__ import annotations

from typing import Any

from bullrush.core.drivers import Driver
from bullrush.core.keys import QueueKeys


class Stored:
    """The keys of one queue in plain Python values."""

    def __init__(self, driver: Driver, queue_name: str) -> None:
        self.driver = driver
        self.keys = QueueKeys(queue_name)

    def run(self, *command: Any) -> Any:
        """Any command."""
        return self.driver.execute(command)

    def ids(self, place: str) -> list[str]:
        """The members of a list or a sorted set, left to right or lowest first."""
        key = getattr(self.keys, place)
        verb = "LRANGE" if place in ("wait", "active", "paused") else "ZRANGE"
        return [each.decode() for each in self.run(verb, key, 0, -1)]

    def score(self, place: str, member: str) -> float | None:
        """The score of a member of a sorted set."""
        reply = self.run("ZSCORE", getattr(self.keys, place), member)
        return None if reply is None else float(reply)

    def hash(self, job_id: str) -> dict[str, str]:
        """The hash of a job."""
        flat = [each.decode() for each in self.run("HGETALL", self.keys.job(job_id))]
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def exists(self, key: str) -> bool:
        """Whether a key exists."""
        return bool(self.run("EXISTS", key))

    def all_keys(self) -> set[str]:
        """Every key of the queue, without its base."""
        keys = (key.decode() for key in self.run("KEYS", f"{self.keys.base}*"))
        return {key.removeprefix(self.keys.base) for key in keys}

    def events(self) -> list[dict[str, str]]:
        """Every entry of the event stream, oldest first."""
        found = []
        for _, flat in self.run("XRANGE", self.keys.events, "-", "+"):
            texts = [part.decode() for part in flat]
            found.append(dict(zip(texts[::2], texts[1::2], strict=True)))
        return found

    def event_names(self) -> list[str]:
        """The names of the events, oldest first."""
        return [each["event"] for each in self.events()]

    def marker(self) -> dict[str, float]:
        """Members and scores of the marker."""
        flat = self.run("ZRANGE", self.keys.marker, 0, -1, "WITHSCORES")
        return {flat[i].decode(): float(flat[i + 1]) for i in range(0, len(flat), 2)}
