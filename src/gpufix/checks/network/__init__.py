"""A node's network, as collectives meet it: NET12xx."""
