"""The gate in a running link: which decoder shows which frame, and what is reported of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = "tests.flowgraphs.gated_codec"
PLAIN = (
    "--set",
    "model.encoder=tests.flowgraphs.plain_codec:PlainEncoder",
    "--set",
    f"model.decoder={HERE}:ArmDecoder",
)
RUN = ("--radio", "sim-awgn", "--frames", 6, "--metrics", "psnr_db", "--pace", "none", "--set", "channel.snr_db=25")


@pytest.fixture(scope="module")
def shown(gvc, clip: Path, tmp_path_factory: pytest.TempPathFactory):
    """`shown(*settings)`: the result of a link, and for each arm the level of every frame: 200 behind the denoiser, 100
    without.
    """

    def run(*settings: str) -> tuple[dict, dict[str, list[int]]]:
        out = tmp_path_factory.mktemp("runs") / "run"
        chosen = [word for setting in settings for word in ("--set", setting)]
        done = gvc("link", "--clip", clip, *RUN, *PLAIN, *chosen, "--out", out, "--json", "-")
        assert done.returncode == 0, done.stderr
        arms = {
            folder.name: [int(np.array(Image.open(file)).mean()) for file in sorted(folder.glob("*.png"))]
            for folder in (out / "frames").iterdir()
        }
        return json.loads(done.stdout), arms

    return run


def test_frames_that_the_gate_leaves_alone_go_to_the_decoder_of_received_symbols(shown) -> None:
    result, arms = shown(f"model.denoiser={HERE}:EverySecond")
    assert (arms["jscc"], arms["jscc+cddm"]) == ([100] * 6, [200, 100] * 3)
    assert result["denoiser_active_fraction"] == 0.5


def test_the_gate_can_be_switched_off(shown) -> None:
    result, arms = shown(f"model.denoiser={HERE}:EverySecond", "model.gate=false")
    assert arms["jscc+cddm"] == [200] * 6
    assert result["denoiser_active_fraction"] == 1.0


def test_no_denoiser_at_all_decodes_received_symbols(shown) -> None:
    result, arms = shown("model.denoiser=none")
    assert arms["jscc+cddm"] == [100] * 6
    assert result["denoiser_active_fraction"] == 0.0
