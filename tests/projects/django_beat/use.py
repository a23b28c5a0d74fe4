"""A day in the newsroom: articles are written, published by beat, counted, and one is refused."""

import os
import time
from datetime import timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
import django

django.setup()

from articles import tasks
from articles.models import Article, Note
from celery import current_app
from celery.result import AsyncResult
from django.db import transaction
from django.utils import timezone
from newsroom import celery_app


def until(condition):
    """Ask until it is true."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError


print("app", celery_app.main, current_app.main, celery_app.conf.timezone)
names = sorted(name for name in celery_app.tasks if not name.startswith("celery."))
print("tasks", *names)
print("schedule", *sorted(celery_app.conf.beat_schedule))

now = timezone.now()
article, sent = tasks.write("one two three", now)
print("on commit", sent)
later, _ = tasks.write("not before tomorrow", now + timedelta(days=1))
until(lambda: Article.objects.filter(words__isnull=False).count() == 2)
print("words", *Article.objects.order_by("id").values_list("words", flat=True))

try:
    with transaction.atomic():
        lost = Article.objects.create(title="rolled back", due=now)
        tasks.words_of.delay_on_commit(lost.id)
        raise LookupError
except LookupError:
    print("rolled back", Article.objects.count())

until(lambda: Article.objects.filter(published=True).count() == 1)
print("published", *Article.objects.filter(published=True).values_list("title", flat=True))
until(lambda: Note.objects.filter(text="all: 2").count() >= 2)
print("counted by beat")

print("chord", tasks.count_words([article, later]).delay().get(timeout=20))
print("chain", tasks.twice(article).delay().get(timeout=20))

failed = tasks.refuse.delay(7)
try:
    failed.get(timeout=20)
except ValueError as error:
    print("failed", error, AsyncResult(failed.id).state, AsyncResult(failed.id).name)
print("noted", until(lambda: Note.objects.filter(text__contains="failed").first()).text)
missing = tasks.words_of.delay(10_000)
print("retried", type(missing.get(timeout=20, propagate=False)).__name__, missing.state)
