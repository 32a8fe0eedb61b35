"""What the loader of Windows would do: predicted from files, nothing is loaded or run."""
