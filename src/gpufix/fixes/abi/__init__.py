"""Repairs of what stands in the way of loading: C and C++ libraries, files for another Python."""
