"""GPUs: names, architectures, and which code serves which."""
