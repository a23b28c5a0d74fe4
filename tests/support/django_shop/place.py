"""Places two orders, of which the second is rolled back."""

import django
import shop  # noqa: F401 - names the settings
from django.core.management import call_command

django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)

from django.db import transaction  # noqa: E402
from orders.models import Order  # noqa: E402
from orders.tasks import ship  # noqa: E402

with transaction.atomic():
    order = Order.objects.create()
    print(ship.delay_on_commit(order.id))
try:
    with transaction.atomic():
        ship.apply_async_on_commit((Order.objects.create().id,))
        raise LookupError
except LookupError:
    pass
