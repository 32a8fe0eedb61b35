"""What differs between the nodes of a fleet: FLT13xx."""
