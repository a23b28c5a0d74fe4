"""A real Node process with BullMQ, driven from Python. `tests/interop/node/peer.js` is its other
end."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import Self

FOLDER = Path(__file__).parent.parent / "interop" / "node"

#: Name in test ids -> the npm package and the version it must be.
VERSIONS: dict[str, tuple[str, str]] = {
    "bullmq-6.7": ("bullmq", "6.7.0"),
    "bullmq-5.81": ("bullmq5", "5.81.5"),
}

_START_TIMEOUT = 20.0

Event = dict[str, Any]


class NodeError(Exception):
    """Node answered with an error: `str()` is its message, `code` BullMQ's number if there is
    one."""

    def __init__(self, message: str, code: Any = None, stack: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.stack = stack


def require_node() -> None:
    """Skip the test when Node or its packages are missing; with BULLRUSH_REQUIRE_NODE=1, fail."""
    if shutil.which("node") is None:
        missing = "node is not on PATH"
    elif not all((FOLDER / "node_modules" / each).is_dir() for each in ("bullmq5", "@bull-board")):
        missing = f"the npm packages are missing: run npm ci in {FOLDER}"
    else:
        return
    if os.environ.get("BULLRUSH_REQUIRE_NODE") == "1":
        pytest.fail(f"{missing}, and BULLRUSH_REQUIRE_NODE=1 demands it", pytrace=False)
    pytest.skip(missing)


class NodePeer:
    """One Node process. A context manager; its end closes what it holds and ends the process.

        with NodePeer("bullmq", redis_url) as node:
            job = node.request("add", queue="emails", name="send", data={"to": "ann"})

    Args:
        package: ``bullmq`` (6.x) or ``bullmq5``.
        redis_url: the server to work on.
        script: the program in `tests/interop/node` that it runs.
    """

    def __init__(self, package: str, redis_url: str, script: str = "peer.js") -> None:
        require_node()
        self._ids = itertools.count(1)
        self._replies: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._events: list[Event] = []
        #: Guards `_events` and `_ended`; told of every new line.
        self._changed = threading.Condition()
        self._ended = False
        self._stderr: deque[str] = deque(maxlen=50)
        self._process = subprocess.Popen(
            ["node", script, package, redis_url],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._threads = [
            threading.Thread(target=target, name=f"{package}-{target.__name__}", daemon=True)
            for target in (self._read_lines, self._read_stderr)
        ]
        for thread in self._threads:
            thread.start()
        try:
            ready = self.wait_event(lambda event: event["event"] == "ready", _START_TIMEOUT)
        except BaseException:
            self.close()
            raise
        #: The version of BullMQ that really answers.
        self.version: str = ready["version"]

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def request(self, op: str, timeout: float = 20, **fields: Any) -> Any:
        """Ask and wait for the answer.

        Args:
            op: a name of `ops` in peer.js.
            timeout: s.
            **fields: the rest of the request; nearly every op takes ``queue``.

        Raises:
            NodeError: Node threw.
            TimeoutError: no answer in time.
            RuntimeError: the process has ended.
        """
        number = next(self._ids)
        reply = self._replies[number] = queue.SimpleQueue()
        line = json.dumps({"id": number, "op": op, **fields})
        try:
            self._write(line)
            if (
                self._ended
            ):  # Checked after `_replies` is set: the reader's last act covers the rest.
                raise RuntimeError(self._epitaph())
            answer = reply.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"Node did not answer {line} within {timeout} s") from None
        finally:
            del self._replies[number]
        if "ended" in answer:
            raise RuntimeError(self._epitaph())
        if "error" in answer:
            error = answer["error"]
            raise NodeError(error["message"], error["code"], error["stack"])
        return answer["ok"]

    def wait_event(self, predicate: Callable[[Event], object], timeout: float = 20) -> Event:
        """The oldest event that fits and was not returned before; it may have come already.

        Raises:
            TimeoutError: none came within that many seconds; the message lists those that did.
            RuntimeError: the process has ended.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for index, event in enumerate(self._events):
                    if predicate(event):
                        return self._events.pop(index)
                if self._ended:
                    raise RuntimeError(self._epitaph())
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    seen = [json.dumps(event)[:300] for event in self._events]
                    raise TimeoutError(
                        f"no such event within {timeout} s; there were: " + "\n".join(seen)
                    )

    def wait_for(self, name: str, timeout: float = 20, **fields: Any) -> Event:
        """The next event of that name whose fields have these values; see `wait_event`."""
        wanted = {"event": name, **fields}
        return self.wait_event(lambda event: wanted.items() <= event.items(), timeout)

    def events(self, name: str | None = None) -> list[Event]:
        """Events that came and that no wait took, oldest first."""
        with self._changed:
            return [each for each in self._events if name is None or each["event"] == name]

    def reset(self) -> None:
        """Stop all workers, close all queues and forget all events, to serve the next test."""
        self.request("closeAll")
        with self._changed:
            self._events.clear()

    def kill(self) -> None:
        """SIGKILL, as a crash would: what it was working on stays active and locked."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process. A second call does nothing."""
        if self._process.stdin is not None:
            # It may be dead already, with a line still unsent.
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
        for thread in self._threads:
            thread.join(5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise RuntimeError(self._epitaph()) from None

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._take(json.loads(line))
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for reply in list(self._replies.values()):
            reply.put({"ended": True})

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            with self._changed:
                self._events.append(message)
                self._changed.notify_all()
            return
        reply = self._replies.get(message["id"])
        if reply is not None:  # Else whoever asked has given up.
            reply.put(message)

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        self._stderr.extend(line for line in self._process.stderr)

    def _epitaph(self) -> str:
        self._process.poll()
        said = "".join(self._stderr) or "nothing"
        return f"Node has ended with code {self._process.returncode}; on stderr it said: {said}"
