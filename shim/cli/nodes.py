"""The words of ``bullrush multi``: names of workers, and options for all or some of them."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..utils.nodenames import gethostname, node_format

PIDFILE = "/var/run/celery/%n.pid"
LOGFILE = "/var/log/celery/%n%I.log"
_NUMBER = re.compile(r"^\d+$")
_RANGE = re.compile(r"^(\d+)-(\d+)$")
#: Options of multi itself, without a value.
_FLAGS = {"--nosplash", "--quiet", "-q", "--verbose", "--no-color"}
#: Options of a worker that take no value.
_BARE = {
    "-B", "--beat", "-E", "--task-events", "--events", "--purge", "--discard", "-D", "--detach",
    "--without-gossip", "--without-mingle", "--without-heartbeat", "--disable-prefetch",
}  # fmt: skip
#: Options that come before the word ``worker``.
_GLOBAL = {"-A", "--app", "-b", "--broker", "--result-backend", "--loader", "--config", "--workdir"}

#: An option and its value; None for one that takes none.
_Given: TypeAlias = tuple[str, str | None]
#: An option, the nodes it is for (None for all), and its value.
_Option: TypeAlias = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class Node:
    """One worker.

    Args:
        name: ``celery1@host``.
        options: (option, value or None) of this worker.
    """

    name: str
    options: tuple[_Given, ...] = ()

    @property
    def short(self) -> str:
        """The part before the ``@``."""
        return self.name.partition("@")[0]

    @property
    def pidfile(self) -> str:
        """Where its process id is."""
        return self._path("--pidfile", PIDFILE)

    @property
    def logfile(self) -> str:
        """Where it logs."""
        return self._path("--logfile", LOGFILE, "-f").replace("%I", "").replace("%i", "0")

    def command(self, before: Sequence[str] = ()) -> list[str]:
        """The arguments of ``bullrush``.

        Args:
            before: options for all that stood before ``multi``.
        """
        own = [pair for pair in self.options if pair[0] not in ("--pidfile", "--logfile", "-f")]
        first = [part for pair in own if pair[0] in _GLOBAL for part in _written(pair)]
        rest = [part for pair in own if pair[0] not in _GLOBAL for part in _written(pair)]
        logfile = self._path("--logfile", LOGFILE, "-f")
        files = [f"--pidfile={self.pidfile}", f"--logfile={logfile}"]
        return [*before, *first, "worker", *rest, "-n", self.name, *files]

    def _path(self, option: str, default: str, short: str = "") -> str:
        given = dict(self.options)
        pattern = given.get(option) or given.get(short) or default
        return node_format(pattern, self.name, I="%I", i="%i")


def _written(pair: _Given) -> list[str]:
    option, value = pair
    if value is None:
        return [option]
    return [f"{option}={value}"] if option.startswith("--") else [option, value]


@dataclass
class Nodes:
    """What the words say."""

    nodes: list[Node] = field(default_factory=list)
    signal: int = signal.SIGTERM


def nodes_of(words: Sequence[str]) -> Nodes:
    """Read them."""
    names, options, number = _sorted_out(list(words))
    prefix = {name: value for name, _, value in options}.get("--range-prefix") or "celery"
    full = _full_names(names, prefix)
    nodes = [Node(name, _options_of(name, index, options)) for index, name in enumerate(full, 1)]
    return Nodes(nodes, number)


def _options_of(name: str, index: int, options: list[_Option]) -> tuple[_Given, ...]:
    """Those for all, and over them those for this node alone."""
    chosen = {option: value for option, target, value in options if target is None}
    chosen |= {
        option: value
        for option, target, value in options
        if target is not None and _is_meant(target, index, name)
    }
    for option in ("--range-prefix", "-n", "--hostname"):
        chosen.pop(option, None)
    return tuple(chosen.items())


def _sorted_out(words: list[str]) -> tuple[list[str], list[_Option], int]:
    """(names, options, signal)."""
    names: list[str] = []
    options: list[_Option] = []
    number: int = signal.SIGTERM
    while words:
        word = words.pop(0)
        if word in _FLAGS:
            continue
        if not word.startswith("-"):
            names.append(word)
            continue
        found = _signal_named(word)
        if found is not None:
            number = found
            continue
        option, sign, value = word.partition("=")
        option, colon, target = option.partition(":")
        if not sign and option not in _BARE and words and not words[0].startswith("-"):
            value, sign = words.pop(0), "="
        options.append((option, target if colon else None, value if sign else None))
    return names, options, number


def _signal_named(word: str) -> int | None:
    name = word[1:].removeprefix("SIG")
    if name.isdigit():
        return int(name)
    found = getattr(signal, f"SIG{name}", None) if name.isupper() and len(name) > 1 else None
    return None if found is None else int(found)


def _full_names(names: list[str], prefix: str) -> list[str]:
    if len(names) == 1 and _NUMBER.match(names[0]):
        names = [f"{prefix}{index}" for index in range(1, int(names[0]) + 1)]
    elif len(names) == 1 and (match := _RANGE.match(names[0])):
        first, last = int(match[1]), int(match[2])
        names = [f"{prefix}{index}" for index in range(first, last + 1)]
    return [name if "@" in name else f"{name}@{gethostname()}" for name in names]


def _is_meant(target: str, index: int, name: str) -> bool:
    """Whether an option with that behind its colon is for this node: ``1``, ``1-3``, ``a,b``."""
    short = name.partition("@")[0]
    for part in target.split(","):
        match = _RANGE.match(part)
        if match and int(match[1]) <= index <= int(match[2]):
            return True
        if part in (str(index), name, short):
            return True
    return False
