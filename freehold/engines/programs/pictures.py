"""Pictures as strangers send them, and as a model wants them: its own preprocessor_config.json says how.

Source: transformers, image_processing_base.py, image_processing_utils.py.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.engines.programs.reading import settings
from freehold.engines.programs.serving import Refused

MAX_PIXELS, MUCH_PIXELS, STRIP = 50_000_000, 12_000_000, 256
#: Under which a picture knows how large it was.
FULL = "freehold_full_size"
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MAX_SIDE = 4_096


def opened(data: bytes) -> Any:
    """A picture of three colours, the right way up. Raises :class:`Refused`."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise Refused(f"The picture has over {MAX_PIXELS // 10**6} million points.")
        full = picture.size
        picture = _reduced(picture)
        turned = _on_white(ImageOps.exif_transpose(picture) or picture)
        is_on_its_side = (turned.width > turned.height) != (full[0] > full[1])
        turned.info[FULL] = full[::-1] if is_on_its_side else full
        return turned
    except UnidentifiedImageError:
        raise Refused(f"This is no picture that is read here: {', '.join(FORMATS)}.") from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as err:
        raise Refused(f"The picture cannot be read: {str(err)[:100]}.") from None


def full_size(picture: Any) -> tuple[int, int]:
    """Width and height as it was sent, the right way up; it may have been made smaller when it was opened."""
    size: tuple[int, int] = picture.info.get(FULL, picture.size)
    return size


def _reduced(picture: Any) -> Any:
    """No larger than any model looks at: turned and laid on white it is in memory several times."""
    from PIL import Image

    by = math.isqrt((picture.width * picture.height - 1) // MUCH_PIXELS) + 1
    if by == 1:
        return picture
    has_clear = "A" in picture.getbands() or "transparency" in picture.info
    mode = "RGBA" if has_clear else "RGB"
    found = Image.new(mode, (-(-picture.width // by), -(-picture.height // by)))
    for top in range(0, picture.height, by * STRIP):
        # Strip by strip: the whole in another form would be there twice.
        strip = picture.crop((0, top, picture.width, min(picture.height, top + by * STRIP)))
        found.paste((strip if strip.mode == mode else strip.convert(mode)).reduce(by), (0, top // by))
    found.info["exif"] = picture.getexif().tobytes()
    return found


def _on_white(picture: Any) -> Any:
    from PIL import Image

    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, clear).convert("RGB")


@dataclass(frozen=True)
class Preparing:
    """How a picture becomes numbers."""

    resize: tuple[int, int] | int | None  #: height and width, or the shorter side
    crop: tuple[int, int] | None
    factor: float
    mean: Sequence[float]
    deviation: Sequence[float]
    is_flipped: bool  #: blue, green, red
    is_last: bool  #: colours are the last dimension
    resample: int
    longest: int | None = None  #: of the longer side, where the shorter one is given

    @classmethod
    def of(cls, folder: str, shape: Sequence[Any]) -> "Preparing":
        """As the model says; of the graph's own ``shape`` where it says no size."""
        said = settings(folder, "preprocessor_config.json")
        is_last = len(shape) == 4 and shape[3] == 3
        sides = [
            one if isinstance(one, int) and 0 < one <= MAX_SIDE else 224
            for one in (shape[1:3] if is_last else shape[2:4])
        ]
        fixed = (sides[0], sides[1])
        crop = _size(said.get("crop_size")) if said.get("do_center_crop") else None
        whole = crop if isinstance(crop, tuple) else (crop, crop) if crop else None
        return cls(
            resize=(_size(said.get("size")) or fixed) if said.get("do_resize", True) else None,
            crop=whole,
            factor=float(said.get("rescale_factor") or 1 / 255) if said.get("do_rescale", True) else 1.0,
            mean=_three(said.get("image_mean"), 0.0) if said.get("do_normalize", True) else (0.0,) * 3,
            deviation=_three(said.get("image_std"), 1.0) if said.get("do_normalize", True) else (1.0,) * 3,
            is_flipped=bool(said.get("do_flip_channel_order")),
            is_last=is_last,
            longest=_longest(said.get("size")),
            resample=said["resample"] if said.get("resample") in range(6) else 2,
        )

    def read(self, picture: Any) -> Any:
        """One picture, as a batch of one: float32."""
        import numpy as np

        found: Any = np.asarray(self._cropped(self._resized(picture)), np.float32)
        if self.is_flipped:
            found = found[..., ::-1]
        found = (found * np.float32(self.factor) - np.array(self.mean, np.float32)) / np.array(
            self.deviation, np.float32
        )
        return np.ascontiguousarray(found if self.is_last else found.transpose(2, 0, 1))[None]

    def blank(self) -> Any:
        from PIL import Image

        return self.read(Image.new("RGB", (64, 64)))

    def _resized(self, picture: Any) -> Any:
        if self.resize is None:
            return picture
        if isinstance(self.resize, tuple):
            return picture.resize((self.resize[1], self.resize[0]), self.resample)
        shorter, longer = min(picture.size), max(picture.size)
        side = self.resize
        if self.longest is not None and longer / shorter * side > self.longest:
            side = max(1, round(self.longest * shorter / longer))
        sides = [min(MAX_SIDE, max(1, round(one * side / shorter))) for one in picture.size]
        return picture.resize((sides[0], sides[1]), self.resample)

    def _cropped(self, picture: Any) -> Any:
        if self.crop is None:
            return picture
        height, width = self.crop
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))


def _size(said: Any) -> tuple[int, int] | int | None:
    if isinstance(said, Mapping):
        height, width = said.get("height"), said.get("width")
        if _is_side(height) and _is_side(width):
            return int(height), int(width)  # type: ignore[arg-type]
        said = said.get("shortest_edge")
    return int(said) if _is_side(said) else None


def _longest(said: Any) -> int | None:
    longest = said.get("longest_edge") if isinstance(said, Mapping) else None
    return longest if isinstance(longest, int) and _is_side(longest) else None


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_SIDE


def _three(said: Any, default: float) -> Sequence[float]:
    if isinstance(said, list) and len(said) == 3 and all(isinstance(one, int | float) for one in said):
        return [float(one) for one in said]
    return (default,) * 3
