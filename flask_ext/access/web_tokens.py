"""JSON Web Tokens: ``Authorization: Bearer <header>.<claims>.<signature>``.

PyJWT does the cryptography (the extra ``jwt``). What is fixed here: the algorithms come from the
settings and never from the token, and keys of one kind are never tried with algorithms of another.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from bullrush.core.errors import InvalidOption

from .key_sources import KeysByFile, KeysByUrl
from .roles import Principal, Role

logger = logging.getLogger(__name__)

#: Algorithm -> the kind of key it needs.
ALGORITHMS = {
    **{f"HS{size}": "secret" for size in (256, 384, 512)},
    **{f"{kind}{size}": "RSA" for kind in ("RS", "PS") for size in (256, 384, 512)},
    **{f"ES{size}": "EC" for size in (256, 384, 512)},
    "EdDSA": "OKP",
}
#: Characters of a token that is looked at.
LONGEST_TOKEN = 8192
NAME_LENGTH = 120
_ADDRESS = re.compile(r"https://[^\s/@?#]+(?:[/?][^\s#]*)?")


class NoRole(Exception):
    """The token is good, and its owner has no role here."""


class WebTokenRules(BaseModel):
    """``BULLRUSH_JWT``: which tokens are believed, and what they allow.

    Attributes:
        algorithms: those that the issuer uses, all of one kind.
        key: a secret or a public key in PEM; a list while one replaces another.
        key_file: a file with such a key, read again when it changes.
        jwks_file: a file with a JSON Web Key Set, read again when it changes.
        jwks_url: an https address of one, asked for when it is needed.
        jwks_ca_file: certificates of whoever vouches for that address, if not the usual ones.
        jwks_lifetime: s for which keys from there are believed.
        jwks_timeout: s that the address has to answer.
        issuer: what ``iss`` has to be.
        audience: what ``aud`` has to be, or to contain.
        leeway: s by which clocks may differ.
        role_claim: where the role stands; a path with dots reaches into objects.
        roles: value of that claim -> role. Without it, the values are the names of the roles.
        name_claim: where the caller's name stands.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    algorithms: tuple[str, ...] = Field(min_length=1)
    key: tuple[SecretStr, ...] = ()
    key_file: str | None = None
    jwks_file: str | None = None
    jwks_url: str | None = None
    jwks_ca_file: str | None = None
    jwks_lifetime: float = Field(default=300, ge=10, le=86_400)
    jwks_timeout: float = Field(default=5, gt=0, le=30)
    issuer: str | tuple[str, ...] | None = None
    audience: str | tuple[str, ...] | None = None
    leeway: float = Field(default=30, ge=0, le=600)
    role_claim: str = "role"
    roles: Mapping[str, Literal["read", "operate", "admin"]] | None = None
    name_claim: str = "sub"

    @model_validator(mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            given = dict(given)
            for name in ("algorithms", "key"):
                if isinstance(given.get(name), str):
                    given[name] = (given[name],)
        return given

    @model_validator(mode="after")
    def _of_one_kind(self) -> WebTokenRules:
        unknown = set(self.algorithms) - set(ALGORITHMS)
        if unknown:
            raise ValueError(f"algorithms are some of {', '.join(ALGORITHMS)}")
        if len({ALGORITHMS[each] for each in self.algorithms}) > 1:
            raise ValueError(
                "algorithms of different kinds would confuse a public key and a secret"
            )
        if sum(map(bool, (self.key, self.key_file, self.jwks_file, self.jwks_url))) != 1:
            raise ValueError("one of 'key', 'key_file', 'jwks_file' and 'jwks_url' is needed")
        if self.jwks_url and self.kind == "secret":
            raise ValueError("a secret does not come from an address; take algorithms with keys")
        if self.jwks_url and not _ADDRESS.fullmatch(self.jwks_url):
            raise ValueError("'jwks_url' begins with https:// and a host, without a password")
        if self.jwks_ca_file and not self.jwks_url:
            raise ValueError("'jwks_ca_file' is for 'jwks_url'")
        return self

    @property
    def kind(self) -> str:
        """The kind of the keys."""
        return ALGORITHMS[self.algorithms[0]]


def web_token_rules(config: Mapping[str, Any]) -> WebTokenRules:
    """The rules in ``BULLRUSH_JWT``.

    Raises:
        InvalidOption: they are wrong, or PyJWT is missing. No value is named, it may be the key.
    """
    try:
        rules = WebTokenRules.model_validate(config)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = "".join(f"[{part!r}]" for part in first["loc"])
        raise InvalidOption(f"BULLRUSH_JWT{where}: {first['msg']}") from None
    try:
        import jwt  # noqa: F401, PLC0415 - an optional extra
    except ImportError:
        raise InvalidOption("BULLRUSH_JWT needs PyJWT: pip install 'bullrush[jwt]'") from None
    return rules


class WebTokens:
    """Believes tokens by the rules, with keys that may change while it runs.

    Args:
        rules: see `WebTokenRules`.

    Raises:
        InvalidOption: a key cannot be read, or is of the wrong kind, or too short.
    """

    def __init__(self, rules: WebTokenRules) -> None:
        self._rules = rules
        self._keys = KeysByUrl(rules) if rules.jwks_url else KeysByFile(rules)

    def principal(self, token: str) -> Principal | None:
        """Whose token it is; None when it is not to be believed.

        Raises:
            NoRole: it is to be believed, and gives no role.
        """
        claims = self._claims(token)
        if claims is None:
            return None
        name = str(claims.get(self._rules.name_claim) or "jwt")[:NAME_LENGTH]
        return Principal(_printable(name), self._role(claims), explicit=True)

    def _claims(self, token: str) -> dict[str, Any] | None:
        import jwt  # noqa: PLC0415 - an optional extra

        if len(token) > LONGEST_TOKEN:
            return None
        try:
            wanted = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError:
            return None
        for kid, key in self._keys.current(wanted):
            if wanted is not None and kid is not None and wanted != kid:
                continue
            try:
                return self._verified(token, key)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, TypeError) as error:
                # The reason alone: a message may hold claims.
                logger.info("a JWT was refused: %s", type(error).__name__)
                return None
        return None

    def _verified(self, token: str, key: Any) -> dict[str, Any]:
        import jwt  # noqa: PLC0415 - an optional extra

        rules = self._rules
        required = ["exp", *("iss",) * bool(rules.issuer), *("aud",) * bool(rules.audience)]
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(rules.algorithms),
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=rules.leeway,
            options={"require": required},
        )
        return claims

    def _role(self, claims: Mapping[str, Any]) -> Role:
        found = _claim(claims, self._rules.role_claim)
        values = found if isinstance(found, list) else str(found).split() if found else []
        roles = self._rules.roles
        known = {role.name.lower(): role.name for role in Role} if roles is None else roles
        given = [Role.named(known[each]) for each in map(str, values[:100]) if each in known]
        if not given:
            raise NoRole
        return max(given)


def looks_like_web_token(text: str) -> bool:
    """Whether a bearer token has the form of a JWT, which nobody guesses."""
    return text.count(".") == 2 and text.startswith("eyJ")


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    if path in claims:  # a name may have dots of its own, as that of a URL
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)
