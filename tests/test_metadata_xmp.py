"""XMP: provenance, histories, packets that are unusual or large."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from metadata_files import FULL, PRINT, TERM, XMP, encode, exiftool, metadata_of

from fastcolor.media.codecs import Metadata, source_type, with_provenance
from fastcolor.media.metadata import _xmp


def test_xmp_is_merged_by_insertion_only() -> None:
    merged = with_provenance(FULL, model='a "b" <c>', version="2").xmp or b""
    removed = f" e:DigitalSourceType='{PRINT}'".encode()
    before, after = XMP.replace(removed, b"").split(b"</rdf:RDF>")
    assert merged.startswith(before)
    assert merged.endswith(b"</rdf:RDF>" + after)
    assert source_type(Metadata(xmp=merged)) == TERM
    assert b'rdf:about="uuid:7"' in merged[len(before) :]


def test_provenance_twice_states_it_once() -> None:
    once = with_provenance(FULL, model="m", version="1")
    twice = with_provenance(once, model="n", version="2").xmp or b""
    assert twice.count(b"Iptc4xmpExt:DigitalSourceType=") == 1
    assert b'AISystemVersionUsed="1"' not in twice
    assert twice.count(b"</xmpMM:History>") == 1
    assert twice.count(b"stEvt:softwareAgent") == 2


def test_source_type_as_an_element() -> None:
    text = XMP.replace(f" e:DigitalSourceType='{PRINT}'".encode(), b"").replace(
        b"<dc:title>", f"<e:DigitalSourceType>{PRINT}</e:DigitalSourceType><dc:title>".encode()
    )
    assert source_type(Metadata(xmp=text)) == PRINT
    merged = with_provenance(Metadata(xmp=text), model="m", version="1")
    assert source_type(merged) == TERM
    assert b"<e:DigitalSourceType>" not in (merged.xmp or b"")
    assert b"Hafen" in (merged.xmp or b"")


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be"])
def test_xmp_in_utf_16_becomes_utf_8(coding: str) -> None:
    mark = b"" if coding == "utf-16" else b"\xfe\xff"
    text = mark + XMP.decode().replace("\ufeff", "").encode(coding)
    merged = with_provenance(Metadata(xmp=text), model="m", version="1")
    assert not merged.problems
    assert source_type(merged) == TERM


BOMB = b"""<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>"""


def test_an_empty_history_is_filled() -> None:
    empty = (
        b'<xmpMM:History xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"><rdf:Seq/></xmpMM:History>'
    )
    text = XMP.replace(b"<dc:title>", empty + b"<dc:title>")
    merged = with_provenance(Metadata(xmp=text), model="m", version="1").xmp or b""
    assert merged.count(b"xmpMM:History>") == 1 and merged.count(b"stEvt:action") == 1
    assert source_type(with_provenance(Metadata(xmp=merged), model="m", version="1")) == TERM


HISTORIES = {
    "attributes": b'<m:History><rdf:Seq><rdf:li v:action="saved"/></rdf:Seq></m:History>',
    "elements": b"<m:History><rdf:Seq><rdf:li rdf:parseType='Resource'><v:action>saved</v:action>"
    b"</rdf:li></rdf:Seq></m:History>",
    "empty": b"<m:History><rdf:Seq/></m:History>",
}


@pytest.mark.parametrize("kind", [*HISTORIES, "undeclared"])
def test_events_in_a_history_are_read_by_all(kind: str, tmp_path: Path) -> None:
    """ImageMagick 6 warns of a / in the attributes of an event, namespaces among them."""
    event = "http://not/an/event" if kind == "undeclared" else _xmp.EVENT
    spaces = f'xmlns:m="{_xmp.MM}" xmlns:stEvt="http://not/it" xmlns:v="{event}" xmlns:dc='
    history = HISTORIES.get(kind, HISTORIES["empty"])
    text = XMP.replace(b"xmlns:dc=", spaces.encode()).replace(
        b"<dc:title>", history + b"<dc:title>"
    )
    assert history in text and event.encode() in text
    merged = with_provenance(Metadata(xmp=text), model="a/b", version="1")
    packet = merged.xmp or b""
    assert not merged.problems
    assert packet.count(b"m:History>") == 2
    assert source_type(merged) == TERM
    twice = with_provenance(merged, model="a/b", version="2").xmp or b""
    assert twice.count(b'action="edited"') == 2
    path = tmp_path / "x.jpg"
    path.write_bytes(encode("jpeg", Metadata(xmp=packet)))
    if shutil.which("exiftool"):
        line = ["exiftool", "-s3", "-XMP-xmpMM:HistoryParameters", str(path)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60)
        assert f"the model a/b 1; the digital source type was {PRINT}" in done.stdout
    if shutil.which("identify"):
        line = ["identify", "-verbose", str(path)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("text", [BOMB, b"<x", b"not xml", b"<a/>", XMP[:-60], b"\xff\xfe<\0x"])
def test_unusable_xmp_is_replaced_and_named(text: bytes) -> None:
    merged = with_provenance(Metadata(xmp=text), model="m", version="1")
    assert source_type(merged) == TERM
    assert len(merged.problems) == 1 and "replaced" in merged.problems[0]
    assert source_type(Metadata(xmp=text)) is None


def test_large_xmp_is_split_and_joined_in_jpeg(tmp_path: Path) -> None:
    big = "".join(
        f'<rdf:Description xmlns:my="urn:mine" rdf:about="uuid:7" my:p{i}="{"x" * 9000}"/>'
        for i in range(20)
    )
    text = XMP.replace(b"</rdf:RDF>", big.encode() + b"</rdf:RDF>")
    data = encode("jpeg", with_provenance(Metadata(xmp=text), model="m", version="1"))
    found = metadata_of(data)
    assert not found.problems
    assert all(f"my:p{i}=".encode() in (found.xmp or b"") for i in range(20))
    assert b"HasExtendedXMP" not in (found.xmp or b"")
    assert source_type(found) == TERM
    seen = exiftool(data, ".jpg", tmp_path)
    assert sum(len(str(value)) == 9000 for value in seen.values()) == 20
