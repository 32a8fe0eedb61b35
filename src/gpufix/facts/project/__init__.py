"""The project: files, sources, git."""
