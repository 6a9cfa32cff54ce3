"""A codec at the capacity of the channel: the bound that nothing digital passes."""
