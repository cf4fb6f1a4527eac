"""Packages that bring steps, tools or agents announce them by entry points; here they are loaded."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

log = logging.getLogger(__name__)


def load(group: str) -> None:
    """All of a group. One that breaks is left out and named: nobody else's workflows stop for it."""
    for point in entry_points(group=group):
        try:
            point.load()
        except Exception as fault:
            package = point.dist.name if point.dist else "?"
            log.error(
                "The plugin %s of the package %s was left out: %s: %s", point.name, package, type(fault).__name__, fault
            )
