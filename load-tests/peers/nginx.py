"""nginx, the open one: it knows no signed tokens."""

from __future__ import annotations

import subprocess

from harness.gateway import Launch, Place
from harness.provision import find
from harness.scenarios import Site

LOG_FORMAT = """\
log_format line escape=json '{"client":"$remote_addr","method":"$request_method","path":"$uri",'
  '"query":"$args","host":"$host","agent":"$http_user_agent","user":"$user","status":$status,"bytes":$body_bytes_sent,'
  '"seconds":$request_time}';
"""


def version() -> str:
    """What it calls itself."""
    program = find("nginx")
    return subprocess.run([program, "-v"], capture_output=True, text=True).stderr.strip() if program else ""


def render(site: Site, place: Place) -> Launch | None:
    """One worker, connections to the origin kept."""
    program = find("nginx")
    if not program or (site.auth and site.auth != "api-key"):
        return None
    http = [_common(place), *_listeners_shared(site, place)]
    files = {"nginx.conf": _main(place, http, _server(site, place))}
    if site.auth:
        keys = (place.fixtures / "api-keys.txt").read_text().split()
        files["keys.conf"] = "".join(f"{key} user-{number};\n" for number, key in enumerate(keys))
    work = place.work
    command = [program, "-c", f"{work}/nginx.conf", "-p", f"{work}", "-e", f"{work}/nginx-errors.log"]
    return Launch(command, files)


def _main(place: Place, http: list[str], server: str) -> str:
    return f"""\
daemon off;
worker_processes 1;
pid {place.work}/nginx.pid;
error_log {place.work}/nginx-errors.log crit;
events {{ worker_connections 20000; }}
http {{
{"".join(http)}server {{
{server}}}
}}
"""


def _common(place: Place) -> str:
    folders = "".join(
        f"{kind}_temp_path {place.work}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
access_log off;
server_tokens off;
keepalive_requests 1000000000;
keepalive_timeout 600s;
{folders}proxy_max_temp_file_size 0;
upstream origin {{
  server 127.0.0.1:{place.origin_port};
  keepalive 256;
  keepalive_requests 1000000000;
}}
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $http_host;
"""


def _listeners_shared(site: Site, place: Place) -> list[str]:
    parts = []
    if site.auth:
        parts.append(
            "map_hash_max_size 65536;\nmap_hash_bucket_size 128;\n"
            f'map $http_x_api_key $user {{ default ""; include {place.work}/keys.conf; }}\n'
        )
    if site.rate:
        rate = "100000r/s" if site.rate == "never" else "1r/m"
        parts.append(f"limit_req_zone $http_x_client zone=clients:16m rate={rate};\nlimit_req_status 429;\n")
    if site.chain:
        parts.append(LOG_FORMAT)
    return parts


def _server(site: Site, place: Place) -> str:
    lines = [f"listen 127.0.0.1:{place.port} backlog=4096;"]
    if site.tls:
        lines += [
            f"listen 127.0.0.1:{place.tls_port} ssl http2 backlog=4096;",
            "http2_max_concurrent_streams 256;",
            f"ssl_certificate {place.fixtures}/site.pem;",
            f"ssl_certificate_key {place.fixtures}/site.key;",
            "ssl_protocols TLSv1.2 TLSv1.3;",
        ]
    if site.chain:
        lines += [
            f"access_log {place.work}/access.log line buffer=64k flush=1s;",
            "location = /metrics { stub_status; }",
        ]
    if site.routes:
        paths = (place.fixtures / f"routes-{site.routes}.txt").read_text().split()
    else:
        paths = ["/api/"] if site.only_api else ["/"]
    body = " ".join(_location(site))
    lines += [f"location {path} {{ {body} }}" for path in paths]
    if paths != ["/"]:
        lines.append("location / { return 404; }")
    return "".join(f"{line}\n" for line in lines)


def _location(site: Site) -> list[str]:
    parts = []
    if site.outside:
        parts.append("allow 192.0.2.0/24; deny all;")
    if site.chain:
        parts.append('if ($http_host = "") { return 400; }')
    if site.auth:
        parts.append('if ($user = "") { return 401; }')
    if site.rate == "never":
        parts.append("limit_req zone=clients burst=100000 nodelay;")
    elif site.rate:
        parts.append("limit_req zone=clients;")
    return [*parts, "proxy_pass http://origin;"]
