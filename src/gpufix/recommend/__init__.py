"""Which torch build fits: targets, driver, Python, platform and extensions, weighed together."""
