"""The routes of the dashboard."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request, send_from_directory
from flask.blueprints import BlueprintSetupState

from bullrush.core.errors import BullrushError

from ..access.guarding import GuardedBlueprint, open_to_all
from ..admin.blueprint import NAME as ADMIN_API
from . import live, pages
from .board import KEY, Board, current_board
from .page import failed_page
from .rendering import HERE

#: s for which browsers keep static files; their addresses change with them.
_A_YEAR = 31_536_000


def dashboard_blueprints(url_prefix: str, streams: int) -> tuple[Blueprint, Blueprint]:
    """The pages, all of them closed, and the files that they and the login page need.

    Args:
        url_prefix: what the path of every page starts with.
        streams: how many live streams there may be at once.
    """
    blueprint = GuardedBlueprint("bullrush_dashboard", __name__, url_prefix=url_prefix, pages=True)
    blueprint.register_error_handler(BullrushError, failed_page)
    for rule, view in pages.VIEWS.items():
        blueprint.add_url_rule(rule, view.__name__, view, strict_slashes=False)
    blueprint.add_url_rule("/live", "live", live.stream)
    blueprint.record(lambda state: _open_board(state, streams))
    blueprint.after_app_request(_expire)
    prefix = f"{url_prefix}/static"
    files = GuardedBlueprint("bullrush_dashboard_files", __name__, url_prefix=prefix)
    files.add_url_rule("/<name>", "file", _file)
    return blueprint, files


def _open_board(state: BlueprintSetupState, streams: int) -> None:
    assert isinstance(state.app, Flask)
    state.app.extensions[KEY] = Board(state.app, streams)


def _expire(response: Response) -> Response:
    """Whoever has changed something sees at once what came of it."""
    if request.blueprint == ADMIN_API and request.method not in ("GET", "HEAD", "OPTIONS"):
        current_board().collector.expire()
    return response


@open_to_all
def _file(name: str) -> Response:
    """A style or a script. They are the same for everybody and hold no secret."""
    return send_from_directory(HERE / "static", name, max_age=_A_YEAR)
