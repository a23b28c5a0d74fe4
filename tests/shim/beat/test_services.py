"""Schedulers of one's own, and what runs them: of several beats one leads."""

from __future__ import annotations

import threading

import pytest

from bullrush import signals
from bullrush.beat import EmbeddedService, Scheduler, Service
from bullrush.exceptions import ImproperlyConfigured
from bullrush.schedules import schedstate
from tests.support.beats import EveryTen, entry, sent


class Memory(Scheduler):
    """Entries from elsewhere, as a scheduler with a database has them."""

    rows = {}

    def setup_schedule(self):
        self.install_default_entries(self.schedule)
        self.update_from_dict(self.rows)

    @property
    def schedule(self):
        return self.data


def test_a_scheduler_of_ones_own_sends_what_it_says(app, add, fixed):
    Memory.rows = {"often": entry(10)}
    scheduler = Memory(app)
    assert 9 < scheduler.tick() < 10
    fixed.advance(10)
    assert scheduler.tick() == 0
    assert sent(app) == 1
    assert scheduler.schedule["often"].total_run_count == 1
    scheduler.schedule["more"] = scheduler._maybe_entry("more", entry(1))
    fixed.advance(1)
    assert scheduler.tick() == 0


def test_the_longest_pause_between_two_looks_is_a_setting(app, add, fixed):
    Memory.rows = {"seldom": entry(3600)}
    assert Memory(app).tick() == Memory.max_interval
    app.conf.beat_max_loop_interval = 7
    assert (Memory(app).tick(), app.Beat().Service(app).max_interval) == (7, 7)


def test_a_scheduler_that_keeps_its_rows_elsewhere_writes_after_as_many_runs_as_said(
    app, add, fixed
):
    class Kept(Memory):
        written = []

        def sync(self):
            self.written.append(sum(each.total_run_count for each in self.schedule.values()))

    Memory.rows = {"often": entry(10)}
    app.conf.beat_sync_every = 2
    scheduler = Kept(app)
    for _ in range(4):
        fixed.advance(10)
        assert scheduler.tick() == 0
    assert Kept.written == [2, 4]


def test_a_scheduler_is_found_by_its_path(app):
    for path in (
        "celery.beat:PersistentScheduler",
        "bullrush.beat.Scheduler",
        f"{__name__}:Memory",
    ):
        assert isinstance(Service(app, scheduler_cls=path).get_scheduler(lazy=True), Scheduler)
    with pytest.raises(ImproperlyConfigured, match="nowhere"):
        Service(app, scheduler_cls="nowhere:Scheduler").get_scheduler()


def test_the_setting_names_the_scheduler(app):
    app.conf.beat_scheduler = f"{__name__}:Memory"
    assert type(Service(app).get_scheduler(lazy=True)) is Memory


def test_of_two_beats_with_a_scheduler_of_ones_own_one_sends(app, add, fixed):
    Memory.rows = {"often": entry(10)}
    services = [Service(app, scheduler_cls=Memory) for _ in range(2)]
    for service in services:
        service._turn()
    for _ in range(3):
        fixed.advance(10)
        for service in services:
            service._turn()
    assert sent(app) == 3
    services[0]._leave()
    services[1]._turn()
    fixed.advance(10)
    for service in services[1:]:
        service._turn()
    assert sent(app) == 4


def test_a_beat_that_died_is_followed_by_another(app, add, fixed):
    Memory.rows = {"often": entry(10)}
    first, second = (Service(app, scheduler_cls=Memory) for _ in range(2))
    first._turn()
    second._turn()
    assert "scheduler" not in vars(second)
    fixed.advance(31)
    second._turn()
    assert "scheduler" in vars(second)


@pytest.mark.parametrize("embedded", [False, True])
def test_the_signals_of_a_beat_get_its_service(app, add, embedded):
    seen = []

    def look(sender=None, signal=None, **_):
        seen.append((signal.name, sender))
        sender.stop()

    heard = (signals.beat_embedded_init, signals.beat_init)
    for each in heard:
        each.connect(look, weak=False)
    try:
        service = app.Beat(quiet=True).Service(app)
        service.start(embedded_process=embedded)
    finally:
        for each in heard:
            each.disconnect(look)
    names = ["beat_embedded_init", "beat_init"] if embedded else ["beat_init"]
    assert seen == [(each, service) for each in names]


def test_an_embedded_beat_sends_beside_the_worker(app, start):
    ran = threading.Event()
    app.task(name="ring")(lambda: ran.set())
    app.conf.beat_schedule = {"ring": {"task": "ring", "schedule": BothWays()}}
    start(concurrency=1)
    embedded = EmbeddedService(app)
    embedded.start()
    assert ran.wait(10)
    embedded.stop()
    assert not embedded._thread.is_alive()


class BothWays(EveryTen):
    """Due at once."""

    def is_due(self, last_run_at):
        return schedstate(True, 0.05)
