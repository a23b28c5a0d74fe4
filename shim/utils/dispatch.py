"""Signals: who wants to know is told of what happens."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

logger = logging.getLogger("celery.utils.dispatch.signal")

#: s by which the pause of a receiver with ``retry=True`` grows, from one try to the next.
RETRY_STEP = 2.0
LONGEST_RETRY = 30.0


class _Entry(NamedTuple):
    key: tuple[Any, Any]
    sender: Any
    find: Callable[[], Any]


class Signal:
    """Something that others can listen to.

    Args:
        providing_args: names of the arguments that receivers get; for readers alone.
        use_caching: accepted; looking up receivers needs no cache.
        name: shown in the log.

    A receiver is called with ``signal``, ``sender`` and the arguments of the signal, by keyword.
    What it raises is logged and disturbs nobody.
    """

    #: What is connected; empty when nobody listens. Senders on hot paths look at it first.
    receivers: tuple[_Entry, ...]

    def __init__(
        self,
        providing_args: Iterable[str] | None = None,
        use_caching: bool = False,
        name: str | None = None,
    ) -> None:
        self.name = name
        self.providing_args = frozenset(providing_args or ())
        self.use_caching = use_caching
        self.receivers = ()
        self._guard = threading.RLock()

    def __repr__(self) -> str:
        return f"<Signal: {self.name} providing_args={sorted(self.providing_args)!r}>"

    def connect(
        self,
        receiver: Any = None,
        *,
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
        retry: bool = False,
    ) -> Any:
        """Have `receiver` called when the signal is sent; ``@signal.connect`` and
        ``@signal.connect(sender=...)`` decorate one.

        Args:
            receiver: a function or a method that takes any keyword arguments.
            sender: only what this object sends; a text for senders that are one, such as the task's
                name in `before_task_publish`.
            weak: forget the receiver when nobody else holds it: a function defined in a function
                needs False.
            dispatch_uid: a second receiver of that id is not added.
            retry: try again until it raises nothing, with growing pauses from 2 s on. The sender
                waits.

        Raises:
            ValueError: it takes no ``**kwargs``.
        """
        if receiver is None:
            return functools.partial(
                self.connect, sender=sender, weak=weak, dispatch_uid=dispatch_uid, retry=retry
            )
        _check(receiver)
        sender = _itself(sender)
        key = (_identity(receiver) if dispatch_uid is None else dispatch_uid, _identity(sender))
        find = _reference(receiver, self._forget, key) if weak else (lambda: receiver)
        if retry:
            find = _persistent(find)
        with self._guard:
            if all(entry.key != key for entry in self.receivers):
                self.receivers = (*self.receivers, _Entry(key, sender, find))
        return receiver

    def disconnect(
        self,
        receiver: Any = None,
        sender: Any = None,
        weak: bool | None = None,
        dispatch_uid: Any = None,
    ) -> bool:
        """Take a receiver away, with the arguments it was connected with.

        Returns:
            Whether it was connected.
        """
        first = _identity(receiver) if dispatch_uid is None else dispatch_uid
        return self._forget((first, _identity(_itself(sender))))

    def has_listeners(self, sender: Any = None) -> bool:
        """Whether anybody would be told."""
        return bool(self.receivers) and bool(self._for(sender))

    def send(self, sender: Any = None, **named: Any) -> list[tuple[Any, Any]]:
        """Tell the receivers, in the order they were connected.

        Returns:
            (receiver, what it returned or the exception it raised) of each.
        """
        if not self.receivers:
            return []
        answers = []
        for receiver in self._for(sender):
            try:
                answer = receiver(signal=self, sender=sender, **named)
            except Exception as error:
                logger.exception("Signal handler %r raised: %r", receiver, error)
                answer = error
            answers.append((receiver, answer))
        return answers

    send_robust = send

    def _for(self, sender: Any) -> list[Any]:
        wanted = _identity(_itself(sender))
        found = [
            entry.find()
            for entry in self.receivers
            if entry.sender is None or entry.key[1] == wanted
        ]
        return [receiver for receiver in found if receiver is not None]

    def _forget(self, key: tuple[Any, Any]) -> bool:
        with self._guard:
            left = tuple(entry for entry in self.receivers if entry.key != key)
            found, self.receivers = len(left) < len(self.receivers), left
        return found


def _check(receiver: Any) -> None:
    if not callable(receiver):
        raise TypeError(f"a signal calls its receiver, which {receiver!r} cannot be")
    try:
        parameters = inspect.signature(receiver).parameters.values()
    except ValueError:
        return  # written in C: it tells nothing of its arguments
    if all(each.kind is not each.VAR_KEYWORD for each in parameters):
        raise ValueError("Signal receiver must accept keyword arguments.")


def _itself(sender: Any) -> Any:
    """What a proxy stands for: the decorator of tasks may give one."""
    find = getattr(type(sender), "_get_current_object", None)
    return sender if find is None else find(sender)


def _identity(thing: Any) -> Any:
    """The same for the same object, and for equal texts."""
    if isinstance(thing, str):
        return thing
    function = getattr(thing, "__func__", None)
    return id(thing) if function is None else (id(thing.__self__), id(function))


def _reference(receiver: Any, forget: Callable[[Any], Any], key: Any) -> Callable[[], Any]:
    def gone(reference: Any) -> None:
        forget(key)

    if hasattr(receiver, "__self__") and hasattr(receiver, "__func__"):
        return weakref.WeakMethod(receiver, gone)
    try:
        return weakref.ref(receiver, gone)
    except TypeError:  # a builtin
        return lambda: receiver


def _persistent(find: Callable[[], Any]) -> Callable[[], Any]:
    def tries(receiver: Any, *args: Any, **named: Any) -> Any:
        pause = 0.0
        while True:
            try:
                return receiver(*args, **named)
            except Exception as error:
                pause = min(pause + RETRY_STEP, LONGEST_RETRY)
                logger.exception(
                    "Signal handler %r raised: %r; again in %s s", receiver, error, pause
                )
            time.sleep(pause)

    def found() -> Any:
        receiver = find()
        return None if receiver is None else functools.partial(tries, receiver)

    return found
