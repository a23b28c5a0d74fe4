"""What processes in the background need: a file with their number, another user, a start."""

from __future__ import annotations

import atexit
import contextlib
import grp
import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

#: Celery's exit code for: the file with the number of the process cannot be made.
CANNOT_CREATE = 73
_ANSWERS_NOTHING = ("-D", "--detach")

OPTIONS = (
    click.option("-D", "--detach", is_flag=True, help="Go on in the background."),
    click.option("--pidfile", help="Where to write the number of this process; %n is its name."),
    click.option("--uid", help="Run as this user: a name or a number."),
    click.option("--gid", help="Run as this group: a name or a number."),
    click.option("--umask", help="Octal: what files made by this process may not be used for."),
    click.option("--executable", help="The Python that --detach starts."),
)
NAMES = ("detach", "pidfile", "uid", "gid", "umask", "executable")


def daemon_options(function: F) -> F:
    """The options that `prepared` takes."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@contextmanager
def prepared(
    detach: bool,
    pidfile: str | None,
    uid: str | None,
    gid: str | None,
    umask: str | None,
    executable: str | None,
) -> Iterator[None]:
    """Be what the options say while the body runs. With `detach` this process ends here, and a new
    one goes on.
    """
    check_pidfile(pidfile)
    if detach:
        start_in_background(own_arguments(), executable)
        sys.exit(0)
    if umask:
        os.umask(octal(umask))
    become(uid, gid)
    with pid_in(pidfile):
        yield


def own_arguments() -> list[str]:
    """This command without ``--detach``."""
    return [each for each in sys.argv[1:] if each not in _ANSWERS_NOTHING]


def start_in_background(arguments: Sequence[str], executable: str | None = None, **how: Any) -> int:
    """Start ``bullrush`` with these arguments, apart from this terminal; its process id.

    Args:
        how: what else `subprocess.Popen` is told: user, group, umask.
    """
    process = subprocess.Popen(
        [executable or sys.executable, "-m", "bullrush", *arguments],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **how,
    )
    process.returncode = 0  # It is on its own now: no warning that it still runs.
    return process.pid


def become(uid: str | None, gid: str | None) -> None:
    """Give up this process' rights for those of a user and a group."""
    try:
        user = _user(uid)
        if user is not None and os.getuid() == user.pw_uid != 0:
            return  # has been given up: a worker that has started anew
        if gid is not None:
            os.setgid(int(gid) if gid.isdigit() else grp.getgrnam(gid).gr_gid)
        elif user is not None:
            os.initgroups(user.pw_name, user.pw_gid)
            os.setgid(user.pw_gid)
        if user is not None:
            os.setuid(user.pw_uid)
    except (KeyError, OSError) as error:
        raise click.UsageError(f"--uid {uid} --gid {gid}: {error}") from None


def _user(uid: str | None) -> pwd.struct_passwd | None:
    if uid is None:
        return None
    return pwd.getpwuid(int(uid)) if uid.isdigit() else pwd.getpwnam(uid)


def octal(text: str) -> int:
    """The mask that ``022`` means."""
    try:
        return int(text, 8)
    except ValueError:
        raise click.UsageError(f"--umask {text}: not an octal number") from None


def read_pid(path: str | Path) -> int | None:
    """The number in a file, when a process of that number runs."""
    try:
        pid = int(Path(path).read_text(encoding="ascii").strip())
        os.kill(pid, 0)
    except PermissionError:
        return pid
    except (OSError, ValueError):
        return None
    return pid


def check_pidfile(path: str | None) -> None:
    """End with Celery's code when the process in that file runs."""
    pid = read_pid(path) if path else None
    if pid is not None and pid != os.getpid():
        click.echo(
            f"ERROR: Pidfile ({path}) already exists.\nSeems we're already running? (pid: {pid})",
            err=True,
        )
        sys.exit(CANNOT_CREATE)


@contextmanager
def pid_in(path: str | None) -> Iterator[None]:
    """Keep this process' number in a file while the body runs."""
    if not path:
        yield
        return
    try:
        Path(path).write_text(f"{os.getpid()}\n", encoding="ascii")
    except OSError as error:
        raise click.UsageError(f"--pidfile {path}: {error}") from None
    atexit.register(_remove, path, os.getpid())
    try:
        yield
    finally:
        _remove(path, os.getpid())


def _remove(path: str, owner: int) -> None:
    """Children that are copies of the process must not take its file away."""
    if os.getpid() == owner:
        with contextlib.suppress(OSError):
            Path(path).unlink()
