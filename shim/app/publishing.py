"""Sending a call to Redis, and again when Redis does not answer (``retry``, ``retry_policy``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bullrush.core.errors import AuthenticationFailed, ConnectionFailed, InvalidOption
from bullrush.exceptions import BrokerUnreachable

#: The parts of a policy; s, but for the first.
_POLICY = {"max_retries": 3, "interval_start": 0.0, "interval_step": 0.2, "interval_max": 1.0}
#: What kombu's policies have besides: who is told, and errors of other brokers.
_KOMBUS = ("errback", "on_revive", "retry_errors")


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
        InvalidOption: `policy` has a part that there is not.
    """
    if policy is not None:
        check_retry_policy(policy)
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


def check_retry_policy(policy: Any) -> None:
    """Refuse what would count for nothing once Redis is away.

    Raises:
        InvalidOption: no mapping, or a part that there is not.
    """
    if not isinstance(policy, Mapping):
        raise InvalidOption(f"retry_policy is a dict with {', '.join(_POLICY)}, not {policy!r}")
    unknown = [each for each in policy if each not in _POLICY and each not in _KOMBUS]
    if unknown:
        raise InvalidOption(
            f"retry_policy has no {unknown[0]!r}; it has {', '.join((*_POLICY, 'errback'))}"
        )


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
