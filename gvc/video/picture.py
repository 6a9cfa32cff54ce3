"""The one reader of still pictures: as a viewer shows them, in 8 bits a colour."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from gvc.errors import InputError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff"}
MOST_PIXELS = 8192 * 8192
"""Of a source picture; a false header must not take the machine's memory."""
_EIGHT_BIT = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"}
_CONVERT = "convert it to 8 bits a colour, as PNG"


def is_picture(path: Path) -> bool:
    """Whether a file is for `read` rather than for FFmpeg, by its name and content: animated PNG and GIF are films."""
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        with Image.open(path) as image:
            return not (image.format in ("PNG", "GIF") and _several(image))
    except Exception:
        # Pillow raises many things on damaged files; whoever reads it next says what is wrong.
        return False


def read(source: Path | bytes, name: str = "") -> np.ndarray:
    """A picture as uint8 [height, width, 3] RGB, from its file or the file's content; `name` is for messages.

    Turned as its EXIF orientation says; palettes looked up; transparent parts laid on black; 16 bits of grey or colour
    scaled to 8 (65535 is 255); CMYK by Pillow's plain formula. What has no such range is refused.

    Raises InputError, naming the file: unreadable, damaged, too large, several pictures in one, or of another depth.
    """
    name = name or str(source if isinstance(source, Path) else "")
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            if image.width * image.height > MOST_PIXELS:
                raise InputError(f"picture '{name}' has {image.width}x{image.height} pixels: give at most 8192x8192")
            if _several(image):
                raise InputError(f"picture '{name}' holds several: save the one that is meant as a file of its own")
            image.load()
            return np.array(_rgb(_turned(image), image.format, name), order="C")
    except InputError:
        raise
    except (OSError, Image.DecompressionBombError) as error:
        raise InputError(f"picture '{name}' cannot be read: {error}") from error
    except Exception as error:
        # Pillow's readers raise SyntaxError, struct.error, IndexError and more on damaged files.
        raise InputError(f"picture '{name}' cannot be read, it is damaged: {error}") from error


def _several(image: Image.Image) -> bool:
    # What a telephone adds behind a JPEG (format MPO), such as a depth map, no viewer shows.
    return getattr(image, "n_frames", 1) > 1 and image.format != "MPO"


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        # Notes beside the picture that are damaged in one of many ways, and turn nothing.
        return image


def _rgb(image: Image.Image, kind: str | None, name: str) -> np.ndarray:
    if image.mode.startswith("I;16") or (image.mode == "I" and kind in ("PNG", "PPM")):
        # Pillow holds such files' whole range, 0 to 65535.
        grey = (np.asarray(image).astype(np.uint32) + 128) // 257
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    if image.mode not in _EIGHT_BIT:
        raise InputError(f"picture '{name}' is of kind {image.mode}, whose black and white no file states: {_CONVERT}")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", seen.size, (0, 0, 0, 255)), seen))[..., :3]
    return np.asarray(image.convert("RGB"))
