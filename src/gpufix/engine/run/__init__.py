"""One run of `gpufix fix`: propose, apply, compare."""
