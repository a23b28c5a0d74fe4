"""Wrong options of a job scheduler are named before anything is written."""

from __future__ import annotations

from datetime import datetime

import pytest

from bullrush.core.errors import InvalidOption, JobTooLarge, UnserializableData
from tests.support.armed_runs import DAY, MINUTE, START, run_next, slot_of


class TestRefused:
    """Nothing is written when something is wrong."""

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({}, "either every"),
            ({"every": 5, "pattern": "* * * * *"}, "either every"),
            ({"every": 0}, "every is a whole number"),
            ({"every": -5}, "every is a whole number"),
            ({"every": 1.5}, "every is a whole number"),
            ({"every": "1000"}, "every is a whole number"),
            ({"every": True}, "every is a whole number"),
            ({"every": 10**18}, "every is a whole number"),
            ({"pattern": ""}, "cron pattern"),
            ({"pattern": "0 0 30 2 *"}, "never fires"),
            ({"pattern": "0 0 L-3 * *"}, "cron pattern"),
            ({"pattern": ["*"]}, "cron pattern is text"),
            ({"pattern": "* * * * *", "tz": "Mars/Base"}, "no time zone"),
            ({"pattern": "* * * * *", "tz": 5}, "no time zone"),
            ({"pattern": "* * * * *", "offset": 5}, "offset belongs to every"),
            ({"pattern": "* * * * *", "immediately": True, "start_date": START}, "contradict"),
            ({"every": 5, "tz": "UTC"}, "tz belongs to pattern"),
            ({"every": 5, "offset": 5}, "offset is a whole number from 0 to 4"),
            ({"every": 5, "offset": -1}, "offset is a whole number"),
            ({"every": 5, "limit": 0}, "limit is a whole number"),
            ({"every": 5, "limit": "3"}, "limit is a whole number"),
            ({"every": 5, "end_date": START - 1}, "has passed"),
            ({"every": 5, "end_date": 10**18}, "end_date is a whole number"),
            ({"every": 5, "start_date": -1}, "start_date is a whole number"),
            ({"every": 5, "start_date": 1.5}, "start_date is Unix ms"),
            ({"every": 5, "start_date": datetime(2030, 1, 1)}, "has no time zone"),
            ({"every": 5, "start_date": START + 9, "end_date": START + 8}, "is after end_date"),
            ({"every": 5, "options": {"delay": 5}}, "delay cannot be given"),
            ({"every": 5, "options": {"job_id": "x"}}, "job_id cannot be given"),
            ({"every": 5, "options": {"timestamp": 5}}, "timestamp cannot be given"),
            ({"every": 5, "options": {"parent": {"id": "1", "queue": "bull:q"}}}, "parent cannot"),
            ({"every": 5, "options": {"attemps": 5}}, "did you mean 'attempts'"),
            ({"every": 5, "name": ""}, "name is non-empty"),
        ],
    )
    def test_wrong_options_are_named(self, queue, stored, options, reason):
        with pytest.raises(InvalidOption, match=reason):
            queue.upsert_job_scheduler("s", **options)
        assert stored.all_keys() == set()

    @pytest.mark.parametrize("scheduler_id", ["", None, 5, "\ud800"])
    def test_wrong_ids_are_named(self, queue, stored, scheduler_id):
        for act in (queue.get_job_scheduler, queue.remove_job_scheduler):
            with pytest.raises(InvalidOption, match="job scheduler's id"):
                act(scheduler_id)
        with pytest.raises(InvalidOption, match="job scheduler's id"):
            queue.upsert_job_scheduler(scheduler_id, every=5)
        assert stored.all_keys() == set()

    def test_data_that_cannot_be_stored_is_named(self, queue, stored):
        with pytest.raises(UnserializableData):
            queue.upsert_job_scheduler("s", every=5, data=object())
        with pytest.raises(JobTooLarge):
            queue.upsert_job_scheduler("s", every=5, data="xxxx", options={"size_limit": 3})
        assert stored.all_keys() == set()

    def test_a_damaged_key_changes_nothing(self, queue, stored):
        stored.run("SET", stored.keys.repeat, "x")
        with pytest.raises(Exception, match=r"WRONGTYPE|wrong kind"):
            queue.upsert_job_scheduler("s", every=5)
        assert stored.all_keys() == {"repeat"}

    def test_an_id_of_any_text_is_fine(self, queue, hand):
        for scheduler_id in ("a:b:c", 'with "quotes" and \\', "ünï 日本", "5", "x" * 300, "a\nb"):
            job = queue.upsert_job_scheduler(scheduler_id, every=DAY)
            assert job.opts["jobId"] == job.id == f"repeat:{scheduler_id}:{START}"
            assert queue.get_job(job.id) == job
            assert queue.get_job_scheduler(scheduler_id).id == scheduler_id
        for _ in range(6):
            run_next(queue)
        assert queue.get_job_schedulers_count() == 6
        assert {each.next for each in queue.get_job_schedulers()} == {START + DAY}

    def test_immediately_with_an_interval_is_only_a_warning(self, queue, caplog):
        assert slot_of(queue.upsert_job_scheduler("s", every=MINUTE, immediately=True)) == START
        assert "at once anyway" in caplog.text
