"""The only part of gpufix that changes anything: guarded steps, journal, undo, verification."""
