"""Who is let in, for one application: the policy, and what it remembers between requests."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bullrush.core.errors import InvalidOption

from .policy import Policy
from .refusals import Refusals
from .roles import Principal, Role
from .sessions import Ended, Session, Sessions
from .sharing import Shared
from .throttle import Throttle
from .tokens import digest_of, find_token
from .web_tokens import WebTokens, looks_like_web_token

logger = logging.getLogger(__name__)

#: The application's own way: who is calling, by name of a role or in full; None for nobody.
Authenticate = Callable[[], Principal | Role | str | None]


class SlowDown(Exception):
    """Too many wrong tokens came from that address.

    Attributes:
        seconds: after which the next may be tried.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes:
        principal: who it is.
        subject: what its CSRF tokens are bound to.
        session: the login, when it came by cookie.
    """

    principal: Principal
    subject: str
    session: Session | None = None


class Door:
    """Decides who is let in. Closed unless something opens it.

    Args:
        policy: what the application configured.
        authenticate: the application's own callable.
        shared: what the processes of the application know together.

    Raises:
        InvalidOption: a key for JWT cannot be used.
    """

    def __init__(
        self,
        policy: Policy,
        authenticate: Authenticate | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.policy = policy
        self.throttle = Throttle(shared=shared)
        self.ended = Ended(policy.session_lifetime, shared)
        self.refusals = Refusals(shared)
        self._authenticate = authenticate
        self._web_tokens = WebTokens(policy.web_tokens) if policy.web_tokens else None
        self._own_key = secrets.token_bytes(32)

    @property
    def is_locked(self) -> bool:
        """Whether there is no way in at all."""
        return not (self.takes_tokens or self._authenticate)

    @property
    def takes_tokens(self) -> bool:
        """Whether there is a token that opens something."""
        return bool(self.policy.tokens or self._web_tokens)

    @property
    def is_open(self) -> bool:
        """Whether everybody is an admin: nothing protects, and that was asked for."""
        return self.is_locked and self.policy.insecure

    def require_protection(self) -> None:
        """Refuse to serve a dashboard that nothing protects.

        Raises:
            InvalidOption: there is no way in, and nobody said that none is wanted.
        """
        if self.is_locked and not self.policy.insecure:
            raise InvalidOption(
                "the dashboard has no protection: set BULLRUSH_ADMIN_TOKEN, BULLRUSH_TOKENS, "
                "BULLRUSH_JWT or Bullrush(auth=...), or BULLRUSH_UI_INSECURE=1 to leave it open "
                "to everybody"
            )

    def sessions(self, keys: Sequence[str | bytes]) -> Sessions:
        """The cookies, signed with the application's keys.

        Args:
            keys: the newest first; without any, logins end with this process.
        """
        signing = [key.encode() if isinstance(key, str) else key for key in keys]
        return Sessions(signing or [self._own_key], self.policy.session_lifetime)

    def by_token(self, token: str, address: str) -> Principal | None:
        """Whose token it is; None for nobody's.

        Raises:
            NoRole: a good JWT without a role.
            SlowDown: too many wrong tokens came from that address.
        """
        if self._web_tokens is not None and looks_like_web_token(token):
            found = self._web_tokens.principal(token)
            if found is not None:
                return found
        digest = digest_of(token)
        known = find_token(digest, self.policy.tokens)
        wait = self.throttle.right(address, digest) if known else 0
        if wait:
            raise SlowDown(wait)
        return Principal(known.name, known.role, explicit=True) if known else None

    def is_web_token(self, token: str) -> bool:
        """Whether it is a good JWT."""
        return self._web_tokens is not None and self._web_tokens.principal(token) is not None

    def refused(self, token: str, address: str) -> None:
        """A token was nobody's.

        Raises:
            SlowDown: too many came from that address.
        """
        if not looks_like_web_token(token):
            wait = self.throttle.wrong(address)
            if wait:
                raise SlowDown(wait)

    def by_session(self, session: Session, sessions: Sessions) -> Principal | None:
        """Whose login it is; None when its token is not valid any more.

        Raises:
            NoRole: the JWT gives no role any more.
        """
        if session.id in self.ended:
            return None
        found: Principal | None = None
        if session.web_token is not None and self._web_tokens is not None:
            found = self._web_tokens.principal(session.web_token)
        elif session.fingerprint is not None:
            matching = [t for t in self.policy.tokens if sessions.stands_for(session, t.digest)]
            found = Principal(matching[0].name, matching[0].role) if matching else None
        return Principal(found.name, found.role) if found else None

    def by_application(self) -> Principal | None:
        """Who the application's own callable says it is.

        Raises:
            TypeError: it says something that is no principal and no role.
        """
        said = self._authenticate() if self._authenticate is not None else None
        if said is None or isinstance(said, Principal):
            return said
        try:
            role = said if isinstance(said, Role) else Role.named(said)
        except ValueError as error:
            raise TypeError(
                f"Bullrush(auth=...) returned no principal and no role: {error}"
            ) from None
        return Principal("application", role)
