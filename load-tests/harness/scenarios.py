"""What is measured: the site that a gateway must serve, and the requests that it gets.

A site says what a gateway must do, never how: each peer turns it into its own configuration.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

ISSUER = "https://issuer.test"
AUDIENCE = "api"

# What a usual client sends with every request.
USUAL_FIELDS = {
    "Host": "api.example.test",
    "User-Agent": "load-client/1.0 (Linux; x86_64)",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, br",
    "Accept-Language": "en-US,en;q=0.9",
    "X-Request-Id": "5f0c7a52-1d3e-4b8a-9c61-7e2f4d90ab13",
}

ITEM = "/api/v1/items/12345?limit=10&sort=name"


@dataclass(frozen=True)
class Site:
    """What a gateway must do."""

    tls: bool = False
    """Serve TLS too, with HTTP/2 by ALPN."""
    auth: str | None = None
    """Demand `api-key`, or a token signed with `HS256`, `ES256` or `RS256`."""
    rate: str | None = None
    """Limit each client (field `X-Client`): `never` reached, or `always` after the first request."""
    chain: bool = False
    """Also write a JSON line for every request and keep metrics."""
    routes: int = 0
    """Serve this many routes by prefix and nothing else; 0 is one route for everything."""
    only_api: bool = False
    """Serve what is below `/api/` and nothing else."""
    outside: bool = False
    """Let only a network pass to which the clients do not belong."""
    refused: int | None = None
    """The status that every request of the scenario gets, if they are refused."""


@dataclass(frozen=True)
class Request:
    """What is sent, with holes `{1}`, `{2}` for the columns of a list of values."""

    path: str = ITEM
    fields: tuple[tuple[str, str], ...] = ()
    body_size: int = 0

    def text(self) -> bytes:
        """The request as it stands on the wire, holes left open."""
        body = filler(self.body_size)
        fields = {**USUAL_FIELDS, **dict(self.fields)}
        if body:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        method = "POST" if body else "GET"
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {self.path} HTTP/1.1\r\n{head}\r\n{body}".encode()


def filler(size: int) -> str:
    """A JSON text of exactly this size."""
    if not size:
        return ""
    empty = json.dumps({"note": ""})
    return json.dumps({"note": "x" * (size - len(empty))})


BEARER = ("Authorization", "Bearer {1}")
API_KEY = ("X-Api-Key", "{1}")
CLIENT = ("X-Client", "{2}")
CLOSE = ("Connection", "close")


@dataclass(frozen=True)
class Scenario:
    """One row of the results."""

    name: str
    title: str
    site: Site = Site()
    request: Request = Request()
    values: str | None = None
    """The list whose columns fill the request's holes."""
    one: bool = False
    """Send only the first line of the list."""
    unseen: bool = False
    """No line of the list comes twice within a window: nothing is warmed."""
    kind: str = "load"
    """`load`, `h2` (h2load), `rate` (fixed rate), `idle` (memory of idle connections)."""
    fresh: bool = False
    """A new connection for every request."""

    @property
    def over_tls(self) -> bool:
        """Whether the requests travel under TLS."""
        return self.site.tls

    @property
    def expected(self) -> int:
        """The status that every answer must have."""
        return self.site.refused or 200

    @property
    def filtered(self) -> bool:
        """Whether the gateway has to decide something before it proxies."""
        site = self.site
        return not site.refused and bool(site.auth or site.rate or site.chain or site.routes)


def token_scenarios(algorithm: str) -> list[Scenario]:
    """One token, and ten thousand in rotation, each seen before the window opens."""
    name = algorithm.lower()
    site, request, values = Site(auth=algorithm), Request(fields=(BEARER,)), f"{name}.txt"
    return [
        Scenario(f"{name}-one", f"{algorithm} token, always the same", site, request, values, one=True),
        Scenario(name, f"{algorithm} tokens, 10,000 in rotation, each seen before", site, request, values),
    ]


