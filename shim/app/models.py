"""``pydantic=True``: arguments and results that are pydantic models."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from .task import Task


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of an annotation, which may be optional."""
    found = [each for each in typing.get_args(annotation) if each is not type(None)]
    if len(found) == 1 and typing.get_origin(annotation) is not None and _optional(annotation):
        annotation = found[0]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _optional(annotation: Any) -> bool:
    return type(None) in typing.get_args(annotation)


class Models:
    """The models in the signature of a task.

    Raises:
        NameError: an annotation in quotes that means nothing where the function was written.
    """

    def __init__(self, task: Task, function: Callable[..., Any]) -> None:
        self.task = task
        self.signature = inspect.signature(function)
        hints = typing.get_type_hints(inspect.unwrap(function))
        found = {name: _model_in(hint) for name, hint in hints.items()}
        self.result = found.pop("return", None)
        self.arguments = {name: model for name, model in found.items() if model is not None}

    def validated(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with models in place of plain data.

        Raises:
            pydantic.ValidationError: data that do not fit.
        """
        task = self.task
        context = {
            "celery_app": task.app,
            "celery_task_name": task.name,
            **(task.pydantic_context or {}),
        }
        bound = self.signature.bind(*args, **kwargs)
        for name, model in self.arguments.items():
            value = bound.arguments.get(name)
            if value is not None:
                bound.arguments[name] = model.model_validate(
                    value, strict=task.pydantic_strict, context=context
                )
        return bound.args, bound.kwargs

    def dumped(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call with plain data in place of models that can be had back."""
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError:
            return args, dict(kwargs)  # the worker says what is wrong
        for name, model in self.arguments.items():
            value = bound.arguments.get(name)
            if isinstance(value, BaseModel):
                bound.arguments[name] = self._plain(value, model)
        return bound.args, bound.kwargs

    def _plain(self, value: BaseModel, model: type[BaseModel]) -> Any:
        plain = value.model_dump(**self._dump_options())
        try:
            survives = model.model_validate(plain) == value
        except Exception:
            survives = False
        return plain if survives else value

    def result_of(self, value: Any) -> Any:
        """Plain data of a returned model."""
        if self.result is not None and isinstance(value, self.result):
            return value.model_dump(**self._dump_options())
        return value

    def _dump_options(self) -> dict[str, Any]:
        given = self.task.pydantic_dump_kwargs
        return {"mode": "json"} if given is None else dict(given)

    def around(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """`run`, which gets and returns models."""
        if inspect.iscoroutinefunction(run):

            @wraps(run)
            async def run_coroutine(*args: Any, **kwargs: Any) -> Any:
                args, kwargs = self.validated(args, kwargs)
                return self.result_of(await run(*args, **kwargs))

            return run_coroutine

        @wraps(run)
        def run_function(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = self.validated(args, kwargs)
            return self.result_of(run(*args, **kwargs))

        return run_function
