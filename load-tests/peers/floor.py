"""Pingora without a gateway, in three steps.

These peers have no filters: under a scenario that demands some they carry the same requests without deciding
anything, which is what the filters of others are compared with. Refusals are given to every request.
"""

from __future__ import annotations

from harness.gateway import Launch, Place
from harness.scenarios import Site


def environment(site: Site, place: Place) -> dict[str, str]:
    """What the reference programs read."""
    settings = {"GATEWAY_PORT": str(place.port), "ORIGIN_PORT": str(place.origin_port)}
    if site.refused:
        settings["REFUSE"] = str(site.refused)
    if site.tls:
        fixtures = place.fixtures
        settings |= {"TLS_PORT": str(place.tls_port), "CERTIFICATE": str(fixtures / "site.pem")}
        settings["KEY"] = str(fixtures / "site.key")
    return settings


def bare(site: Site, place: Place) -> Launch | None:
    """As the platform comes."""
    return Launch([place.workshop.tool("bare")], environment=environment(site, place))


def lean(site: Site, place: Place) -> Launch | None:
    """With every public lever."""
    return Launch([place.workshop.tool("lean")], environment=environment(site, place))


def lean_duties(site: Site, place: Place) -> Launch | None:
    """With every public lever and the duties of any gateway."""
    return Launch([place.workshop.tool("lean-duties")], environment=environment(site, place))
