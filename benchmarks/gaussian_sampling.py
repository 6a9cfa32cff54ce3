"""The paper's sampler with the exact score, where everything is known: real AR(1) symbols in AWGN.

Gain in symbol error over the received symbols, of the posterior mean in one evaluation, and of the paper's DDIM from
its own start and from the matched one, in blocks of 64 real symbols of variance 1/2.
"""

import torch

from benchmarks.common import emit, parser
from models.cddm.paper import ALPHA_BARS, PaperSampler, start_step
from models.latents import SQRT_HALF

BLOCK = 64


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--blocks", type=int, default=4000)
    options.add_argument("--snr-db", type=float, default=10.0)
    arguments = options.parse_args()
    rows = [gains(rho, arguments.snr_db, arguments.blocks) for rho in (0.0, 0.8, 0.95)]
    steps = {f"{snr:g} dB": start_step(snr, cap_db=-30) for snr in (5, 10, 12, 13, 15, 20)}
    emit(rows, arguments.json, steps_uncapped=steps)


def gains(rho: float, snr_db: float, blocks: int) -> dict[str, float]:
    """dB over raw for symbols of correlation rho^|i-j|."""
    torch.manual_seed(0)
    apart = torch.arange(BLOCK, dtype=torch.float64)
    covariance = 0.5 * rho ** (apart[:, None] - apart[None]).abs()
    sent = torch.randn(blocks, BLOCK, dtype=torch.float64) @ torch.linalg.cholesky(covariance).T
    variance = 0.5 * 10 ** (-snr_db / 10)
    received = sent + variance**0.5 * torch.randn_like(sent)
    raw = (received - sent).square().mean()
    eye = torch.eye(BLOCK, dtype=torch.float64)
    mean = received @ torch.linalg.solve(covariance + variance * eye, covariance)

    def predict(x: torch.Tensor, gain: torch.Tensor, t: int, active: torch.Tensor) -> torch.Tensor:
        """E[eps | x_t], exact: x_t = W (sqrt(ab) x_0 + sqrt(1 - ab) eps) in AWGN, where W_s = W_n = W."""
        ab = ALPHA_BARS[t - 1]
        solved = torch.linalg.solve(ab * covariance + (1 - ab) * eye, x[:, :, 0, 0] / scale, left=False)
        return ((1 - ab) ** 0.5 * solved)[:, :, None, None]

    scale = 1 / (1 + 10 ** (-snr_db / 10))
    noise_map = torch.full((blocks, BLOCK // 2, 1, 1), 10 ** (-snr_db / 10), dtype=torch.float64)

    def ddim(start: str) -> torch.Tensor:
        sampler = PaperSampler(predict, start=start)
        active = torch.full((blocks,), float(BLOCK))
        return sampler(received[:, :, None, None] / SQRT_HALF, noise_map, active)[:, :, 0, 0] * SQRT_HALF / scale

    row: dict[str, float] = {"rho": rho}
    starts = {name: start_step(snr_db, name) for name in ("code", "matched")}
    for name, estimate in {"mean": mean, **{name: ddim(name) for name in starts}}.items():
        row[f"{name}_gain_db"] = 10 * torch.log10(raw / (estimate - sent).square().mean()).item()
        row[f"{name}_evaluations"] = starts.get(name, 1)
    return row


if __name__ == "__main__":
    main()
