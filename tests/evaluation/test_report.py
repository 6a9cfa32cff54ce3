"""The report of a run: whole, self-contained, and honest about what is absent."""

import json
import re
import shutil

import av
import numpy as np
import pytest
from PIL import Image

from gvc.errors import InputError, LinkError
from gvc.evaluation import comparison, report
from gvc.evaluation.report import FIGURES, write_report
from gvc.evaluation.run_folder import RunFolder
from tests.evaluation import synthetic_run

FRAMES = 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory, pictures):
    return synthetic_run.write(tmp_path_factory.mktemp("run"), pictures(FRAMES, 48, 63))


@pytest.fixture
def folder(whole, tmp_path, monkeypatch):
    # The figures' looks are tested on `whole`; here a coarse light version will do.
    monkeypatch.setattr(report, "THEMES", report.THEMES[:1])
    monkeypatch.setattr(report, "DPI", 30)
    return shutil.copytree(whole, tmp_path / "run", ignore=shutil.ignore_patterns("report"))


@pytest.fixture(scope="module")
def page(whole):
    return write_report(whole).read_text()


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
    for heading, _ in FIGURES.values():
        assert heading in page
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
    assert words in write_report(folder).read_text()


def test_a_bare_result_still_gives_a_page(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    text = write_report(tmp_path).read_text()
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
    assert "Online training" not in write_report(folder).read_text()
    assert not (folder / "report" / "recovery.png").exists()


def test_without_a_sweep_frames_are_shown_at_their_own_snr(folder):
    (folder / "sweep.json").unlink()
    assert "Each point is a received frame" in write_report(folder).read_text()


def test_missing_metrics_are_said(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["not_measured"]["lpips"] = "weights lpips_alex.safetensors are not installed; run ./testbed setup"
    for arm in metrics["arms"].values():
        arm["lpips"] = None
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = write_report(folder).read_text()
    assert "lpips was not measured: weights lpips_alex.safetensors are not installed" in text


@pytest.mark.parametrize("name", ["bursts.npz", "symbols.npz", "metrics.json", "sweep.json", "frames/jscc/00003.png"])
def test_a_damaged_file_is_named_and_the_rest_shown(folder, name):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    problems = RunFolder(folder).problems if "png" not in name else ["png"]
    assert problems
    text = write_report(folder).read_text()
    assert "bikes.mp4" in text


@pytest.mark.parametrize("content", [None, "", "[1, 2]", '{"clip": ', "\0"])
def test_what_is_no_run_folder_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match="no run folder"):
        write_report(tmp_path)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    "run", [{"arms": 3}, {"stages": [1]}, {"latency_ms": {"p99": "x"}}, {"weights": 1, "arms": [[1]]}]
)
def test_values_of_the_wrong_kind_are_refused_and_nothing_is_left(tmp_path, run):
    (tmp_path / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="not as a run writes it"):
        write_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_names_from_outside_are_escaped(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"clip": "<script>alert(1)</script>", "config": {"<b>": "<i>"}}))
    text = write_report(tmp_path).read_text()
    assert "<script>" not in text and "<b>" not in text.split("</style>")[1] and "&lt;script&gt;" in text


def test_a_full_disk_is_an_error_and_the_earlier_report_stays(folder, monkeypatch):
    index = write_report(folder)
    before = index.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "_page", full)
    with pytest.raises(LinkError, match="No space left"):
        write_report(folder)
    assert index.read_text() == before
    assert not (folder / "report.partial").exists()


def test_unknown_symbols_are_left_out(folder):
    with np.load(folder / "symbols.npz") as archive:
        symbols = dict(archive)
    symbols["true"][: symbols["true"].size // 2] = np.nan
    symbols["denoised"][:] = np.nan
    np.savez(folder / "symbols.npz", **symbols)
    assert "Not shown" not in write_report(folder).read_text()


def test_without_the_first_reference_there_is_no_comparison_video(folder):
    (folder / "frames/reference/00000.png").write_bytes(b"no picture")
    assert comparison.write_video(RunFolder(folder), folder / "comparison.mp4") is None


def test_difference_maps_grow_with_the_difference():
    black = np.zeros((1, 3, 3), np.uint8)
    shown = np.array([[[0] * 3, [20] * 3, [200] * 3]], np.uint8)
    lightness = comparison.difference_map(black, shown).sum(-1)[0].astype(int)
    assert lightness[0] < 12 and lightness[0] < lightness[1] < lightness[2]
