"""The chapters of the results book."""
