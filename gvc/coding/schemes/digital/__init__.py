"""A codec, transport blocks, LDPC and QAM."""
