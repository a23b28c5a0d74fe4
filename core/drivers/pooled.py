"""The blocking driver: a heap of idle links, one for each thread that talks at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ..calls import Command
from ..errors import BullrushError, ConnectionFailed
from .faults import is_demotion, raise_translated
from .link import Link

#: Opens a link; takes settings of redis-py's connection that differ from the driver's.
OpenLink = Callable[..., Link]


class PooledDriver:
    """See `Driver`. A command is sent once: whether one whose reply was lost may be repeated is for
    the caller to decide.
    """

    url = ""
    own_server = False

    def __init__(
        self,
        open_link: OpenLink,
        location: str,
        *,
        volatile: bool = False,
        watchable: bool = False,
    ) -> None:
        self.open_link = open_link
        self.location = location
        self.volatile = volatile
        self.watchable = watchable
        #: Appending and popping are atomic, so threads need no lock. `close` puts a new heap in its
        #: place, by which links in use at that moment know that they are not wanted back.
        self._idle: deque[Link] = deque()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.location}>"

    def execute(self, command: Command) -> Any:
        """See `Driver.execute`."""
        idle = self._idle
        link = None
        try:
            link = self._take(idle)
            reply = link.execute(command)
        except BaseException as error:
            self._fail(error, link)
        if isinstance(reply, BullrushError):
            self._refuse(reply, idle, link)
        self._give_back(idle, link)
        return reply

    def begin(self, command: Command) -> PendingReply:
        """See `Driver.begin`."""
        link = None
        try:
            link = self._take(self._idle)
            link.send(command)
        except BaseException as error:
            self._fail(error, link)
        return PendingReply(self, self._idle, link)

    def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `Driver.execute_many`."""
        if not commands:
            return []
        idle = self._idle
        link = None
        try:
            link = self._take(idle)
            replies = link.execute_many(commands)
        except BaseException as error:
            self._fail(error, link)
        self._give_back(idle, link)
        return replies

    def dedicated(self, client_name: str = "", longest: float | None = None) -> DedicatedConnection:
        """See `Driver.dedicated`."""
        return DedicatedConnection(self.open_link, client_name, self.location, longest)

    def close(self) -> None:
        """See `Driver.close`. Links in use are closed when their command is done."""
        idle, self._idle = self._idle, deque()
        while idle:
            idle.pop().close()

    def _take(self, idle: deque[Link]) -> Link:
        while idle:
            try:
                link = idle.pop()
            except IndexError:  # another thread was quicker
                break
            if link.usable():
                return link
            link.close()
        return self.open_link()

    def _give_back(self, idle: deque[Link], link: Link) -> None:
        if idle is self._idle:
            idle.append(link)
        else:
            link.close()

    def _refuse(self, error: BullrushError, idle: deque[Link], link: Link) -> NoReturn:
        """The link is of no more use only when its server became a replica."""
        if is_demotion(error):
            link.close()
        else:
            self._give_back(idle, link)
        raise error

    def _fail(self, error: BaseException, link: Link | None) -> NoReturn:
        """The link is of no more use."""
        if link is not None:
            link.close()
        try:
            raise_translated(error, self.location)
        except ConnectionFailed as failed:
            failed.doubtful = link is not None
            raise


class PendingReply:
    """See `Driver.begin`."""

    def __init__(self, driver: PooledDriver, idle: deque[Link], link: Link) -> None:
        self._driver, self._idle, self._link = driver, idle, link

    def wait(self) -> Any:
        """The reply. Called once.

        Raises:
            As `Driver.execute`.
        """
        try:
            reply = self._link.receive()
        except BaseException as error:
            self._driver._fail(error, self._link)
        if isinstance(reply, BullrushError):
            self._driver._refuse(reply, self._idle, self._link)
        self._driver._give_back(self._idle, self._link)
        return reply


class DedicatedConnection:
    """See `Connection`."""

    def __init__(
        self,
        open_link: OpenLink,
        client_name: str,
        location: str,
        longest: float | None = None,
    ) -> None:
        self._longest = longest
        self.open_link = open_link
        self._client_name = client_name or None
        self._location = location
        self._link: Link | None = None
        self._closed = threading.Event()

    def execute(self, command: Command) -> Any:
        """See `Connection.execute`."""
        try:
            reply = self._ready().execute(command)
        except BaseException as error:
            self._fail(error)
        if isinstance(reply, BullrushError):
            if is_demotion(reply):
                self._drop()
            raise self._gone() if self._closed.is_set() else reply
        return reply

    def send(self, commands: Sequence[Command]) -> None:
        """See `Connection.send`."""
        try:
            self._ready().send_many(commands)
        except BaseException as error:
            self._fail(error)

    def receive(self, count: int) -> list[Any]:
        """See `Connection.receive`."""
        try:
            link = self._ready()
            replies = [link.receive() for _ in range(count)]
        except BaseException as error:
            self._fail(error)
        if any(isinstance(each, BullrushError) and is_demotion(each) for each in replies):
            self._drop()
        return replies

    def fileno(self) -> int:
        """See `Connection.fileno`."""
        return self._ready().fileno()

    def close(self) -> None:
        """See `Connection.close`."""
        self._closed.set()
        self._drop()

    def _ready(self) -> Link:
        link = self._link
        if link is None:
            # The driver's own bound would break every command that blocks for longer.
            settings = {"socket_timeout": self._longest, "client_name": self._client_name}
            link = self._link = self.open_link(**settings)
        # Another thread may have closed it before the link was there to be closed.
        if self._closed.is_set():
            raise self._gone()
        return link

    def _fail(self, error: BaseException) -> NoReturn:
        self._drop()
        if self._closed.is_set() and isinstance(error, Exception):
            # ValueError and AttributeError as well: what a socket says that another thread closed
            # meanwhile.
            raise self._gone() from None
        raise_translated(error, self._location)

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _gone(self) -> ConnectionFailed:
        return ConnectionFailed(f"the connection to Redis at {self._location} was closed")
