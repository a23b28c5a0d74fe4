"""Looking for a job in all queues by its id, and the names of all queues for the palette."""

from __future__ import annotations

from flask import Response, jsonify, redirect
from werkzeug.wrappers import Response as AnyResponse

from bullrush.core.calls import Batch, run

from ..access.guarding import needs
from ..access.roles import Role
from ..binding import current_binding
from .board import current_board
from .looking import is_job_id
from .page import asked, page, root
from .rendering import Links


@needs(Role.READ)
def find() -> AnyResponse:
    """The jobs of that id, and the queues of like names; a single job is shown at once."""
    sought, binding = asked("q").strip(), current_binding()
    queues = [each.name for each in current_board().collector.current().queues]
    calls = [binding.look_at(name).view_call(sought) for name in queues if is_job_id(sought)]
    views = run(binding.driver, Batch(calls, list)) if calls else []
    jobs = [(view.job, view.state) for view in views if view.job is not None]
    if len(jobs) == 1:
        job = jobs[0][0]
        return redirect(Links(root())("job", queue=job.queue_name, id=job.id), 302)
    like = [name for name in queues if sought and sought.lower() in name.lower()]
    return page("find.html", "Search", sought=sought, jobs=jobs, queues=like)


@needs(Role.READ)
def names() -> Response:
    """The names of all queues."""
    return jsonify(queues=[each.name for each in current_board().collector.current(10).queues])
