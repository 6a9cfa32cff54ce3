"""Schemes: a segment of pictures to slots of symbols and back."""
