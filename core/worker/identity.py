"""Who a worker is, written so that another process of the same machine can prove that it is gone.

The identity is the first part of every lock's token. To Node a token is any unique text.
"""

from __future__ import annotations

import base64
import os
import secrets
import socket
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_MARK = "br1"


@dataclass(frozen=True)
class Identity:
    """A worker's process.

    Args:
        host: the machine's name.
        boot: the id of the boot it runs in.
        namespace: the pid namespace: containers of one machine have pids of their own.
        pid: its process id there.
        started: when the process started, in the kernel's ticks since the boot: a pid may be used
            again.
        nonce: tells workers of one process apart.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: int
    nonce: str

    @classmethod
    def mine(cls) -> Identity:
        """Of this process."""
        pid = os.getpid()
        return cls(
            socket.gethostname(),
            _boot_id(),
            _pid_namespace(),
            pid,
            _started(pid) or 0,
            secrets.token_hex(4),
        )

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        """It is part of the token of every fetch."""
        host = base64.urlsafe_b64encode(self.host.encode()).decode().rstrip("=")
        numbers = f"{self.pid}.{self.started}"
        return f"{_MARK}.{host}.{self.boot}.{self.namespace}.{numbers}.{self.nonce}"

    def is_gone(self, here: Identity) -> bool:
        """Whether it can be proved that this process has ended.

        Args:
            here: who asks. Nothing is known of other machines, boots and pid namespaces, nor where
                the system does not tell.
        """
        if not (self.boot and self.namespace and self.started):
            return False
        mine = (here.host, here.boot, here.namespace)
        if (self.host, self.boot, self.namespace) != mine:
            return False
        return _started(self.pid) != self.started


def identity_of(token: str) -> Identity | None:
    """Whose token that is; None for Node's, and for anything else."""
    parts = token.partition(":")[0].split(".")
    if len(parts) != 7 or parts[0] != _MARK:
        return None
    _, host, boot, namespace, pid, started, nonce = parts
    try:
        padded = host + "=" * (-len(host) % 4)
        name = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        return Identity(name, boot, namespace, int(pid), int(started), nonce)
    except ValueError:
        return None


def _boot_id() -> str:
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        return ""
    return text.strip().replace("-", "")[:16]


def _pid_namespace() -> str:
    try:
        link = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return "".join(char for char in link if char.isdigit())


def _started(pid: int) -> int | None:
    """The 22nd field of a process' stat; None when there is no such process, or it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field, the name, may hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])
