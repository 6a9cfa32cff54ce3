"""What every training shares: sessions, steps, pictures."""
