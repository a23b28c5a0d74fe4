"""Slows those who guess tokens, without locking out those who have one."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from bullrush.core.budgets import budget
from bullrush.core.calls import Call

from .sharing import Shared, is_there, put

#: Wrong tokens that an address may send at once, and how many more a second.
BURST, RATE = 30, 0.5
#: Addresses, and pairs of address and token, that are remembered.
REMEMBERED = 10_000
#: s for which the processes together remember that a token was right from an address.
SEEN_FOR = 24 * 3600


class Throttle:
    """A budget of wrong tokens for each address, which all processes share.

    While an address has spent its budget, a token that has not been seen from there is refused,
    right or wrong, so that guessing is slow. A token that was right from there before is let in
    all the time: somebody who guesses from the address of others locks nobody out who is at work,
    and nobody at any other address. Each process counts for itself as well: that holds while Redis
    is away, and spares it the flood once the budget is spent.

    Args:
        burst: wrong tokens at once.
        rate: further wrong tokens a second.
        clock: s.
        shared: what the processes know together; None when there is just this one.
    """

    def __init__(
        self,
        burst: int = BURST,
        rate: float = RATE,
        clock: Callable[[], float] = time.monotonic,
        shared: Shared | None = None,
    ) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._shared = shared
        self._guard = threading.Lock()
        self._budgets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._seen: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def right(self, address: str, digest: bytes) -> int:
        """A right token came. How many s it has to wait; 0 to let it in."""
        network = network_of(address)
        with self._guard:
            if (network, digest) in self._seen:
                _remember(self._seen, (network, digest), None)
                return 0
            wait = self._wait(network) if self._left(network) < 1 else 0
        wait = self._right_anywhere(network, digest, wait)
        if not wait:
            with self._guard:
                _remember(self._seen, (network, digest), None)
        return wait

    def wrong(self, address: str) -> int:
        """A wrong token came. How many s until that address may try the next; 0 for at once."""
        network = network_of(address)
        with self._guard:
            left = self._left(network)
            if left < 1:
                return self._wait(network)
            _remember(self._budgets, network, (left - 1, self._clock()))
        answer = self._shared.ask(self._budget(network, take=True)) if self._shared else None
        return math.ceil(answer[0] / 1000) if answer else 0

    def _right_anywhere(self, network: str, digest: bytes, wait: int) -> int:
        """What the other processes say: whether it was right from there before, and what is left
        of the budget.
        """
        if self._shared is None:
            return wait
        key = self._shared.key("seen", network, digest)
        answer = self._shared.ask(is_there(key), self._budget(network, take=False))
        if answer is None:
            return wait
        seen, more = answer
        wait = 0 if seen else max(wait, math.ceil(more / 1000))
        if not wait:
            self._shared.ask(put(key, SEEN_FOR))
        return wait

    def _budget(self, network: str, *, take: bool) -> Call[int]:
        assert self._shared is not None
        key = self._shared.key("guesses", network)
        return budget(key, self._burst, round(1000 / self._rate), take=take)

    def _left(self, network: str) -> float:
        left, since = self._budgets.get(network, (float(self._burst), self._clock()))
        return min(self._burst, left + (self._clock() - since) * self._rate)

    def _wait(self, network: str) -> int:
        return max(1, math.ceil((1 - self._left(network)) / self._rate))


def network_of(address: str) -> str:
    """What counts as one address: an IPv6 host has a whole network of them."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def _remember(memory: OrderedDict, key: object, value: object) -> None:  # type: ignore[type-arg]
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
