"""Workers die, freeze or lose their way to Redis: every accepted job ends, and few run twice."""

from __future__ import annotations

import os
import random
import signal

import pytest

from tests.faults.trial import Trial
from tests.support.redis_fleets import Fleet
from tests.support.wire import Wire

pytestmark = pytest.mark.timeout(150)
#: How many jobs a worker of a trial has in hand at once.
SLOTS = 2


@pytest.fixture
def server():
    with Fleet() as fleet:
        yield fleet.start()


@pytest.fixture
def trial(server, tmp_path):
    with Trial(f"redis://127.0.0.1:{server.port}/0", tmp_path) as trial:
        yield trial


@pytest.mark.parametrize("pool", ["threads", "prefork", "solo"])
def test_whole_workers_are_killed(trial, pool):
    kills = 5
    for _ in range(kills):
        worker = trial.start_worker(pool=pool)
        trial.more_end(20)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    trial.start_worker(pool=pool)
    trial.more_end(20)
    trial.check(extra_starts=kills * SLOTS)


@pytest.mark.parametrize("pool", ["threads", "prefork", "solo"])
def test_workers_are_told_to_end_under_load(trial, pool):
    for _ in range(5):
        worker = trial.start_worker(pool=pool)
        trial.more_end(20)
        worker.terminate()
        assert worker.wait(20) == 0
    trial.start_worker(pool=pool)
    trial.more_end(20)
    trial.check(extra_starts=0)


def test_a_worker_freezes_for_longer_than_its_locks_live(trial):
    frozen = trial.start_worker(lock=2000)
    trial.more_end(20)
    frozen.send_signal(signal.SIGSTOP)
    held = {job.id for job in trial.plain.get_active()}
    trial.start_worker(lock=2000)
    trial.more_end(200)
    frozen.send_signal(signal.SIGCONT)
    trial.more_end(100)
    trial.check(extra_starts=len(held))
    assert frozen.poll() is None


def test_one_of_two_workers_cannot_reach_redis_for_longer_than_its_locks_live(trial):
    with Wire(trial.url) as wire:
        trial.start_worker(url=wire.url, lock=2000)
        trial.more_end(20)
        wire.hold()
        trial.start_worker(lock=2000)
        trial.more_end(200)
        trial.check(extra_starts=SLOTS)


def test_replies_break_off_at_random_places(server, tmp_path):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    url = f"redis://127.0.0.1:{server.port}/0"
    with Wire(url) as wire, Trial(url, tmp_path) as trial:
        trial.start_worker(url=wire.url)
        trial.more_end(20)
        for _ in range(30):
            wire.break_after(chance.randrange(3000))
            trial.more_end(5)
        trial.check(extra_starts=0)
