"""The evaluator as a process of its own, and how frames get there."""
