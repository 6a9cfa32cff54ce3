"""Where the figures in README and docs come from. Run one as `python -m benchmarks.NAME [--json -]`."""
