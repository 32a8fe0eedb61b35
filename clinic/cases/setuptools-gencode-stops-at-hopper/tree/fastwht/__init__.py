"""Walsh-Hadamard transforms."""
