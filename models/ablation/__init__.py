"""The arms of the ablation at symbol level."""
