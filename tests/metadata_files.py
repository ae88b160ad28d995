"""Files with metadata for tests, and what readers find in them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from media_samples import exif_block, picture

from fastcolor.media.codecs import Metadata, open_document, open_output
from fastcolor.media.metadata import _icc, _xmp

TERM = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
PRINT = "http://cv.iptc.org/newscodes/digitalsourcetype/print"
IPTC = b"\x1c\x02\x00\x00\x02\x00\x04\x1c\x02\x78\x00\x07harbour"
XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- kept -->
 <rdf:RDF xmlns:rdf="{_xmp.RDF}">
  <rdf:Description rdf:about="uuid:7" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:e="{_xmp.EXT}" xmlns:my="urn:mine" my:thing="a &gt; b" e:DigitalSourceType='{PRINT}'>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Hafen &amp; Meer</rdf:li></rdf:Alt></dc:title>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()
FULL = Metadata(
    exif=exif_block(),
    xmp=XMP,
    iptc=IPTC,
    icc=_icc.srgb_profile(),
    dpi=(600.0, 300.0),
    comment="a €",
)


def encode(format: str, metadata: Metadata, pixels: np.ndarray | None = None) -> bytes:
    file = io.BytesIO()
    with open_output(file, format) as writer:
        writer.write(picture(40, 30, 3) if pixels is None else pixels, metadata)
    return file.getvalue()


def metadata_of(data: bytes) -> Metadata:
    with open_document(data, fail_on="warning") as document:
        return document.page(0).metadata


def exiftool(data: bytes, suffix: str, folder: Path) -> dict[str, object]:
    """What an independent reader sees; skips where it is not installed."""
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed")
    path = folder / f"picture{suffix}"
    path.write_bytes(data)
    command = [program, "-j", "-G1", "-n", "-a", "-struct", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)[0]
