"""What blocks share: the guarded base, flow, credit, contents."""
