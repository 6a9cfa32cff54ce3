"""A run of the link with everything around it."""
