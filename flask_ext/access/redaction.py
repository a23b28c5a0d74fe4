"""What is shown of a job without the secrets in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .packed import bytes_in, is_packed, opened

#: What stands where a secret was.
HIDDEN = "[redacted]"
#: Names of fields whose values are secrets, wherever they are.
DEFAULT_NAMES = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "api key",
    "apikey",
    "access key",
    "private key",
    "credential",
    "credentials",
    "csrf",
    "session id",
    "card number",
    "cvv",
    "cvc",
    "iban",
    "ssn",
)
#: How deep a value is shown, how many values in all, and how many characters of a text.
DEPTH, VALUES, CHARACTERS = 32, 20_000, 100_000

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W_]+?(?=[A-Z_\W]|$)|\d+")
#: A name with what stands between it and its value; then the value. Both take linear time.
_PAIR = re.compile(
    r"""(?<![\w-])(?P<name>[\w-]{1,80}(?: [\w-]{1,40})?)\\?["']?\]?\s{0,3}[:=]\s{0,3}"""
)
_VALUE = re.compile(
    r"""(?P<mark>\\?["']|)(?:(?<=\\")(?:(?!\\").)*(?:\\")?|(?<=\\')(?:(?!\\').)*(?:\\')?"""
    r"""|(?<=")(?:[^"\\]|\\.)*"?|(?<=')(?:[^'\\]|\\.)*'?"""
    r"""|(?:(?:bearer|basic|digest)\s{1,3})?[^\s,;&"'\\)\]}]+)""",
    re.IGNORECASE | re.DOTALL,
)
_BEARER = re.compile(r"\b(bearer|basic)(\s+)[\w.~+/=-]{6,}", re.IGNORECASE)
_WEB_TOKEN = re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*")
_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{0,200}):[^\s/@\"']{1,500}@", re.I)
_CARD = re.compile(r"(?<![\d.-])(?:\d[ -]?){13,18}\d(?![\d])")
_CARD_ISSUER = re.compile(r"4|5[1-5]|2[2-7]|3[0-9]|6")


class Redaction:
    """Hides the values of named fields, and what looks like a secret in texts.

    A name is compared by its words: ``token`` covers ``token``, ``accessToken``, ``X-Auth-Token``
    and ``token_value``, but not ``max_tokens``. A name with a dot is a path from the top:
    ``customer.street``; ``*`` stands for any one name, and the places in a list do not count.

    Args:
        names: names and paths of fields.
    """

    def __init__(self, names: Iterable[str] = DEFAULT_NAMES) -> None:
        names = tuple(names)
        plain = [_words(name) for name in names if "." not in name]
        self._names = {words for words in plain if words}
        self._paths = [tuple(name.lower().split(".")) for name in names if "." in name]
        self._known: dict[str, bool] = {}

    @property
    def is_on(self) -> bool:
        """Whether fields are hidden by their names."""
        return bool(self._names or self._paths)

    def __repr__(self) -> str:
        return f"Redaction({len(self._names)} names, {len(self._paths)} paths)"

    def __call__(self, value: Any) -> Any:
        """The value as it may be shown; the value itself is not changed.

        Args:
            value: anything. Bytes are taken for JSON, and for text when they are none; what has no
                JSON form is shown as its type's name.

        Returns:
            What `json.dumps` can write: within `DEPTH`, `VALUES` and `CHARACTERS`.
        """
        return _Walk(self).shown(value, ())

    def text(self, text: str) -> str:
        """A text (a message, a stack, a line of a log) without what looks like a secret."""
        if len(text) > CHARACTERS:
            text = f"{text[:CHARACTERS]}... [{len(text) - CHARACTERS} more characters]"
        text = self._without_pairs(text)
        text = _BEARER.sub(rf"\1\2{HIDDEN}", text)
        text = _WEB_TOKEN.sub(HIDDEN, text)
        text = _IN_URL.sub(rf"\1:{HIDDEN}@", text)
        return _CARD.sub(lambda found: HIDDEN if is_card(found[0]) else found[0], text)

    def _without_pairs(self, text: str) -> str:
        """``password=...``, ``"apiKey": "..."`` and the like."""
        parts, at = [], 0
        for found in _PAIR.finditer(text):
            if found.start() < at or not self.covers((found["name"],)):
                continue
            value = _VALUE.match(text, found.end())
            if value is not None:
                mark = value["mark"] or ""
                parts += [text[at : found.end()], mark, HIDDEN, mark]
                at = value.end()
        return "".join((*parts, text[at:]))

    def covers(self, path: tuple[str, ...]) -> bool:
        """Whether the field at that path is a secret."""
        name = path[-1]
        known = self._known.get(name)
        if known is None:
            words = _words(name)
            known = any(_within(each, words) for each in self._names)
            if len(self._known) < 10_000:  # names come from outside
                self._known[name] = known
        return known or any(_fits(each, path) for each in self._paths)


