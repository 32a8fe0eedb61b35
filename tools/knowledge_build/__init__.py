"""One module per group of shipped tables."""
