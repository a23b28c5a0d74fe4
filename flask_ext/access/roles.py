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

    @classmethod
    def named(cls, name: object) -> Role:
        """The role of that name: ``read``, ``operate`` or ``admin``, in any case.

        Raises:
            ValueError: there is no such role.
        """
        found = {role.name.lower(): role for role in cls}.get(str(name).lower())
        if found is None:
            raise ValueError("a role is one of 'read', 'operate' and 'admin'")
        return found


@dataclass(frozen=True)
class Principal:
    """Who is calling.

    Attributes:
        name: for the audit log; never a secret.
        role: the most that the caller may do.
        explicit: the caller sent the credential on purpose, in a header that no browser adds by
            itself. Only then can no other site have made the request, and it needs no CSRF token.
    """

    name: str
    role: Role
    explicit: bool = False
