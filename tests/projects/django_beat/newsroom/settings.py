"""Settings of a newsroom."""

import os
from datetime import timedelta

SECRET_KEY = "of a test"
INSTALLED_APPS = ["articles.apps.ArticlesConfig"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["PROJECT_DATABASE"],
        "OPTIONS": {"timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "Europe/Paris"

CELERY_BROKER_URL = os.environ["PROJECT_REDIS"]
CELERY_RESULT_BACKEND = os.environ["PROJECT_REDIS"]
CELERY_TASK_DEFAULT_QUEUE = os.environ["PROJECT_QUEUE"]
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_TRACK_STARTED = True
CELERY_RESULT_EXTENDED = True
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULE = {
    "count-articles": {
        "task": "articles.tasks.count",
        "schedule": timedelta(seconds=0.5),
        "kwargs": {"kind": "all"},
        "options": {"expires": 60},
    },
}
