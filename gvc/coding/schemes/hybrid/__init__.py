"""A digital base and an analogue refinement on top of it."""
