"""The report of a run: whole, self-contained, and honest about what is absent."""

import html
import json
import re
import shutil
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from gvc.errors import InputError, LinkError
from gvc.report import comparison
from gvc.report import page as report
from gvc.report.figures import FIGURES
from gvc.report.page import write_report
from gvc.report.reported_run import ReportedRun
from tests.evaluation import synthetic_run

FRAMES = 20
FEW = ("psnr_over_snr", "recovery", "constellation", "channel_response")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, pictures):
    return synthetic_run.write(tmp_path_factory.mktemp("run"), pictures(FRAMES, 48, 63))


@pytest.fixture
def folder(whole, tmp_path, monkeypatch):
    # The figures' looks are tested on `whole`; here a coarse light version will do.
    monkeypatch.setattr(report, "THEMES", report.THEMES[:1])
    monkeypatch.setattr(report, "DPI", 30)
    monkeypatch.setattr(report, "FIGURES", {name: FIGURES[name] for name in FEW})
    return shutil.copytree(whole, tmp_path / "run", ignore=shutil.ignore_patterns("report"))


@pytest.fixture(scope="module")
def page(whole):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "DPI", 50)
        return write_report(whole).index.read_text()


def test_the_page_holds_everything_and_reaches_out_to_nothing(page):
    sources = re.findall(r'(?:src|srcset|href)="([^"]{0,30})', page)
    assert sources and all(source.startswith("data:") for source in sources)
    assert "http://" not in page and "https://" not in page and "<script" not in page
    assert page.count("data:video/mp4") == 1
    for words in (
        "bikes.mp4",
        "sim-tdl-c-900ns",
        "12 dB SNR",
        "1/48",
        "35 % on top",
        "JSCC + CDDM",
        "schmidl-cox",
        "2.13.0",
    ):
        assert words in page
    for figure in FIGURES.values():
        assert figure.heading in page
    assert "Not shown" not in page and "Could not be read" not in page


def test_headline_numbers_are_those_of_the_run(whole, page):
    arms = json.loads((whole / "metrics.json").read_text())["arms"]
    psnr, gain = arms["jscc+cddm"]["psnr_db"], arms["jscc+cddm"]["psnr_db"] - arms["jscc"]["psnr_db"]
    assert f'<p class="value">{psnr:.2f}' in page and f"{gain:+.2f} dB against JSCC" in page and gain > 0
    assert f'<p class="value">{FRAMES - 1}/{FRAMES}' in page
    assert '<p class="value">1.64' in page and '<p class="value">88' in page


def test_files_beside_the_page(whole, page):
    pictures = list((whole / "report").glob("*.png"))
    assert {f"{name}{suffix}.png" for name in FIGURES for suffix in ("", "-dark")} <= {p.name for p in pictures}
    for path in pictures:
        with Image.open(path) as image:
            assert np.ptp(np.asarray(image.convert("L"))) > 0, path.name
    with av.open(str(whole / "report" / "comparison.mp4")) as video:
        stream = video.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(stream)]
        assert stream.codec_context.name == "h264" and stream.average_rate == 25
    assert len(frames) == FRAMES
    # Panels of twice 63x48 below a strip of titles; the first is the original.
    original = np.asarray(Image.open(whole / "frames" / "reference" / "00003.png"), float).repeat(2, 0).repeat(2, 1)
    strip = frames[3].shape[0] - 96
    assert abs(frames[3][strip:, :126] - original).mean() < 6


def test_a_lost_frame_is_shown_as_lost(page):
    assert "Lost frame, previous one shown" in page and "#17" in page


@pytest.mark.parametrize(
    ("absent", "words"),
    [
        ("symbols.npz", "no symbols were recorded"),
        ("bursts.npz", "no channel estimates were recorded"),
        ("frames", "No pictures were recorded"),
    ],
)
def test_an_absent_part_is_named(folder, absent, words):
    path = folder / absent
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert words in write_report(folder).index.read_text()


