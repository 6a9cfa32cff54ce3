"""What channel estimation costs: effective SNR (EVM) against perfect channel state on the same received samples.

Effective SNR is 1 / mean |z - s|^2 over the elements whose genie noise map is below NU_MAX; what the receiver erases
beside counts with its error, |s|^2. `weighted` divides each element's error by the genie's noise map, so that elements
in fades do not decide alone. `error_over_claim` is 1 for a receiver whose noise map is right.
"""

import numpy as np

from benchmarks.common import emit, parser
from benchmarks.phy_links import CHANNELS, decibel, known, trials, usable_estimators
from gvc.phy import Numerology


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=200, help="independent fades a row")
    options.add_argument("--numerology", default="ofdm64")
    options.add_argument("--rx-antennas", type=int, default=1)
    options.add_argument("--estimators", metavar="NAMES", help="of the channel; learned-linear is another")
    arguments = options.parse_args()
    u = Numerology.load(arguments.numerology)
    rows = []
    for channel in CHANNELS:
        for snr_db in (10.0, 20.0):
            for estimator in usable_estimators(u, arguments.estimators):
                error, genie, noise, claim = [], [], [], []
                for trial in trials(
                    u, channel, snr_db, arguments.draws, genie=True, rx_antennas=arguments.rx_antennas,
                    receiver={"channel_estimator": estimator},
                ):  # fmt: skip
                    every = trial.error, trial.genie_error, trial.genie_noise_map, trial.noise_map
                    for e, g, v, own in zip(*every, strict=True):
                        error.append(e[known(v)])
                        genie.append(g[known(v)])
                        noise.append(v[known(v)])
                        claim.append((e / own)[known(own)])
                e, g, v = (np.concatenate(part) for part in (error, genie, noise))
                rows.append(
                    {
                        "channel": channel,
                        "snr_db": snr_db,
                        "estimator": estimator,
                        "bursts": len(error),
                        "effective_snr_db": -decibel(np.mean(e)),
                        "genie_effective_snr_db": -decibel(np.mean(g)),
                        "loss_db": decibel(np.mean(e) / np.mean(g)),
                        "weighted_loss_db": decibel(np.mean(e / v) / np.mean(g / v)),
                        "error_over_claim": float(np.mean(np.concatenate(claim))),
                    }
                )
    emit(rows, arguments.json)


if __name__ == "__main__":
    main()
