"""The pretrained judges on known pictures: a man with a bow tie in a car, and text drawn here."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from gvc import registry
from gvc.content import installed
from gvc.content.catalogue import JUDGES, TEACHERS, Group
from gvc.errors import ConfigError
from gvc.evaluation.judges import look
from gvc.evaluation.judges.agreement import agreement
from gvc.paths import content_dir
from gvc.video.clip import open_clip

NAMES = registry.names("judge")


def needs(group: Group) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not installed.intact(group, content_dir()), reason=f"not installed: gvc content fetch {group.name}"
    )


@pytest.fixture(scope="module")
def judge():
    """`judge(name)`: made once, as a network takes a while to load."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = registry.create("judge", name)
        return made[name]

    return of


@pytest.fixture(scope="module")
def man():
    """A man in a car, his head tilted, uint8 [144, 192, 3]; the face is in columns 65..130 and rows 30..105."""
    return next(iter(open_clip("carphone_pristine.mp4", frames=1)))


@pytest.fixture(scope="module")
def written():
    """uint8 [96, 320, 3] that says "Segment 42"."""
    picture = Image.new("RGB", (320, 96), (240, 240, 230))
    ImageDraw.Draw(picture).text((20, 30), "Segment 42", fill=(20, 20, 60), font=ImageFont.load_default(36))
    return np.asarray(picture)


def blurred(picture, times):
    height, width = picture.shape[:2]
    small = Image.fromarray(picture).resize((width // times, height // times), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


@needs(JUDGES)
def test_centernet_sees_a_person(judge, man):
    found = judge("centernet").look(man)
    assert found.names()[0] == "person" and found.scores[0] > 0.4 and "tie" in found.names()
    left, top, right, bottom = found.boxes[0]
    assert 0 <= left < 65 and 130 < right <= 192 and top < 40 and bottom > 120


@needs(TEACHERS)
def test_nanodet_sees_him_too_and_leads_back_to_the_picture(man):
    teacher = registry.create("teacher", "nanodet")
    found = teacher.look(man)
    assert found.names()[:1] == ["person"] and found.boxes[0][2] - found.boxes[0][0] > 80
    pixels = torch.from_numpy(np.array(Image.fromarray(man).resize((416, 416)))).permute(2, 0, 1)[None] / 255
    pixels.requires_grad_()
    scores = torch.cat([scores[:, 0] for scores, _ in teacher.evidence(pixels)])
    scores.max().backward()
    assert torch.isfinite(pixels.grad).all() and pixels.grad.abs().max() > 0


@needs(JUDGES)
def test_movenet_and_the_face_mesh_agree_where_the_face_is(judge, man):
    body, face = judge("movenet").look(man), judge("face-mesh").look(man)
    assert body.points.shape == (1, 17, 2) and face.points.shape == (1, 468, 2) and face.scores[0, 0] > 0.9
    low, high = face.points[0].min(0), face.points[0].max(0)
    assert (low > [60, 25]).all() and (high < [135, 110]).all()
    nose, left_eye, right_eye = body.points[0, :3]
    np.testing.assert_allclose(face.points[0, 1], nose, atol=4)
    # outer corner of the right eye and of the left one, right and left being the man's
    np.testing.assert_allclose(face.points[0, 33], right_eye, atol=6)
    np.testing.assert_allclose(face.points[0, 263], left_eye, atol=6)


@needs(JUDGES)
def test_a_face_that_moves_moves_its_points(judge, man):
    moved = np.roll(man, (6, -10), (0, 1))
    first, second = (judge("face-mesh").look(picture).points[0] for picture in (man, moved))
    np.testing.assert_allclose(second - first, np.broadcast_to([-10, 6], (468, 2)), atol=1.5)


@needs(JUDGES)
def test_ocr_reads(judge, man, written):
    found = judge("ocr").look(written)
    assert "".join(found.lines).replace(" ", "") == "Segment42" and found.scores[0] > 0.9
    (corners,) = found.corners
    assert corners[0, 0] < 25 and corners[2, 0] > 190 and 20 < corners[0, 1] < 45 < 65 < corners[2, 1] < 85
    assert judge("ocr").look(man[:96, :96]).lines == ()


@needs(JUDGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_judge_agrees_with_itself_and_less_with_worse_pictures(judge, man, written, name):
    picture = written if name == "ocr" else man
    truth, again, blur, worse = look(judge(name), [picture, picture, blurred(picture, 3), blurred(picture, 16)])
    assert agreement(truth, again) == 1
    assert agreement(truth, blur) >= 0.4 > agreement(truth, worse)


@needs(JUDGES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(1, 1), (17, 70)])
def test_any_size_is_looked_at(judge, name, size):
    judge(name).look(np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8))


@needs(JUDGES)
def test_judges_have_options_of_their_own(man):
    strict = registry.create("judge", "centernet", {"least_score": 0.99})
    assert len(strict.look(man).boxes) == 0
    with pytest.raises(ConfigError, match="least_score"):
        registry.create("judge", "centernet", {"least": 1})


@pytest.mark.parametrize(("kind", "name"), [*(("judge", name) for name in NAMES), ("teacher", "nanodet")])
def test_what_is_not_installed_says_what_to_do(tmp_path, monkeypatch, kind, name):
    monkeypatch.setenv("GVC_HOME", str(tmp_path))
    with pytest.raises(installed.ContentError, match=f"is not installed; run gvc content fetch {kind}s"):
        registry.create(kind, name)
