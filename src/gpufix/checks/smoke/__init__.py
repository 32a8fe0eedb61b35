"""KRN9xx: what `gpufix smoke` finds by compiling and running its kernels."""
