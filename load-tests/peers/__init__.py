"""The gateways that take part. Each module turns a site into a configuration and a command.

To add one, write a module with a function `render(site, place)` that returns a `Launch`, or `None` for a site
that the gateway cannot serve, and name it here.
"""

from __future__ import annotations

from harness.gateway import Render
from peers import adamant, caddy, envoy, floor, haproxy, naive, nginx

PEERS: dict[str, Render] = {
    "bare": floor.bare,
    "lean": floor.lean,
    "lean-duties": floor.lean_duties,
    "nginx": nginx.render,
    "haproxy": haproxy.render,
    "envoy": envoy.render,
    "envoy-cache": envoy.render_with_token_cache,
    "caddy": caddy.render,
    "naive": naive.render,
    "adamant": adamant.render,
}
