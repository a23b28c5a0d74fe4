"""``pydantic=True``."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError, ValidationInfo, field_validator


class Order(BaseModel):
    """What a customer wants."""

    number: int
    items: list[str] = []


class Bill(BaseModel):
    """What it costs."""

    total: float


class Seen(BaseModel):
    """Keeps what its validation was told."""

    name: str

    @field_validator("name")
    @classmethod
    def look(cls, value: str, info: ValidationInfo) -> str:
        """The names of the context."""
        return f"{value} {info.context['celery_task_name']} {info.context['shop']}"


def test_arguments_and_the_result_are_models_in_the_task(app, start):
    @app.task(pydantic=True)
    def charge(order: Order, note: str, more: Order | None = None) -> Bill:
        assert isinstance(order, Order)
        assert more is None or isinstance(more, Order)
        return Bill(total=order.number * 2)

    start()
    plain = {"number": 3, "items": ["a"]}
    assert charge.delay(plain, "x").get(timeout=10) == {"total": 6.0}
    assert charge.delay(plain, note="x", more=plain).get(timeout=10) == {"total": 6.0}


def test_callers_may_pass_models(app, start):
    @app.task(pydantic=True)
    def number(order: Order) -> int:
        return order.number

    start()
    assert number.delay(Order(number=7)).get(timeout=10) == 7
    assert number.apply_async(kwargs={"order": Order(number=8)}).get(timeout=10) == 8


def test_data_that_do_not_fit_fail_the_task(app, start):
    @app.task(pydantic=True)
    def number(order: Order) -> int:
        raise AssertionError("it ran")

    start()
    result = number.delay({"number": "many"})
    result.get(timeout=10, propagate=False)
    assert result.state == "FAILURE"
    assert "ValidationError" in result.traceback


def test_validation_may_be_strict_and_have_a_context(app):
    @app.task(pydantic=True, pydantic_strict=True)
    def number(order: Order) -> int:
        return order.number

    @app.task(name="see", pydantic=True, pydantic_context={"shop": "north"})
    def see(seen: Seen) -> str:
        return seen.name

    with pytest.raises(ValidationError):
        number.apply(({"number": "3"},), throw=True)
    assert see.apply(({"name": "Ann"},)).get() == "Ann see north"


def test_a_coroutine_gets_models_too(app):
    @app.task(pydantic=True, pydantic_dump_kwargs={"mode": "json", "exclude": {"items"}})
    async def again(order: Order) -> Order:
        return order

    assert again.apply(({"number": 1},)).get() == {"number": 1}
