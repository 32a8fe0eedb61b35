"""WHL5xx: wheels and what they require."""
