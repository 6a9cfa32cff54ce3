"""Video and still picture codecs behind one interface."""
