"""What a URL says of where Redis is: one server, one behind Sentinel, or a Cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from ..errors import InvalidOption

SENTINEL, CLUSTER = "sentinel", "cluster"
#: Scheme -> (the scheme of one server, what there is of them).
MANY = {
    "redis+sentinel": ("redis", SENTINEL),
    "rediss+sentinel": ("rediss", SENTINEL),
    "sentinel": ("redis", SENTINEL),
    "redis+cluster": ("redis", CLUSTER),
    "rediss+cluster": ("rediss", CLUSTER),
}
SCHEMES = ("redis", "rediss", "unix", "memory", "embedded", *MANY)
_PORTS = {SENTINEL: 26379, CLUSTER: 6379}
#: Options of a URL that are about the sentinels, not about the server.
_OF_SENTINELS = ("sentinel_username", "sentinel_password")

Host = tuple[str, int]


@dataclass(frozen=True)
class Many:
    """Several servers.

    Attributes:
        kind: `SENTINEL` or `CLUSTER`.
        hosts: whom to ask; the sentinels, or some nodes of the cluster.
        one: the URL of one of the servers that hold data, without an address that counts.
        name: what the sentinels call the master.
        login: how to log in at the sentinels.
    """

    kind: str
    hosts: tuple[Host, ...]
    one: str = field(repr=False)
    name: str = ""
    login: dict[str, str] = field(default_factory=dict, repr=False)


def scheme_of(url: str) -> str:
    """The scheme of a URL.

    Raises:
        InvalidOption: it is none of ours.
    """
    if not isinstance(url, str):
        raise InvalidOption(f"a Redis URL is text, not {type(url).__name__}")
    scheme = url.split("://", 1)[0] if "://" in url else ""
    if scheme not in SCHEMES:
        raise InvalidOption(
            f"{redacted(url)} is no URL of a known kind; use one of "
            f"{', '.join(f'{each}://' for each in SCHEMES)}, for example redis://localhost:6379/0"
        )
    if scheme in ("redis", "rediss") and "," in urlsplit(url).netloc.rpartition("@")[2]:
        raise InvalidOption(
            f"{redacted(url)} names several hosts; say what they are: "
            f"{scheme}+sentinel://...?name=mymaster (or REDIS_SENTINEL_NAME=mymaster), or "
            f"{scheme}+cluster://... (or REDIS_CLUSTER_MODE=true)"
        )
    return scheme


def many(url: str) -> Many | None:
    """What a URL of several servers says; None for any other.

    Raises:
        InvalidOption: a host, the name or the database cannot be used.
    """
    scheme = scheme_of(url)
    if scheme not in MANY:
        return None
    single, kind = MANY[scheme]
    parts = urlsplit(url)
    userinfo, at, hosts = parts.netloc.rpartition("@")
    found = tuple(_host(each, kind, url) for each in hosts.split(",") if each)
    options = dict(parse_qsl(parts.query))
    name = options.pop("name", "")
    login = {each[9:]: options.pop(each) for each in _OF_SENTINELS if each in options}
    if not found:
        raise InvalidOption(f"{redacted(url)} names no host")
    if kind == SENTINEL and not name:
        raise InvalidOption(
            f"{redacted(url)}: say what the sentinels call the master, by ?name=mymaster or "
            "REDIS_SENTINEL_NAME"
        )
    if kind == CLUSTER and parts.path.strip("/") not in ("", "0"):
        raise InvalidOption(
            f"{redacted(url)}: a Redis Cluster has only database 0; leave the database out"
        )
    host, port = found[0]
    place = f"[{host}]" if ":" in host else host
    query = f"?{urlencode(options)}" if options else ""
    one = f"{single}://{userinfo}{at}{place}:{port}{parts.path}{query}"
    return Many(kind, found, one, name, login)


def redacted(url: str) -> str:
    """A URL without user, password, query and fragment, for logs and errors."""
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2]
        if "," not in hosts:
            port = parts.port
    except ValueError:
        return "an unreadable URL"
    if parts.scheme not in SCHEMES:
        return f"{parts.scheme or 'a URL without scheme'}://..."
    if "," in hosts:
        return f"{parts.scheme}://{hosts}{parts.path}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def _host(text: str, kind: str, url: str) -> Host:
    name, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        name, port = text, str(_PORTS[kind])
    if not port.isdigit() or not 0 < int(port) < 65536 or not name:
        raise InvalidOption(f"{redacted(url)}: {text!r} is no host:port")
    return name.strip("[]"), int(port)
