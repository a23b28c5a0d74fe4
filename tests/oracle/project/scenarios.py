"""What is compared: each function sends, waits, and says what it saw."""

import datetime
import re
import threading
import time

import tasks
from celery import chain, chord, chunks, group, signature
from celery.exceptions import TimeoutError
from celery.result import AsyncResult, GroupResult, ResultSet
from tasks import (
    add,
    as_list,
    fail,
    fail_with,
    flaky,
    identity,
    mul,
    note,
    xsum,
)

#: Ids differ from run to run.
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: s that anything may take.
LONG = 20


def outcome(result, timeout=LONG):
    """State and value, or the exception, of a result."""
    try:
        value = result.get(timeout=timeout)
        return ["value", value, result.state if hasattr(result, "state") else None]
    except TimeoutError:
        return ["nothing", getattr(result, "state", None)]
    except Exception as error:
        texts = [_ID.sub("ID", str(each)) for each in error.args]
        raised = [f"{type(error).__module__}.{type(error).__name__}", texts]
        return ["raised", raised, settle(result) if hasattr(result, "state") else None]


def settle(result):
    """Wait for an end, and give the state."""
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline and not result.ready():
        time.sleep(0.01)  # nothing tells of an end whose value is not kept
    return result.state


# calling and values


def plain():
    return outcome(add.delay(2, 3))


def with_countdown():
    return outcome(add.apply_async((2, 3), countdown=0.05))


def countdown_of_zero_and_below():
    return [outcome(add.apply_async((1, 1), countdown=each)) for each in (0, -5)]


def eta_aware_and_past():
    now = datetime.datetime.now(datetime.timezone.utc)
    return [
        outcome(add.apply_async((1, 1), eta=now + datetime.timedelta(seconds=shift)))
        for shift in (0.1, -100)
    ]


def naive_eta_is_utc():
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    return outcome(add.apply_async((1, 1), eta=now))


def expired():
    result = add.apply_async((1, 1), expires=-1)
    return [outcome(result), settle(result)]


def expired_while_waiting_for_its_eta():
    result = add.apply_async((1, 1), countdown=0.4, expires=0.1)
    return [settle(result), outcome(result)]


def arguments_are_checked_here():
    found = []
    for args, kwargs in (((1, 2, 3), {}), ((), {}), ((1,), {"z": 1})):
        try:
            add.apply_async(args, kwargs)
        except TypeError as error:
            found.append(str(error))
    return found


def arguments_must_be_a_list():
    found = []
    for args, kwargs in (("ab", None), (5, None), ((1,), [2])):
        try:
            add.apply_async(args, kwargs)
        except Exception as error:
            found.append(type(error).__name__)
    return found


def a_set_is_refused_here():
    try:
        add.delay({1}, 2)
    except Exception as error:
        return f"{type(error).__module__}.{type(error).__name__}"


def soft_above_hard():
    try:
        add.apply_async((1, 2), soft_time_limit=10, time_limit=5)
    except Exception as error:
        return type(error).__name__


def values_that_json_extends():
    value = tasks.typed.delay().get(timeout=LONG)
    return [[type(each).__name__, str(each)] for each in value]


def values_pass_both_ways():
    when = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    return outcome(identity.delay({"a": (1, 2), "when": when, 3: None}))


def a_result_without_a_json_form():
    result = tasks.unserializable.delay()
    return [outcome(result)[1][0], settle(result)]


def an_unknown_task():
    result = tasks.app.send_task("no.such.task")
    return outcome(result)


def by_name():
    return outcome(tasks.app.send_task("tasks.add", (1, 2)))


def own_id():
    result = add.apply_async((1, 2), task_id=f"own-{time.time_ns()}")
    return [result.id.startswith("own-"), outcome(result)]


def shared():
    return outcome(tasks.shared.delay(3))


def class_based():
    return outcome(tasks.class_based.delay(3))


def counting():
    return outcome(tasks.counting.delay())


def direct_call():
    return [add(2, 3), add.run(2, 3), tasks.counting()[1:]]


# failures


def fails():
    result = fail.delay()
    return [outcome(result), result.failed(), result.successful(), "ValueError" in result.traceback]


def failures_by_class():
    kinds = [("value", "x"), ("key", "k"), ("zero",), ("os", 2, "no file"), ("expected", "e")]
    kinds += [("exit", "t"), ("refusing", "a", "b")]
    return [outcome(fail_with.delay(*kind)) for kind in kinds]


