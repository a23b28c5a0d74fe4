"""Changing tasks from the settings."""

from __future__ import annotations

import pytest

from bullrush import Celery
from bullrush.exceptions import ImproperlyConfigured


class ByObject:
    """An annotation that is an object."""

    def annotate(self, task):
        """What it says of that task."""
        return {"rate_limit": "object"} if task.name == "proj.add" else None


@pytest.fixture
def annotated():
    """Makes a task under these annotations."""
    made = []

    def make(annotations):
        app = Celery("proj", set_as_current=False)
        app.conf.task_annotations = annotations

        @app.task(name="proj.add", rate_limit="1/s")
        def add(x=1):
            return x

        made.append(app)
        return add

    yield make
    for app in made:
        app.close()


@pytest.mark.parametrize(
    ("annotations", "rate_limit"),
    [
        (None, "1/s"),
        ({"proj.add": {"rate_limit": "5/s"}}, "5/s"),
        ({"other": {"rate_limit": "5/s"}}, "1/s"),
        ({"*": {"rate_limit": "9/s"}}, "9/s"),
        ({"proj.add": {"rate_limit": "5/s"}, "*": {"rate_limit": "9/s"}}, "9/s"),
        (ByObject(), "object"),
        (ByObject, "object"),
        ("tests.shim.test_annotations.ByObject", "object"),
        ([ByObject(), {"proj.add": {"rate_limit": "5/s"}}], "5/s"),
        (({"*": {"rate_limit": "9/s"}}, ByObject()), "9/s"),
    ],
)
def test_what_is_annotated_beats_the_decorator(annotated, annotations, rate_limit):
    assert annotated(annotations).rate_limit == rate_limit


def test_a_function_becomes_a_method(annotated):
    failed = []

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        failed.append((self.name, str(exc)))

    task = annotated({"*": {"on_failure": on_failure, "own": 3}})
    task.on_failure(ValueError("no"), "id", (), {}, None)
    assert (failed, task.own) == ([("proj.add", "no")], 3)


def test_a_name_with_a_sign_wraps_a_method(annotated):
    def doubled(run):
        return lambda *args, **kwargs: 2 * run(*args, **kwargs)

    assert annotated({"proj.add": {"@run": doubled}})(4) == 8
    assert annotated({"proj.add": {"@__call__": doubled}})(4) == 8


def test_an_annotation_of_another_kind_is_refused(annotated):
    with pytest.raises(ImproperlyConfigured, match="task_annotations"):
        annotated(3).name  # noqa: B018
