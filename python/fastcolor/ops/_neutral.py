"""Telling grey, toned and colour scans apart."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcolor import _core
from fastcolor._arrays import Array, Images, shape_of, stream_of, window
from fastcolor.ops._common import LAYOUTS, choice, inputs

# Limits, in levels of 255 (root mean squares of Cb, Cr), set on 1100 photographs, paintings and
# historical scans. What varies along the tone's own hue (stains, fading paper) is forgiven more
# than what varies across it, since that is a second hue.
_MOST_ACROSS = 1.3
_MOST_ALONG = 5.0
_MOST_LEFT_GREY = 3.5  # scans without a hue of their own: any direction counts the same
_MOST_OFF = 0.003  # share of pixels: a red scarf in a grey picture is more
_OFF_DISTANCE = 10.0
_HUELESS = 4.0  # mean chroma below which the mean hue says nothing
_TONED = 2.0
_STRIPS = 64  # of a side, in which frames are looked for
_MOST_IN_FRAME = 2.5  # root mean square of the chroma of a strip of a neutral frame
_SCALE = 256  # of the weights that off_tone_counts takes


@dataclass(frozen=True)
class Neutrality:
    """What the chroma of a picture says; chroma is in 8-bit levels of Cb, Cr. True when neutral."""

    kind: str  #: "grey", "toned" (sepia, yellowed paper) or "colour"
    mean_chroma: float  #: root mean square
    chroma_left: float  #: the same after removing a tone that is a function of luma
    off_tone: float  #: share of pixels that lie clearly off that tone, in [0, 1]

    def __bool__(self) -> bool:
        return self.kind != "colour"


def is_neutral(image: Images, *, layout: str = "interleaved") -> Any:
    """Whether a colour-encoded scan holds no colours: a Neutrality, or a list for a list of images.

    Takes uint8, uint16 or float32 (H, W, 3), or (3, H, W) with ``layout="planar"``. The statistics
    are exact integer sums, so they are the same from every device. On CUDA this waits for the
    stream. What frames a toned picture (a mount, a scanner's lid) may be neutral. Pictures of one
    hue (chalk drawings, sunsets in silhouette, a faded brown cat) count as toned: nothing in their
    chroma tells them from stained paper.
    """
    choice(layout, LAYOUTS, "layout")
    sources = inputs(image, "image")
    stream = stream_of(sources[0])
    found = _judged(sources, sources, layout, stream)
    for number, source in enumerate(sources):
        parts = None if found[number] else _inside_frame(source, layout, stream)
        if parts is not None:
            box, well_within = parts
            (inside,) = _judged([well_within], [box], layout, stream)
            found[number] = inside if inside else found[number]
    return found if isinstance(image, (list, tuple)) else found[0]


def _judged(images: list[Array], wholes: list[Array], layout: str, stream: int) -> list[Neutrality]:
    """By the tone of each image, and by how much of its whole lies off that."""
    tones = [_Tone(table) for table in _tables(images, layout, stream)]
    counts = _core.off_tone_counts(wholes, [tone.weights() for tone in tones], layout, stream)
    pixels = [math.prod(_size(whole, layout)) for whole in wholes]
    return [tone.judge(count / size) for tone, count, size in zip(tones, counts, pixels)]


def _tables(images: list[Array], layout: str, stream: int) -> NDArray[np.float64]:
    sums = _core.tone_sums(images, layout, stream)
    return np.array(sums, np.float64).reshape(-1, 32, 6)


def _size(image: Array, layout: str) -> tuple[int, ...]:
    shape = shape_of(image, "image")
    return shape[1:] if layout == "planar" else shape[:2]


def _inside_frame(image: Array, layout: str, stream: int) -> tuple[Array, Array] | None:
    """What lies within neutral strips along the sides, and what lies well within them (frames that
    are not straight reach further in); None where there are no such strips."""
    sides = list(enumerate(_size(image, layout), start=int(layout == "planar")))
    if min(length for _, length in sides) < _STRIPS:
        return None
    ends = {axis: [size * n // _STRIPS for n in range(_STRIPS + 1)] for axis, size in sides}

    def coloured_strips(axis: int, spans: list[tuple[int, int]]) -> NDArray[np.intp]:
        strips = [window(image, axis, *span) for span in spans]
        count, _, _, cb2, cr2, _ = _tables(strips, layout, stream).sum(axis=1).T
        return np.flatnonzero((cb2 + cr2) / count > _MOST_IN_FRAME**2)

    outermost = [
        len(coloured_strips(axis, [(0, ends[axis][1]), (ends[axis][-2], size)]))
        for axis, size in sides
    ]
    if min(outermost) == 2:  # no side is neutral: spares most pictures in colour two passes
        return None
    box = well_within = image
    framed = False
    for axis, length in sides:
        coloured = coloured_strips(axis, list(itertools.pairwise(ends[axis])))
        if len(coloured) < 8:
            return None
        first, last = ends[axis][coloured[0]], ends[axis][coloured[-1] + 1]
        framed |= last - first < length
        edge, margin = -(-length // _STRIPS), (last - first) // 8
        box = window(box, axis, first + edge, last - edge)
        well_within = window(well_within, axis, first + margin, last - margin)
    return (box, well_within) if framed else None


class _Tone:
    """Tone as a function of luma, and how far the chroma of one picture strays from it."""

    def __init__(self, table: NDArray[np.float64]) -> None:
        count, cb, cr, cb2, cr2, cbcr = table.T
        self.pixels = count.sum()
        near = np.convolve(count, [1, 2, 3, 2, 1], "same")  # bins with few pixels lean on others
        near[near == 0] = 1
        tone_b = np.convolve(cb, [1, 2, 3, 2, 1], "same") / near
        tone_r = np.convolve(cr, [1, 2, 3, 2, 1], "same") / near
        self.centre = np.rint(np.stack([tone_b, tone_r], axis=1)).astype(int)
        mean = np.array([cb.sum(), cr.sum()]) / self.pixels
        self.mean = float(np.hypot(*mean))
        self.hue = mean / self.mean if self.mean > 0 else np.array([1.0, 0.0])
        var_b = (cb2 - 2 * tone_b * cb + tone_b**2 * count).sum() / self.pixels
        var_r = (cr2 - 2 * tone_r * cr + tone_r**2 * count).sum() / self.pixels
        both = (cbcr - tone_b * cr - tone_r * cb + tone_b * tone_r * count).sum() / self.pixels
        u, v = self.hue
        self.along = _root(u * u * var_b + 2 * u * v * both + v * v * var_r)
        self.across = _root(v * v * var_b - 2 * u * v * both + u * u * var_r)
        self.left = _root(var_b + var_r)
        self.chroma = _root((cb2 + cr2).sum() / self.pixels)

    def weights(self) -> list[list[int]]:
        """Distance from the tone, shortened along its hue as far as it has one."""
        u, v = self.hue
        short = (1 - 0.6 * min(1.0, self.mean / 6)) ** 2
        form = [v * v + short * u * u, 2 * u * v * (short - 1), u * u + short * v * v]
        row = [round(_SCALE * weight) for weight in form]
        limit = round(_SCALE * _OFF_DISTANCE**2)
        return [[int(b), int(r), *row, limit] for b, r in self.centre]

    def judge(self, off: float) -> Neutrality:
        """``off``: the share of pixels that lie off the tone."""
        if self.mean < _HUELESS:
            spread = self.left > _MOST_LEFT_GREY
        else:
            spread = self.across > _MOST_ACROSS or self.along > _MOST_ALONG
        toned = _root(self.chroma**2 - self.left**2) > _TONED
        kind = "colour" if spread or off > _MOST_OFF else "toned" if toned else "grey"
        return Neutrality(kind, self.chroma, self.left, off)


def _root(square: float) -> float:
    return float(np.sqrt(max(square, 0.0)))
