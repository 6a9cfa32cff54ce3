"""Ground floor of the GVC testbed: coding, waveform, channels, evaluation. No GNU Radio."""

__version__ = "0.1.0"
