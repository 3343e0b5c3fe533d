"""Envoy: one worker; with and without its cache of verified tokens."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from harness.gateway import Launch, Place
from harness.scenarios import ISSUER, Site

Json = dict[str, Any]

HTTP = "envoy.extensions.filters.http"

OPTIONS = ["--concurrency", "1", "--disable-hot-restart", "-l", "error"]

LINE = {
    "client": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(:PATH)%",
    "host": "%REQ(:AUTHORITY)%",
    "agent": "%REQ(USER-AGENT)%",
    "status": "%RESPONSE_CODE%",
    "bytes": "%BYTES_SENT%",
    "ms": "%DURATION%",
}


def version(place: Place) -> str:
    """What it calls itself."""
    program = place.workshop.wheel("envoy")
    if not program.exists():
        return ""
    text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return f"envoy {text.split('version:')[-1].strip()}"


def render(site: Site, place: Place, token_cache: int = 0) -> Launch | None:
    """Everything static, as one JSON file."""
    program = place.workshop.wheel("envoy")
    if not program.exists():
        return None
    listeners = [_listener(site, place, place.port, tls=False, cache=token_cache)]
    if site.tls:
        listeners.append(_listener(site, place, place.tls_port, tls=True, cache=token_cache))
    config = {"static_resources": {"listeners": listeners, "clusters": [_cluster(place)]}}
    command: list[str | Path] = [program, "-c", place.work / "envoy.json", *OPTIONS]
    return Launch(command, {"envoy.json": json.dumps(config)})


def render_with_token_cache(site: Site, place: Place) -> Launch | None:
    """Only where there are tokens to remember."""
    if site.auth in (None, "api-key"):
        return None
    return render(site, place, token_cache=20_000)


def _address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(place: Place) -> Json:
    endpoint = {"endpoint": {"address": _address(place.origin_port)}}
    many = 20_000
    return {
        "name": "origin",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {
            "thresholds": [{"max_connections": many, "max_pending_requests": many, "max_requests": many}]
        },
        "load_assignment": {"cluster_name": "origin", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _typed(name: str, kind: str, config: Json) -> Json:
    return {"name": name, "typed_config": {"@type": f"type.googleapis.com/{kind}", **config}}


def _listener(site: Site, place: Place, port: int, tls: bool, cache: int) -> Json:
    manager: Json = {
        "stat_prefix": "web",
        "codec_type": "AUTO",
        "generate_request_id": False,
        "http_filters": [*_filters(site, place, cache), _typed("router", f"{HTTP}.router.v3.Router", {})],
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": _routes(site, place)}]
        },
    }
    if site.chain:
        log = {"path": str(place.work / "access.log"), "log_format": {"json_format": LINE}}
        manager["access_log"] = [_typed("file", "envoy.extensions.access_loggers.file.v3.FileAccessLog", log)]
    kind = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    chain: Json = {"filters": [_typed("http", kind, manager)]}
    if tls:
        chain["transport_socket"] = _tls(place)
    return {"address": _address(port), "tcp_backlog_size": 4096, "filter_chains": [chain]}


def _tls(place: Place) -> Json:
    certificate = {
        "certificate_chain": {"filename": str(place.fixtures / "site.pem")},
        "private_key": {"filename": str(place.fixtures / "site.key")},
    }
    common = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [certificate],
    }
    kind = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    return _typed("tls", kind, {"common_tls_context": common})


def _routes(site: Site, place: Place) -> list[Json]:
    if site.routes:
        prefixes = (place.fixtures / f"routes-{site.routes}.txt").read_text().split()
    else:
        prefixes = ["/api/"] if site.only_api else ["/"]
    return [{"match": {"prefix": prefix}, "route": {"cluster": "origin"}} for prefix in prefixes]


def _filters(site: Site, place: Place, cache: int) -> list[Json]:
    found = []
    if site.outside:
        inside = {"address_prefix": "192.0.2.0", "prefix_len": 24}
        policy = {"principals": [{"remote_ip": inside}], "permissions": [{"any": True}]}
        rules = {"rules": {"action": "ALLOW", "policies": {"inside": policy}}}
        found.append(_typed("addresses", f"{HTTP}.rbac.v3.RBAC", rules))
    if site.auth == "api-key":
        found.append(_api_keys(place))
    elif site.auth:
        found.append(_tokens(site.auth, place, cache))
    if site.rate:
        found.append(_limit(site.rate))
    return found


def _api_keys(place: Place) -> Json:
    keys = (place.fixtures / "api-keys.txt").read_text().split()
    credentials = [{"key": key, "client": f"user-{number}"} for number, key in enumerate(keys)]
    config = {"key_sources": [{"header": "x-api-key"}], "credentials": credentials}
    return _typed("keys", f"{HTTP}.api_key_auth.v3.ApiKeyAuth", config)


def _tokens(algorithm: str, place: Place, cache: int) -> Json:
    keys = {"filename": str(place.fixtures / f"{algorithm.lower()}.jwks.json")}
    provider: Json = {"issuer": ISSUER, "forward": True, "local_jwks": keys}
    if cache:
        provider["jwt_cache_config"] = {"jwt_cache_size": cache}
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}
    config = {"providers": {"issuer": provider}, "rules": [rule]}
    return _typed("tokens", f"{HTTP}.jwt_authn.v3.JwtAuthentication", config)


def _limit(rate: str) -> Json:
    def bucket(size: int, every: str) -> Json:
        return {"max_tokens": size, "tokens_per_fill": size, "fill_interval": every}

    whole = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    own = bucket(100_000, "1s") if rate == "never" else bucket(1, "3600s")
    action = {"request_headers": {"header_name": "x-client", "descriptor_key": "client"}}
    config = {
        "stat_prefix": "limit",
        # Nobody's bucket: what counts is each client's own.
        "token_bucket": bucket(100_000_000, "1s"),
        "filter_enabled": whole,
        "filter_enforced": whole,
        "max_dynamic_descriptors": 20_000,
        "rate_limits": [{"actions": [action]}],
        "descriptors": [{"entries": [{"key": "client"}], "token_bucket": own}],
    }
    return _typed("limit", f"{HTTP}.local_ratelimit.v3.LocalRateLimit", config)
