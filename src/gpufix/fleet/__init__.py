"""Many nodes: what each answered, where they differ, who is the odd one out."""
