"""The clamp of every noise map: variance of an unbiased unit-power symbol after equalisation, -30 to +15 dB."""

NU_MIN = 1e-3
NU_MAX = 10**1.5
