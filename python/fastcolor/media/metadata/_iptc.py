"""Photoshop's image resources, in which JPEG files carry IPTC."""

from __future__ import annotations

import struct

_IPTC = 0x0404


def parted(resources: bytes) -> tuple[bytes | None, bytes | None]:
    """(all resources but IPTC, IPTC's records); what cannot be parsed stays with the former."""
    others, iptc, at = b"", None, 0
    while at + 12 <= len(resources) and resources[at : at + 4] in (b"8BIM", b"PHUT", b"MeSa"):
        number, name = struct.unpack_from(">HB", resources, at + 4)
        start = at + 6 + (name + 2 & ~1)
        if start + 4 > len(resources):
            break
        size = int.from_bytes(resources[start : start + 4], "big")
        end = start + 4 + size
        if end > len(resources):
            break
        following = min(end + (size & 1), len(resources))
        if number == _IPTC and iptc is None:
            iptc = resources[start + 4 : end]
        else:
            others += resources[at:following]
        at = following
    return (others + resources[at:]) or None, iptc


def joined(photoshop: bytes | None, iptc: bytes | None) -> bytes:
    """One run of image resources, IPTC last."""
    resources = photoshop or b""
    resources += b"\0" * (len(resources) & 1)
    if iptc:
        resources += struct.pack(">4sHHI", b"8BIM", _IPTC, 0, len(iptc)) + iptc
        resources += b"\0" * (len(iptc) & 1)
    return resources
