"""Coding of segments of pictures into bytes and symbols, and back."""
