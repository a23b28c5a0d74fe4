"""The methods of a task that make signatures, and those that change the workflow it runs in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .signatures import Signature

if TYPE_CHECKING:
    from .items import chunks, xmap, xstarmap


class MakesSignatures:
    """Base of `Task`."""

    def s(self, *args: Any, **kwargs: Any) -> Signature:
        """A signature with these arguments."""
        return self.signature(args, kwargs)

    def si(self, *args: Any, **kwargs: Any) -> Signature:
        """A signature that takes no result of a task before it."""
        return self.signature(args, kwargs, immutable=True)

    def signature(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Signature:
        """A signature with these arguments and options of `apply_async`; see `Signature`."""
        return Signature(self, args, kwargs, options, **more)

    def subtask(self, *args: Any, **kwargs: Any) -> Signature:
        """As `signature`."""
        return self.signature(*args, **kwargs)

    def chunks(self, it: Iterable[Any], n: int) -> chunks:
        """Calls for many lists of arguments, `n` in each task."""
        return Signature.TYPES["chunks"](self, it, n)  # type: ignore[return-value, arg-type]

    def map(self, it: Iterable[Any]) -> xmap:
        """One task that calls this one for each item."""
        return Signature.TYPES["xmap"](self, it)  # type: ignore[return-value, arg-type]

    def starmap(self, it: Iterable[Any]) -> xstarmap:
        """As `map`; each item is a list of arguments."""
        return Signature.TYPES["xstarmap"](self, it)  # type: ignore[return-value, arg-type]

    def replace(self, sig: Any) -> Any:
        """Let another signature take the place of this run, under its id: what follows this task
        follows that one. A group is replaced by the list of its results.

        Raises:
            Ignore: always, which ends this run.
            ImproperlyConfigured: an empty chain, or a signature of a chord.
        """
        return Signature.put_in_place(self, sig)

    def on_replace(self, sig: Any) -> Any:
        """The last step of `replace`, to be extended: a method of yours ends with
        ``return super().on_replace(sig)``.

        Args:
            sig: what takes the place of this run, under its id.
        """
        return Signature.end_in_place(self, sig)

    def signature_from_request(self, *args: Any, **options: Any) -> Any:
        """Celery's way to send a run again.

        Raises:
            NotImplementedError: here the job itself runs again.
        """
        raise NotImplementedError(
            "signature_from_request: no second message is sent for a run, its job is moved; use "
            "self.retry(), with throw=False if the run is to go on"
        )

    subtask_from_request = signature_from_request

    def add_to_chord(self, sig: Any, lazy: bool = False) -> Any:
        """Add a task to the chord that this one belongs to; its result comes first in the list.

        Raises:
            ValueError: this task is in no chord.
        """
        return Signature.put_into_chord(self, sig, lazy)
