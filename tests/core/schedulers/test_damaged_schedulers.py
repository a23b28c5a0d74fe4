"""Damaged job schedulers and runs are said, and stop nothing else."""

from __future__ import annotations

import pytest

from tests.support.armed_runs import DAY, MINUTE, START, definition, pending, run_next
from tests.support.waiting import wait_until


class TestDamage:
    """What other clients may have stored (the job is run whatever it is)."""

    def test_runs_whose_options_are_damaged_are_run(self, queue, stored, caplog):
        queue.upsert_job_scheduler("s", every=MINUTE)
        job_key = stored.keys.job(f"repeat:s:{START}")
        for opts in [
            "no json",
            "[]",
            "{}",
            '{"repeat":5}',
            '{"repeat":{"every":"x"}}',
            '{"repeat":{"every":60000,"count":{}}}',
            '{"repeat":{"pattern":["*"]}}',
            '{"repeat":{"pattern":"0 0 30 2 *"}}',
            '{"repeat":{"pattern":"* * * * *","tz":"No"}}',
            '{"repeat":{"every":1e400}}',
            '{"repeat":{"every":60000,"limit":"three"}}',
        ]:
            caplog.clear()
            stored.run("HSET", job_key, "opts", opts)
            job = queue.get_next_job("t")
            assert job.id == f"repeat:s:{START}"
            assert "cannot make the run that follows" in caplog.text, opts
            queue.move_to_wait(job.id, "t")
        assert pending(stored) == [f"repeat:s:{START}"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("ic", "x"),
            ("ic", "-5"),
            ("offset", "x"),
            ("offset", "1e308"),
            ("every", "x"),
            ("every", "-5"),
            ("every", "0"),
            ("every", "inf"),
            ("opts", "x"),
            ("limit", "x"),
        ],
    )
    def test_damaged_fields_of_the_definition_do_not_stop_it(self, queue, stored, field, value):
        queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("HSET", stored.keys.job("repeat:s"), field, value)
        assert queue.get_job_scheduler("s").id == "s"
        run_next(queue)
        assert queue.get_job_scheduler("s").next == START + MINUTE
        queue.upsert_job_scheduler("s", every=MINUTE)
        assert len(pending(stored)) == 1

    def test_a_score_that_no_slot_can_be_is_no_armed_run(self, queue, stored):
        for score in ("inf", "1.5", "1e300", "-inf"):
            queue.upsert_job_scheduler("s", every=MINUTE)
            stored.run("ZADD", stored.keys.repeat, score, "s")
            assert isinstance(queue.get_job_scheduler("s").next, int)
            run_next(queue)
            assert pending(stored) == []
            assert queue.remove_job_scheduler("s")
            stored.run("DEL", stored.keys.job(f"repeat:s:{START}"))

    def test_a_definition_without_any_interval_is_said_and_the_job_run(self, queue, stored, caplog):
        queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("HDEL", stored.keys.job("repeat:s"), "every")
        stored.run("HSET", stored.keys.job(f"repeat:s:{START}"), "opts", '{"repeat":{"every":-5}}')
        run_next(queue)
        assert "has no interval" in caplog.text

    def test_a_definition_that_is_gone_is_said_and_the_job_run(self, queue, stored, caplog):
        queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("DEL", stored.keys.job("repeat:s"))
        run_next(queue)
        assert "has no definition" in caplog.text
        assert pending(stored) == []

    def test_keys_of_another_type_change_nothing(self, queue, stored, caplog):
        queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("DEL", stored.keys.id)
        stored.run("LPUSH", stored.keys.id, "x")
        job = queue.get_next_job("t")
        assert job.id == f"repeat:s:{START}"
        assert "cannot make the runs that follow" in caplog.text
        assert stored.score("repeat", "s") == START
        assert definition(stored)["ic"] == "1"

    def test_one_damaged_scheduler_does_not_hold_the_others(
        self, queue, stored, start_worker, caplog
    ):
        for name in ("a", "b", "c"):
            queue.upsert_job_scheduler(name, every=DAY)
        stored.run("DEL", stored.keys.job("repeat:b"))
        stored.run("LPUSH", stored.keys.job("repeat:b"), "x")
        done = []
        start_worker(lambda delivery: done.append(delivery.job.scheduler_id), concurrency=3)
        wait_until(lambda: len(stored.ids("completed")) == 3)
        assert sorted(done) == ["a", "b", "c"]
        assert pending(stored) == [f"repeat:{name}:{START + DAY}" for name in ("a", "c")]
        assert "job scheduler b" in caplog.text

    def test_a_repeatable_job_of_old_becomes_a_scheduler_and_keeps_its_data(
        self, queue, stored, hand, caplog
    ):
        queue.upsert_job_scheduler("s", every=MINUTE, data="precious", name="old")
        stored.run("HDEL", stored.keys.job("repeat:s"), "ic", "data")
        for step in range(3):
            assert run_next(queue).data == "precious"
            hand.forward(MINUTE)
            assert definition(stored)["ic"] == str(step + 1)
        assert caplog.text.count("continues as a job scheduler") == 1
