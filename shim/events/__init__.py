"""What workers tell of their tasks and of themselves: ``celery.events``."""

from .dispatcher import EventDispatcher
from .event import EVENT_EXCHANGE_NAME, Event, group_from
from .receiver import EventReceiver

__all__ = ("EVENT_EXCHANGE_NAME", "Event", "EventDispatcher", "EventReceiver", "group_from")
