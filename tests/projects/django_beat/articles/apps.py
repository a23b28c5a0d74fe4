"""Listens to Celery's signals, as applications do when Django is ready."""

from django.apps import AppConfig


class ArticlesConfig(AppConfig):
    """See above."""

    name = "articles"

    def ready(self):
        """Connect the receivers."""
        from celery.signals import task_failure

        task_failure.connect(note_failure, dispatch_uid="articles")


def note_failure(sender=None, task_id=None, exception=None, **kwargs):
    """Keep what failed in the database."""
    from .models import Note

    Note.objects.create(text=f"{sender.name} failed: {exception!r}")
