"""Uses of small objects from Celery's inside; printed, and compared with what Celery prints."""

import os
import signal
import threading

import celery
from celery import beat, schedules
from celery.local import class_property, try_import
from celery.platforms import signals
from celery.utils.threads import LocalStack


class Counted:
    """With a property of the class."""

    kept = 1

    @class_property
    def total(cls):
        """What is kept."""
        return cls.kept

    @total.setter
    def total(cls, value):
        cls.kept = value


one = Counted()
print(Counted.total, one.total)
one.total = 5
print(Counted.kept, one.total)
print(try_import("json").__name__, try_import("nobody.has.it"), try_import("nobody", 5))

came = []
signals["USR1"] = lambda number, frame: came.append(number)
os.kill(os.getpid(), signal.SIGUSR1)
print(came, signals.supported("HUP"), signals.supported("NOPE"))
for name in ("TERM", "SIGTERM", 15, "nope", None):
    try:
        print(signals.signum(name))
    except TypeError as error:
        print(error)
signals["NOPE"] = print
signals.ignore("USR1", "USR2")
print(signals["USR1"] == signals.ignored)
signals.reset("USR1")
print(signals["USR1"] == signals.default)
signals.update({"USR1": print}, HUP=print)
print(signals["HUP"], signals["USR1"])
signals.arm_alarm(100)
print(signals.reset_alarm() > 90, signals.reset_alarm())

stack = LocalStack()
stack.push(1)
stack.push(2)
thread = threading.Thread(target=lambda: (stack.push(3), print(stack.top, len(stack))))
thread.start()
thread.join()
print(stack.top, len(stack), list(stack.stack), stack.pop(), stack.pop(), stack.pop(), stack.top)

print(beat.crontab is schedules.crontab, beat.logger.name, beat.get_logger("x").name)
print(isinstance(celery.Celery("a", broker="memory://").conf, celery.app.utils.Settings))
