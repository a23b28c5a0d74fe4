"""``app.control``: speaking to workers that are up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from bullrush.core.fleet import Fleet
from bullrush.core.private_keys import FleetKeys

from ..matching import matches
from .inspecting import Inspect
from .inspecting import flatten_reply as flatten_reply

if TYPE_CHECKING:
    from .base import Celery

#: s that an answer may take when nobody says otherwise.
TIMEOUT = 1.0


class Control:
    """Commands for workers. Every method takes, beside its own arguments:

    Keyword Args:
        destination: names of the workers that are meant; all by default.
        pattern, matcher: instead, a ``glob`` (the default) or ``pcre`` for their names.
        reply: whether to wait for answers: a list of ``{name: answer}``.
        timeout: s to wait for answers; 1 by default.
        limit: enough answers.
        callback: called with each answer as it comes.
    """

    def __init__(self, app: Celery | None = None) -> None:
        if app is None:
            raise ValueError("Control needs an application: use app.control")
        self.app = app

    @property
    def fleet(self) -> Fleet:
        """The workers that hear this application: those with its broker, its prefix and its
        ``control_exchange``.
        """
        return Fleet(self.app.driver, FleetKeys(self.app.prefix, self.app.conf.control_exchange))

    @cached_property
    def inspect(self) -> Callable[..., Inspect]:
        """Make an `Inspect` of this application; takes its arguments."""

        return partial(Inspect, app=self.app)

    def broadcast(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Sequence[str] | str | None = None,
        connection: Any = None,
        reply: bool = False,
        timeout: float | None = TIMEOUT,
        limit: int | None = None,
        callback: Callable[[dict[str, Any]], Any] | None = None,
        channel: Any = None,
        pattern: str | None = None,
        matcher: str | None = None,
        **extra: Any,
    ) -> list[dict[str, Any]] | None:
        """Have workers run a command: one of Celery's, or one of your own.

        Args:
            command: its name.
            arguments: for its function; keywords that are no option of this method go there too.
            destination: names of the workers that are meant; all by default.
            connection, channel: not needed; the application's own connection is used.
            reply: whether to wait for answers.
            timeout: s to wait for answers.
            limit: enough answers; as many as there are names in `destination`.
            callback: called with each answer as it comes.
            pattern, matcher: see `Control`.

        Returns:
            With `reply` a list of ``{name: answer}``, else None.

        Raises:
            ValueError: a destination, pattern or matcher that cannot be.
            ConnectionFailed: Redis did not answer.
        """
        names = _names(destination)
        if matcher is not None or pattern is not None:
            matches("", pattern or "*", matcher)  # a wrong one is refused here, not on the workers
        message: dict[str, Any] = {
            "method": command,
            "arguments": {**(arguments or {}), **extra},
            "destination": names,
            "pattern": pattern,
            "matcher": matcher,
        }
        if not reply:
            self.fleet.send(json.dumps(message, default=repr))
            return None
        enough = limit or (len(names) if names else None)
        return self._ask(message, TIMEOUT if timeout is None else timeout, enough, callback)

    def _ask(
        self,
        message: dict[str, Any],
        timeout: float,
        enough: int | None,
        callback: Callable[[dict[str, Any]], Any] | None,
    ) -> list[dict[str, Any]]:
        fleet = self.fleet
        asking = fleet.ask(timeout)
        fleet.send(json.dumps({**message, "ticket": asking.ticket}, default=repr))
        answers: list[dict[str, Any]] = []
        for raw in asking.answers():
            answer = json.loads(raw)
            answers.append(answer)
            if callback is not None:
                callback(answer)
            if enough is not None and len(answers) >= enough:
                break
        return answers

    # -- tasks --

    def revoke(
        self,
        task_id: str | Iterable[str],
        destination: Sequence[str] | None = None,
        terminate: bool = False,
        signal: Any = "SIGTERM",
        **kwargs: Any,
    ) -> Any:
        """Keep tasks from running: one that waits is REVOKED at once, one that comes later is when
        a worker sees it. A running one goes on, unless `terminate`.

        Args:
            task_id: one id or several.
            terminate: end it if it runs.
            signal: what its process is sent, in a prefork pool.
        """
        ids = [task_id] if isinstance(task_id, str) else [str(each) for each in task_id]
        self.app.revocations.revoke(ids)
        arguments = {
            "task_id": task_id if isinstance(task_id, str) else ids,
            "terminate": terminate,
            "signal": str(signal or "SIGTERM"),
        }
        return self.broadcast("revoke", arguments, destination, **kwargs)

    def revoke_by_stamped_headers(
        self,
        headers: Mapping[str, Any],
        destination: Sequence[str] | None = None,
        terminate: bool = False,
        signal: Any = "SIGTERM",
        **kwargs: Any,
    ) -> Any:
        """Keep tasks from running that carry a stamp with one of these values.

        Args:
            headers: name of the stamp -> a value or several.
            terminate, signal: as `revoke`.
        """
        self.app.revocations.add_rule(headers)
        arguments = {
            "headers": dict(headers),
            "terminate": terminate,
            "signal": str(signal or "SIGTERM"),
        }
        return self.broadcast("revoke_by_stamped_headers", arguments, destination, **kwargs)

    def terminate(
        self,
        task_id: str | Iterable[str],
        destination: Sequence[str] | None = None,
        signal: Any = "SIGTERM",
        **kwargs: Any,
    ) -> Any:
        """`revoke` with ``terminate=True``."""
        return self.revoke(task_id, destination, terminate=True, signal=signal, **kwargs)

    def purge(self, connection: Any = None) -> int:
        """Take every task away that waits or is delayed, in all queues that the application knows;
        how many there were. Running ones go on.
        """
        return sum(_purge(self.app.queue(name)) for name in self.app.known_queues())

    discard_all = purge

    def rate_limit(
        self,
        task_name: str,
        rate_limit: Any,
        destination: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Set the rate limit of a task in every worker until it restarts: ``"10/m"``, or 0."""
        arguments = {"task_name": task_name, "rate_limit": rate_limit}
        return self.broadcast("rate_limit", arguments, destination, **kwargs)

    def time_limit(
        self,
        task_name: str,
        soft: float | None = None,
        hard: float | None = None,
        destination: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Set the time limits of a task, s, in every worker until it restarts."""
        arguments = {"task_name": task_name, "hard": hard, "soft": soft}
        return self.broadcast("time_limit", arguments, destination, **kwargs)

    # -- workers --

    def ping(
        self, destination: Sequence[str] | None = None, timeout: float = TIMEOUT, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Who is there: a list of ``{name: {"ok": "pong"}}``."""
        found = self.broadcast("ping", {}, destination, reply=True, timeout=timeout, **kwargs)
        return found or []

    def add_consumer(
        self,
        queue: str,
        exchange: str | None = None,
        exchange_type: str = "direct",
        routing_key: str | None = None,
        options: Mapping[str, Any] | None = None,
        destination: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Serve one more queue. What the worker itself sends to that exchange by that key goes
        there as well.
        """
        arguments = {
            "queue": queue,
            "exchange": exchange,
            "exchange_type": exchange_type,
            "routing_key": routing_key,
            **(options or {}),
        }
        return self.broadcast("add_consumer", arguments, destination, **kwargs)

    def cancel_consumer(
        self, queue: str, destination: Sequence[str] | None = None, **kwargs: Any
    ) -> Any:
        """Serve a queue no more."""
        return self.broadcast("cancel_consumer", {"queue": queue}, destination, **kwargs)

    def pool_grow(self, n: int = 1, destination: Sequence[str] | None = None, **kwargs: Any) -> Any:
        """Run `n` more tasks at once."""
        return self.broadcast("pool_grow", {"n": n}, destination, **kwargs)

    def pool_shrink(
        self, n: int = 1, destination: Sequence[str] | None = None, **kwargs: Any
    ) -> Any:
        """Run `n` tasks less at once."""
        return self.broadcast("pool_shrink", {"n": n}, destination, **kwargs)

    def autoscale(
        self, max: int, min: int, destination: Sequence[str] | None = None, **kwargs: Any
    ) -> Any:
        """Set the bounds of autoscaling, where it is on."""
        return self.broadcast("autoscale", {"max": max, "min": min}, destination, **kwargs)

    def pool_restart(
        self,
        modules: Sequence[str] | None = None,
        reload: bool = False,
        reloader: Any = None,
        destination: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Replace the child processes, where ``worker_pool_restarts`` allows it."""
        arguments = {"modules": list(modules or ()), "reload": reload, "reloader": reloader}
        return self.broadcast("pool_restart", arguments, destination, **kwargs)

    def shutdown(self, destination: Sequence[str] | None = None, **kwargs: Any) -> Any:
        """Stop workers; running tasks end first."""
        return self.broadcast("shutdown", {}, destination, **kwargs)

    def heartbeat(self, destination: Sequence[str] | None = None, **kwargs: Any) -> Any:
        """Have workers send a heartbeat event now."""
        return self.broadcast("heartbeat", {}, destination, **kwargs)

    def enable_events(self, destination: Sequence[str] | None = None, **kwargs: Any) -> Any:
        """Have workers tell of their tasks from now on."""
        return self.broadcast("enable_events", {}, destination, **kwargs)

    def disable_events(self, destination: Sequence[str] | None = None, **kwargs: Any) -> Any:
        """Have workers tell of their tasks no more."""
        return self.broadcast("disable_events", {}, destination, **kwargs)

    def election(self, id: str, topic: str, action: Any = None, connection: Any = None) -> Any:
        """Refused: workers do not elect one of them here.

        Raises:
            NotImplementedError: always; says what to do instead.
        """
        raise NotImplementedError(
            "control.election: workers do not vote here; send a task with a deduplication id, "
            "which runs once, or take a lock in Redis"
        )


def _names(destination: Sequence[str] | str | None) -> list[str] | None:
    if destination is None:
        return None
    if isinstance(destination, str):
        return [destination]
    names = list(destination)
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"destination is a list of names of workers, not {destination!r}")
    return names or None


def _purge(queue: Any) -> int:
    return int(queue.drain(delayed=True))
