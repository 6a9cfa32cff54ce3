"""`radios check` and every run refuse the same configurations, before anything runs."""

import os

import pytest

from flowgraphs import cli
from flowgraphs.experiment.run import configure
from gvc.config import build
from gvc.errors import ConfigError, InputError
from models.link_check import check_link
from models.point import inputs

WRONG = {
    "sample_rate_hz=2e6": r"'sample_rate_hz' is 2e\+06 and that of phy.numerology 'ofdm64' is 1e\+06",
    "phy.numerology=ofdm256": r"'sample_rate_hz' is 1e\+06 and that of phy.numerology 'ofdm256' is 5e\+06",
    "phy.numerology=ofdm65": "unknown numerology 'ofdm65'; did you mean 'ofdm64'",
    "channel.cfo_hz=9e5": "cfo_hz = 900000",
    "channel.name=tdl-f": "did you mean 'tdl-e'",
    "channel.options.blocked_s=1": "channel 'awgn' has no parameter 'blocked_s'",
    "channel.options.cfo_hz=1": "'cfo_hz' is no option",
    "phy.equaliser=mmze": "did you mean 'mmse'",
    "phy.options.equaliser.floor=1": "equaliser 'mmse' has no option 'floor'",
    "phy.options.equalizer.floor=1": "did you mean 'phy.options.equaliser'",
    "model.cbr=0.5": "is not offered",
    "model.decoder=jsc": "unknown decoder 'jsc'",
    "model.sampler=x1": "unknown sampler 'x1'; did you mean 'x0'",
    "digital.mcs=qpsk-1": "unknown MCS",
    "digital.table=sim-awgm": "did you mean 'sim-awgn'",
    "digital.adaptation=tables": "did you mean 'table'",
    "hybrid.refinement=soft": "unknown refinement",
    "capacity.codec=av2": "unknown codec 'av2'",
    "dump.tx=nowhere/tx.cf32": "no folder for 'nowhere/tx.cf32'",
}
NETWORKS = {
    "model.options.decoder.dtyp=1": "decoder 'jscc' has no option 'dtyp'",
    "model.options.denoiser.seeds=1": "denoiser 'cddm' has no option 'seeds'; did you mean 'seed'",
    "model.options.sampler.step=1": "sampler 'x0' has no option 'step'",
    "model.options.encoder.cbr=1": "'cbr' is no option",
}
SCHEMES = {
    "digital.options.adaptation.slope=1": ("x264+ldpc", "adaptation 'table' has no option 'slope'"),
    "hybrid.options.refinement.x=1": ("hybrid", "refinement 'softcast' has no option 'x'"),
    "hybrid.options.codec.x=1": ("hybrid", "codec 'av1' has no option 'x'"),
}


@pytest.mark.parametrize("override", WRONG)
def test_what_no_link_can_be_made_of_is_refused(override) -> None:
    with pytest.raises(InputError, match=WRONG[override]):
        configure("sim-awgn", [override], ["jscc"])


@pytest.mark.parametrize("override", NETWORKS)
def test_networks_refuse_options_that_they_do_not_have(override) -> None:
    config = build("sim-awgn", ["model.preset=small", override])
    with pytest.raises(ConfigError, match=NETWORKS[override]):
        check_link(config, ["jscc+cddm"], networks=True)


@pytest.mark.parametrize("override", SCHEMES)
def test_schemes_refuse_options_that_they_do_not_have(override) -> None:
    arm, told = SCHEMES[override]
    with pytest.raises(ConfigError, match=told):
        check_link(build("sim-awgn", [override]), [arm])


def test_arms_are_checked() -> None:
    for arm, told in (("jsc", "did you mean 'jscc'"), ("capacity", "knows the channel beforehand"),
                      ("av1+ldpc@genie", "knows the channel"), ("av1+ldpc@qpsk", "unknown adaptation")):  # fmt: skip
        with pytest.raises(InputError, match=told):
            check_link(build("sim-awgn"), [arm])
    check_link(build("sim-awgn"), ["capacity", "av1+ldpc@genie"], running=False)


@pytest.mark.parametrize("call", [
    ["radios", "check", "sim-awgn"], ["link", "--clip", "bikes.mp4", "--radio", "sim-awgn"],
    ["tx", "bikes.mp4", "-o", "x.cf32", "--radio", "sim-awgn"], ["rx", "x.cf32", "-o", "out", "--radio", "sim-awgn"],
    ["bank", "-o", "b.safetensors", "--radio", "sim-awgn"], ["demo", "--radio", "sim-awgn"],
])  # fmt: skip
def test_every_command_refuses_it_and_leaves_nothing(call, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run([*call, "--set", "sample_rate_hz=5e6"]) == 2
    told = capsys.readouterr().err
    assert "'sample_rate_hz' is 5e+06" in told and "'ofdm64' is 1e+06" in told
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_refuses_it_before_anything_runs() -> None:
    point = {"clip": "bikes.mp4", "radio": "sim-awgn", "snr_db": 12, "cbr": "1/48", "arms": ["jscc"]}
    assert inputs(point)
    for more in ({"sample_rate_hz": 5e6}, {"snr_db": float("nan")}, {"phy.options.equaliser.x": 1}, {"frames": 0},
                 {"measured": True}, {"arms": ["jsc"]}, {"size": "0x0"}, {"metrics": {"psnr": 1}}):  # fmt: skip
        with pytest.raises(InputError):
            inputs({**point, **more})


def test_shipped_radios_pass(capsys) -> None:
    assert cli.run(["radios", "check", "sim-tdl-c-300ns-5msps", "--arms", "x264+ldpc,softcast", "--json", "-"]) == 0


@pytest.mark.parametrize(
    ("environment", "overrides", "threads"),
    [(None, [], 1), ("3", [], 3), ("4,2", [], 4), ("3", ["model.threads=2"], 2), ("", [], 1)],
)
def test_threads_are_those_given_else_of_the_environment_else_one(environment, overrides, threads, monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if environment is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", environment)
    config = configure("sim-awgn", overrides)
    assert config.model.threads == threads and os.environ["OMP_NUM_THREADS"] == str(threads)


@pytest.mark.parametrize("text", ["0", "many", "-1", "257", "9" * 99])
def test_a_thread_count_that_is_none_is_named(text, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    with pytest.raises(ConfigError, match="OMP_NUM_THREADS"):
        build("sim-awgn")
    assert build("sim-awgn", ["model.threads=2"]).model.threads == 2
