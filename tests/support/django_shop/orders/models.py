"""Orders."""

from django.db import models


class Order(models.Model):
    """One order."""

    shipped = models.BooleanField(default=False)
    counted = models.IntegerField(default=0)
