"""Sending a call to Redis, and again when Redis does not answer (``retry``, ``retry_policy``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bullrush.core.errors import AuthenticationFailed, ConnectionFailed
from bullrush.exceptions import BrokerUnreachable

#: The parts of a policy; s, but for the first.
_POLICY = {"max_retries": 3, "interval_start": 0.0, "interval_step": 0.2, "interval_max": 1.0}


def publish(
    send: Callable[[], Any], retry: Any, policy: Mapping[str, Any] | None, usual: Mapping[str, Any]
) -> Any:
    """Send it; of what cannot be sent, again, as the policy says. The job has an id, so a
    repetition doubles nothing.

    Args:
        retry: whether it is tried again at all.
        policy: of this call; `usual` has what it leaves open.

    Raises:
        BrokerUnreachable: Redis did not answer, the last time either.
    """
    try:
        return send()
    except ConnectionFailed as error:
        failed = error
    merged = {**_POLICY, **usual, **(policy or {})}
    if retry and not isinstance(failed, AuthenticationFailed):
        for pause in _pauses(merged):
            _tell(merged.get("errback"), failed, pause)
            time.sleep(pause)
            try:
                return send()
            except ConnectionFailed as error:
                failed = error
    raise BrokerUnreachable(*failed.args) from failed


def _pauses(policy: Mapping[str, Any]) -> Iterator[float]:
    """s to wait before each further try."""
    most, pause = policy["max_retries"], float(policy["interval_start"])
    number = 0
    while most is None or number < most:
        yield min(pause, float(policy["interval_max"]))
        pause += float(policy["interval_step"])
        number += 1


def _tell(errback: Any, error: BaseException, pause: float) -> None:
    if callable(errback):
        errback(error, pause)
