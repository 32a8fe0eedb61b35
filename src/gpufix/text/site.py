"""Where the documentation is published. Reports link to a rule's page once there is an address."""

from __future__ import annotations

SITE = ""  # such as "https://example.org/gpufix"; empty: not published, and nothing links to it


def rule_page(code: str) -> str | None:
    """The address of a rule's page; None where the documentation is not published."""
    return f"{SITE.rstrip('/')}/rules/{code}.html" if SITE else None
