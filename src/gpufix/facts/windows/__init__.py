"""Windows patients, read from their files: on Windows itself, in WSL, or on a disk that is mounted."""
