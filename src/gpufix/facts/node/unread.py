"""What a collector raises where it could not look."""

from __future__ import annotations


class Unread(Exception):
    """Why: one line, which becomes the reason of a gap."""
