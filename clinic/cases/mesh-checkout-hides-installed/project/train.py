"""Trains: it lies beside the checkout of meshkit."""

import meshkit

print("meshkit from", meshkit.__file__)
