"""Tasks of orders."""

from django.db import connection
from django.db.models import F

from bullrush import shared_task

from .models import Order


@shared_task
def ship(order_id):
    """Ships an order that is there."""
    order = Order.objects.get(id=order_id)
    order.shipped = True
    order.save(update_fields=["shipped"])


@shared_task
def count():
    """Counts by the clock."""
    Order.objects.update(counted=F("counted") + 1)


@shared_task
def look():
    """Whether a connection was left open by the task before."""
    before = connection.connection is not None
    connection.ensure_connection()
    return before
