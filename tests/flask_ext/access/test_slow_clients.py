"""Clients that hardly send anything keep nobody else waiting: on real sockets, with the server and
the limits of ``bullrush serve``.
"""

from __future__ import annotations

import contextlib
import http.client
import socket

import pytest

from bullrush.flask_ext.serving import client_limits
from tests.flask_ext.access.conftest import TOKENS
from tests.support.web_server import serving

AUTHORIZATION = f"Authorization: Bearer {TOKENS['boss']['token']}\r\n"
THREADS = 2
PATIENCE = 20


@pytest.fixture
def address(open_app):
    """Where an application answers that has two threads and takes bodies of 1000 bytes."""
    app = open_app(BULLRUSH_MAX_BODY=1000)
    with serving(app, THREADS, **client_limits(1000)) as found:
        yield found


def begin(address, text):
    """A connection on which that much was sent."""
    connection = socket.create_connection(address, timeout=PATIENCE)
    connection.sendall(text.encode())
    return connection


def status_of(address, path="/probe/page"):
    """The status for a client that sends all it has to."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
    with contextlib.closing(connection):
        token = {"Authorization": AUTHORIZATION.partition(": ")[2].strip()}
        connection.request("GET", path, headers=token)
        return connection.getresponse().status


def answer_of(connection):
    """The first line of an answer; empty when the server hung up on what was still to come."""
    with connection, connection.makefile("rb") as lines, contextlib.suppress(ConnectionError):
        return lines.readline().decode()
    return ""


@pytest.mark.parametrize(
    "begun",
    [
        "",
        "POST /probe/ad",
        "POST /probe/admin HTTP/1.1\r\nHost: shop\r\nX-Slow: ",
        f"POST /probe/admin HTTP/1.1\r\nHost: shop\r\n{AUTHORIZATION}"
        "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n[",
        f"POST /probe/admin HTTP/1.1\r\nHost: shop\r\n{AUTHORIZATION}"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n",
        "POST /admin/queues/login HTTP/1.1\r\nHost: shop\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\ntoken=",
    ],
    ids=["nothing", "a word", "headers", "a body", "chunks", "a form"],
)
def test_others_are_answered_while_many_are_slow(address, begun):
    with contextlib.ExitStack() as stack:
        for _ in range(THREADS * 10):
            stack.enter_context(begin(address, begun))
        assert status_of(address) == 200


def test_more_slow_clients_than_the_server_takes_by_default_are_no_matter(address):
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(begin(address, "GET / HTTP/1.1\r\nX-Slow: "))
        assert status_of(address) == 200


def test_a_body_that_is_said_to_be_huge_is_refused_before_it_comes(address):
    head = f"POST /probe/admin HTTP/1.1\r\nHost: shop\r\n{AUTHORIZATION}"
    begun = begin(address, f"{head}Content-Length: 99999999999\r\n\r\n")
    assert answer_of(begun).startswith("HTTP/1.1 413")


def test_endless_headers_are_refused(address):
    begun = begin(address, "GET / HTTP/1.1\r\n" + f"X: {'y' * 1000}\r\n" * 40)
    assert answer_of(begun)[8:12] in (" 431", "")
    assert status_of(address) == 200


def test_a_body_in_chunks_is_bounded_as_any_other(address):
    head = (
        f"POST /probe/admin HTTP/1.1\r\nHost: shop\r\n{AUTHORIZATION}"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = "3e8\r\n" + " " * 1000 + "\r\n"
    assert answer_of(begin(address, f"{head}{chunk * 2}0\r\n\r\n")).startswith("HTTP/1.1 413")
    assert answer_of(begin(address, f"{head}2\r\n[]\r\n0\r\n\r\n")).startswith("HTTP/1.1 200")


@pytest.mark.parametrize(
    "line",
    [
        "GET /probe/page HTTP/1.1\r\nHost: shop\r\nX: a\r\n b\x00c\r\n\r\n",
        "GET /probe/page HTTP/1.1\r\nHost: shop\r\nAuthorization : Bearer x\r\n\r\n",
        "GET /probe/page\x00 HTTP/1.1\r\nHost: shop\r\n\r\n",
    ],
)
def test_what_is_no_request_reaches_no_page(address, line):
    assert not answer_of(begin(address, line)).startswith("HTTP/1.1 200")
    assert status_of(address) == 200
