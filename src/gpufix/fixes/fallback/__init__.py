"""Pure-torch fallbacks in place of compiled extensions."""
