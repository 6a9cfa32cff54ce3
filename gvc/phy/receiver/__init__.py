"""From samples to frames: detection, synchronisation, estimation, equalisation, assembly."""
