"""Tasks that get several calls at once."""

from __future__ import annotations

import itertools

import pytest

from bullrush.core.errors import InvalidBatchAnswer, InvalidOption, JobFailed
from bullrush.exceptions import MaxRetriesExceededError


def test_each_call_has_its_own_arguments_request_and_answer(app, start):
    @app.task(batch=4)
    def each(items):
        return [[item.args[0], item.kwargs["key"], item.request.id, len(items)] for item in items]

    results = [each.delay(n, key=str(n)) for n in range(4)]
    start()
    assert [result.get(timeout=30) for result in results] == [
        [n, str(n), result.id, 4] for n, result in enumerate(results)
    ]


def test_only_calls_of_one_task_come_together(app, start):
    @app.task(batch=10)
    def one(items):
        return [len(items)] * len(items)

    @app.task(batch=10)
    def two(items):
        return [len(items)] * len(items)

    results = [task.delay() for task in (one, two, one, two, one)]
    start(concurrency=2)
    assert [result.get(timeout=30) for result in results] == [3, 2, 3, 2, 3]


def test_an_exception_in_the_list_fails_one_call_and_a_retry_repeats_one(app, start):
    @app.task(batch=10)
    def careful(items):
        answers = []
        for item in items:
            if item.args[0] == "bad":
                answers.append(KeyError("bad"))
            elif item.args[0] == "again" and not item.request.retries:
                answers.append(item.retry(countdown=0))
            else:
                answers.append([item.args[0], item.request.retries])
        return answers

    good, bad, again = (careful.delay(name) for name in ("good", "bad", "again"))
    start()
    assert good.get(timeout=30) == ["good", 0]
    with pytest.raises(KeyError, match="bad"):
        bad.get(timeout=30)
    assert again.get(timeout=30) == ["again", 1]


def test_what_the_function_raises_counts_for_all_by_the_settings_of_the_task(app, start):
    failures, told = [], []

    class Telling(app.Task):
        def on_failure(self, exc, task_id, args, kwargs, einfo):
            told.append((str(exc), list(args)))

    @app.task(
        batch=10,
        base=Telling,
        autoretry_for=(ValueError,),
        max_retries=1,
        retry_backoff=False,
        default_retry_delay=0,
    )
    def broken(items):
        failures.append([item.request.retries for item in items])
        raise ValueError("no")

    results = [broken.delay(n) for n in range(2)]
    start()
    for result in results:
        with pytest.raises(ValueError, match="no"):
            result.get(timeout=30)
    assert sorted(itertools.chain(*failures)) == [0, 0, 1, 1]
    assert sorted(told) == [("no", [0]), ("no", [1])]


def test_a_batch_that_retries_itself_counts_the_retries_of_each_call(app, start):
    @app.task(batch=10, bind=True, max_retries=2, default_retry_delay=0)
    def never(self, items):
        raise self.retry()

    results = [never.delay() for _ in range(2)]
    start()
    for result in results:
        with pytest.raises(MaxRetriesExceededError):
            result.get(timeout=30)


def test_a_wrong_number_of_answers_fails_every_call_by_name(app, start):
    @app.task(batch=10, max_retries=5)
    def short(items):
        return [1]

    results = [short.delay(n) for n in range(3)]
    start()
    for result in results:
        with pytest.raises((InvalidBatchAnswer, JobFailed), match="3 items and 1 answers"):
            result.get(timeout=30)


def test_a_call_that_has_expired_is_not_among_the_items(app, start):
    @app.task(batch=10)
    def size(items):
        return [len(items)] * len(items)

    late = size.apply_async(expires=-1)
    good = size.delay()
    start()
    assert good.get(timeout=30) == 1
    with pytest.raises(Exception, match="expired"):
        late.get(timeout=30)


def test_a_batch_task_runs_here_and_now_with_one_item(app):
    @app.task(batch=10)
    def double(items):
        return [ValueError("none") if item.args[0] is None else 2 * item.args[0] for item in items]

    assert double.apply((4,)).get() == 8
    with pytest.raises(ValueError, match="none"):
        double.apply((None,)).get()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": 0}, "size of a batch"),
        ({"batch": 10, "max_wait": -1}, "max_wait"),
        ({"max_wait": 1}, "batch=100"),
    ],
)
def test_wrong_numbers_are_refused_where_they_are_written(app, options, words):
    with pytest.raises(InvalidOption, match=words):

        @app.task(**options)
        def wrong(items):
            pass
