"""OpenCV on one thread, whose count some of its results depend on: `from gvc.video.opencv import cv2`."""

import cv2

__all__ = ["cv2"]

cv2.setNumThreads(1)
cv2.ocl.setUseOpenCL(False)
