"""The gateway of an afternoon, from the reference workspace."""

from __future__ import annotations

from harness.gateway import Launch, Place
from harness.scenarios import Site
from peers import floor


def render(site: Site, place: Place) -> Launch | None:
    """Each part of the site is a step."""
    settings = floor.environment(site, place)
    settings.pop("REFUSE", None)
    steps = []
    if site.routes or site.only_api:
        steps.append("routes")
        settings["ROUTES"] = str(
            place.fixtures / f"routes-{site.routes}.txt" if site.routes else place.work / "routes.txt"
        )
    if site.outside:
        steps.append("addresses")
    if site.auth == "api-key":
        steps.append("api-key")
        settings["API_KEYS"] = str(place.fixtures / "api-keys.txt")
    elif site.auth:
        name = site.auth.lower()
        file = f"{name}.secret" if name == "hs256" else f"{name}.public.pem"
        settings |= {"TOKENS": site.auth, "TOKEN_KEY": str(place.fixtures / file)}
    if site.rate:
        settings["LIMIT"] = "100000" if site.rate == "never" else "1"
    if site.chain:
        steps += ["limits", "log", "metrics"]
    settings["STEPS"] = ",".join(steps)
    return Launch([place.workshop.tool("naive")], {"routes.txt": "/api/\n"}, settings)
