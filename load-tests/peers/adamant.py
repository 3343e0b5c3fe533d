"""The gateway that all of this is about."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from harness.gateway import Launch, Place
from harness.scenarios import AUDIENCE, ISSUER, Site

Json = dict[str, Any]

# More than any scenario opens, and all of them from one address.
BOUNDS = {"connections": 20_000, "connections-per-client": 20_000}


def render(site: Site, place: Place) -> Launch | None:
    """A policy as JSON, which is YAML too."""
    program = place.workshop.adamant
    if not program.exists():
        return None
    config: Json = {
        "adamant": 1,
        "listeners": _listeners(site, place),
        "admin": {"bind": f"127.0.0.1:{place.admin_port}"},
        "upstreams": {"origin": {"endpoints": [f"127.0.0.1:{place.origin_port}"]}},
        "routes": _routes(site, place),
    }
    if site.chain:
        config["observe"] = {"access-log": {"to": {"file": "access.log"}, "format": "json"}}
    files = {"gateway.yaml": json.dumps(config, indent=2)}
    if site.auth == "api-key":
        files["api-keys.yaml"] = _hashed_keys(place)
    return Launch([program, "run", "--workers", "1", "--config", place.work / "gateway.yaml"], files)


def _listeners(site: Site, place: Place) -> Json:
    listeners: Json = {"plain": {"bind": f"127.0.0.1:{place.port}", "bounds": BOUNDS}}
    if site.tls:
        fixtures = place.fixtures
        tls = {"certificate": str(fixtures / "site.pem"), "key": {"file": str(fixtures / "site.key")}}
        listeners["tls"] = {
            "bind": f"127.0.0.1:{place.tls_port}",
            "protocols": ["h1", "h2"],
            "tls": tls,
            "bounds": BOUNDS,
        }
    return listeners


def _routes(site: Site, place: Place) -> list[Json]:
    if site.routes:
        prefixes = (place.fixtures / f"routes-{site.routes}.txt").read_text().split()
    else:
        prefixes = ["/api/"] if site.only_api else ["/"]
    filters = _filters(site, place)
    authenticated = {} if site.auth else {"public": True}
    return [
        {
            "name": f"route-{number}",
            "match": {"path": f"{prefix}**"},
            **authenticated,
            **({"filters": filters} if filters else {}),
            "to": "origin",
        }
        for number, prefix in enumerate(prefixes)
    ]


def _filters(site: Site, place: Place) -> list[Json]:
    steps: list[Json] = []
    if site.outside:
        steps.append({"addresses": {"allow": ["192.0.2.0/24"]}})
    if site.auth == "api-key":
        steps.append({"api-key": {"header": "x-api-key", "keys": {"file": "api-keys.yaml"}}})
    elif site.auth:
        steps.append({"jwt": _tokens(site.auth, place)})
    if site.rate:
        allow, burst = ("100000/s", 100_000) if site.rate == "never" else ("1/h", 1)
        steps.append({"rate": {"by": "header:x-client", "missing": "deny", "allow": allow, "burst": burst}})
    return steps


def _tokens(algorithm: str, place: Place) -> Json:
    name = algorithm.lower()
    if name == "hs256":
        keys: Json = {"secret": {"file": str(place.fixtures / "hs256.secret")}}
    else:
        keys = {"file": str(place.fixtures / f"{name}.jwks.json")}
    return {"keys": keys, "issuer": ISSUER, "audience": AUDIENCE, "algorithms": [algorithm], "type": "jwt"}


def _hashed_keys(place: Place) -> str:
    keys = (place.fixtures / "api-keys.txt").read_text().split()
    entries = [
        {
            "id": f"key-{number}",
            "consumer": f"user-{number}",
            "hash": f"sha256:{sha256(key.encode()).hexdigest()}",
        }
        for number, key in enumerate(keys)
    ]
    return json.dumps({"keys": entries}, indent=1)
