"""What a caller may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """Each role may do what the ones before it may.

    ``READ`` looks, ``OPERATE`` retries, pauses and adds, ``ADMIN`` removes for good.
    """

    READ = 1
    OPERATE = 2
    ADMIN = 3


@dataclass(frozen=True)
class Principal:
    """Who is calling.

    Attributes:
        name: for the audit log; never a secret.
        role: the most that the caller may do.
    """

    name: str
    role: Role
