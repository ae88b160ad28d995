"""Everything beside the pixels: EXIF, XMP, IPTC, ICC, resolution, comments."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastcolor import _core
from fastcolor.media.metadata import _exif, _icc, _xmp
from fastcolor.media.metadata._icc import tone_curve

__all__ = [
    "Metadata",
    "for_colour",
    "is_coloured_here",
    "source_type",
    "tone_curve",
    "with_provenance",
]


@dataclass(frozen=True)
class Metadata:
    """What a file says about its picture, in no format's own wrapping.

    EXIF, IPTC and XMP pass as the bytes that they are (maker notes and thumbnails, which stay grey,
    with them); a TIFF's own fields (maker, date, artist, private ones) travel in ``exif``.
    """

    exif: bytes | None = None  #: a TIFF structure, as in JPEG after "Exif"
    xmp: bytes | None = None  #: one packet
    iptc: bytes | None = None  #: IIM records
    icc: bytes | None = None
    photoshop: bytes | None = None  #: image resources other than IPTC
    dpi: tuple[float, float] | None = None
    comment: str | None = None
    texts: tuple[tuple[str, str], ...] = ()  #: PNG's other keyword and text pairs
    problems: tuple[str, ...] = ()  #: what could not be read or kept

    @property
    def orientation(self) -> int:
        """EXIF's Orientation, 1 to 8: how the stored picture is to be turned for looking at it."""
        return _exif.orientation(self.exif)


def with_provenance(metadata: Metadata, *, model: str, version: str) -> Metadata:
    """The same, with XMP that says that a trained model gave the picture its colours.

    Written are IPTC's DigitalSourceType (compositeWithTrainedAlgorithmicMedia), AISystemUsed and
    AISystemVersionUsed, and an event in xmpMM:History that also keeps an earlier source type.
    Nothing else of the XMP changes; XMP that cannot be read is replaced and named in ``problems``.
    """
    software = f"fastcolor {_core.__version__}"
    try:
        xmp = _xmp.with_provenance(metadata.xmp, model=model, version=version, software=software)
        return replace(metadata, xmp=xmp)
    except _xmp.XmpError as error:
        xmp = _xmp.with_provenance(None, model=model, version=version, software=software)
        problem = f"{error}; it was replaced"
        return replace(metadata, xmp=xmp, problems=(*metadata.problems, problem))


def is_coloured_here(metadata: Metadata) -> bool:
    """Whether :func:`with_provenance` was at it, whatever was written since."""
    xmp = metadata.xmp or b""
    return b"AISystemUsed" in xmp and b"fastcolor, model " in xmp


def source_type(metadata: Metadata) -> str | None:
    """The IPTC digital source type that the picture already states, a URI."""
    return _xmp.source_type(metadata.xmp)


def for_colour(metadata: Metadata, codes: str = "srgb") -> Metadata:
    """What goes beside a colour picture made from this one: the right profile.

    ``codes="srgb"``: made from luma(): an sRGB profile in place of any profile.
    ``codes="stored"``: made around stored luma (JPEG scans that were not re-encoded): a grey
    profile becomes an RGB one with the same curve and sRGB's primaries, RGB profiles stay.
    No profile stays no profile, which means sRGB.
    """
    if codes not in ("srgb", "stored"):
        raise ValueError(f"codes must be 'srgb' or 'stored', got {codes!r}")
    if metadata.icc is None:
        return metadata
    if codes == "srgb":
        return replace(metadata, icc=_icc.srgb_profile())
    profile = _icc.colour_profile(metadata.icc)
    if profile is None:
        problem = "its ICC profile cannot be used for colour and was dropped"
        return replace(metadata, icc=None, problems=(*metadata.problems, problem))
    return replace(metadata, icc=profile)