def failure_without_raising():
    result = fail.delay()
    value = result.get(timeout=LONG, propagate=False)
    return [type(value).__name__, str(value), repr(result.result), result.info == result.result]


def rejected():
    return outcome(tasks.rejected.delay())


def requeued():
    return outcome(tasks.requeued.delay())


def throws():
    return outcome(tasks.throws.delay())


def ignored_after_a_state_of_its_own():
    result = tasks.state_then_ignore.delay()
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline and result.state != "PARKED":
        time.sleep(0.01)  # a state of its own sends no signal in Celery
    return [result.state, result.info, result.ready()]


def ignored_result():
    asked = tasks.ignored.apply_async(ignore_result=False)
    return [
        tasks.ignored.delay().get(timeout=LONG),
        asked.get(timeout=LONG),
    ]


def progress():
    return outcome(tasks.progress.delay(3))


def soft_limit():
    return outcome(tasks.soft.delay())


# retries


def retries():
    return [outcome(flaky.delay(2)), outcome(flaky.delay(9)), outcome(tasks.never.delay())]


def autoretry():
    return [outcome(tasks.auto.delay(1)), outcome(tasks.auto.delay(9))]


def autoretry_of_all():
    return [outcome(tasks.auto_all.delay("key")), outcome(tasks.auto_all.delay("reject"))]


def retry_in_a_chain():
    return outcome(chain(flaky.s(2), add.s(10)).apply_async())


def retry_in_a_chord():
    return outcome(chord([flaky.s(1), flaky.s(2)], xsum.s()).apply_async())


# the request


def request():
    return outcome(tasks.request_of.delay())


def request_with_options():
    later = datetime.datetime.now(datetime.timezone.utc)
    return outcome(
        tasks.request_of.apply_async(
            headers={"color": "red"},
            expires=100,
            soft_time_limit=5,
            time_limit=9,
            eta=later,
            link=identity.si(),
            link_error=identity.si(),
            shadow="other",
            ignore_result=False,
        )
    )


def request_in_a_group_and_a_chain():
    grouped = group(tasks.request_of.si(), tasks.request_of.si()).apply_async().get(timeout=LONG)
    chained = chain(add.si(1, 1), tasks.request_of.si()).apply_async()
    return [grouped[0], chained.get(timeout=LONG)]


def the_rest_of_a_chain():
    return (
        chain(tasks.request_of.si(), add.si(1, 1)).apply_async().parent.get(timeout=LONG)["chain"]
    )


def joining_inside_a_task():
    return outcome(tasks.joins.delay(False))


# handlers, links


def wait_for_notes(least):
    """The notes of the worker, when there are so many."""
    found = []
    deadline = time.monotonic() + LONG
    while len(found) < least and time.monotonic() < deadline:
        found += tasks.seen.delay().get(timeout=LONG)
    return found


def handlers_of_success():
    wait_for_notes(0)
    tasks.handled.delay("fine").get(timeout=LONG)
    return wait_for_notes(4)


def handlers_of_failure():
    wait_for_notes(0)
    tasks.handled.delay("fail").get(timeout=LONG, propagate=False)
    return wait_for_notes(4)


def handlers_of_a_retry():
    wait_for_notes(0)
    tasks.handled.delay("retry").get(timeout=LONG)
    return wait_for_notes(7)


def link():
    wait_for_notes(0)
    result = add.apply_async((1, 2), link=note.s(why="linked"))
    return [outcome(result), wait_for_notes(1)]


def link_of_an_immutable():
    wait_for_notes(0)
    add.apply_async((1, 2), link=[note.si(), note.s(9)]).get(timeout=LONG)
    return sorted(wait_for_notes(2), key=repr)


def link_is_not_called_on_failure():
    wait_for_notes(0)
    outcome(fail.apply_async(link=note.s(why="never")))
    return wait_for_notes(0)


def errbacks():
    wait_for_notes(0)
    outcome(fail.apply_async(link_error=[tasks.errback_new.s(), tasks.errback_old.s()]))
    return sorted(wait_for_notes(2), key=repr)


def errbacks_with_arguments_of_their_own():
    wait_for_notes(0)
    calls = [tasks.errback_with.s(7), tasks.errback_with.s(why=8), tasks.errback_with.si(1, 2)]
    outcome(fail.apply_async(link_error=[*calls, note.si(3)]))
    return sorted(wait_for_notes(4), key=repr)


