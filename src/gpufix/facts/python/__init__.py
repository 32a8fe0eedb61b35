"""The interpreter, its variables and site folders, and its torch."""