def chain_scenario(auth: str, title: str) -> Scenario:
    """Authentication, limit, log and metrics together."""
    name = auth.lower()
    credential = API_KEY if auth == "api-key" else BEARER
    return Scenario(
        f"chain-{name}",
        f"{title}, rate limit per client, JSON access log, metrics",
        Site(auth=auth, rate="never", chain=True),
        Request(fields=(credential, CLIENT)),
        f"{name}.txt",
    )


def route_scenario(count: int) -> Scenario:
    """Requests for the route in the middle of a list."""
    request = Request(path=f"/r/{count // 2:05d}/items/12345?limit=10")
    return Scenario(
        f"routes-{count}", f"{count:,} routes, requests for the middle one", Site(routes=count), request
    )


UNSEEN = Scenario(
    "es256-unseen",
    "ES256 tokens, none ever seen before",
    Site(auth="ES256"),
    Request(fields=(BEARER,)),
    "es256-unseen.txt",
    unseen=True,
)

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in [
        Scenario("plain", "1 KiB answers, HTTP/1.1 keep-alive"),
        Scenario(
            "fresh",
            "1 KiB answers, a new TCP connection for each",
            request=Request(fields=(CLOSE,)),
            fresh=True,
        ),
        Scenario("large", "100 KiB answers", request=Request(path="/api/v1/large/12345?limit=10&sort=name")),
        Scenario("post", "POST of 4 KiB", request=Request(path="/api/v1/items", body_size=4096)),
        Scenario("tls", "TLS 1.3, HTTP/1.1 keep-alive", Site(tls=True)),
        Scenario("http2", "TLS 1.3, HTTP/2, 8 connections of 16 streams", Site(tls=True), kind="h2"),
        Scenario(
            "handshake",
            "TLS 1.3, a full handshake for each request",
            Site(tls=True),
            Request(fields=(CLOSE,)),
            fresh=True,
        ),
        Scenario(
            "api-key",
            "API keys, 10,000 in rotation",
            Site(auth="api-key"),
            Request(fields=(API_KEY,)),
            "api-key.txt",
        ),
        *token_scenarios("HS256"),
        *token_scenarios("ES256"),
        UNSEEN,
        *token_scenarios("RS256"),
        Scenario(
            "rate",
            "rate limit per client, 10,000 clients, never reached",
            Site(rate="never"),
            Request(fields=(CLIENT,)),
            "api-key.txt",
        ),
        chain_scenario("api-key", "API key"),
        chain_scenario("HS256", "HS256 token"),
        chain_scenario("ES256", "ES256 token"),
        Scenario("refuse-401", "refused: no credential", Site(auth="api-key", refused=401)),
        Scenario("refuse-403", "refused: network address", Site(outside=True, refused=403)),
        Scenario(
            "refuse-404", "refused: no route", Site(only_api=True, refused=404), Request(path="/nothing/here")
        ),
        Scenario(
            "refuse-429",
            "refused: over the limit",
            Site(rate="always", refused=429),
            Request(fields=(("X-Client", "the-same"),)),
        ),
        *(route_scenario(count) for count in (10, 1_000, 10_000)),
        Scenario("latency", "latency at a fixed rate", kind="rate"),
        Scenario(
            "latency-chain",
            "latency at a fixed rate, chain with API key",
            Site(auth="api-key", rate="never", chain=True),
            Request(fields=(API_KEY, CLIENT)),
            "api-key.txt",
            kind="rate",
        ),
        Scenario("idle", "memory of idle connections, one request on each", kind="idle"),
    ]
}


def chosen(words: str) -> list[Scenario]:
    """Scenarios by name; a name without its ending stands for all that share it, `all` for everything."""
    if words == "all":
        return list(SCENARIOS.values())
    found: list[Scenario] = []
    for word in words.split(","):
        hits = [s for s in SCENARIOS.values() if s.name == word]
        hits = hits or [s for s in SCENARIOS.values() if s.name.startswith(word + "-")]
        if not hits:
            raise SystemExit(f"no scenario is called {word}; there are {', '.join(SCENARIOS)}")
        found += [hit for hit in hits if hit not in found]
    return found