def errback_of_a_chain():
    wait_for_notes(0)
    outcome(chain(add.s(1, 1), fail.s(), add.s(1)).apply_async(link_error=tasks.errback_old.s()))
    return wait_for_notes(1)


def children():
    result = add.apply_async((1, 2), link=add.s(4))
    result.get(timeout=LONG)
    return [len(result.children), [outcome(each)[1] for each in result.children]]


def collected():
    result = add.apply_async((1, 2), link=add.s(4))
    result.get(timeout=LONG)
    result.children[0].get(timeout=LONG)
    return [value for _, value in result.collect()]


def collected_along_a_chain():
    last = chain(add.s(1, 2), add.s(4), add.s(8)).delay()
    last.get(timeout=LONG)
    first = last.parent.parent
    edges = [[parent and parent.id, node.id] for parent, node in first.iterdeps()]
    named = {None: None, first.id: "first", last.parent.id: "second", last.id: "last"}
    return [
        [value for _, value in first.collect()],
        first.get_leaf(),
        [[named[parent], named[node]] for parent, node in edges],
        len(first.graph),
        [value for _, value in last.collect()],
    ]


def children_of_steps():
    linked = add.s(1, 2)
    linked.link(add.s(10))
    end = chain(linked, add.s(4)).delay()
    found = [outcome(end), sorted(each.get(timeout=LONG) for each in end.parent.children)]
    failing = chain(add.s(1, 2), fail.si(), add.s(1)).delay()
    found += [settle(failing), len(failing.parent.parent.children), len(failing.parent.children)]
    joined = chord([add.s(1, 1), chain(add.s(2, 2), add.s(1))], xsum.s()).delay()
    found.append(outcome(joined))
    found += [len(each.children) for each in joined.parent.results]
    found.append(len(joined.parent.results[1].parent.children))
    spread = chain(add.s(1, 1), group(add.s(1), add.s(2))).delay()
    spread.get(timeout=LONG)
    for each in spread.parent.children:
        same = [each.id == spread.id, [r.id for r in each] == [r.id for r in spread]]
        found.append([type(each).__name__, each == spread, *same])
    gathered = chain(add.s(1, 1), group(add.s(1), add.s(2)), xsum.s()).delay()
    found.append(gathered.get(timeout=LONG))
    children = gathered.parent.parent.children
    same = [[each.id == gathered.parent.id for each in children], len(children)]
    found.append([[type(each).__name__ for each in children], *same])
    inner = chord([chain(add.s(1, 1), group(add.s(1), add.s(2))), add.s(3, 3)], xsum.s()).delay()
    found.append(inner.get(timeout=LONG))
    return found


# canvas


def signatures():
    s = add.s(2)
    return [
        dict(s) == dict(signature(dict(s))),
        s(3),
        outcome(s.delay(3)),
        outcome(add.si(1, 2).delay()),
        outcome(add.s(2).clone(args=(9,)).delay()),
        outcome(as_list.s(2, k=1).delay(1, k=3, j=4)),
        outcome(as_list.s().set(countdown=0.01).delay(1)),
        sorted(add.s(1)),
        ~add.s(1, 2),
    ]


def shown():
    return [repr(add.s(1, 2)), repr(add.s(1) | mul.s(2)), repr(group(add.s(1), add.s(2)))]


def chains():
    return [
        outcome(chain(add.s(1, 2), mul.s(3), add.s(4))()),
        outcome((add.s(1, 2) | mul.s(3) | add.s(4)).apply_async()),
        outcome(chain(add.s(1, 2))()),
        chain()() is None,
        outcome(chain(add.s(2), mul.s(3)).apply_async((5,))),
        outcome(chain(add.si(1, 2), as_list.si(), as_list.s(7)).apply_async()),
        outcome(chain([add.s(1, 2), add.s(3)])()),
    ]


def parents_in_a_chain():
    result = chain(add.s(1, 2), mul.s(3), add.s(4))()
    found = []
    while result is not None:
        found.append(outcome(result)[1])
        result = result.parent
    return found


def groups():
    result = group(add.s(i, i) for i in range(5))()
    values = result.get(timeout=LONG)
    return [
        values,
        type(result).__name__,
        len(result),
        result.ready(),
        result.successful(),
        result.completed_count(),
        group()().get(),
        group([])().results,
        outcome(group(add.s(1), mul.s(2)).apply_async((3,))),
        outcome(group([add.s(1, 1), group(add.s(2, 2), add.s(3, 3))])()),
        outcome(group(chain(add.s(1, 1), mul.s(5)), add.s(1, 1))()),
    ]


