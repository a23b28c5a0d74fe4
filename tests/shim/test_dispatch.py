"""Connecting to signals, as Celery's users do it."""

from __future__ import annotations

import gc

import pytest

from bullrush import Celery, signals
from bullrush.utils import dispatch
from bullrush.utils.dispatch import Signal


class Heard:
    """A receiver that remembers."""

    def __init__(self) -> None:
        self.what: list[object] = []

    def listen(self, **named: object) -> str:
        self.what.append(named)
        return "heard"


@pytest.fixture
def signal() -> Signal:
    return Signal(["a"], name="probe")


def test_a_receiver_gets_the_signal_the_sender_and_the_arguments(signal):
    heard = Heard()
    assert signal.connect(heard.listen) == heard.listen
    assert signal.send("me", a=1) == [(heard.listen, "heard")]
    assert heard.what == [{"signal": signal, "sender": "me", "a": 1}]


def test_it_decorates_with_and_without_parentheses(signal):
    @signal.connect
    def plain(**named):
        return "plain"

    @signal.connect(sender="me")
    def chosen(**named):
        return "chosen"

    assert [answer for _, answer in signal.send("me")] == ["plain", "chosen"]
    assert [answer for _, answer in signal.send("you")] == ["plain"]


def test_a_sender_is_an_object_or_an_equal_text(signal):
    app = Celery("proj", broker="memory://", set_as_current=False)
    task = app.task(_nothing)
    by_object, by_name = Heard(), Heard()
    signal.connect(by_object.listen, sender=task)
    signal.connect(by_name.listen, sender="".join(["proj", ".tests"]))
    signal.send(sender=task)
    signal.send(sender="proj.tests")
    signal.send(sender=None)
    assert [each["sender"] for each in by_object.what] == [task]
    assert [each["sender"] for each in by_name.what] == ["proj.tests"]


def _nothing():
    pass


def test_a_receiver_without_keyword_arguments_is_refused(signal):
    with pytest.raises(ValueError, match="Signal receiver must accept keyword arguments"):
        signal.connect(lambda sender: None)
    with pytest.raises(TypeError, match="5"):
        signal.connect(5)
    with pytest.raises(TypeError, match="foo"):
        signal.connect(Heard().listen, foo=1)


def test_an_exception_is_logged_and_the_others_are_told(signal, caplog):
    heard = Heard()

    def bad(**named):
        raise LookupError("boo")

    signal.connect(bad)
    signal.connect(heard.listen)
    answers = [answer for _, answer in signal.send_robust(None)]
    assert repr(answers[0]) == "LookupError('boo')"
    assert answers[1] == "heard"
    assert "raised: LookupError('boo')" in caplog.text


def test_a_receiver_is_forgotten_with_its_function_unless_weak_is_false(signal):
    def connect(weak):
        def local(**named):
            return "local"

        signal.connect(local, weak=weak)

    connect(True)
    gc.collect()
    assert not signal.receivers
    connect(False)
    gc.collect()
    assert [answer for _, answer in signal.send(None)] == ["local"]


def test_methods_are_told_as_long_as_their_object_lives(signal):
    heard = Heard()
    signal.connect(heard.listen)
    gc.collect()
    assert signal.has_listeners()
    del heard
    gc.collect()
    assert not signal.has_listeners()


def test_one_of_an_id_or_of_a_function_is_connected_once(signal):
    first, second = Heard(), Heard()
    signal.connect(first.listen, dispatch_uid="one")
    signal.connect(second.listen, dispatch_uid="one")
    signal.connect(second.listen)
    signal.connect(second.listen)
    signal.send(None)
    assert (len(first.what), len(second.what)) == (1, 1)
    assert signal.disconnect(dispatch_uid="one")
    assert not signal.disconnect(dispatch_uid="one")
    assert signal.disconnect(second.listen)
    assert not signal.receivers


def test_disconnecting_needs_the_sender_it_was_connected_with(signal):
    heard = Heard()
    signal.connect(heard.listen, sender="me")
    assert not signal.has_listeners("you")
    assert signal.has_listeners("me")
    assert not signal.disconnect(heard.listen)
    assert signal.disconnect(heard.listen, sender="me")


def test_with_retry_a_receiver_is_called_until_it_succeeds(signal, monkeypatch):
    monkeypatch.setattr(dispatch, "RETRY_STEP", 0.001)
    tries = []

    def flaky(**named):
        tries.append(named)
        if len(tries) < 3:
            raise ConnectionError("not yet")
        return "now"

    signal.connect(flaky, retry=True)
    assert [answer for _, answer in signal.send(None)] == ["now"]
    assert len(tries) == 3


def test_who_connects_to_a_signal_that_is_never_sent_is_told(caplog):
    heard = Heard()
    signals.eventlet_pool_started.connect(heard.listen)
    assert "eventlet_pool_started is never sent" in caplog.text


def test_every_signal_of_celery_is_there():
    assert len(signals.__all__) == 34
    for name in signals.__all__:
        assert getattr(signals, name).name == name
