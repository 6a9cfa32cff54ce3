"""Networks that others trained, run here in torch and OpenCV, and the one role that each of them has."""
