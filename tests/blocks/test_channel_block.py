"""The channel block is as strict as the air: no tags, noise around bursts, and the block equals its channel."""

import json
import subprocess
import sys

import numpy as np
import pytest

from gvc import registry
from gvc.paths import ROOT

SCRIPT = """
import json, sys
import numpy as np, pmt
from gnuradio import blocks, gr
from flowgraphs import runner
from gvc_blocks.runtime import flow
from gvc_blocks.radio.sionna_channel import SionnaChannel
from gvc_blocks.runtime.guarded import END_TAG, GuardedBlock

options = json.loads(sys.argv[1])
sent = np.load(sys.argv[2])
class Check(GuardedBlock):
    def __init__(self, antennas):
        super().__init__("check", [np.complex64] * antennas, None)
        self.got, self.tags = [], []
    def process(self, inputs, outputs):
        count = min(map(len, inputs))
        self.got.append(np.stack([x[:count].copy() for x in inputs]))
        start = self.nitems_read(0)
        self.tags += [str(tag.key) for tag in self.get_tags_in_range(0, start, start + count)]
        over = self.ends_within(count)
        self.consume_each(count)
        return -1 if over else 0
shared = flow.fresh()
top = gr.top_block()
def tag(offset, key):
    t = gr.tag_t(); t.offset, t.key, t.value = offset, key, pmt.from_long(500); return t
tags = [tag(0, pmt.intern("packet_len")), tag(777, pmt.intern("tx_len")), tag(len(sent) - 1, END_TAG)]
top.source = blocks.vector_source_c(sent.tolist(), False, 1, tags)
top.channel = SionnaChannel(**options)
top.check = Check(options["rx_antennas"])
top.connect(top.source, top.channel)
for antenna in range(options["rx_antennas"]):
    top.connect((top.channel, antenna), (top.check, antenna))
runner.run(top, shared, stall_s=20)
np.save(sys.argv[3], np.concatenate(top.check.got, axis=1))
print(json.dumps(top.check.tags))
"""


@pytest.mark.parametrize(("name", "antennas"), [("awgn", 1), ("rayleigh-block", 2)])
def test_the_stream_is_the_channels_and_all_tags_but_the_end_are_gone(tmp_path, name: str, antennas: int) -> None:
    generator = np.random.default_rng(5)
    sent = (generator.standard_normal((50_000, 2)) / 2**0.5).astype(np.float32).view(np.complex64)[:, 0]
    np.save(tmp_path / "sent.npy", sent)
    options = {"channel": name, "snr_db": 10.0, "seed": 4, "rx_antennas": antennas, "cfo_hz": 900.0}
    options["delay_samples"] = 7.5
    command = [sys.executable, "-c", SCRIPT, json.dumps(options), tmp_path / "sent.npy", tmp_path / "got.npy"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["gvc_end"]
    got = np.load(tmp_path / "got.npy")
    del options["channel"]
    channel = registry.create("channel", name, sample_rate_hz=1e6, center_frequency_hz=2.4e9, **options)
    expected = np.concatenate([channel.process(sent), channel.flush()], axis=1)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 1e-4
