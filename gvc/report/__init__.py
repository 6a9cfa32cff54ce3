"""The report of a run: page, tables, plots, comparison."""
