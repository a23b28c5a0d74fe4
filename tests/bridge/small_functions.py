"""Calls of functions in `celery.utils`; printed, and compared with what Celery itself prints."""

import datetime
import json
import zoneinfo

from celery import _state, utils
from celery.utils import functional, imports, nodenames, serialization, text
from celery.utils import time as times

D, delta = datetime.datetime, datetime.timedelta
UTC, OSLO = datetime.timezone.utc, zoneinfo.ZoneInfo("Europe/Oslo")
NAIVE, AWARE = D(2024, 3, 30, 12), D(2024, 3, 30, 12, tzinfo=OSLO)


class Odd(Exception):
    """Cannot be made anew from its arguments."""

    def __init__(self, a, b):
        super().__init__("only")


def show(function, *args, **kwargs):
    """Print what it gives, or what it raises."""
    try:
        given = function(*args, **kwargs)
        # Two zones of one name are as good as one.
        shown = given.isoformat() if isinstance(given, D) else repr(given)
    except Exception as error:
        shown = f"{type(error).__name__}: {error}"
    print(f"{args} {kwargs}: {shown}")


for secs in (-5, 0, 0.5, 1, 2, 59, 60, 61, 90, 3600, 5400, 86400, 172800):
    show(times.humanize_seconds, secs)
    show(times.humanize_seconds, secs, prefix="in", sep=" ", microseconds=True)
for zone in (None, UTC, OSLO, "Europe/Oslo"):
    for moment in (NAIVE, AWARE):
        show(times.maybe_make_aware, moment, zone)
        show(times.maybe_make_aware, moment, zone, naive_as_utc=False)
for moment in (NAIVE, AWARE):
    for zone in (UTC, OSLO):
        show(times.make_aware, moment, zone)
        show(times.localize, moment, zone)
    show(times.to_utc, moment)
    show(times.is_naive, moment)
show(times.timezone.to_local, NAIVE, local=OSLO)
show(times.timezone.to_local, AWARE, local=UTC)
for step in (delta(days=2), delta(hours=3), delta(minutes=3), delta(seconds=3)):
    start, now = D(2024, 3, 30, 12, 34, 56, 789, UTC), D(2024, 3, 30, 13, tzinfo=UTC)
    show(times.delta_resolution, start, step)
    show(times.remaining, start, step, now)
    show(times.remaining, start, step, now, relative=True)
show(times.maybe_timedelta, 3.5)
show(times.maybe_timedelta, delta(1))
for retries in range(6):
    show(times.get_exponential_backoff_interval, 2, retries, 30)
show(text.truncate, "x" * 10, 5)
show(text.truncate, "abc", 3)
show(text.indent, "a\nb", 2)
show(text.ensure_newlines, "a\n", 2)
show(text.abbr, "abcdefgh", 6)
show(text.abbr, "abc", 6)
show(text.join, ["a", "", "b"])
for count in (0, 1, 2):
    show(text.pluralize, count, "job")
print(
    [list(part) for part in functional.chunks(iter(range(7)), 3)], list(functional.uniq([1, 2, 1]))
)
show(functional.padlist, ["a"], 3)
show(functional.first, None, [None, 2])
show(functional.maybe_list, "a")
show(functional.mattrgetter("real", "nope"), 3)
show(functional.firstmethod("get"), [{}, {"a": 2}], "a")
show(nodenames.nodename, "a", "h")
print(*nodenames.nodesplit("a@b"), *nodenames.nodesplit("b"))
show(nodenames.default_nodename, "x@y")
show(nodenames.host_format, "w%n@%h.%d%%", "a.b.c")
show(nodenames.node_format, "%n-%h-%p-%d", "x@a.b.c")
show(imports.qualname, dict)
show(imports.qualname, 3)
show(imports.instantiate, "collections.OrderedDict")
for word in ("yes", "Off", "1", "maybe", True):
    show(serialization.strtobool, word)
show(serialization.b64encode, "x")
show(serialization.b64decode, "eA==")
show(serialization.jsonify, {"a": (1, None, D(2024, 1, 1, 1, 1, 1, 5, UTC), delta(1))})
show(serialization.jsonify, object)
for error in (ValueError(1), Odd(1, 2), KeyError("x", [1])):
    travels = serialization.get_pickleable_exception(error)
    print(type(travels).__name__, str(travels), travels.args)
back = serialization.UnpickleableExceptionWrapper.from_exception(Odd(1, 2)).restore()
print(type(back).__name__, type(back).__module__, back.args)
show(serialization.jsonify, {"a": {1}, "b": 2}, unknown_type_filter=str)
print(serialization.jsonify({"a": 1, "b": {"c": 2}}, keyfilter=lambda key: key != "c"))
made = serialization.subclass_exception("Made", ValueError, "some.module")
print(made.__name__, made.__module__, made.__mro__[1:3])
print([kind.__name__ for kind in serialization.itermro(KeyError, (Exception, object))])
print(serialization.ensure_serializable([1, {2}, "x"], json.dumps))
try:
    try:
        raise KeyError("first")
    except KeyError:
        serialization.raise_with_context(ValueError("then"))
except ValueError as error:
    print(repr(error), repr(error.__cause__))
show(serialization.raise_with_context, ValueError("alone"))
for day in ("mon", "Sunday", "nope"):
    show(times.weekday, day)
for month in ("jan", "December", "nope"):
    show(times.yearmonth, month)
print(times.adjust_timestamp(1000.5, -1, here=lambda: 0))
show(utils.noop, 1, a=2)
print([list(part) for part in utils.chunks(iter(range(3)), 2)], utils.cached_property.__name__)
show(_state.get_current_task)
show(_state.get_current_worker_task)
print(
    bool(_state.current_task), _state.get_current_app() is _state.current_app._get_current_object()
)
