"""What is said of a setting when it is set: refused, without effect here, or unknown."""

from __future__ import annotations

import difflib
import logging
from typing import Any

from bullrush.exceptions import ImproperlyConfigured

from ..compatibility import ACCEPTED
from .defaults import BY_NAME

logger = logging.getLogger("bullrush.settings")


class Complaints:
    """Says each thing once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def hear(self, name: str, value: Any, given: str | None = None) -> None:
        """A setting gets a value.

        Args:
            given: its name as the user wrote it.

        Raises:
            ImproperlyConfigured: it cannot have that value here.
        """
        setting = BY_NAME.get(name)
        if setting is None:
            self._tell(name, f"the setting {given or name!r} has no effect here{_hint(name)}")
            return
        wrong = setting.check(value) if setting.check is not None else None
        if wrong:
            raise ImproperlyConfigured(wrong)
        if setting.remark is not None and (remark := setting.remark(value)):
            self._tell(name, remark)
        if setting.status == ACCEPTED and value != setting.default:
            level = logging.INFO if setting.quiet else logging.WARNING
            self._tell(
                name, f"the setting {given or name!r} changes nothing: {setting.note}", level
            )

    def _tell(self, name: str, text: str, level: int = logging.WARNING) -> None:
        if name not in self._told:
            self._told.add(name)
            logger.log(level, "%s", text)


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), BY_NAME, n=1, cutoff=0.75)
    return f"; did you mean {near[0]!r}?" if near else ""
