"""The waveform without a flowgraph: realisations, transmissions, banks of noise maps."""
