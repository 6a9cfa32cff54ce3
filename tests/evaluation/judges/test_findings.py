"""Boxes, points and text against values by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.errors import ParseError
from gvc.evaluation.judges.agreement import agreement, edits, f1, found_points, read
from gvc.evaluation.pretrained import onnx
from gvc.evaluation.pretrained.findings import Detections, Keypoints, Text, detections, overlap

SQUARES = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [100, 100, 110, 110]], np.float32)


def objects(boxes, classes, scores=None):
    scores = np.linspace(0.9, 0.5, len(boxes)) if scores is None else scores
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores), np.array(classes, np.int64))


def text(*lines):
    return Text(np.zeros((len(lines), 4, 2), np.float32), lines, np.ones(len(lines)))


def test_overlap():
    np.testing.assert_allclose(overlap(SQUARES[:1], SQUARES), [[1, 1 / 3, 0]])
    assert overlap(SQUARES[:0], SQUARES).shape == (0, 3)


def test_of_boxes_on_one_object_the_surest_stays():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 11], [0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    found = detections(boxes, np.array([0.5, 0.9, 0.8, 0.1]), np.array([0, 0, 1, 2]), 0.3)
    assert found.classes.tolist() == [0, 1] and found.boxes[0].tolist() == [0, 0, 10, 11]
    assert found.names() == ["person", "bicycle"]


def test_f1():
    reference = objects(SQUARES, [0, 0, 2])
    assert f1(reference, reference) == 1
    assert f1(reference, objects(SQUARES[:2], [0, 0])) == pytest.approx(4 / 5)
    assert f1(reference, objects(SQUARES, [0, 0, 3])) == pytest.approx(4 / 6)
    # two boxes on one object: one is right
    assert f1(objects(SQUARES[:1], [0]), objects(SQUARES[[0, 0]], [0, 0])) == pytest.approx(2 / 3)
    assert f1(reference, objects([], [])) == 0 and f1(objects([], []), objects([], [])) is None


def test_points_that_are_found():
    points = np.array([[[0, 0], [100, 0], [0, 40], [3, 3]]], np.float32)
    scores = np.array([[0.9, 0.9, 0.9, 0.1]])
    reference = Keypoints(points, scores)
    assert found_points(reference, Keypoints(points + np.float32(3), scores)) == 1
    moved = points.copy()
    moved[0, 1, 0] += 6  # more than 5 % of 100 pixels
    moved[0, 3] += 50  # not sure in the reference
    assert found_points(reference, Keypoints(np.concatenate([moved + 90, moved]), np.ones((2, 4)))) == pytest.approx(
        2 / 3
    )
    assert found_points(reference, Keypoints(points[:0], scores[:0])) == 0
    assert found_points(Keypoints(points[:0], scores[:0]), reference) is None


def test_text_that_is_read():
    assert edits("kitten", "sitting") == 3 and edits("", "abc") == 3 and edits("abc", "") == 3
    assert read(text("SNR 10 dB"), text("SNR10", "dB")) == 1
    assert read(text("abcd"), text("abxd")) == 0.75
    assert read(text("ab"), text("completely other")) == 0 and read(text(), text("a")) is None


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_edits_are_a_distance(first, second):
    found = edits(first, second)
    assert found == edits(second, first) and (found == 0) == (first == second)
    assert abs(len(first) - len(second)) <= found <= max(len(first), len(second))


def test_agreement_is_of_one_kind():
    assert agreement(text("a"), text("a")) == 1
    with pytest.raises(TypeError):
        agreement(text("a"), objects([], []))


def field(number, value):
    return bytes([number << 3 | 2, len(value)]) + value


def test_an_onnx_input_gets_its_size():
    open_shape = field(2, field(1, b"\x08\x01" + field(2, field(1, field(2, b"height")))))
    graph = field(11, field(1, b"x") + open_shape) + field(12, b"")
    entry = field(1, b"character") + field(2, b"a\nb")
    model = b"\x08\x08" + field(7, graph) + field(14, entry)
    assert onnx.metadata(model) == {"character": "a\nb"}
    sized = onnx.with_input(model, (1, 300))
    shape = field(1, b"\x08\x01") + field(1, b"\x08\xac\x02")
    wanted = field(11, field(1, b"x") + field(2, field(1, b"\x08\x01" + field(2, shape)))) + field(12, b"")
    assert sized == b"\x08\x08" + field(7, wanted) + field(14, entry)


@given(st.binary(max_size=60))
def test_random_bytes_are_no_onnx_model(data):
    for parse in (onnx.metadata, lambda data: onnx.with_input(data, (1, 3))):
        try:
            parse(data)
        except ParseError:
            pass
