"""What is true of the world: tables with their sources, one loader each. Nothing here observes."""
