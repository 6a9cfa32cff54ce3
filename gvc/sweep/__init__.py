"""Sweeps: many points, each computed once, kept by its content."""
