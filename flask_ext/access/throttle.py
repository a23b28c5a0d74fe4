"""Slows those who guess tokens, without locking out those who have one."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

#: Wrong tokens that an address may send at once, and how many more a second.
BURST, RATE = 30, 0.5
#: Addresses, and pairs of address and token, that are remembered.
REMEMBERED = 10_000


class Throttle:
    """A budget of wrong tokens for each address.

    While an address has spent its budget, a token that has not been seen from there is refused,
    right or wrong, so that guessing is slow. A token that was right from there before is let in
    all the time: somebody who guesses from the address of others locks nobody out who is at work,
    and nobody at any other address.

    Args:
        burst: wrong tokens at once.
        rate: further wrong tokens a second.
        clock: s.
    """

    def __init__(
        self,
        burst: int = BURST,
        rate: float = RATE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._guard = threading.Lock()
        self._budgets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._seen: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def right(self, address: str, digest: bytes) -> int:
        """A right token came. How many s it has to wait; 0 to let it in."""
        network = network_of(address)
        with self._guard:
            if self._left(network) < 1 and (network, digest) not in self._seen:
                return self._wait(network)
            _remember(self._seen, (network, digest), None)
            return 0

    def wrong(self, address: str) -> int:
        """A wrong token came. How many s until that address may try the next; 0 for at once."""
        network = network_of(address)
        with self._guard:
            left = self._left(network)
            if left < 1:
                return self._wait(network)
            _remember(self._budgets, network, (left - 1, self._clock()))
            return 0

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
