"""Caddy, without modules of others: it knows no signed tokens, no API keys and no rate limits."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from harness.gateway import Launch, Place
from harness.scenarios import Site

Json = dict[str, Any]


def version(place: Place) -> str:
    """What it calls itself."""
    program = place.workshop.wheel("caddy")
    if not program.exists():
        return ""
    return (
        "caddy "
        + subprocess.run([program, "version"], capture_output=True, text=True).stdout.split(" ", 1)[0]
    )


def render(site: Site, place: Place) -> Launch | None:
    """Everything as one JSON file."""
    program = place.workshop.wheel("caddy")
    if not program.exists() or site.rate or (site.auth and site.refused != 401):
        return None
    server: Json = {
        "listen": [f"127.0.0.1:{place.port}"],
        "routes": _routes(site, place),
        "automatic_https": {"disable": True},
    }
    servers = {"plain": server}
    apps: Json = {"http": {"servers": servers}}
    if site.tls:
        servers["tls"] = {
            **server,
            "listen": [f"127.0.0.1:{place.tls_port}"],
            "tls_connection_policies": [{}],
        }
        pair = {"certificate": str(place.fixtures / "site.pem"), "key": str(place.fixtures / "site.key")}
        apps["tls"] = {"certificates": {"load_files": [pair]}}
    config = {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "apps": apps,
    }
    home = str(place.work)
    environment = {"GOMAXPROCS": "1", "HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
    return Launch(
        [program, "run", "--config", place.work / "caddy.json"],
        {"caddy.json": json.dumps(config)},
        environment,
    )


def _proxy(place: Place) -> Json:
    kept = {"enabled": True, "idle_timeout": "600s", "max_idle_conns_per_host": 256}
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"127.0.0.1:{place.origin_port}"}],
        "transport": {"protocol": "http", "keep_alive": kept},
    }


def _refusal(status: int) -> Json:
    return {"handler": "static_response", "status_code": status}


def _routes(site: Site, place: Place) -> list[Json]:
    proxy = {"handle": [_proxy(place)], "terminal": True}
    if site.outside:
        stranger = {"not": [{"remote_ip": {"ranges": ["192.0.2.0/24"]}}]}
        return [{"match": [stranger], "handle": [_refusal(403)], "terminal": True}, proxy]
    if site.auth:
        # All that it can check by itself is that there is a key.
        keyless = {"not": [{"header": {"X-Api-Key": ["*"]}}]}
        return [{"match": [keyless], "handle": [_refusal(401)], "terminal": True}, proxy]
    if site.routes:
        prefixes = (place.fixtures / f"routes-{site.routes}.txt").read_text().split()
    elif site.only_api:
        prefixes = ["/api/"]
    else:
        return [proxy]
    routes = [{"match": [{"path": [f"{prefix}*"]}], **proxy} for prefix in prefixes]
    return [*routes, {"handle": [_refusal(404)]}]
