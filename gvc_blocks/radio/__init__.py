"""Blocks of this stage, one a file."""
