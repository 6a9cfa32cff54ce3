"""The EfficientNet distance: the network knows what it sees, and its layers are where they are said to be."""

import numpy as np
import pytest
import torch
from PIL import Image

from gvc.evaluation.metrics import backbones
from gvc.evaluation.metrics.efficientnet import classify, efficientnet
from gvc.video.clip import open_clip

BOW_TIE, SEAT_BELT, SUIT, WINDSOR_TIE = 457, 785, 834, 906


@pytest.fixture(scope="module")
def carphone():
    """The first frame: a man in a suit and tie in a car, uint8 [144, 192, 3]."""
    return next(iter(open_clip("carphone_pristine.mp4", frames=1)))


def test_a_known_picture_is_classified(carphone):
    square = Image.fromarray(carphone[:, 24:168]).resize((224, 224), Image.Resampling.BICUBIC)
    probabilities = classify(np.asarray(square))
    assert probabilities.sum() == pytest.approx(1)
    assert {BOW_TIE, SUIT, WINDSOR_TIE, SEAT_BELT} <= set(np.argsort(probabilities)[-5:])
    assert probabilities[[BOW_TIE, SUIT, WINDSOR_TIE]].sum() > 0.5


@pytest.mark.parametrize("size", [(64, 96), (33, 47)])
def test_layers_have_their_sizes(size):
    tensors = backbones.weights(backbones.EFFICIENTNET)
    with torch.inference_mode():
        layers = list(backbones.efficientnet(tensors, torch.zeros(1, 3, *size)))
    assert [layer.shape[1] for layer in layers] == [16, 24, 40, 112, 320]
    for halvings, layer in enumerate(layers, start=1):
        assert list(layer.shape[2:]) == [-(-side // 2**halvings) for side in size]


def test_a_frame_at_a_time_gives_the_same(pictures, noisy):
    clean = pictures(3, 64, 64)
    worse = noisy(clean, 10)
    alone = [efficientnet(clean[i : i + 1], worse[i : i + 1])[0] for i in range(3)]
    np.testing.assert_array_equal(efficientnet(clean, worse), alone)


def test_more_of_every_degradation_is_further(carphone):
    picture = Image.fromarray(carphone)
    coarse = [[np.asarray(picture.resize((192 // k, 144 // k), 3).resize((192, 144), 3))] for k in (2, 4, 8)]
    dark = [[(carphone * gain).astype(np.uint8)] for gain in (0.8, 0.5, 0.2)]
    for worse in (coarse, dark):
        values = [float(efficientnet([carphone], frames)[0]) for frames in worse]
        assert 0 < values[0] < values[1] < values[2] < 2