def groups_of_one():
    canvases = [
        group(chain(add.s(1, 1), group(add.s(1), add.s(2)))),
        group(chain(add.s(1, 1), group(add.s(1), add.s(2))), add.s(1, 1)),
        group([chord([add.s(1, 1), add.s(2, 2)], group(identity.s(), identity.s()))]),
        group([chain()]),
        group([chain(), add.s(1, 1)]),
    ]
    return [[outcome(each.apply_async()), each.apply().get()] for each in canvases]


def a_group_with_a_failed_chord():
    result = group(chord([fail.s(), add.s(1, 1)], xsum.s()), add.s(2, 2))()
    found = [outcome(result)]
    try:
        result.join(timeout=LONG)
    except ValueError as error:
        found.append(str(error))
    return found


def a_group_with_a_failure():
    result = group(add.s(1, 1), fail.s(), add.s(2, 2))()
    return [
        outcome(result),
        [repr(each) for each in result.get(propagate=False, timeout=LONG)],
        result.failed(),
        result.successful(),
        result.completed_count(),
    ]


def chords():
    return [
        outcome(chord([add.s(i, i) for i in range(5)])(xsum.s())),
        outcome(chord((add.s(i, i) for i in range(5)), xsum.s()).apply_async()),
        outcome(chord([], xsum.s())()),
        outcome(chord([add.s(1, 1)], xsum.s())()),
        outcome(chord([add.s(1, 1), add.s(2, 2)], as_list.si(5))()),
        outcome(chord([add.s(1, 1), add.s(2, 2)], xsum.s() | add.s(100))()),
        outcome(chord([tasks.ignored.s(), tasks.ignored.s()], xsum.s())()),
        outcome(chord([chain(add.s(1, 1), mul.s(3)), add.s(2, 2)], identity.s())()),
    ]


def a_group_in_a_header():
    return chord([group(add.s(1, 1), add.s(2, 2)), add.s(3, 3)], identity.s())().get(timeout=LONG)


def a_chord_with_a_failure():
    result = chord([add.s(1, 1), fail.s(), add.s(2, 2)], xsum.s())()
    first = outcome(result)
    settle(result)
    return [first, result.state, type(result.result).__name__, result.parent.completed_count()]


def upgraded_canvases():
    one, two = add.s(1, 1), add.s(2, 2)
    written = {
        "task|task": one | add.s(3),
        "task|group": one | group(add.s(3), mul.s(4)),
        "group|task": group(one, two) | xsum.s(),
        "chain|group|task": chain(one, group(add.s(3), mul.s(4))) | xsum.s(),
        "chord|task": chord([one, two], xsum.s()) | add.s(5),
        "chord|group": chord([one, two], xsum.s()) | group(add.s(5), add.s(6)),
        "group|group": group(one, two) | group(identity.s(), identity.s()),
        "group of one|task": group(one) | identity.s(),
        "chain of group of one": chain(one, group(add.s(3)), identity.s()),
        "empty group in a chain": chain(one, group(), add.s(3)),
        "group|group|task": group(one, two) | group(xsum.s(), xsum.s()) | xsum.s(),
        "task|chain|chain": one | (add.s(1) | add.s(2)) | (mul.s(2) | mul.s(3)),
        "chain|chord": chain(one, add.s(1)) | chord([add.s(1), add.s(2)], xsum.s()),
    }
    return {
        name: [type(canvas).__name__, outcome(canvas.apply_async())]
        for name, canvas in written.items()
    }


def nested_canvases():
    return [
        outcome(chain(add.s(1, 1), chord([add.s(1), add.s(2)], xsum.s()), add.s(3)).apply_async()),
        outcome(chord([chord([add.s(1, 1), add.s(2, 2)], xsum.s()), add.s(3, 3)], xsum.s())()),
        outcome(chord([chain(add.s(1, 1), group(add.s(1), add.s(2)))], identity.s())()),
        outcome(chain(*(group(add.si(i, i) for i in range(5)) for _ in range(3)))()),
        outcome(group(chord([add.s(1, 1), add.s(2, 2)], xsum.s()), add.s(9, 9))()),
        outcome(
            chain(group(add.s(1, 1), add.s(2, 2)), xsum.s(), group(add.s(1), add.s(2)), xsum.s())()
        ),
        outcome(chord(group(add.s(1, 1), add.s(2, 2)), group(identity.s(), xsum.s()))()),
    ]


