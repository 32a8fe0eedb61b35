"""What an administrator can do about a node."""
