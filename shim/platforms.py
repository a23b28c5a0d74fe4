"""What the operating system has to do with it: of `celery.platforms`, what others use."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable

from .exceptions import SecurityError, SecurityWarning
from .serialization import content_types

IS_WINDOWS = os.name == "nt"
EX_OK, EX_FAILURE, EX_UNAVAILABLE, EX_USAGE, EX_CANTCREAT = 0, 1, 69, 64, 73
_PICKLE = frozenset({"application/x-python-serialize", "application/x-python"})


def check_privileges(accept_content: Iterable[str]) -> None:
    """Refuse to run as root what anybody who writes to Redis can make run any code.

    Args:
        accept_content: the serializers that are accepted.

    Raises:
        SecurityError: pickle is one of them, this is root, and ``C_FORCE_ROOT`` is not set.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    if not _PICKLE & content_types(accept_content):
        return
    if not os.environ.get("C_FORCE_ROOT"):
        raise SecurityError(
            "a worker that accepts pickle does not run as root: who can write to Redis could run "
            "anything; use --uid or another user, take pickle out of accept_content, or set "
            "C_FORCE_ROOT"
        )
    warnings.warn(SecurityWarning("a worker that accepts pickle runs as root"), stacklevel=2)
