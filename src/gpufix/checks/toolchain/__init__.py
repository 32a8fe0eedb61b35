"""TCH2xx: torch and the toolchain."""
