"""A node's hardware and driver: NOD11xx."""
