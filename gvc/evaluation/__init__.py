"""Evaluation: frames over a lossless socket to a separate process, metrics, report."""
