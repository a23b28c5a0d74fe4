"""What must not run, kept in Redis so that a worker that starts later knows as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .clock import now_ms
from .drivers import Driver
from .private_keys import FleetKeys


@dataclass(frozen=True)
class Revocations:
    """The ids and rules of one fleet.

    Args:
        driver: where Redis is.
        keys: the fleet's.
        most: how many of each are kept; the oldest go first.
        keep_ms: how long each holds.
    """

    driver: Driver
    keys: FleetKeys
    most: int = 50_000
    keep_ms: int = 3 * 3600 * 1000

    def add(self, ids: Sequence[str] = (), rules: Sequence[str] = ()) -> None:
        """Remember them.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        until = now_ms() + self.keep_ms
        commands: list[tuple[str | int, ...]] = []
        for key, members in ((self.keys.revoked, ids), (self.keys.rules, rules)):
            if not members:
                continue
            pairs = [part for member in members for part in (until, member)]
            commands += [
                ("ZADD", key, *pairs),
                ("ZREMRANGEBYSCORE", key, "-inf", now_ms()),
                ("ZREMRANGEBYRANK", key, 0, -self.most - 1),
                ("PEXPIRE", key, self.keep_ms),
            ]
        self.driver.execute_many(commands)

    def known(self) -> tuple[list[str], list[str]]:
        """(ids, rules) that hold now, the oldest first.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        now = now_ms()
        replies = self.driver.execute_many(
            [("ZRANGEBYSCORE", key, now, "+inf") for key in (self.keys.revoked, self.keys.rules)]
        )
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        ids, rules = ([each.decode() for each in reply] for reply in replies)
        return ids, rules

    def leave(self, notes: Sequence[str]) -> None:
        """Leave notes for whichever worker takes them first.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        key = self.keys.untold
        self.driver.execute_many(
            [
                ("RPUSH", key, *notes),
                ("LTRIM", key, -self.most, -1),
                ("PEXPIRE", key, self.keep_ms),
            ]
        )

    def take(self, most: int) -> list[str]:
        """Take notes, the oldest first; nobody else gets them.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        reply = self.driver.execute(("LPOP", self.keys.untold, most))
        return [each.decode() for each in reply or ()]