def test_a_bare_result_still_gives_a_page(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    text = write_report(tmp_path).index.read_text()
    # online training is not missed where it was off
    assert text.count("Not shown") == len(FIGURES) - 1
    for words in ("No pictures", "No metrics", "No counters", "No mode marks", "Not recorded"):
        assert words in text


def test_online_training_is_told_in_numbers(folder, page):
    assert "2 swaps, 1 rollback, 0 restarts; 3 frames left out" in page
    assert "took 24 % of one core; the configuration allows 25 %" in page
    result = json.loads((folder / "run.json").read_text())
    del result["adaptation"]
    (folder / "run.json").write_text(json.dumps(result))
    assert "Online training" not in write_report(folder).index.read_text()
    assert not (folder / "report" / "recovery.png").exists()


def test_without_a_sweep_frames_are_shown_at_their_own_snr(folder):
    (folder / "sweep.json").unlink()
    assert "Each point is a received frame" in write_report(folder).index.read_text()


def test_missing_metrics_are_said(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["not_measured"]["lpips"] = "weights lpips_alex.safetensors are not installed; run ./testbed setup"
    for arm in metrics["arms"].values():
        arm["lpips"] = None
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = write_report(folder).index.read_text()
    assert "lpips was not measured: weights lpips_alex.safetensors are not installed" in text


@pytest.mark.parametrize("name", ["bursts.npz", "symbols.npz", "metrics.json", "sweep.json", "frames/jscc/00003.png"])
def test_a_damaged_file_is_named_and_the_rest_shown(folder, name):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    text = write_report(folder).index.read_text()
    assert re.search(rf"Could not be read: [^<]*{re.escape(name)}", text) and "bikes.mp4" in text


@pytest.mark.parametrize("content", [None, "", "[1, 2]", '{"clip": ', "\0"])
def test_what_is_no_run_folder_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match="no run folder"):
        write_report(tmp_path)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("run", [{"arms": 3}, {"weights": 1, "arms": [[1]]}])
def test_arms_of_the_wrong_kind_are_refused_and_nothing_is_left(tmp_path, run):
    (tmp_path / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="not as a run writes it"):
        write_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    ("run", "part"),
    [
        ({"stages": [1]}, "stage_times"),
        ({"snr_est_db": 3.0, "evm_db": "x"}, "cards"),
        ({"counters": 3}, "counters"),
        ({"config": {"phy": {"numerology": "x"}}, "adaptation": {"curve": 3}}, "recovery"),
    ],
)
def test_values_of_the_wrong_kind_cost_their_part(tmp_path, run, part):
    (tmp_path / "run.json").write_text(json.dumps(run))
    made = write_report(tmp_path)
    assert made.failed == [part] and made.left_out[part].startswith("failed: ")
    assert "This page is without" in made.index.read_text() and made.left_out[part] in html.unescape(
        made.index.read_text()
    )


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_that_fails_costs_that_figure(folder, monkeypatch, name):
    def broken(run, theme):
        raise ValueError("operands could not be broadcast together")

    others = {other: replace(figure, draw=lambda run, theme: "not now") for other, figure in FIGURES.items()}
    monkeypatch.setattr(report, "FIGURES", {**others, name: replace(FIGURES[name], draw=broken)})
    monkeypatch.setattr(comparison, "write_video", lambda run, path: None)
    made = write_report(folder)
    assert made.failed == [name] and "could not be broadcast" in made.left_out[name]
    assert "Not shown: failed: ValueError: operands could not be broadcast together" in made.index.read_text()


def test_a_video_that_fails_costs_the_video(folder, monkeypatch):
    def broken(run, path):
        raise LinkError("the encoder is gone")

    monkeypatch.setattr(comparison, "write_video", broken)
    made = write_report(folder)
    assert made.failed == ["video"] and (folder / "report/psnr_over_snr.png").is_file()
    assert "the encoder is gone" in made.index.read_text()


