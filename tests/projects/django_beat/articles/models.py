"""What the newsroom keeps."""

from django.db import models


class Article(models.Model):
    """One article."""

    title = models.CharField(max_length=100)
    due = models.DateTimeField()
    published = models.BooleanField(default=False)
    words = models.IntegerField(null=True)


class Note(models.Model):
    """A line of a diary."""

    text = models.TextField()
