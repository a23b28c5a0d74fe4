"""Waiting for a result within a request: it keeps the request, and its thread, from ending."""

from __future__ import annotations

import warnings

from flask import current_app, has_request_context

from bullrush.result import blocking

TEXT = (
    "a result is waited for within a request; answer at once and let the client ask again, or set "
    "BULLRUSH_GET_IN_REQUEST to 'allow'"
)


class WaitInRequest(RuntimeError):
    """Raised when ``BULLRUSH_GET_IN_REQUEST`` is ``raise``."""


def _heed() -> None:
    if not has_request_context():
        return
    binding = current_app.extensions.get("bullrush")
    policy = "allow" if binding is None else binding.settings.get_in_request
    if policy == "raise":
        raise WaitInRequest(TEXT)
    if policy == "warn":
        warnings.warn(TEXT, RuntimeWarning, stacklevel=4)


def watch() -> None:
    """From now on it is noticed."""
    if _heed not in blocking.watchers:
        blocking.watchers.append(_heed)