def test_names_from_outside_are_escaped(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"clip": "<script>alert(1)</script>", "config": {"<b>": "<i>"}}))
    text = write_report(tmp_path).index.read_text()
    assert "<script>" not in text and "<b>" not in text.split("</style>")[1] and "&lt;script&gt;" in text


def test_a_full_disk_is_an_error_and_the_earlier_report_stays(folder, monkeypatch):
    index = write_report(folder).index
    before = index.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "_page", full)
    with pytest.raises(LinkError, match="No space left"):
        write_report(folder)
    assert index.read_text() == before
    assert not list(folder.glob(".*"))


def test_unknown_symbols_are_left_out(folder):
    with np.load(folder / "symbols.npz") as archive:
        symbols = dict(archive)
    symbols["true"][: symbols["true"].size // 2] = np.nan
    symbols["denoised"][:] = np.nan
    np.savez(folder / "symbols.npz", **symbols)
    assert "Not shown" not in write_report(folder).index.read_text()


def test_without_the_first_reference_there_is_no_comparison_video(folder):
    (folder / "frames/reference/00000.png").write_bytes(b"no picture")
    assert comparison.write_video(ReportedRun(folder), folder / "comparison.mp4") is None


def test_difference_maps_grow_with_the_difference():
    black = np.zeros((1, 3, 3), np.uint8)
    shown = np.array([[[0] * 3, [20] * 3, [200] * 3]], np.uint8)
    lightness = comparison.difference_map(black, shown).sum(-1)[0].astype(int)
    assert lightness[0] < 12 and lightness[0] < lightness[1] < lightness[2]


def test_the_headline_is_against_the_control_where_there_is_one(folder):
    result = json.loads((folder / "run.json").read_text())
    metrics = json.loads((folder / "metrics.json").read_text())
    for part in (result, metrics):
        first, last = part["arms"]["jscc"], part["arms"]["jscc+cddm"]
        control = {**last, "psnr_db": last["psnr_db"] - 0.37}
        part["arms"] = {"jscc": {**first, "psnr_db": last["psnr_db"] - 0.89}, "control": control, "jscc+cddm": last}
    (folder / "run.json").write_text(json.dumps(result))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = write_report(folder).index.read_text()
    first, second = text.index("+0.37 dB against Control"), text.index("+0.89 dB against JSCC")
    assert first < second and "equal training" in text[first:second]


@pytest.mark.parametrize(("factor", "p99_ms", "grew"), [(0.04, 98_000, True), (0.9, 300, False), (1.6, 900, False)])
def test_a_link_slower_than_real_time_has_a_queue_not_a_latency(tmp_path, factor, p99_ms, grew):
    latency = {"p50": p99_ms / 2, "p99": p99_ms}
    (tmp_path / "run.json").write_text(json.dumps({"realtime_factor": factor, "latency_ms": latency}))
    text = write_report(tmp_path).index.read_text()
    assert ("not real time: the queue grew" in text) == grew and (f">{p99_ms}<" in text) != grew


def test_digital_arms_have_their_block_error_rate(folder):
    result = json.loads((folder / "run.json").read_text())
    result["arms"]["av1+ldpc"] = {"psnr_db": 30.0, "blocks": 400, "block_errors": 10}
    (folder / "run.json").write_text(json.dumps(result))
    text = write_report(folder).index.read_text()
    assert "Block error rate" in text and "0.0250" in text and "10 of 400" in text


def test_versions_stand_in_the_page_once(page):
    assert page.count(">numpy<") == page.count(">gnuradio<") == page.count(">torch<") == 1


def test_keys_and_values_have_room_on_a_phone(page):
    """Keys in tables of pairs are never broken, and stand above their values on a narrow page; wide tables scroll."""
    style = page.split("<style>")[1].split("</style>")[0]
    narrow = style.split("@media (max-width: 640px)")[1]
    assert ".pairs th, .pairs td { display: block" in narrow
    assert "th, td" in style and "overflow-wrap: anywhere" not in style.split("th, td {")[1].split("}")[0]
    assert page.count('<table class="pairs">') == 2 and page.count('<div class="scroll"><table>') == 3
