"""What a worker logs, under which names, and how a project sets that up."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterator

import pytest

from bullrush import Celery, signals
from bullrush.app.log import LogSettings, TaskFormatter, log_path
from bullrush.exceptions import Ignore
from bullrush.local import running
from bullrush.utils.log import (
    ColorFormatter,
    LoggingProxy,
    get_logger,
    get_task_logger,
    iter_open_logger_fds,
    mlevel,
)
from bullrush.utils.saferepr import saferepr

TOUCHED = (None, "celery", "celery.task", "celery.redirected")


@pytest.fixture
def untouched(monkeypatch) -> Iterator[None]:
    """Loggers and standard output are afterwards what they were."""
    for name in ("LEVEL", "FILE", "REDIRECT", "REDIRECT_LEVEL"):
        monkeypatch.setenv(f"CELERY_LOG_{name}", "")
    loggers = [logging.getLogger(name) for name in TOUCHED]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    outputs = sys.stdout, sys.stderr
    yield
    sys.stdout, sys.stderr = outputs
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def own() -> Celery:
    """An application whose log is set up here."""
    return Celery("proj", broker="memory://log", set_as_current=False)


def lines(caplog, name):
    return [each for each in caplog.records if each.name == name]


def test_a_run_is_logged_by_the_names_that_projects_filter_by(app, start, caplog):
    caplog.set_level(logging.INFO)

    @app.task(shared=False)
    def add(x, y):
        return x + y

    start(hostname="probe@here")
    result = add.delay(1, y=2)
    assert result.get(timeout=20) == 3
    (received,) = lines(caplog, "celery.worker.strategy")
    assert received.getMessage() == f"Task {add.name}[{result.id}] received"
    assert received.data["args"] == "(1,)"
    (succeeded,) = lines(caplog, "celery.app.trace")
    assert succeeded.getMessage().startswith(f"Task {add.name}[{result.id}] succeeded in ")
    assert succeeded.getMessage().endswith("s: 3")
    assert succeeded.data["return_value"] == "3"
    assert succeeded.data["hostname"] == "probe@here"
    assert [each.getMessage() for each in lines(caplog, "celery.apps.worker")] == [
        "probe@here ready."
    ]
    assert not [each for each in caplog.records if each.getMessage().startswith("completed:")]


def test_what_a_task_raises_is_logged_with_its_traceback_unless_it_is_expected(app, start, caplog):
    caplog.set_level(logging.INFO)

    @app.task(shared=False, throws=(KeyError,))
    def fail(how):
        raise {"key": KeyError, "value": ValueError, "ignore": Ignore}[how]("no")

    @app.task(shared=False, bind=True)
    def again(self):
        if not self.request.retries:
            raise self.retry(exc=ValueError("not yet"), countdown=0)

    start(concurrency=1)
    results = [fail.delay(how) for how in ("key", "value")]
    fail.delay("ignore")
    retried = again.delay()
    retried.get(timeout=20)
    said = [
        (each.levelname, each.getMessage(), each.exc_info)
        for each in lines(caplog, "celery.app.trace")
    ]
    place = [f"Task {fail.name}[{each.id}]" for each in results]
    assert said[0] == ("INFO", f"{place[0]} raised expected: KeyError('no')", None)
    assert said[1][:2] == ("ERROR", f"{place[1]} raised unexpected: ValueError('no')")
    assert said[1][2][0] is ValueError
    assert said[2][1].endswith("] ignored")
    assert said[3][:2] == (
        "INFO",
        f"Task {again.name}[{retried.id}] retry: Retry in 0s: ValueError('not yet')",
    )


def test_a_long_result_is_cut(app, start, caplog):
    caplog.set_level(logging.INFO)

    @app.task(shared=False, resultrepr_maxsize=10)
    def long():
        return "x" * 5000

    start()
    long.delay().get(timeout=20)
    (line,) = lines(caplog, "celery.app.trace")
    assert line.getMessage().endswith("s: 'xxxxxxxxxx...'")


def test_nothing_is_rendered_when_nobody_reads_it(app, start, caplog):
    caplog.set_level(logging.WARNING)
    logging.getLogger("celery.app.trace").setLevel(logging.WARNING)

    class Sensitive(dict):
        def __repr__(self):
            raise AssertionError("looked at")

    @app.task(shared=False)
    def give():
        return Sensitive(a=1)

    try:
        assert give.apply().get() == {"a": 1}
    finally:
        logging.getLogger("celery.app.trace").setLevel(logging.NOTSET)
    assert "looked at" not in caplog.text


@pytest.mark.parametrize(
    ("value", "most", "shown"),
    [
        (list(range(30)), 20, "[0, 1, 2, 3, 4, 5, 6..."),
        ("x" * 50, 5, "'xxxxx...'"),
        (b"x" * 50, 5, "b'xxxxx...'"),
        ({"a": [1, [2, [3]]]}, None, "{'a': [1, [2, [...]]]}"),
        ((1,), 100, "(1,)"),
        (None, 100, "None"),
    ],
)
def test_a_repr_has_a_bound(value, most, shown):
    assert saferepr(value, most) == shown


def test_a_repr_that_raises_spoils_no_line():
    class Bad:
        def __repr__(self):
            raise LookupError

    assert saferepr(Bad()) == "<Bad: its repr raised LookupError>"
    assert saferepr([Bad()], 100) == "[<Bad: its repr raised LookupError>]"


@pytest.mark.usefixtures("untouched")
def test_loggers_of_tasks_say_which_task_runs(own):
    out = io.StringIO()

    @own.task(bind=True)
    def work(self):
        get_task_logger("shop.orders").info("at it")
        return self.request.id

    own.log.setup("INFO", out)
    result = work.apply(task_id="the-id")
    get_task_logger("shop.orders").info("outside")
    assert result.get() == "the-id"
    first, *_, last = [line for line in out.getvalue().splitlines() if "app.trace" not in line]
    assert first.endswith(f"INFO/MainProcess] {work.name}[the-id]: at it")
    assert last.endswith("INFO/MainProcess] ???[???]: outside")
    assert not running.get()


def test_a_task_logger_is_below_celery_task():
    logger = get_task_logger("shop.customers")
    assert (logger.name, logger.parent.name) == ("shop.customers", "celery.task")
    assert get_task_logger("shop.customers") is logger
    assert get_logger("shop.other").parent.name == "celery"
    with pytest.raises(RuntimeError, match="reserved"):
        get_task_logger("celery.task")


@pytest.mark.usefixtures("untouched")
def test_the_root_logger_is_taken_over_unless_the_settings_say_no(own):
    root, mine = logging.getLogger(), logging.NullHandler()
    mine.setLevel(1)
    root.handlers[:] = [logging.StreamHandler(io.StringIO())]
    theirs = root.handlers[0]
    own.conf.worker_hijack_root_logger = False
    own.log.setup("DEBUG", io.StringIO())
    assert root.handlers == [theirs]
    assert root.level == logging.DEBUG
    own.conf.worker_hijack_root_logger = True
    own.log.already_setup = False
    own.log.setup("INFO", io.StringIO())
    assert theirs not in root.handlers
    assert logging.getLogger("celery.task").propagate is False


@pytest.mark.usefixtures("untouched")
def test_formats_and_dates_come_from_the_settings(own):
    out = io.StringIO()
    own.conf.update(
        worker_log_format="%(asctime)s|%(name)s|%(message)s",
        worker_log_datefmt="at",
        worker_task_log_format="%(asctime)s|%(task_name)s|%(message)s",
        worker_task_log_datefmt="then",
    )
    own.log.setup("INFO", out)
    logging.getLogger("other").info("one")
    get_task_logger("shop.third").info("two")
    assert out.getvalue().splitlines() == ["at|other|one", "then|???|two"]


@pytest.mark.usefixtures("untouched")
def test_who_connects_to_setup_logging_does_it_alone(own):
    root = logging.getLogger()
    handlers, told = root.handlers[:], []

    def set_up(**named):
        told.append(named)

    signals.setup_logging.connect(set_up)
    try:
        LogSettings("INFO").set_up(own)
    finally:
        signals.setup_logging.disconnect(set_up)
    assert root.handlers == handlers
    assert not isinstance(sys.stdout, LoggingProxy)
    assert (told[0]["loglevel"], told[0]["logfile"]) == (logging.INFO, None)
    assert told[0]["format"] == own.conf.worker_log_format


@pytest.mark.usefixtures("untouched")
def test_the_logger_may_be_finished_by_receivers(own):
    names = []

    def finish(logger, loglevel, **named):
        names.append((logger.name, loglevel))

    for signal in (signals.after_setup_logger, signals.after_setup_task_logger):
        signal.connect(finish)
    try:
        own.log.setup("WARNING", io.StringIO())
        own.log.setup("WARNING", io.StringIO())
    finally:
        for signal in (signals.after_setup_logger, signals.after_setup_task_logger):
            signal.disconnect(finish)
    assert names == [("root", 30), ("celery.task", 30)]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_printed_is_logged_as_the_settings_say(own, wanted, capsys):
    out = io.StringIO()
    own.conf.worker_redirect_stdouts = wanted
    own.conf.worker_redirect_stdouts_level = "ERROR"
    own.log.setup("INFO", out, wanted, "ERROR")
    print("printed\n\nagain")
    assert ("ERROR/MainProcess] printed" in out.getvalue()) is wanted
    assert out.getvalue().count("\n") == (2 if wanted else 0)
    assert os.environ["CELERY_LOG_LEVEL"] == "20"


def test_the_proxy_of_a_file_is_a_file():
    out = io.StringIO()
    logger = logging.Logger("proxy")
    logger.addHandler(logging.StreamHandler(out))
    proxy = LoggingProxy(logger, "ERROR")
    assert proxy.write("a\n") == 2
    proxy.writelines([b"b", "  "])
    proxy.flush()
    assert not proxy.isatty()
    proxy.close()
    proxy.write("c")
    assert out.getvalue() == "a\nb\n"


def test_colours_are_for_levels_and_terminals(own, monkeypatch):
    record = logging.LogRecord("n", logging.ERROR, "f", 1, "text", (), None)
    assert ColorFormatter("%(message)s").format(record) == "\033[1;31mtext\033[0m"
    assert TaskFormatter("%(task_id)s %(message)s", use_color=False).format(record) == "??? text"
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    assert own.log.supports_color(None, terminal)
    assert not own.log.supports_color(None, "a.log")
    assert not own.log.supports_color(None, io.StringIO())
    assert own.log.supports_color(True, io.StringIO())
    own.conf.worker_log_color = False
    assert not own.log.supports_color(None, terminal)


def test_a_log_file_is_named_after_the_worker_and_the_process():
    assert log_path("/log/%n%I.log", "one@host.org") == "/log/one.log"
    assert log_path("%p-%h-%d-%i-%%n", "one@host.org") == "one@host.org-host.org-org-0-%n"


@pytest.mark.usefixtures("untouched")
def test_a_log_file_is_written_in_utf8(own, tmp_path):
    path = tmp_path / "proj.log"
    own.log.setup("INFO", str(path))
    logging.getLogger("other").info("grün")
    open_files = list(iter_open_logger_fds())
    assert path.read_text(encoding="utf-8").endswith("grün\n")
    assert str(path) in [getattr(each, "name", "") for each in open_files]
    for handler in (*logging.getLogger().handlers, *logging.getLogger("celery.task").handlers):
        handler.close()


def test_levels_have_names_and_numbers():
    assert [mlevel(each) for each in ("info", "DEBUG", 40, None)] == [20, 10, 40, 0]
    with pytest.raises(KeyError):
        mlevel("loud")


def test_a_class_of_your_own_sets_up_the_log():
    from bullrush.app.log import Logging  # noqa: PLC0415

    class Mine(Logging):
        pass

    app = Celery("proj", broker="memory://log", log=Mine, set_as_current=False)
    assert isinstance(app.log, Mine)
    assert app.log.app is app


@pytest.mark.row(209)
def test_lines_of_a_task_are_json_with_the_job(app, start, queue_name, untouched):
    stream, logger = io.StringIO(), get_task_logger("shop.json")

    @app.task(shared=False, bind=True, name="send", max_retries=1)
    def send(self):
        logger.warning("sending")
        if self.request.retries == 0:
            raise self.retry(countdown=0)

    app.log.already_setup = False
    app.log.setup_task_loggers(logging.INFO, stream, format="json")
    start()
    result = send.apply_async(priority=3)
    result.get(timeout=20)
    first, second = (
        json.loads(line) for line in stream.getvalue().splitlines() if "sending" in line
    )
    assert first.pop("time") <= second["time"]
    assert first == {
        "level": "WARNING",
        "logger": "shop.json",
        "message": "sending",
        "job_id": result.id,
        "queue": queue_name,
        "task": "send",
        "attempt": 1,
        "priority": 3,
    }
    assert second["attempt"] == 2


def test_the_format_json_reaches_children_and_hides_arguments(own, untouched):
    stream = io.StringIO()
    LogSettings("INFO", stream, False, format="json").set_up(own)
    assert own.conf.worker_task_log_format == "json"
    extra = {"data": {"args": "['secret']"}}
    logging.getLogger("celery.worker.strategy").info("received", extra=extra)
    line = json.loads(stream.getvalue())
    assert (line["message"], line["logger"]) == ("received", "celery.worker.strategy")
    assert "secret" not in stream.getvalue()


@pytest.mark.row(212)
def test_the_console_of_a_worker_names_each_job(start_command, redis_url, queue_name):
    words = ("-l", "info", "--log-style", "emoji", "--log-format", "%(message)s")
    process = start_command(*words)
    with Celery("caller", broker=redis_url, set_as_current=False) as caller:
        job = caller.send_task("send", queue=queue_name)
        job.get(timeout=30)
    process.terminate()
    said = process.communicate(timeout=20)[1].splitlines()
    wanted = [f"🔄 Worker: Processing job {job.id} of type send", f"✅ Job {job.id} completed"]
    assert [line for line in said if line in wanted] == wanted
