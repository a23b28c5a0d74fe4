"""What a project's own suite has."""

import pytest

pytest_plugins = ("celery.contrib.pytest",)


@pytest.fixture(scope="session")
def celery_config():
    return {"task_default_queue": "tested", "task_track_started": True}


@pytest.fixture(scope="session")
def celery_includes():
    return ["things"]


@pytest.fixture(scope="session")
def celery_parameters():
    return {"strict_typing": False}
