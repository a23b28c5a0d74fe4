"""The dashboard's login: a signed cookie that stands for a token, and its CSRF token."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadData, Signer, URLSafeTimedSerializer

from .sharing import Shared, is_there, put

#: Sessions that were ended by their owner and are remembered until they would have expired.
REMEMBERED = 10_000
#: s for which a session that was good may be used while Redis is away.
REMEMBERED_FOR = 300.0
#: Characters of a cookie that browsers keep.
LONGEST_COOKIE = 3800


@dataclass(frozen=True)
class Session:
    """What a cookie says.

    Attributes:
        id: random, new at each login.
        fingerprint: of the static token that was given; None for a JWT.
        web_token: the JWT that was given.
    """

    id: str
    fingerprint: str | None = None
    web_token: str | None = None


class Sessions:
    """Writes and reads the cookie.

    The cookie holds no role: what the token allows is looked up each time, so a token that is taken
    back, or has another role now, takes its sessions with it.

    Args:
        keys: what cookies are signed with, the newest first.
        lifetime: s.
    """

    def __init__(self, keys: Sequence[bytes], lifetime: int) -> None:
        self._keys = list(keys)
        self._lifetime = lifetime
        oldest_first = self._keys[::-1]
        self._cookies = URLSafeTimedSerializer(
            oldest_first, salt="bullrush.session", signer_kwargs=_STRONG
        )
        self._signer = Signer(oldest_first, salt="bullrush.csrf", **_STRONG)

    def open(self, digest: bytes | None, web_token: str | None = None) -> str:
        """A cookie for a token that was right.

        Args:
            digest: of a static token.
            web_token: a JWT.

        Raises:
            ValueError: the JWT is too long for a cookie.
        """
        content = {"s": secrets.token_urlsafe(16)}
        if digest is not None:
            content["t"] = _fingerprint(self._keys[0], digest)
        if web_token is not None:
            content["j"] = web_token
        cookie = self._cookies.dumps(content)
        text = cookie.decode() if isinstance(cookie, bytes) else cookie
        if len(text) > LONGEST_COOKIE:
            raise ValueError("the token is too long for a cookie")
        return text

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None when it is not ours, too old or was changed."""
        if not cookie or len(cookie) > LONGEST_COOKIE + 200:
            return None
        try:
            content: Any = self._cookies.loads(cookie, max_age=self._lifetime)
            return Session(content["s"], content.get("t"), content.get("j"))
        except (BadData, KeyError, AttributeError, TypeError):
            return None

    def stands_for(self, session: Session, digest: bytes) -> bool:
        """Whether the session was opened with the token of that digest."""
        sent = (session.fingerprint or "").encode()
        known = [_fingerprint(key, digest).encode() for key in self._keys]
        matches = [hmac.compare_digest(sent, each) for each in known]
        return any(matches)

    def csrf_token(self, subject: str) -> str:
        """What the pages of that session, or caller, send along with each change."""
        return self._signer.get_signature(subject).decode()

    def is_csrf_token(self, subject: str, token: str) -> bool:
        """Whether the token belongs to that session or caller; compared in constant time."""
        return self._signer.verify_signature(subject, token)


class Ended:
    """The sessions that were logged out before they expired, in whichever process.

    While Redis is away, this process knows of those that ended here, and of those that were not
    ended a moment ago. Any other session is taken for an ended one.

    Args:
        lifetime: s after which a session expires by itself.
        shared: what the processes know together; None when there is just this one.
    """

    def __init__(self, lifetime: int, shared: Shared | None = None) -> None:
        self._lifetime = lifetime
        self._shared = shared
        self._guard = threading.Lock()
        self._ids: OrderedDict[str, float] = OrderedDict()
        self._alive: OrderedDict[str, float] = OrderedDict()
        self._untold: set[str] = set()

    def add(self, session_id: str) -> None:
        """Remember it."""
        self._keep(self._ids, session_id, self._lifetime)
        if self._shared is None:
            return
        if self._shared.ask(put(self._key(session_id), self._lifetime)) is None:
            with self._guard:
                self._untold.add(session_id)
                self._untold &= self._ids.keys()

    def __contains__(self, session_id: str) -> bool:
        with self._guard:
            ended, untold = session_id in self._ids, list(self._untold)
        if ended or self._shared is None:
            return ended
        told = [put(self._key(each), self._lifetime) for each in untold]
        answers = self._shared.ask(*told, is_there(self._key(session_id)))
        if answers is None:
            with self._guard:
                seen = self._alive.get(session_id, -math.inf)
                return seen < time.monotonic() - REMEMBERED_FOR
        with self._guard:
            self._untold.difference_update(untold)
        if answers[-1]:
            self._keep(self._ids, session_id, self._lifetime)
        else:
            self._keep(self._alive, session_id, REMEMBERED_FOR)
        return bool(answers[-1])

    def _key(self, session_id: str) -> str:
        assert self._shared is not None
        return self._shared.key("ended", session_id)

    def _keep(self, memory: OrderedDict[str, float], session_id: str, life: float) -> None:
        now = time.monotonic()
        with self._guard:
            memory[session_id] = now
            memory.move_to_end(session_id)
            while len(memory) > REMEMBERED or next(iter(memory.values())) < now - life:
                memory.popitem(last=False)


_STRONG: Any = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}


def _fingerprint(key: bytes, digest: bytes) -> str:
    """Says nothing about the token to whoever has no key."""
    return hmac.new(key, b"bullrush.token" + digest, hashlib.sha256).hexdigest()[:32]
