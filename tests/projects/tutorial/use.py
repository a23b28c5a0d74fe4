"""What the project does with its tasks; prints one line for each answer."""

from celery import chain, chord, group
from celery.result import AsyncResult
from proj.celery import app
from proj.tasks import add, count, fail, flaky, mul, slow, xsum

print("add", add.delay(4, 4).get(timeout=20))
print("options", add.apply_async((2, 2), countdown=0.01, expires=60).get(timeout=20))
result = fail.delay("no good")
try:
    result.get(timeout=20)
except ValueError as error:
    print("fail", error, result.state, result.failed())
print("flaky", flaky.delay(2).get(timeout=20))
print("slow", slow.delay("/never/there").get(timeout=20))
print("count", sorted({count.delay().get(timeout=20) for _ in range(3)})[0])
print("partial", add.s(2).apply_async((8,)).get(timeout=20))
print("chain", (add.s(4, 4) | mul.s(8)).apply_async().get(timeout=20))
print("group", group(add.s(i, i) for i in range(4))().get(timeout=20))
print("chord", chord((add.s(i, i) for i in range(4)), xsum.s())().get(timeout=20))
print("upgraded", (group(add.s(i, i) for i in range(3)) | xsum.s())().get(timeout=20))
print("chunks", add.chunks(zip(range(4), range(4), strict=True), 2)().get(timeout=20))
print("nested", chain(add.s(1, 1), group(mul.s(2), mul.s(3)), xsum.s())().get(timeout=20))
print("by id", AsyncResult(result.id, app=app).state)
print("by name", app.send_task("proj.tasks.add", (1, 2)).get(timeout=20))
