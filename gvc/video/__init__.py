"""Real video in: clips by path or by the name of installed demo content."""