def groups_in_a_chain():
    canvas = chain(*(group(add.si(i, 1) for i in range(25)) for _ in range(4)))
    return outcome(canvas.apply_async())


def failing_chains():
    result = chain(add.s(1, 1), fail.s(), add.s(1), add.s(2))()
    found = [outcome(result)]
    for _ in range(3):
        settle(result)
        found.append([result.state, repr(result.result)])
        result = result.parent
    return found


def a_chain_failing_before_a_chord():
    result = chain(fail.s(), chord([add.s(1), add.s(2)], xsum.s()))()
    try:
        result.get(timeout=LONG)
    except ValueError as error:
        return str(error)


def a_chain_failing_before_a_group():
    result = chain(fail.s(), group(add.s(1), add.s(2)))()
    return outcome(result.parent)


def mapped():
    return [
        outcome(xsum.map([[1, 2], [3, 4]]).delay()),
        outcome(add.starmap([(1, 2), (3, 4)]).delay()),
        outcome(add.chunks(zip(range(5), range(5), strict=True), 2)()),
        outcome(chunks(add.s(), [(1, 1), (2, 2), (3, 3)], 2).apply_async()),
        outcome(add.chunks([(1, 2), (3, 4)], 1).group()()),
    ]


def replaced():
    return [
        outcome(tasks.replaced.delay(1)),
        outcome(chain(tasks.replaced.s(1), mul.s(2))()),
        outcome(tasks.replaced_by_group.delay(3)),
        outcome(chain(tasks.replaced_by_group.s(3), xsum.s())()),
        outcome(tasks.replaced_by_chain.delay(4)),
        outcome(chord([tasks.replaced.s(1), add.s(1, 1)], xsum.s())()),
    ]


def added_to_a_chord():
    return sorted(outcome(chord([tasks.adds_to_chord.s(1), add.s(1, 1)], identity.s())())[1])


def canvas_with_options():
    return [
        outcome(chain(add.s(1, 1), add.s(2)).apply_async(countdown=0.05)),
        outcome(group(add.s(1, 1), add.s(2, 2)).apply_async(countdown=0.05)),
        outcome(chord([add.s(1, 1)], xsum.s()).apply_async(countdown=0.05)),
        chain(add.s(1, 1), add.s(2)).apply_async(task_id="chained-by-hand").id,
    ]


def links_on_groups():
    found = []
    for method in ("link", "link_error"):
        try:
            group(add.s(1, 1), add.s(2, 2)).apply_async(**{method: note.s()})
        except TypeError as error:
            found.append(type(error).__name__)
    return found


def frozen():
    s = add.s(1, 2)
    first = s.freeze()
    sent = s.apply_async()
    return [first.id == sent.id, outcome(sent)]


# results


def unknown_id():
    result = AsyncResult("nobody-knows", app=tasks.app)
    found = [result.state, result.ready(), result.result, result.successful(), result.failed()]
    try:
        result.get(timeout=0.05)
    except TimeoutError as error:
        found.append([type(error).__module__, isinstance(error, OSError)])
    return found


def by_bare_id():
    result = add.delay(1, 2)
    result.get(timeout=LONG)
    again = AsyncResult(result.id)
    return [
        again == result,
        hash(again) == hash(result),
        again.get(),
        str(again) == result.id,
        again.as_tuple()[1],
    ]


def extended():
    result = add.apply_async((1,), {"y": 2})
    result.get(timeout=LONG)
    return [
        result.name,
        list(result.args),
        result.kwargs,
        result.retries,
        result.date_done.tzinfo is not None,
    ]


def forgotten():
    result = add.delay(1, 2)
    result.get(timeout=LONG)
    again = AsyncResult(result.id, app=tasks.app)
    again.forget()
    return AsyncResult(result.id, app=tasks.app).state


def group_saved():
    result = group(add.s(1, 1), add.s(2, 2))()
    result.save()
    again = GroupResult.restore(result.id, app=tasks.app)
    values = again.get(timeout=LONG)
    again.delete()
    return [again == result, values, GroupResult.restore(result.id, app=tasks.app)]


def result_sets():
    found = ResultSet([add.delay(1, 1), add.delay(2, 2)])
    values = found.join(timeout=LONG)
    return [
        values,
        len(found.results),
        found.ready(),
        sorted(v for _, v in [(i, r["result"]) for i, r in found.iter_native()]),
    ]


