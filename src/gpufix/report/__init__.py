"""Renders a diagnosis. Each format is one file; none of them decides anything."""
