"""Running a batch: one call of the handler, an outcome for each delivery."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

from ..batch import BatchDelivery, check_answers
from ..delivery import Delivery, Finished
from ..errors import InvalidBatchAnswer
from ..outcome import Failed, Moved, Outcome, RateLimited
from ..pools.base import Guard, Pending
from ..telemetry import hooks
from .execution import UNGUARDED, Execution


def finished_parts(finished: Finished) -> list[Finished]:
    """What came of each member of a batch."""
    batch = finished.delivery
    assert isinstance(batch, BatchDelivery)
    return [
        Finished(each, outcome, record, finished.seconds)
        for each, (outcome, record) in zip(batch.members, finished.parts, strict=True)
    ]


class BatchExecution(Execution):
    """The execution of a worker whose handler has `batching`. Single deliveries run as ever."""

    def begin(self, delivery: Delivery, guard: Guard | None = None) -> Finished | Pending:
        """See `Work`."""
        if not isinstance(delivery, BatchDelivery):
            return super().begin(delivery, guard)
        started = time.perf_counter()
        delivery.check(self._objection)
        value: Any = []
        try:
            if delivery.items:
                with guard() if guard is not None else UNGUARDED:
                    around = hooks.running
                    handler = self.handler
                    value = handler(delivery) if around is None else around(delivery, handler)
        except BaseException as error:
            return self._raised(delivery, error, started)
        if inspect.iscoroutine(value):
            return Pending(delivery, value, started)
        return self._answered(delivery, value, started)

    async def complete(self, pending: Pending) -> Finished:
        """See `Work`."""
        batch = pending.delivery
        if not isinstance(batch, BatchDelivery):
            return await super().complete(pending)
        try:
            value = await pending.coroutine
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            return self._raised(batch, error, pending.started)
        return self._answered(batch, value, pending.started)

    def abort(self, delivery: Delivery, error: BaseException) -> Finished:
        """See `Work`."""
        if isinstance(delivery, BatchDelivery):
            return self._each(delivery, lambda each: Execution.abort(self, each, error))
        return super().abort(delivery, error)

    def lose(self, delivery: Delivery, error: BaseException) -> Finished:
        """See `Work`."""
        if isinstance(delivery, BatchDelivery):
            return self._each(delivery, lambda each: Execution.lose(self, each, error))
        return super().lose(delivery, error)

    def hand_back(self, delivery: Delivery, *, started: bool = False) -> Finished:
        """See `Work`."""
        if isinstance(delivery, BatchDelivery):
            return self._each(
                delivery, lambda each: Execution.hand_back(self, each, started=started)
            )
        return super().hand_back(delivery, started=started)

    def _answered(self, batch: BatchDelivery, value: Any, started: float) -> Finished:
        try:
            answers = check_answers(value, len(batch.items))
        except InvalidBatchAnswer as error:
            wrong = error  # the name of an except clause ends with it
            return self._run(batch, started, lambda each: self._ended(each, wrong))
        by_item = dict(zip(batch.items, answers, strict=True))

        def outcome(each: Delivery) -> Outcome:
            answer = by_item[each]
            if isinstance(answer, BaseException):
                return self._outcome_of_error(each, answer)
            return self._outcome_of(each, answer)

        return self._run(batch, started, outcome)

    def _raised(self, batch: BatchDelivery, error: BaseException, started: float) -> Finished:
        return self._run(batch, started, lambda each: self._outcome_of_error(each, error))

    def _run(
        self, batch: BatchDelivery, started: float, outcome: Callable[[Delivery], Outcome]
    ) -> Finished:
        """What came of a batch that was given to the handler."""

        def finished(each: Delivery) -> Finished:
            reason = batch.refused.get(each)
            came = outcome(each) if reason is None else Failed(reason)
            return self._finished(each, came, started)

        return self._each(batch, finished)

    def _each(self, batch: BatchDelivery, finish: Callable[[Delivery], Finished]) -> Finished:
        parts = [finish(each) for each in batch.members]
        limits = [each.outcome for each in parts if isinstance(each.outcome, RateLimited)]
        return Finished(
            batch,
            limits[0] if limits else Moved(),
            (),
            max(each.seconds for each in parts),
            tuple((each.outcome, each.record) for each in parts),
        )
