"""Raising an exception inside a thread that runs a handler."""

from __future__ import annotations

import ctypes
import signal
import threading
from types import TracebackType

_set_async_exc = ctypes.pythonapi.PyThreadState_SetAsyncExc


class Interruptible:
    """A handler's run in the thread that enters it. Another thread may end it with an exception,
    which arrives when the handler next runs Python code: a call that blocks in C is not ended.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._thread_id: int | None = None
        self._error: BaseException | None = None
        self._over = False

    def __enter__(self) -> None:
        with self._guard:
            if self._error is not None:
                raise self._error
            self._thread_id = threading.get_ident()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._guard:
            thread_id, self._thread_id = self._thread_id, None
            self._over = True
        if self._error is not None and kind is None:
            # Sent when the handler was through: it must not meet what follows.
            _set_async_exc(ctypes.c_ulong(thread_id or 0), None)
        if self._error is not None and kind is type(self._error):
            # What was raised is a bare instance of the class: give it its words.
            raise self._error

    def end(self, error: BaseException) -> bool:
        """Raise `error` in the handler, at its start when it has not started yet. False when it is
        through.
        """
        with self._guard:
            if self._over:
                return False
            self._error = error
            if self._thread_id is None:
                return True
            target = ctypes.c_ulong(self._thread_id)
            return bool(_set_async_exc(target, ctypes.py_object(type(error))))


class SignalInterruptible:
    """The same in the main thread of a process, by a signal: it ends blocking system calls as
    well.
    """

    _current: SignalInterruptible | None = None

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._over = False

    def __enter__(self) -> None:
        SignalInterruptible._current = self
        if self._error is not None:
            SignalInterruptible._current = None
            raise self._error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        SignalInterruptible._current = None
        self._over = True

    def end(self, error: BaseException) -> bool:
        """As `Interruptible.end`."""
        self._error = error
        if SignalInterruptible._current is self:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        return not self._over

    @staticmethod
    def on_signal(number: int, frame: object) -> None:
        """The handler of SIGUSR1 in a child process."""
        run = SignalInterruptible._current
        if run is not None and run._error is not None:
            error, run._error = run._error, None
            raise error
