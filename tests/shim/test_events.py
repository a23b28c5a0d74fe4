"""Sending and hearing events, cameras, lines and the screen."""

from __future__ import annotations

import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import uuid

import pytest
from rich.console import Console

from bullrush import Celery
from bullrush.core.errors import ConnectionFailed
from bullrush.events import Event, EventDispatcher, EventReceiver, group_from
from bullrush.events.dispatcher import fleet_of
from bullrush.events.dumper import Dumper, humanize_type
from bullrush.events.listening import listen
from bullrush.events.screen import picture
from bullrush.events.snapshot import Polaroid
from bullrush.events.state import State
from tests.shim.test_commands import bullrush_says
from tests.support.waiting import wait_until

PATIENCE = 20.0


@pytest.fixture
def own(app):
    """An application whose events nobody else hears."""
    app.conf.control_exchange = app.conf.event_exchange = f"fleet-{uuid.uuid4().hex}"
    return app


@pytest.fixture
def capture(own):
    """Have a receiver listen in a thread; gives it when it does."""
    running = []

    def start(**options):
        listening, ended = threading.Event(), []
        how = {each: options.pop(each) for each in ("limit", "timeout") if each in options}

        class Receiver(own.events.Receiver):
            def on_consume_ready(self, *args, **told):
                listening.set()

        receiver = Receiver(**options)

        def run():
            try:
                receiver.capture(**{"limit": None, "timeout": None, **how})
            except Exception as error:
                ended.append(error)

        receiver.ended, receiver.thread = ended, threading.Thread(target=run)
        receiver.thread.start()
        assert listening.wait(PATIENCE)
        running.append(receiver)
        return receiver

    yield start
    for receiver in running:
        receiver.should_stop = True
        receiver.thread.join(PATIENCE)


def event(kind, **fields):
    """One as it is heard."""
    return {
        "hostname": "w1@h",
        "timestamp": 1795549124.5,
        "local_received": 1795549124.6,
        "utcoffset": 0,
        "clock": 1,
        "type": kind,
        **fields,
    }


def test_an_event_has_a_type_and_a_moment():
    before = time.time()
    made = Event("task-x", {"a": 1}, b=2)

    assert made.pop("timestamp") >= before
    assert made == {"type": "task-x", "a": 1, "b": 2}
    assert Event("x", timestamp=3)["timestamp"] == 3
    assert (group_from("task-x-y"), group_from("shop")) == ("task", "shop")


def test_handlers_get_their_events_and_the_star_the_others(own, capture):
    ends, others = [], []
    capture(handlers={"shop-closed": ends.append, "*": others.append})

    with own.events.default_dispatcher(hostname="shop@here") as dispatcher:
        dispatcher.send("shop-opened", loaves=3)
        dispatcher.send("shop-closed", loaves=0)
    wait_until(lambda: ends, timeout=PATIENCE)

    assert [each["type"] for each in others] == ["shop-opened"]
    assert (others[0]["loaves"], others[0]["hostname"]) == (3, "shop@here")
    assert others[0]["pid"] == os.getpid()


def test_capture_ends_when_it_has_heard_enough(own, capture):
    heard = []
    receiver = capture(handlers={"*": heard.append}, limit=2)

    for number in range(5):
        own.events.Dispatcher().send("shop-sold", number=number)
    receiver.thread.join(PATIENCE)

    assert [each["number"] for each in heard] == [0, 1]


def test_capture_ends_with_an_error_when_nothing_comes(capture):
    receiver = capture(timeout=0.05)
    receiver.thread.join(PATIENCE)

    assert [type(each) for each in receiver.ended] == [TimeoutError]


def test_a_receiver_hears_the_kinds_that_its_routing_key_means(own, capture):
    heard = []
    capture(handlers={"*": heard.append}, routing_key="worker.#")

    for kind in ("task-sent", "worker-online", "shop-opened", "worker-offline"):
        own.events.Dispatcher().send(kind, uuid="1")
    wait_until(lambda: len(heard) == 2, timeout=PATIENCE)

    assert [each["type"] for each in heard] == ["worker-online", "worker-offline"]


def test_what_is_no_event_is_left_out(own, capture, caplog):
    heard = []
    receiver = capture(handlers={"*": heard.append})
    from_elsewhere = ["no json", '{"type": "task-x"}', '[1, {"no": "type"}, {"type": "good"}]']

    fleet_of(own).publish(from_elsewhere, 60)
    own.events.Dispatcher().send("last")
    wait_until(lambda: len(heard) == 2, timeout=PATIENCE)

    assert [each["type"] for each in heard] == ["good", "last"]
    assert caplog.text.count("no event") == 4
    assert receiver.ended == []


