"""GPU1xx: the GPU, its driver, and whether code for it exists."""
