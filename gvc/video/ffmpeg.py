"""The FFmpeg program of the package imageio-ffmpeg: it has VVenC and libvmaf, which PyAV lacks."""

import shutil

from gvc.errors import InputError

_ADVICE = "install the wheel of imageio-ffmpeg (run ./testbed setup)"


def ffmpeg() -> str:
    """Path of the program.

    Raises InputError when the package or its program is missing.
    """
    try:
        import imageio_ffmpeg

        path = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise InputError(f"no ffmpeg program ({error}): {_ADVICE}") from error
    if shutil.which(path) is None:
        raise InputError(f"no ffmpeg program at {path}: {_ADVICE}")
    return path
