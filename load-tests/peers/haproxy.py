"""HAProxy: one thread, tokens verified anew each time."""

from __future__ import annotations

import subprocess

from harness.gateway import Launch, Place
from harness.provision import find
from harness.scenarios import ISSUER, Site

LOG_FORMAT = (
    '{"client":"%ci","method":"%HM","path":"%HPO","query":"%HQ","host":"%[capture.req.hdr(0),json(utf8s)]",'
    '"agent":"%[capture.req.hdr(1),json(utf8s)]","status":%ST,"bytes":%B,"ms":%Ta}'
)


def version() -> str:
    """What it calls itself."""
    program = find("haproxy")
    if not program:
        return ""
    return subprocess.run([program, "-v"], capture_output=True, text=True).stdout.split("\n", 1)[0]


def render(site: Site, place: Place) -> Launch | None:
    """A frontend with rules in the order in which they decide."""
    program = find("haproxy")
    if not program:
        return None
    rules = [
        *_listen(site, place),
        *_addresses(site),
        *_auth(site, place),
        *_rate(site),
        *_record(site),
        *_route(site, place),
    ]
    config = f"""\
global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  timeout http-keep-alive 600s
  http-reuse always
frontend web
{"".join(f"  {rule}" + chr(10) for rule in rules)}  default_backend origin
backend origin
  server one 127.0.0.1:{place.origin_port} pool-max-conn 256
"""
    files = {"haproxy.cfg": config}
    if site.auth == "api-key":
        keys = (place.fixtures / "api-keys.txt").read_text().split()
        files["keys.map"] = "".join(f"{key} user-{number}\n" for number, key in enumerate(keys))
    if site.routes:
        paths = (place.fixtures / f"routes-{site.routes}.txt").read_text().split()
        files["routes.map"] = "".join(f"{path} origin\n" for path in paths)
    return Launch([program, "-db", "-f", place.work / "haproxy.cfg"], files, output="access.log")


def _listen(site: Site, place: Place) -> list[str]:
    lines = [f"bind 127.0.0.1:{place.port} backlog 4096"]
    if site.tls:
        certificate = f"{place.fixtures}/site-both.pem"
        lines.append(f"bind 127.0.0.1:{place.tls_port} ssl crt {certificate} alpn h2,http/1.1 backlog 4096")
    return lines


def _addresses(site: Site) -> list[str]:
    return ["http-request deny deny_status 403 unless { src 192.0.2.0/24 }"] if site.outside else []


def _auth(site: Site, place: Place) -> list[str]:
    deny = "http-request deny deny_status 401"
    if not site.auth:
        return []
    if site.auth == "api-key":
        return [
            f"http-request set-var(txn.user) req.hdr(x-api-key),map_str({place.work}/keys.map)",
            f"{deny} unless {{ var(txn.user) -m found }}",
        ]
    name = site.auth.lower()
    secret = place.fixtures / "hs256.secret"
    key = secret.read_text() if name == "hs256" else f"{place.fixtures}/{name}.public.pem"
    return [
        "http-request set-var(txn.token) http_auth_bearer",
        f"{deny} unless {{ var(txn.token) -m found }}",
        "http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')",
        "http-request set-var(txn.iss) var(txn.token),jwt_payload_query('$.iss')",
        "http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')",
        "http-request set-var(txn.now) date()",
        f"{deny} unless {{ var(txn.alg) -m str {site.auth} }}",
        f"{deny} unless {{ var(txn.iss) -m str {ISSUER} }}",
        f"{deny} if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}",
        f'{deny} unless {{ var(txn.token),jwt_verify(txn.alg,"{key}") -m int 1 }}',
    ]


def _rate(site: Site) -> list[str]:
    if not site.rate:
        return []
    window, most = ("1s", 100_000) if site.rate == "never" else ("1h", 1)
    return [
        f"stick-table type string len 16 size 100k expire 60m store http_req_rate({window})",
        "http-request track-sc0 req.hdr(x-client)",
        f"http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {most} }}",
    ]


def _record(site: Site) -> list[str]:
    if not site.chain:
        return []
    return [
        "http-request deny deny_status 400 unless { req.hdr(host) -m found }",
        "http-request capture req.hdr(host) len 64",
        "http-request capture req.hdr(user-agent) len 128",
        "log stdout format raw daemon info",
        f"log-format '{LOG_FORMAT}'",
        "http-request use-service prometheus-exporter if { path /metrics }",
    ]


def _route(site: Site, place: Place) -> list[str]:
    deny = "http-request deny deny_status 404"
    if site.routes:
        return [
            f"http-request set-var(txn.to) path,map_beg({place.work}/routes.map)",
            f"{deny} unless {{ var(txn.to) -m found }}",
            "use_backend %[var(txn.to)]",
        ]
    return [f"{deny} unless {{ path_beg /api/ }}"] if site.only_api else []
