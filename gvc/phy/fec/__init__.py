"""Forward error correction: LDPC, convolutional code, QAM, transport blocks and their schemes."""