class Hidden(str):
    """Says why a value is not shown."""

    __slots__ = ()


class _Walk:
    """One value on its way out, and how much of it there has been."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._left = VALUES

    def shown(self, value: Any, path: tuple[str, ...], depth: int = 0) -> Any:
        self._left -= 1
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = _decoded(bytes(value))
        if isinstance(value, Hidden):
            return str(value)
        if isinstance(value, str):
            return self._redaction.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return _number(value)
        if depth >= DEPTH:
            return "[too deep]"
        if isinstance(value, Mapping):
            return self._looked_into(value, path, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._items(value, path, depth)
        if isinstance(value, BaseException):
            return self._redaction.text(f"{type(value).__name__}: {value}")
        return f"[{type(value).__name__}]"

    def _looked_into(self, value: Mapping[Any, Any], path: tuple[str, ...], depth: int) -> Any:
        """What is packed is shown as what it holds, or not at all: it may hold secrets."""
        held = bytes_in(value)
        if held is not None:
            return self.shown(held, path, depth + 1)
        if not (self._redaction.is_on and is_packed(value)):
            return self._mapping(value, path, depth)
        try:
            inside = opened(value)
        except ValueError as why:
            inside = {**value, "body": Hidden(f"{HIDDEN} ({why}: nobody can look into it)")}
        return self._mapping(inside, path, depth)

    def _mapping(self, value: Mapping[Any, Any], path: tuple[str, ...], depth: int) -> Any:
        shown: dict[str, Any] = {}
        for key, each in value.items():
            if self._left <= 0:
                shown["..."] = f"[{len(value) - len(shown)} more]"
                break
            name = _name(key)
            inner = (*path, name)
            hidden = self._redaction.covers(inner) and each is not None
            label = self._redaction.text(name)
            shown[label] = HIDDEN if hidden else self.shown(each, inner, depth + 1)
        return shown

    def _items(self, value: Iterable[Any], path: tuple[str, ...], depth: int) -> list[Any]:
        shown: list[Any] = []
        for each in value:
            if self._left <= 0:
                shown.append("[more]")
                break
            shown.append(self.shown(each, path, depth + 1))
        return shown


def is_card(text: str) -> bool:
    """Whether a text is a payment card's number: an issuer's digits, and Luhn's sum."""
    digits = [int(each) for each in text if each.isdigit()]
    if not 14 <= len(digits) <= 19 or not _CARD_ISSUER.match("".join(map(str, digits))):
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def _decoded(value: bytes) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value.decode("utf-8", "replace")


def _number(value: float) -> Any:
    if isinstance(value, int):
        # Converting a huge integer takes quadratic time, and Python refuses to print it.
        if abs(value) >= 10**100:
            return "[a very large number]"
        return HIDDEN if abs(value) >= 10**13 and is_card(str(value)) else value
    return value if value == value and abs(value) != float("inf") else str(value)


def _name(key: Any) -> str:
    if isinstance(key, bytes):
        return key.decode("utf-8", "replace")
    return key if isinstance(key, str) else str(_number(key)) if _is_number(key) else "[key]"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name[:200]))


def _within(words: tuple[str, ...], name: tuple[str, ...]) -> bool:
    if len(words) == 1 and len(words[0]) >= 5:  # "mypassword"
        return any(word.endswith(words[0]) for word in name)
    size = len(words)
    return any(name[at : at + size] == words for at in range(len(name) - size + 1))


def _fits(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return len(pattern) == len(path) and all(
        part in ("*", name.lower()) for part, name in zip(pattern, path, strict=True)
    )


def redact(value: Any, redaction: Redaction | None = None) -> Any:
    """What may be shown of a value; see `Redaction`."""
    return (redaction or _DEFAULT)(value)


_DEFAULT = Redaction()
