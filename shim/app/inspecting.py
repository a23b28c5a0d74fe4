"""``app.control.inspect()``: what workers say of themselves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..exceptions import DuplicateNodenameWarning
from ..matching import matches

if TYPE_CHECKING:
    from .base import Celery


class Inspect:
    """Asks workers. Every method gives ``{name: answer}``, or None when nobody answers in time; of
    one worker that `destination` names as text, the answer alone.

    Args:
        destination: names of the workers that are asked; all by default.
        timeout: s to wait for answers.
        callback: called with each answer as it comes.
        connection: not needed.
        app: the application.
        limit: enough answers.
        pattern, matcher: instead of names, a ``glob`` (the default) or ``pcre``.
    """

    def __init__(
        self,
        destination: Sequence[str] | str | None = None,
        timeout: float = 1.0,
        callback: Callable[[dict[str, Any]], Any] | None = None,
        connection: Any = None,
        app: Celery | None = None,
        limit: int | None = None,
        pattern: str | None = None,
        matcher: str | None = None,
    ) -> None:
        if app is None:
            raise ValueError("Inspect needs an application: use app.control.inspect()")
        self.app = app
        self.destination = destination
        self.timeout = timeout
        self.callback = callback
        self.connection = connection
        self.limit = limit
        self.pattern = pattern
        self.matcher = matcher

    def _request(self, command: str, **arguments: Any) -> Any:
        answers = self.app.control.broadcast(
            command,
            arguments,
            self.destination,
            reply=True,
            timeout=self.timeout,
            limit=self.limit,
            callback=self.callback,
            pattern=self.pattern,
            matcher=self.matcher,
        )
        return self._prepared(answers)

    def _prepared(self, answers: list[dict[str, Any]] | None) -> Any:
        if not answers:
            return None
        by_node = flatten_reply(answers)
        if isinstance(self.destination, str):
            return by_node.get(self.destination)
        if self.pattern:
            wanted, matcher = self.pattern, self.matcher
            return {name: each for name, each in by_node.items() if matches(name, wanted, matcher)}
        return by_node

    def ping(self, destination: Sequence[str] | str | None = None) -> Any:
        """``{"ok": "pong"}`` of each."""
        if destination:
            self.destination = destination
        return self._request("ping")

    def active(self, safe: bool | None = None) -> Any:
        """The tasks that run: a list of what is known of each.

        Args:
            safe: arguments as their repr.
        """
        return self._request("active", safe=bool(safe))

    def reserved(self, safe: bool | None = None) -> Any:
        """The tasks that a worker has fetched and not started."""
        return self._request("reserved", safe=bool(safe))

    def scheduled(self, safe: bool | None = None) -> Any:
        """Tasks with an eta. They wait in Redis: each worker tells of the next hundred of every
        queue it serves.
        """
        return self._request("scheduled", safe=bool(safe))

    def registered(self, *taskinfoitems: str) -> Any:
        """The names of the tasks, with the attributes that are asked for."""
        return self._request("registered", taskinfoitems=list(taskinfoitems))

    registered_tasks = registered

    def stats(self) -> Any:
        """Figures: tasks run, pool, broker, resources."""
        return self._request("stats")

    def revoked(self) -> Any:
        """The ids that must not run."""
        return self._request("revoked")

    def active_queues(self) -> Any:
        """The queues that are served."""
        return self._request("active_queues")

    def conf(self, with_defaults: bool = False) -> Any:
        """The settings, with secrets left out."""
        return self._request("conf", with_defaults=with_defaults)

    def query_task(self, *ids: Any) -> Any:
        """What is known of tasks that a worker has in hand, or that wait in its queues for their
        eta: ``{id: [state, info]}`` where state is ``active``, ``reserved`` or ``scheduled``.
        """
        wanted: Iterable[Any] = ids
        if len(ids) == 1 and isinstance(ids[0], (list, tuple)):
            wanted = ids[0]
        return self._request("query_task", ids=list(wanted))

    def report(self) -> Any:
        """Versions and settings."""
        return self._request("report")

    def clock(self) -> Any:
        """The logical clock. Redis puts everything into order here, so it counts commands."""
        return self._request("clock")

    def hello(self, from_node: str, revoked: Mapping[str, Any] | None = None) -> Any:
        """What a worker tells another one at its start: the ids that must not run."""
        return self._request("hello", from_node=from_node, revoked=revoked)

    def memsample(self) -> Any:
        """Memory that the worker holds now."""
        return self._request("memsample")

    def memdump(self, samples: int = 10) -> Any:
        """The same, over time."""
        return self._request("memdump", samples=samples)

    def objgraph(self, type: str = "Request", n: int = 200, max_depth: int = 10) -> Any:
        """Refused: workers draw no graphs of their objects.

        Raises:
            NotImplementedError: always; says what to do instead.
        """
        raise NotImplementedError(
            "inspect.objgraph: write an inspect_command of your own that calls the objgraph library"
        )


def flatten_reply(reply: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One dict of a list of ``{name: answer}``; warns of names that answered twice."""
    nodes: dict[str, Any] = {}
    twice: set[str] = set()
    for item in reply:
        twice |= nodes.keys() & item.keys()
        nodes.update(item)
    if twice:
        warnings.warn(
            f"several workers have the name {', '.join(sorted(twice))}: give each its own, with "
            "bullrush worker -n NAME@%h",
            DuplicateNodenameWarning,
            stacklevel=2,
        )
    return nodes
