"""SRC6xx: the project's source."""
