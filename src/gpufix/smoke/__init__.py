"""`gpufix smoke`: compile the kernel suite, run it, compare with roofs and earlier runs."""
