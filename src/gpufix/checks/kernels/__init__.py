"""KRN9xx: what the smoke test found."""
