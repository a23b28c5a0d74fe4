"""What changes on the overview, as a stream of server-sent events: a ``snapshot`` of all parts,
then ``delta`` messages with those that have changed, at most one a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping

from flask import Response, request

from ..access.guarding import needs
from ..access.roles import Role
from .board import Board, current_board, order_of
from .collector import Reading
from .page import asked, root

#: s of silence after which a comment is sent, so that a dead connection is found out.
HEARTBEAT = 15.0
#: s after which a stream ends and the browser comes again; its login may have ended.
LONGEST = 300.0
#: ms after which a browser comes again.
_RETRY = 2000


@needs(Role.READ)
def stream() -> Response:
    """The stream, or 204, which tells the browser to stop asking for one and to poll.

    A stream holds a thread of the server: where there is but one, or all seats are taken, there is
    none.
    """
    board = current_board()
    if not request.environ.get("wsgi.multithread", False) or not board.seats.acquire(False):
        return Response(status=204)
    last = request.headers.get("Last-Event-ID") or asked("after")
    body = _Seat(board, _messages(board, root(), asked("sort"), last))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(body, mimetype="text/event-stream", headers=headers)


class _Seat:
    """A stream that gives its seat back however it ends."""

    def __init__(self, board: Board, messages: Iterator[str]) -> None:
        self._board, self._messages = board, messages
        self._taken = True
        board.collector.listen()

    def __iter__(self) -> Iterator[str]:
        return self._messages

    def close(self) -> None:
        """Called by the WSGI server, once or more."""
        if self._taken:
            self._taken = False
            self._board.collector.leave()
            self._board.seats.release()


def _messages(board: Board, root: str, order: str, last: str) -> Iterator[str]:
    yield f"retry: {_RETRY}\n\n"
    ends = time.monotonic() + LONGEST
    version, sent = _resumed(board, root, last)
    ordered: list[str] = []
    while time.monotonic() < ends and not board.collector.closed:
        reading = board.collector.newer(version, HEARTBEAT)
        if reading is None:
            yield ":\n\n"
            continue
        version, parts = reading.version, board.parts(reading, root)
        message = _message(board, reading, parts, sent, (order, ordered))
        sent, ordered = parts, order_of(reading, order)
        yield message or ":\n\n"


def _resumed(board: Board, root: str, last: str) -> tuple[int, Mapping[str, str] | None]:
    """(version, parts) that a browser has, by the id of the last message it got."""
    epoch, _, number = last.partition("-")
    if epoch != board.epoch or not number.isascii() or not number.isdigit():
        return 0, None
    sent = board.remembered(int(number), root)
    return (0, None) if sent is None else (int(number), sent)


def _message(
    board: Board,
    reading: Reading,
    parts: Mapping[str, str],
    sent: Mapping[str, str] | None,
    ordering: tuple[str, list[str]],
) -> str:
    order, ordered = ordering
    known = sent or {}
    changed = {name: html for name, html in parts.items() if known.get(name) != html}
    body: dict[str, object] = {"at": reading.at, "parts": changed}
    rows = order_of(reading, order)
    if rows != ordered and not reading.away:
        body["rows"] = rows
    if sent is not None and len(body) == 2 and not changed:
        return ""
    kind = "snapshot" if sent is None else "delta"
    text = json.dumps(body)
    return f"id: {board.epoch}-{reading.version}\nevent: {kind}\ndata: {text}\n\n"
