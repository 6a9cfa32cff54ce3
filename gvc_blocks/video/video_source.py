"""Reads a clip and gives its frames, as fast as they are taken or at the clip's own rate."""

import threading
import time

import numpy as np

from gvc.config import VideoConfig
from gvc.video.clip import open_clip
from gvc_blocks.runtime.contents import VideoFrame
from gvc_blocks.runtime.flight import Flight
from gvc_blocks.runtime.guarded import GuardedBlock


class VideoSource(GuardedBlock):
    """Frames of a clip, from number 0.

    Output message `frames`: VideoFrame.

    Args:
        clip: path, or bare name of installed demo content.
        size: "WIDTHxHEIGHT", cropped to the aspect, then scaled; "source" or None for the clip's own.
        frames: how many; 0 for all.
        paced: give a frame every 1/fps seconds, and not faster; else whenever the next block has taken the last one.

    Raises InputError when the clip is missing, unreadable or empty, or the size is no size.
    """

    def __init__(self, clip: str, size: str | tuple[int, int] | None = None, frames: int = 0, paced: bool = False):
        super().__init__("gvc video source")
        self.clip = open_clip(clip, size=VideoConfig.model_validate({"size": size}).size, frames=frames or None)
        self.paced = paced
        self.flight: Flight | None = None
        self.sent = 0
        self.first_s = 0.0
        self.send_on("frames")

    def begin(self) -> None:
        # A thread of its own: message handlers alone have nothing that would call them first.
        threading.Thread(target=self._guard, args=(self._give,), daemon=True, name="video source").start()

    def _give(self) -> None:
        self.first_s = time.monotonic()
        # One frame ahead, since the last one has to be marked.
        ahead = None
        for pixels in self.clip:
            if ahead is not None:
                self._send(ahead, last=False)
            ahead = pixels
        if ahead is not None:
            self._send(ahead, last=True)
        self.end()

    def _send(self, pixels: np.ndarray, last: bool) -> None:
        due = time.monotonic()
        if self.paced:
            due = self.first_s + self.sent / self.clip.fps
            self.flow.stopping.wait(max(0.0, due - time.monotonic()))
        if self.flight:
            self.flight.launch(self.sent, self.flow.stopping)
        self.publish("frames", VideoFrame(self.sent, pixels, due, last))
        self.sent += 1
