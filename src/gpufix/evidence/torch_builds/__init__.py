"""Which torch builds fit: targets, driver, Python, platform and extensions, weighed together."""
