"""What the worker and its child processes say to each other: small tuples, pickled.

Worker to child:  (RUN, number, queue, prefix, job id, stored fields, token)
                  (BATCH, number, [what follows the number of RUN, for each member])
                  (RECALL,)                 give back what has not been started
                  (CANCEL, number, error)   end that run with that error
                  (LOST, number, job id)    its lock is gone
                  (STOP,)                   end when everything is done
Child to worker:  (READY, pid)
                  (STARTED, number, hard limit in s or None)   when the run has a hard limit
                  (ASYNC, number)           it is a coroutine: the main thread is free again
                  (DONE, number, record, outcome, seconds, memory in KiB, parts of a batch)
                  (RECALLED, numbers)
"""

from __future__ import annotations

import pickle
from multiprocessing.connection import Connection
from typing import Any

RUN, BATCH, RECALL, CANCEL, LOST, STOP = "run", "batch", "recall", "cancel", "lost", "stop"
READY, STARTED, ASYNC, DONE, RECALLED = "ready", "started", "async", "done", "recalled"

#: One message: its kind, then what the head of this module says.
Message = tuple[Any, ...]


def send(connection: Connection, messages: list[Message]) -> None:
    """Write several messages at once.

    Raises:
        OSError: the other side is gone.
    """
    connection.send_bytes(pickle.dumps(messages, pickle.HIGHEST_PROTOCOL))


def receive(connection: Connection) -> list[Message]:
    """Read what was sent at once; blocks.

    Raises:
        EOFError, OSError: the other side is gone.
    """
    return pickle.loads(connection.recv_bytes())  # type: ignore[no-any-return]