def test_a_dispatcher_sends_what_it_is_there_for(own, capture):
    heard = []
    capture(handlers={"*": heard.append})

    own.events.Dispatcher(enabled=False).send("shop-opened")
    workers = own.events.Dispatcher(groups=["worker"])
    workers.send("task-sent")
    workers.send("worker-x")
    gathering = own.events.Dispatcher(buffer_group=["task"], buffer_limit=2)
    gathering.send("task-a", uuid="1")
    gathering.send("shop-b")
    gathering.send("task-c", uuid="1", blind=True)
    switched = own.events.Dispatcher()
    told = []
    switched.on_disabled.add(lambda: told.append("off"))
    switched.on_enabled.add(lambda: told.append("on"))
    switched.disable()
    switched.send("shop-d")
    switched.enable()
    switched.send("shop-e")
    wait_until(lambda: len(heard) == 5, timeout=PATIENCE)

    assert [each["type"] for each in heard] == [
        *("worker-x", "shop-b", "task-a", "task-c", "shop-e")
    ]
    assert told == ["off", "on"]
    assert ["clock" in each for each in heard] == [True, True, True, False, True]


def test_events_wait_while_redis_is_away_unless_they_must_not(own, monkeypatch):
    def away(commands):
        raise ConnectionFailed("away")

    driver, dispatcher = own.driver, own.events.Dispatcher()
    with monkeypatch.context() as patch:
        patch.setattr(driver, "execute_many", away)
        dispatcher.send("shop-a")
        dispatcher.send("shop-b")
        with pytest.raises(ConnectionFailed):
            own.events.Dispatcher(buffer_while_offline=False).send("shop-c")
    heard = []
    receiver = own.events.Receiver(handlers={"*": heard.append})
    steps = receiver.itercapture(limit=2, timeout=PATIENCE, wakeup=False)
    next(steps)
    dispatcher.flush()
    list(steps)

    assert [each["type"] for each in heard] == ["shop-a", "shop-b"]


def test_the_classes_of_an_application_can_be_others(broker):
    class Events:
        def __init__(self, app):
            self.app = app

    with Celery("proj", broker=broker, events=Events, set_as_current=False) as app:
        assert type(app.events) is Events
        assert app.events.app is app


def test_an_applications_receiver_and_dispatcher_belong_to_it(own):
    assert issubclass(own.events.Receiver, EventReceiver)
    assert issubclass(own.events.Dispatcher, EventDispatcher)
    assert own.events.Receiver().app is own.events.Dispatcher().app is own
    assert own.events.State is State


def known():
    """A State that knows a task and a worker."""
    state = State()
    state.event(event("worker-online", freq=2, active=1, processed=7, loadavg=[1, 2, 3]))
    state.event(event("task-received", uuid="u1", name="bake", args="()", kwargs="{}"))
    state.event(event("task-succeeded", uuid="u1", result="3", runtime=0.5, clock=2))
    return state


def test_a_state_can_be_stored():
    copy = pickle.loads(pickle.dumps(known()))

    ((_, task),) = copy.tasks_by_time()
    assert (task.name, task.state, task.result) == ("bake", "SUCCESS", "3")
    assert list(copy.workers) == ["w1@h"]
    assert copy.task_types() == ["bake"]


def test_a_state_forgets_what_is_too_much():
    state = State(max_tasks_in_memory=2)
    for number in range(5):
        state.event(event("task-received", uuid=str(number), name="bake", clock=number + 1))

    assert list(state.tasks) == ["3", "4"]
    assert state.task_count == 5


def test_a_state_forgets_what_it_is_told_to():
    state = known()
    state.event(event("task-received", uuid="u2", name="bake", clock=3))

    state.clear_tasks()
    assert list(state.tasks) == ["u2"]
    assert [uuid for uuid, _ in state.tasks_by_time()] == ["u2"]
    state.clear(ready=False)
    assert not state.tasks
    assert not state.workers
    assert state.event_count == 0
    with pytest.raises(KeyError):
        state.event({"type": "task-received", "hostname": "w"})


def test_tasks_are_found_by_their_name_and_their_worker_the_latest_first():
    state = known()
    for number, host in enumerate(("w1@h", "w2@h", "w1@h"), 5):
        state.event(
            event("task-started", uuid=f"u{number}", name="cut", hostname=host, clock=number)
        )

    assert [each for each, _ in state.tasks_by_type("cut")] == ["u7", "u6", "u5"]
    assert [each for each, _ in state.tasks_by_worker("w1@h", limit=2)] == ["u7", "u5"]
    assert {each.uuid for each in state.tasks_by_worker["w2@h"]} == {"u6"}


def test_a_clock_that_is_wrong_is_told(caplog):
    State().event(event("worker-heartbeat", local_received=1795549124.5 + 100))

    assert "Substantial drift from w1@h" in caplog.text


