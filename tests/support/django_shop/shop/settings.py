"""The settings of a shop."""

import os

SECRET_KEY = "of a test"
INSTALLED_APPS = ["orders"]
if os.environ.get("SHOP_BACKEND"):
    INSTALLED_APPS.append("django_celery_results")
    CELERY_RESULT_BACKEND = os.environ["SHOP_BACKEND"]
    CELERY_RESULT_EXTENDED = True
if os.environ.get("SHOP_REUSE"):
    CELERY_DB_REUSE_MAX = int(os.environ["SHOP_REUSE"])
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SHOP_DATABASE"]}
}
USE_TZ = True
TIME_ZONE = "Asia/Kathmandu"

CELERY_BROKER_URL = os.environ["SHOP_BROKER"]
CELERY_TASK_DEFAULT_QUEUE = os.environ["SHOP_QUEUE"]
CELERY_BEAT_SCHEDULE = {
    "count": {"task": "orders.tasks.count", "schedule": 0.5},
}
