"""The radio channel: stream channels by registry name (see `base.Channel`), and symbol-level draws (`symbol`)."""
