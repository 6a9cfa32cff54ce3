"""Codecs: pictures to bytes and back."""
