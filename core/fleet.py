"""Speaking to all workers at once: a bounded stream that every worker reads, and a list for the
answers to each command. Only workers that are up hear a command.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .calls import Command
from .drivers import Connection, Driver
from .private_keys import FleetKeys

#: A reader asks again at least this often, ms: that is all an idle one costs.
BLOCK_MS = 10_000
#: s after the end of a wait by which its reply has come, if the connection still works.
GRACE = 5.0
#: About how many entries a stream keeps; one of events may hold several.
MOST_COMMANDS, MOST_EVENTS = 1_000, 1_000
#: ms that answers wait for who asked.
ANSWER_MS = 60_000

#: The one field of an entry.
_TEXT = "text"


@dataclass(frozen=True)
class Fleet:
    """The workers that share these keys.

    Args:
        driver: where Redis is.
        keys: the fleet's.
    """

    driver: Driver
    keys: FleetKeys

    def send(self, text: str) -> None:
        """Say something to every worker that is up.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        key, most = self.keys.commands, MOST_COMMANDS
        self.driver.execute(("XADD", key, "MAXLEN", "~", most, "*", _TEXT, text))

    def publish(self, texts: Sequence[str], keep: float) -> None:
        """Add to the stream of events, in one round trip.

        Args:
            texts: an entry each.
            keep: s after which the stream goes if nobody adds to it.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        for reply in self.driver.execute_many(self.publications(texts, keep)):
            if isinstance(reply, Exception):
                raise reply

    def publications(self, texts: Sequence[str], keep: float) -> list[Command]:
        """The commands of `publish`."""
        key, most = self.keys.events, MOST_EVENTS
        added: list[Command] = [
            ("XADD", key, "MAXLEN", "~", most, "*", _TEXT, text) for text in texts
        ]
        return [*added, ("PEXPIRE", key, max(1, int(keep * 1000)))]

    def commands(self) -> StreamReader:
        """Reads what is said from now on."""
        return StreamReader(self.driver, self.keys.commands)

    def events(self) -> StreamReader:
        """Reads events from now on."""
        return StreamReader(self.driver, self.keys.events)

    def answer(self, ticket: str, text: str) -> None:
        """Answer a command."""
        key = self.keys.answers(ticket)
        self.driver.execute_many([("RPUSH", key, text), ("PEXPIRE", key, ANSWER_MS)])

    def ask(self, timeout: float) -> Asking:
        """What collects the answers to one command, for at most `timeout` s after it is sent."""
        return Asking(self, timeout)


class Asking:
    """Collects answers; its `ticket` goes with the command.

    Args:
        fleet: who is asked.
        timeout: s.
    """

    def __init__(self, fleet: Fleet, timeout: float) -> None:
        self.ticket = uuid.uuid4().hex
        self._timeout = timeout
        self._key = fleet.keys.answers(self.ticket)
        self._connection = fleet.driver.dedicated(longest=timeout + GRACE)

    def answers(self) -> Iterator[bytes]:
        """One after the other as they come, until the time is up.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        deadline = time.monotonic() + self._timeout
        try:
            # A wait of 0 is one for ever, and older servers round shorter ones to that.
            while (rest := deadline - time.monotonic()) > 0.01:
                popped = self._connection.execute(("BLPOP", self._key, f"{rest:.3f}"))
                if popped is None:
                    return
                yield popped[1]
        finally:
            self._connection.close()


class StreamReader:
    """Reads a stream from the moment it is made, on a connection of its own.

    Args:
        driver: where.
        key: the stream.

    Raises:
        ConnectionFailed: Redis did not answer.
    """

    def __init__(self, driver: Driver, key: str) -> None:
        self._key = key
        # "$" would be resolved anew by every read and miss what comes between two of them.
        newest = driver.execute(("XREVRANGE", key, "+", "-", "COUNT", 1))
        self._position = newest[0][0].decode() if newest else "0-0"
        self._connection: Connection = driver.dedicated(longest=BLOCK_MS / 1000 + GRACE)

    def read(self, longest: float = BLOCK_MS / 1000) -> list[bytes]:
        """What has come since; waits for at most `longest` s (and that is at most 10).

        Raises:
            ConnectionFailed: Redis did not answer, or the reader was closed.
        """
        wait = max(1, min(BLOCK_MS, int(longest * 1000)))
        command = ("XREAD", "COUNT", 100, "BLOCK", wait, "STREAMS", self._key, self._position)
        reply = self._connection.execute(command)
        texts = []
        for entry_id, flat in reply[0][1] if reply else ():
            self._position = entry_id.decode()
            texts += flat[1::2]
        return texts

    def close(self) -> None:
        """End a read from any thread."""
        self._connection.close()
