"""From facts to a diagnosis, and what is done with one: baselines, snapshots."""
