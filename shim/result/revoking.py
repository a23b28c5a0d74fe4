"""Keeping tasks from running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..app.base import Celery


class Revoking:
    """The part of results that revokes their tasks."""

    app: Celery

    def _ids_to_revoke(self) -> Any:
        """The task id, or a list of them."""
        raise NotImplementedError

    def revoke(
        self,
        connection: Any = None,
        terminate: bool = False,
        signal: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Keep a task that has not started from running; `get` then raises `TaskRevokedError`.

        Args:
            terminate: stop it if it is running.
            signal: with which a process is stopped.
            wait: for the answers of the workers, `timeout` s.
        """
        self.app.control.revoke(
            self._ids_to_revoke(),
            connection=connection,
            terminate=terminate,
            signal=signal,
            reply=wait,
            timeout=1.0 if timeout is None else timeout,
        )

    def revoke_by_stamped_headers(
        self,
        headers: dict[str, Any],
        connection: Any = None,
        terminate: bool = False,
        signal: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Keep every task that has these stamps from running. Arguments as `revoke`."""
        self.app.control.revoke_by_stamped_headers(
            headers,
            connection=connection,
            terminate=terminate,
            signal=signal,
            reply=wait,
            timeout=1.0 if timeout is None else timeout,
        )
