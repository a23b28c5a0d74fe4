"""An application that OpenTelemetry's package for Celery watches; prints its spans, on Celery as on
bullrush.

    python traced_app.py REDIS_URL
"""

import sys
import threading

from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

spans = []
complete = threading.Event()


class Keeper(SpanExporter):
    """Keeps what ended; four spans are all."""

    def export(self, ended):
        spans.extend(ended)
        if len(spans) == 4:
            complete.set()
        return SpanExportResult.SUCCESS


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(Keeper()))
trace.set_tracer_provider(provider)
CeleryInstrumentor().instrument()

from celery import Celery  # noqa: E402
from celery.contrib.testing.worker import start_worker  # noqa: E402

app = Celery("traced", broker=sys.argv[1], backend=sys.argv[1])
app.conf.task_default_queue = "traced"


@app.task
def fail(x):
    raise ValueError("no")


@app.task
def double(x):
    return 2 * x


with start_worker(app, perform_ping_check=False, pool="solo"):
    fail.delay(1)
    double.delay(2)
    assert complete.wait(20), spans

names = {span.context.span_id: span.name for span in spans}
#: Other ids and names in every run, and the address for answers that nobody listens to here.
VARYING = ("id", "hostname", "reply_to")
for span in spans:
    parent = names[span.parent.span_id] if span.parent else None
    known = {k: v for k, v in span.attributes.items() if not k.endswith(VARYING)}
    errors = [event.attributes["exception.type"] for event in span.events]
    status = span.status.status_code.name
    print(span.name, span.kind.name, status, parent, errors, sorted(known.items()))