def callbacks_of_get():
    seen = []
    result = group(add.s(1, 1), add.s(2, 2))()
    returned = result.join(callback=lambda id, value: seen.append(value), timeout=LONG)
    return [returned, sorted(seen)]


def revoked_before_its_eta():
    result = add.apply_async((1, 1), countdown=600)
    settled = None
    deadline = time.monotonic() + LONG
    while settled != "REVOKED" and time.monotonic() < deadline:
        result.revoke()
        time.sleep(0.1)  # the worker hears of it without an answer
        settled = result.state
    return [settled, outcome(result)]


def eager():
    return [
        outcome(add.apply((1, 2))),
        outcome(fail.apply()),
        outcome(flaky.apply((2,))),
        outcome(chain(add.s(1, 1), mul.s(3)).apply()),
        outcome(group(add.s(1, 1), add.s(2, 2)).apply()),
        outcome(chord([add.s(1, 1), add.s(2, 2)], xsum.s()).apply()),
        type(add.apply((1, 2))).__name__,
        outcome(tasks.counting.apply()),
    ]


def always_eager():
    tasks.app.conf.task_always_eager = True
    try:
        found = [
            outcome(add.delay(1, 2)),
            outcome(identity.delay((1, {2: 3}))),
            outcome(fail.delay()),
            outcome(flaky.delay(2)),
            outcome(tasks.never.delay()),
            outcome(chain(add.s(1, 1), mul.s(3))()),
            outcome((group(add.s(1, 1), add.s(2, 2)) | xsum.s())()),
            outcome(chord([add.s(1, 1), add.s(2, 2)], xsum.s())()),
        ]
        try:
            add.delay({1}, 2)
        except Exception as error:
            found.append(f"{type(error).__module__}.{type(error).__name__}")
        try:
            add.delay(1, 2, 3)
        except TypeError as error:
            found.append(str(error))
        return found
    finally:
        tasks.app.conf.task_always_eager = False


# events


def told_of_tasks():
    """Which events there are of some tasks, with which fields, in no order."""
    app, heard, listening = tasks.app, [], threading.Event()
    add.delay(1, 1).get(timeout=LONG)  # commands are for workers that are up

    class Receiver(app.events.Receiver):
        def on_consume_ready(self, *args, **options):
            listening.set()

    with app.connection() as connection:
        receiver = Receiver(connection, handlers={"*": heard.append})
        thread = threading.Thread(target=receiver.capture, kwargs={"wakeup": False})
        thread.start()
        listening.wait(LONG)
        app.control.enable_events(reply=True, timeout=LONG, limit=1)
        try:
            sent = {
                "add": add.apply_async((1,), {"y": 2}, shadow="shown as"),
                "fail": fail.delay("no"),
                "again": tasks.again_once.delay(),
                "telling": tasks.telling.delay(),
                "unknown": app.send_task("nobody.knows"),
            }
            last = {result.id for name, result in sent.items()}
            deadline = time.monotonic() + LONG
            while last and time.monotonic() < deadline:
                ended = [each for each in list(heard) if each["type"] in _ENDS]
                last -= {each["uuid"] for each in ended}
                time.sleep(0.01)  # the receiver's thread fills the list
        finally:
            app.control.disable_events()
            receiver.should_stop = True
            thread.join(LONG)
    return {name: _told(heard, result.id) for name, result in sent.items()}


_ENDS = ("task-succeeded", "task-failed")
_SHOWN = ("name", "args", "kwargs", "retries", "result", "exception", "done")


def _told(heard, uuid):
    told = [
        [each["type"], {name: each[name] for name in _SHOWN if name in each}, sorted(each)]
        for each in heard
        if each.get("uuid") == uuid
    ]
    return sorted(told, key=repr)


# canvases that a test made up


def built(tree):
    """The canvas that a tree of plain lists describes."""
    kind, *parts = tree
    if kind in ("total", "keep", "fail"):
        return getattr(tasks, kind).s(*parts)
    if kind == "alone":
        return tasks.total.si(*parts)
    if kind == "chord":
        return chord([built(each) for each in parts[0]], built(parts[1]))
    return {"chain": chain, "group": group}[kind](*(built(each) for each in parts[0]))


def made_up(tree, timeout):
    """What comes of it, and what became of the steps before the last."""
    result = built(tree).apply_async()
    if result is None:
        return None
    found = [outcome(result, timeout)]
    while result.parent is not None:
        result = result.parent
        found.append(outcome(result, timeout))
    return found
