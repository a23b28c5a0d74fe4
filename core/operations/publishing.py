"""Events of one's own on the stream of a queue (protocol part 1, section 9.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..calls import Argument, Call, operation
from ..checks import check_kind, check_whole
from ..encoding import encode_json
from ..errors import InvalidOption
from .base import QueueBase

#: BullMQ's events with a field that is JSON. Other text there ends a reader of Node for good.
_JSON_FIELDS = {"completed": "returnvalue", "progress": "data"}


class PublishingOperations(QueueBase):
    """Say something to everybody who listens to a queue."""

    @operation
    def publish_event(
        self, name: str, fields: Mapping[str, Any] | None = None, *, max_events: int = 1000
    ) -> Call[str]:
        """Append an event to the stream.

        Args:
            name: what listeners listen for; the names of BullMQ's events are heard as those.
            fields: what it says. Text is sent as it is, other values as JSON. With a field
                ``jobId`` the event is heard as ``<name>:<job id>`` too.
            max_events: about how many entries the stream keeps.

        Returns:
            The id of the entry.

        Raises:
            InvalidOption: no name, a field that cannot be sent, or no whole number of events.
            UnserializableData: a value without a JSON form.
        """
        given = {} if fields is None else fields
        check_kind(given, Mapping, "fields", "a mapping of names to values")
        flat = _flat(name, given)
        most = check_whole(max_events, "max_events")
        command: list[Argument] = ["XADD", self.keys.events, "MAXLEN", "~", most, "*", "event"]
        return Call([*command, *flat], lambda entry: str(entry.decode()))


def _flat(name: Any, fields: Mapping[Any, Any]) -> list[str]:
    """The name, then fields and values in turn."""
    if not isinstance(name, str) or not name:
        raise InvalidOption(f"an event's name is non-empty text, not {name!r}")
    flat = [_storable(name)]
    for field, value in fields.items():
        if not isinstance(field, str) or not field or field == "event":
            raise InvalidOption(
                f"a field of an event is non-empty text other than 'event', not {field!r}"
            )
        text = value if isinstance(value, str) else encode_json(value, f"the field {field!r}")
        if field == _JSON_FIELDS.get(name):
            _check_json(name, field, text)
        flat += (_storable(field), _storable(text))
    return flat


def _check_json(name: str, field: str, text: str) -> None:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidOption(
            f"the field {field!r} of the event {name!r} is JSON, not {text!r:.60}; "
            "other text there would end every reader of Node"
        ) from None


def _storable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidOption(f"{text!r:.60} contains half of a surrogate pair") from None
    return text