class Camera(Polaroid):
    """Notes what it sees."""

    clear_after = True

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.seen, self.cleaned = [], threading.Event()

    def on_shutter(self, state):
        self.seen.append((state.event_count, list(state.tasks)))

    def on_cleanup(self):
        self.cleaned.set()


def test_a_camera_takes_pictures_and_forgets(own):
    state, told = known(), []
    camera = Camera(state, freq=0.02, cleanup_freq=0.02, app=own)
    camera.shutter_signal.connect(lambda sender, **_: told.append(sender), weak=False)
    try:
        with camera:
            wait_until(lambda: len(camera.seen) > 2, timeout=PATIENCE)
            assert camera.cleaned.wait(PATIENCE)
    finally:
        camera.shutter_signal.receivers = ()
    after = len(camera.seen)

    assert camera.seen[0] == (3, ["u1"])
    assert camera.seen[1] == (0, [])
    assert told[0] is state
    assert len(camera.seen) == after


def test_a_camera_takes_no_more_pictures_than_its_maxrate_says(own):
    camera = Camera(known(), maxrate="2/h", app=own)
    for _ in range(5):
        camera.capture()

    assert len(camera.seen) == 1


def test_every_event_is_a_line():
    out = io.StringIO()
    dumper = Dumper(out)
    for each in (
        event("worker-online", freq=2),
        event("task-received", uuid="u2", name="n", args="()", kwargs="{}", b=2),
        event("task-started", uuid="u2"),
        event("task-progress", uuid="u3", done=1),
        event("shop-opened", x=1),
    ):
        dumper.on_event(each)

    start = "w1@h [2026-11-24 19:38:44.500000+00:00]"
    end = "clock=1, local_received=1795549124.6, utcoffset=0"
    assert out.getvalue().splitlines() == [
        f"{start} started: clock=1, freq=2, local_received=1795549124.6, utcoffset=0",
        f"{start} task received: n(u2) args=() kwargs={{}} b=2, {end}",
        f"{start} task started: n(u2) args=() kwargs={{}} {end}",
        f"{start} task progress:  clock=1, done=1, local_received=1795549124.6, utcoffset=0",
        f"{start} shop opened: {end}, x=1",
    ]
    assert humanize_type("worker-offline") == "shutdown"


def test_listening_goes_on_when_redis_comes_back(own, monkeypatch):
    heard, receivers, tries = [], [], []
    real = own.driver.dedicated

    def dedicated(*args, **options):
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionFailed("away")
        return real(*args, **options)

    monkeypatch.setattr(own.driver, "dedicated", dedicated)
    thread = threading.Thread(target=listen, args=(own, {"*": heard.append}, receivers.append))
    thread.start()
    wait_until(lambda: len(tries) == 3, timeout=PATIENCE)
    dispatcher = own.events.Dispatcher()
    wait_until(lambda: dispatcher.send("shop-a") or heard, timeout=PATIENCE)
    receivers[0].should_stop = True
    thread.join(PATIENCE)

    assert heard[0]["type"] == "shop-a"


def test_the_screen_shows_workers_and_the_latest_tasks(own):
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(picture(own, known()))
    shown = console.export_text()

    for each in ("w1@h", "OFFLINE", "7", "1.00 2.00 3.00", "u1", "bake", "SUCCESS", "0.500 s"):
        assert each in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--dump", "--camera", "x.Y"), "one of them"),
        (("--detach",), "--detach is for --camera"),
        (("-r", "1/s"), "--maxrate is for --camera"),
        (("--camera", "no.such.Camera"), "no.such.Camera"),
        (("-F", "0"), "0"),
    ],
)
def test_words_of_events_that_cannot_be_are_refused(own, words, says):
    said = bullrush_says(own, "events", *words)

    assert said.exit_code == 2
    assert says in said.output


def test_the_command_writes_events_until_it_is_told_to_stop(redis_url, tmp_path):
    (tmp_path / "dumped.py").write_text(
        "import bullrush\napp = bullrush.Celery('dumped', broker="
        f"{redis_url!r}, set_as_current=False)\napp.conf.event_exchange = "
        f"app.conf.control_exchange = 'dump-{uuid.uuid4().hex}'\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "bullrush", "-A", "dumped", "events", "--dump"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    try:
        assert process.stdout.readline() == "-> evdump: starting capture...\n"
        send = "import dumped, sys; dumped.app.events.Dispatcher(hostname='me').send('shop-a')"
        lines = []
        reader = threading.Thread(target=lambda: lines.append(process.stdout.readline()))
        reader.start()
        while not lines:
            subprocess.run([sys.executable, "-c", send], cwd=tmp_path, check=True)
            reader.join(1)
        assert lines[0].startswith("me [")
        assert "shop a: clock=" in lines[0]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
