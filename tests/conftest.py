"""For all tests: how long an example takes is no reason to fail on a busy machine."""

from hypothesis import settings

settings.register_profile("gpufix", deadline=None)
settings.load_profile("gpufix")
