"""What ld.so would do: predicted from files, nothing is loaded or run."""
