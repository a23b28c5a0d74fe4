"""Tasks that are sent when a session of SQLAlchemy commits."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)

from bullrush.contrib.sqlalchemy import apply_async_on_commit, delay_on_commit
from bullrush.core.errors import ConnectionFailed


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine):
    with Session(engine) as session:
        yield session


@pytest.fixture
def task(app):
    return app.task(name="ship")(lambda order: order)


@pytest.fixture
def sent(app):
    """The arguments of what is in the queue."""
    queue = app.queue(app.conf.task_default_queue)
    return lambda: [job.data["args"][0] for job in queue.get_waiting()]


def test_a_task_is_sent_after_the_commit(session, task, sent):
    session.add(Order(id=1))
    delay_on_commit(session, task, 1)
    session.flush()
    assert sent() == []
    session.commit()
    assert sent() == [1]
    session.commit()
    assert sent() == [1]


def test_the_row_is_there_when_the_task_is_sent(session, engine, task):
    seen = []

    class Looking:
        @staticmethod
        def delay(order):
            with engine.connect() as other:
                seen.append(other.execute(text("select count(*) from orders")).scalar())

    session.add(Order(id=1))
    delay_on_commit(session, Looking, 1)
    session.commit()
    assert seen == [1]


def test_of_a_transaction_that_is_rolled_back_nothing_is_sent(session, task, sent):
    session.add(Order(id=1))
    delay_on_commit(session, task, 1)
    session.rollback()
    session.add(Order(id=1))
    session.commit()
    assert sent() == []


def test_a_commit_that_fails_sends_nothing(session, task, sent):
    session.add(Order(id=1))
    session.commit()
    session.expunge_all()
    session.add(Order(id=1))
    delay_on_commit(session, task, 1)
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()
    session.commit()
    assert sent() == []


def test_a_session_that_is_closed_sends_nothing(session, task, sent):
    session.add(Order(id=1))
    delay_on_commit(session, task, 1)
    session.close()
    session.commit()
    assert sent() == []


def test_a_savepoint_that_is_rolled_back_takes_its_tasks_along(session, task, sent):
    session.add(Order(id=1))
    delay_on_commit(session, task, 1)
    with session.begin_nested():
        delay_on_commit(session, task, 2)
        with session.begin_nested() as inner:
            delay_on_commit(session, task, 3)
            inner.rollback()
        session.add(Order(id=2))
        session.flush()
    assert sent() == []
    delay_on_commit(session, task, 4)
    session.commit()
    assert sent() == [1, 2, 4]


def test_a_savepoint_goes_down_with_its_transaction(session, task, sent):
    session.add(Order(id=1))
    with session.begin_nested():
        delay_on_commit(session, task, 2)
    session.rollback()
    session.commit()
    assert sent() == []


def test_without_a_transaction_the_next_one_counts(session, task, sent):
    delay_on_commit(session, task, 1)
    assert not session.in_transaction()
    with session.begin():
        session.add(Order(id=1))
    assert sent() == [1]


def test_a_scoped_session_is_taken_as_well_and_other_things_are_not(engine, task, sent):
    sessions = scoped_session(sessionmaker(engine))
    sessions.add(Order(id=1))
    apply_async_on_commit(sessions, task, (1,), priority=0)
    sessions.commit()
    sessions.remove()
    assert sent() == [1]
    with pytest.raises(TypeError, match="needs a session"):
        delay_on_commit(engine, task, 1)


def test_what_cannot_be_sent_raises_out_of_a_commit_that_is_done(session, engine):
    class Away:
        @staticmethod
        def delay(order):
            raise ConnectionFailed("Redis is away")

    session.add(Order(id=1))
    delay_on_commit(session, Away, 1)
    with pytest.raises(ConnectionFailed):
        session.commit()
    assert session.get(Order, 1) is not None
