"""RUN8xx: run-time settings."""
