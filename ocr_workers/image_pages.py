"""Pages of image originals: planned from their headers, decoded once each, only the frame that is asked for."""

from __future__ import annotations

import io
import shutil
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms, ImageFile, TiffImagePlugin

from ingest.image_headers import is_cut_short
from ingest.sniff import Kind
from ingest.tiff_directories import Directories, Directory, header_pointing_at, read_directories
from ocr_workers.pages import Colour, DocumentPlan, PageImage, PagePlan
from ocr_workers.resolution import frame_of
from sohoa.errors import Held, StageFailed
from sohoa.settings import Settings

Pixels = npt.NDArray[np.uint8]

_FORMATS = {
    Kind.JPEG: "JPEG",
    Kind.PNG: "PNG",
    Kind.TIFF: "TIFF",
    Kind.BMP: "BMP",
    Kind.WEBP: "WEBP",
    Kind.HEIC: "HEIF",
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
_DECODER_ERRORS = (OSError, ValueError, SyntaxError, EOFError, TypeError, struct.error, zlib.error, ImageCms.PyCMSError)
"""What Pillow's decoders raise for bytes that are not what their header promises."""

_UPRIGHT: dict[int, Callable[[Pixels], Any]] = {  # EXIF 2.32, 4.6.4 A, tag 274
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: cv2.transpose(pixels),
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.transpose(pixels)[::-1, ::-1],
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def plan_image(original: Path, kind: Kind, *, settings: Settings, accept_damage: bool) -> DocumentPlan:
    """One page a frame for TIFF, one page for every other kind; nothing is decoded.

    Page `n` is frame `n` of the file: a thumbnail among a TIFF's frames is a page too, for no page may be lost. Of a
    HEIC, WebP or PNG with several pictures the first (primary) one is the page.
    Raises Held(damaged) for a file that was cut short unless `accept_damage`, when what is there is planned with the
    warning `damaged`; StageFailed(unreadable) where nothing of it can be read.
    """
    if kind is Kind.TIFF:
        directories = read_directories(original, limit=settings.max_pages)
        cut_short = not directories.whole
    else:
        cut_short = is_cut_short(original, kind)
    if cut_short and not accept_damage:
        raise Held(
            f"this {kind.name} file breaks off before its image ends: scan or copy it again, or release it as it is",
            code="damaged",
        )
    pages = tuple(_plan_tiff(directories)) if kind is Kind.TIFF else (_plan_single(original, kind),)
    if not pages:
        raise StageFailed(f"no page of this {kind.name} file can be read", code="unreadable")
    return DocumentPlan(kind=kind, pages=pages, warnings=("damaged",) if cut_short else ())


def load_image_page(original: Path, kind: Kind, plan: PagePlan) -> PageImage:
    """The pixels of one page in the frame that `plan` states.

    Transparent parts are white. Raises StageFailed(undecodable) for bytes that no decoder can make a picture of.
    """
    try:
        if kind is Kind.TIFF:
            pixels, colour = _decode_tiff(original, plan.number)
        else:
            pixels, colour = _decode_single(original, kind)
    except _DECODER_ERRORS as error:
        raise StageFailed(
            f"page {plan.number} cannot be decoded ({type(error).__name__}): its data is damaged or of a rare kind",
            code="undecodable",
        ) from error
    pixels = _fitted(pixels, colour, width=plan.width_px, height=plan.height_px)
    return PageImage(
        number=plan.number,
        pixels=np.ascontiguousarray(pixels),
        dpi=plan.dpi,
        dpi_inferred=plan.dpi_inferred,
        colour=colour,
    )


def _plan_tiff(directories: Directories) -> Iterator[PagePlan]:
    for number, page in enumerate(directories.pages, start=1):
        yield _plan(number, page.width_px, page.height_px, claimed=page.dpi, sideways=page.orientation in _SIDEWAYS)


def _plan_single(original: Path, kind: Kind) -> PagePlan:
    try:
        with original.open("rb") as file, _opened(file, kind) as image:
            claimed = _claimed_dpi(image)
            sideways = _orientation(image, kind) in _SIDEWAYS
            return _plan(1, *image.size, claimed=claimed, sideways=sideways)
    except _DECODER_ERRORS as error:
        raise StageFailed(f"this {kind.name} file cannot be read", code="unreadable") from error


def _plan(number: int, width: int, height: int, *, claimed: tuple[float, float] | None, sideways: bool) -> PagePlan:
    """The plan for an image of the stored size and resolution, which the orientation may lay on its side."""
    if sideways:
        width, height = height, width
        claimed = None if claimed is None else (claimed[1], claimed[0])
    frame = frame_of(width, height, claimed=claimed)
    return PagePlan(
        number=number,
        way="image",
        width_px=frame.width_px,
        height_px=frame.height_px,
        dpi=frame.dpi,
        dpi_inferred=frame.inferred,
    )


def _opened(file: BinaryIO, kind: Kind) -> ImageFile.ImageFile:
    """The image, its header read and no pixel decoded."""
    if kind is Kind.HEIC:
        import pillow_heif  # late: only phones' photos need it

        pillow_heif.register_heif_opener()
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # on odd tags, nobody's business here
    Image.MAX_IMAGE_PIXELS = None  # intake has held every page to Settings.max_page_pixels, which may be above Pillow's
    return Image.open(file, formats=[_FORMATS[kind]])


def _claimed_dpi(image: ImageFile.ImageFile) -> tuple[float, float] | None:
    """Dots per inch across and down, from the format's own header or else from EXIF."""
    found = image.info.get("dpi")
    if found is not None:
        return float(found[0]), float(found[1])
    if "exif" not in image.info:
        return None
    exif = image.getexif()
    inches = {2: 1.0, 3: 2.54}.get(exif.get(ExifTags.Base.ResolutionUnit, 2))
    across, down = exif.get(ExifTags.Base.XResolution), exif.get(ExifTags.Base.YResolution)
    if inches is None or not across or not down:
        return None
    return float(across) * inches, float(down) * inches


def _orientation(image: ImageFile.ImageFile, kind: Kind) -> int:
    """1 to 8. HEIC is upright when decoded; asking a PNG without EXIF for it would decode the PNG."""
    if kind is Kind.HEIC or "exif" not in image.info:
        return 1
    found = image.getexif().get(ExifTags.Base.Orientation, 1)
    return found if found in _UPRIGHT else 1


def _decode_single(original: Path, kind: Kind) -> tuple[Pixels, Colour]:
    cut_short = is_cut_short(original, kind)
    with _patched(original, kind, cut_short=cut_short) as file, _opened(file, kind) as image:
        orientation = _orientation(image, kind)
        if kind is Kind.JPEG and image.mode in {"RGB", "L"} and not cut_short:
            pixels = _decode_jpeg(original, grey=image.mode == "L")
            colour: Colour = "grey" if image.mode == "L" else "colour"
        else:
            with _lenient(cut_short):
                image.load()
            pixels, colour = _pixels_of(image)
    upright = _UPRIGHT.get(orientation)
    return (pixels if upright is None else cast(Pixels, upright(pixels))), colour


def _decode_jpeg(original: Path, *, grey: bool) -> Pixels:
    """OpenCV decodes straight into an array, in half of Pillow's time, whose pixels have to be copied out.

    For JPEG only: its PNG reader believes a chunk that claims gigabytes, and is no faster.
    """
    data = np.fromfile(original, np.uint8)
    flags = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB
    pixels = cv2.imdecode(data, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise OSError("broken data stream")
    return cast(Pixels, pixels)


def _decode_tiff(original: Path, number: int) -> tuple[Pixels, Colour]:
    """Frame `number`, handed to Pillow as the first one: seeking, it would read every directory before it."""
    directories = read_directories(original, limit=number)
    page = directories.pages[number - 1]
    cut_short = page.data_end > directories.size_bytes
    with _patched_tiff(original, page, cut_short=cut_short) as file, _opened(file, Kind.TIFF) as image:
        with _lenient(cut_short):
            try:
                image.load()
            except OSError:
                if not cut_short:
                    raise
                image.load()  # no more to decode: what came before the broken strip stays
        return _pixels_of(image)


class _FirstDirectory(io.FileIO):
    """A TIFF that seems to begin with another of its directories (libtiff gets the real file and the offset)."""

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(path, "rb")
        self._header = header_pointing_at(super().read(16) or b"", offset)
        self.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        data = super().read(-1 if size is None else size) or b""
        return self._header[start : start + len(data)] + data[max(0, len(self._header) - start) :]


@contextmanager
def _patched_tiff(original: Path, page: Directory, *, cut_short: bool) -> Iterator[BinaryIO]:
    """The file with `page` first and, where it was cut short, zeros for what is missing: decoders want whole strips."""
    if not cut_short:
        with _FirstDirectory(original, page.offset) as file:
            yield cast(BinaryIO, file)
        return
    with tempfile.TemporaryDirectory() as folder:
        longer = Path(folder) / "original.tif"
        shutil.copyfile(original, longer)
        with longer.open("r+b") as file:
            file.truncate(min(page.data_end, longer.stat().st_size + page.width_px * page.height_px * 8))
        with _FirstDirectory(longer, page.offset) as first:
            yield cast(BinaryIO, first)


@contextmanager
def _patched(original: Path, kind: Kind, *, cut_short: bool) -> Iterator[BinaryIO]:
    """The file and, where a JPEG was cut short, the end marker after it: libjpeg then fills in what is missing."""
    if cut_short and kind is Kind.JPEG:
        yield io.BytesIO(original.read_bytes() + b"\xff\xd9")
        return
    with original.open("rb") as file:
        yield file


@contextmanager
def _lenient(lenient: bool) -> Iterator[None]:
    """Let Pillow keep what it could decode of a file that a person released although it was cut short."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = lenient
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _pixels_of(image: ImageFile.ImageFile) -> tuple[Pixels, Colour]:
    """The decoded image as 8-bit pixels: transparency on white, CMYK and Lab to RGB, grey as one channel."""
    mode = image.mode
    if mode == "1":
        return np.asarray(image.convert("L")), "bitonal"
    if mode == "L" and "transparency" not in image.info:
        return np.asarray(image), "grey"
    if mode.startswith("I"):
        return _to_eight_bits(image), "grey"
    if image.has_transparency_data:
        return _split_colour(_on_white(image))
    if mode == "P":
        return _split_colour(image.convert("RGB"))
    if mode == "LAB":
        to_rgb = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        return np.asarray(ImageCms.applyTransform(image, to_rgb)), "colour"
    if mode == "F":
        raise ValueError("floating-point samples")
    return np.asarray(image if mode == "RGB" else image.convert("RGB")), "colour"


def _on_white(image: Image.Image) -> Image.Image:
    picture = image.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture)
    return paper.convert("RGB")


def _split_colour(image: Image.Image) -> tuple[Pixels, Colour]:
    """The pixels of an image whose mode does not tell whether it has colour: palettes, and whatever was transparent."""
    pixels = np.asarray(image)
    grey = pixels[:, :, 0]
    if not (np.array_equal(grey, pixels[:, :, 1]) and np.array_equal(grey, pixels[:, :, 2])):
        return pixels, "colour"
    return grey, "grey" if np.any((grey != 0) & (grey != 255)) else "bitonal"


def _to_eight_bits(image: ImageFile.ImageFile) -> Pixels:
    """The high bits of 12-, 16- or 32-bit grey samples, 0 being black."""
    samples = np.asarray(image).astype(np.int32)
    bits, white_is_zero = 16, False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = int(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0])
        white_is_zero = image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0
    if bits > 16:
        raise ValueError("grey samples of more than 16 bits")
    pixels: Pixels = np.clip(samples >> (bits - 8), 0, 255).astype(np.uint8)
    return ~pixels if white_is_zero else pixels


def _fitted(pixels: Pixels, colour: Colour, *, width: int, height: int) -> Pixels:
    """Fax pages have pixels that are not square: stretched to the plan's frame."""
    if pixels.shape[:2] == (height, width):
        return pixels
    stretched = cast(Pixels, cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=cv2.INTER_LINEAR))
    if colour == "bitonal":
        return cast(Pixels, np.where(stretched < 128, np.uint8(0), np.uint8(255)))
    return stretched
