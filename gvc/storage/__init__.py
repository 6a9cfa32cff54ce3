"""What stays on disk: files whole or absent, run folders, recordings of samples."""
