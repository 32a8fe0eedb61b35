"""DOC0xx: gpufix's own failures."""
