"""The heartbeat service: a record in Redis of what this worker is and does, for `list_workers`."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clock import now_ms
from ..errors import BullrushError
from ..keys import QueueKeys
from ..workers import BEAT_MS, RECORD_MS
from .service import Service

if TYPE_CHECKING:
    from .crew import Crew

logger = logging.getLogger("bullrush.worker")


class HeartbeatService(Service):
    """Writes the record of a worker to each of its queues, and takes it away at the end."""

    def __init__(self, crew: Crew) -> None:
        super().__init__("heartbeat", BEAT_MS / 1000)
        self._crew = crew
        self._started = now_ms()
        path = crew.settings.heartbeat_file
        self._file = None if path is None else Path(path)

    def tick(self) -> None:
        """Write it once, to the file even when Redis is away."""
        values = self._record()
        reached = False
        try:
            self._write(json.dumps(values))
            reached = True
        finally:
            if self._file is not None:
                _replace(self._file, json.dumps({**values, "redis": reached}))
        self._crew.listeners.tell("heartbeat")

    def _write(self, record: str) -> None:
        identity, now = self._crew.settings.worker_id, now_ms()
        commands: list[Any] = []
        for queue in list(self._crew.queues):
            keys = queue.keys
            commands += [
                ("SET", keys.worker(identity), record, "PX", RECORD_MS),
                ("ZADD", keys.workers, now, identity),
            ]
        self._crew.driver.execute_many(commands)

    def stop(self, timeout: float = 5.0) -> None:
        """See `Service`."""
        super().stop(timeout)
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        identity = self._crew.settings.worker_id
        commands: list[Any] = []
        for queue in self._crew.queues:
            commands += self._farewell(queue.keys, identity)
        try:
            self._crew.driver.execute_many(commands)
        except BullrushError as error:
            logger.warning("the record of this worker stays until it expires: %s", error)

    @staticmethod
    def _farewell(keys: QueueKeys, identity: str) -> list[tuple[str, ...]]:
        return [("DEL", keys.worker(identity)), ("ZREM", keys.workers, identity)]

    def _record(self) -> dict[str, Any]:
        crew = self._crew
        identity = crew.settings.identity
        return {
            "name": crew.settings.name,
            "host": identity.host,
            "pid": identity.pid,
            "started": self._started,
            "beat": now_ms(),
            "pool": crew.settings.pool,
            "slots": crew.pool.slots,
            "running": len(crew.consumer.running()),
            "paused": crew.consumer.paused,
            "queues": [queue.name for queue in crew.queues],
            "processes": crew.pool.pids(),
        }


def _replace(path: Path, text: str) -> None:
    """Whoever reads it sees the old text or the new one."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
