"""Colour operators on arrays.

Functions from picture to picture take one image or a list of images (of one type, any sizes) and
return the same form; a list is one launch on CUDA. NumPy in, NumPy out on the CPU; CUDA in, CUDA
out on the GPU, on the caller's current stream and without waiting (is_neutral waits: it returns
numbers). ``out`` takes arrays to write to and is what comes back. Any strides are accepted; dense
rows are fastest.

Wrong arguments raise ValueError or TypeError with the argument's name in the message. On the CPU
that includes NaN and infinity, after which ``out`` holds rubbish; on CUDA looking would mean
waiting, and such samples give some colour. split_tiles and blend_tiles pass NaN through. float32
inside: a 16-bit result of merge_rgb may be off by one code, other 16-bit ones by a few of 65,535.
Where ``out`` is given and ``dtype`` is not, ``out`` says the type.
"""

from fastcolor.ops._clahe import clahe
from fastcolor.ops._delta_e import delta_e2000
from fastcolor.ops._lab import lab_to_rgb, rgb_to_lab
from fastcolor.ops._luma import luma
from fastcolor.ops._merge import merge_rgb, merge_ycc
from fastcolor.ops._neutral import Neutrality, is_neutral
from fastcolor.ops._prepare import PreparedSize, prepare, prepared_size
from fastcolor.ops._tiles import TileGrid, blend_tiles, split_tiles

__all__ = [
    "Neutrality",
    "PreparedSize",
    "TileGrid",
    "blend_tiles",
    "clahe",
    "delta_e2000",
    "is_neutral",
    "lab_to_rgb",
    "luma",
    "merge_rgb",
    "merge_ycc",
    "prepare",
    "prepared_size",
    "rgb_to_lab",
    "split_tiles",
]
