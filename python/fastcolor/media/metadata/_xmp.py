"""XMP packets: provenance is written into them without touching anything else that they hold.

Packets are edited as text at places that a parser finds, so everything that is not replaced keeps
its bytes: comments, prefixes, order, unknown schemas. Documents with a DOCTYPE (no XMP has one) are
refused before any entity is expanded.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MM = "http://ns.adobe.com/xap/1.0/mm/"
EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
NOTE = "http://ns.adobe.com/xmp/note/"

# "Edited using Generative AI": an existing medium that a trained model augments. The grey picture
# is real, its colour a model's guess; trainedAlgorithmicMedia would say that all of it is made up,
# algorithmicallyEnhanced is for algorithms that do not learn from samples.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_OURS = {f"{EXT} {name}" for name in ("DigitalSourceType", "AISystemUsed", "AISystemVersionUsed")}
_ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_NAME = re.compile(rb"<([^\s/>]+)")
_TAG = re.compile(rb"""<[^>"']*(?:(?:"[^"]*"|'[^']*')[^>"']*)*>""")
_EMPTY = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="' + RDF.encode() + b'">'
    b'</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
)


class XmpError(ValueError):
    """A packet that is not well-formed XMP."""


class _Found(NamedTuple):
    """What with_provenance needs to know of a packet; positions are bytes."""

    cuts: list[tuple[int, int]]  # what says ours already
    before: str  # the digital source type so far
    rdf: tuple[int, bool]  # where rdf:RDF ends, or where its empty tag begins
    history: tuple[int, bool] | None  # the same of xmpMM:History's rdf:Seq
    names: dict[str, str]  # a prefix for each namespace where that ends
    taken: set[str]  # all prefixes
    head: int  # behind the name in rdf:RDF's tag


@functools.lru_cache(maxsize=16)
def with_provenance(packet: bytes | None, *, model: str, version: str, software: str) -> bytes:
    """The packet, saying that a trained model gave the picture its colours, and which."""
    text = _utf8(packet) if packet else _EMPTY
    found = _examine(text)
    about = f"colour predicted by the model {model} {version}"
    if found.before:
        about += f"; the digital source type was {found.before}"
    rdf, evt, declared = "rdf", "stEvt", ""
    if found.history is not None:
        rdf, evt, declared = _prefixes(found)
    event = (
        f'<{rdf}:li {evt}:action="edited" {evt}:softwareAgent={_quoted(software)} '
        f"{evt}:parameters={_quoted(about)}/>"
    )
    used = f"{software.split(' ')[0]}, model {model}"
    description = (
        f'<rdf:Description xmlns:rdf="{RDF}" rdf:about={quoteattr(_about(text))} '
        f'xmlns:Iptc4xmpExt="{EXT}" Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}" '
        f"Iptc4xmpExt:AISystemUsed={quoteattr(used)} "
        f"Iptc4xmpExt:AISystemVersionUsed={quoteattr(version)}"
    )
    if found.history is None:
        seq = f"<xmpMM:History><rdf:Seq>{event}</rdf:Seq></xmpMM:History>"
        description += f' xmlns:xmpMM="{MM}" xmlns:stEvt="{EVENT}">{seq}</rdf:Description>'
    else:
        description += "/>"
    edits = [(start, end, b"") for start, end in found.cuts]
    edits.append(_inside(text, found.rdf, description))
    if found.history is not None:
        edits.append(_inside(text, found.history, event))
        edits.append((found.head, found.head, declared.encode()))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _quoted(text: str) -> str:
    """ImageMagick 6 warns of a / in the attributes of what lies so deep."""
    return quoteattr(text, {"/": "&#47;"})


def _prefixes(found: _Found) -> tuple[str, str, str]:
    """Those of rdf and stEvt in the history, and what declares in rdf:RDF those that it lacks: in
    the history it would have a / again."""
    used, declared = [], ""
    for uri, usual in ((RDF, "rdf"), (EVENT, "stEvt")):
        prefix = found.names.get(uri)
        if prefix is None:
            prefix = next(
                n for n in (usual, *(f"{usual}{i}" for i in range(1, 99))) if n not in found.taken
            )
            declared += f' xmlns:{prefix}="{uri}"'
        used.append(prefix)
    return used[0], used[1], declared


def source_type(packet: bytes | None) -> str | None:
    """The digital source type that a packet states."""
    try:
        return (_examine(_utf8(packet)).before or None) if packet else None
    except XmpError:
        return None


def merged(packet: bytes, extension: bytes) -> bytes:
    """One packet of a JPEG's main packet and the extension that was split from it."""
    text, more = _utf8(packet), _utf8(extension)
    inner: list[int] = []

    def start(parser: expat.XMLParserType, name: str, _: dict[str, str]) -> None:
        if name == f"{RDF} RDF":
            inner.append(_tag_end(more, parser.CurrentByteIndex))

    def end(parser: expat.XMLParserType, name: str) -> None:
        if name == f"{RDF} RDF":
            inner.append(parser.CurrentByteIndex)

    _parse(more, start, end)
    if len(inner) != 2:
        raise XmpError("the extended XMP has no rdf:RDF")
    found = _examine(text, f"{NOTE} HasExtendedXMP")
    body = more[inner[0] : inner[1]].decode()
    edits = [(a, b, b"") for a, b in found.cuts] + [_inside(text, found.rdf, body)]
    for at, stop, new in sorted(edits, reverse=True):
        text = text[:at] + new + text[stop:]
    return text


def split(packet: bytes, most: int, guid: Callable[[bytes], str]) -> tuple[bytes, bytes]:
    """(main, extension) of a packet that is larger than a JPEG segment holds; XmpError if not so.

    Whole rdf:Descriptions move into the extension, the largest first.
    """
    text = _utf8(packet)
    depth, blocks, spaces = 0, [], {}  # type: ignore[var-annotated]
    rdf_at: int | None = None

    def start(parser: expat.XMLParserType, name: str, _: dict[str, str]) -> None:
        nonlocal depth, rdf_at
        if name == f"{RDF} RDF":
            rdf_at = depth
        elif rdf_at is not None and depth == rdf_at + 1:
            blocks.append([parser.CurrentByteIndex, 0])
        depth += 1

    def end(parser: expat.XMLParserType, name: str) -> None:
        nonlocal depth
        depth -= 1
        if rdf_at is not None and depth == rdf_at + 1 and blocks:
            blocks[-1][1] = _element_end(text, blocks[-1][0], parser.CurrentByteIndex)

    def space(prefix: str | None, uri: str) -> None:
        if depth <= (rdf_at if rdf_at is not None else depth) and prefix:
            spaces.setdefault(prefix, uri)

    _parse(text, start, end, space)
    moved: list[bytes] = []
    note = f'<rdf:Description xmlns:rdf="{RDF}" xmlns:xmpNote="{NOTE}" rdf:about='
    note += f'{quoteattr(_about(text))} xmpNote:HasExtendedXMP="{"0" * 32}"/>'
    for at, stop in sorted(blocks, key=lambda block: block[0] - block[1]):
        if len(text) - sum(map(len, moved)) + len(note) <= most:
            break
        moved.append(text[at:stop])
    main = text
    for block in moved:
        main = main.replace(block, b"", 1)
    names = "".join(f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in spaces.items())
    if "rdf" not in spaces:
        names += f' xmlns:rdf="{RDF}"'
    extension = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF{names}>'.encode()
    if "x" in spaces:
        extension = f"<x:xmpmeta{names}><rdf:RDF>".encode()
    extension += b"".join(moved) + b"</rdf:RDF></x:xmpmeta>"
    note = note.replace("0" * 32, guid(extension))
    where = _inside(main, _examine(main).rdf, note)
    main = main[: where[0]] + where[2] + main[where[1] :]
    if len(main) > most:
        raise XmpError(f"the XMP has a part of more than {most} bytes")
    return main, extension


def _utf8(packet: bytes) -> bytes:
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le")):
        if packet.startswith(mark):
            try:
                return packet.decode(name).encode()
            except UnicodeDecodeError as error:
                raise XmpError(str(error)) from error
    return packet.strip(b"\0")


def _parse(
    text: bytes,
    start: Callable[[expat.XMLParserType, str, dict[str, str]], None],
    end: Callable[[expat.XMLParserType, str], None],
    space: Callable[[str | None, str], None] | None = None,
    space_ends: Callable[[str | None], Any] | None = None,
) -> None:
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise XmpError("the XMP has a DOCTYPE")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda name, values: start(parser, name, values)
    parser.EndElementHandler = lambda name: end(parser, name)
    parser.StartNamespaceDeclHandler = space
    parser.EndNamespaceDeclHandler = space_ends
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, LookupError) as error:
        raise XmpError(f"the XMP is not well-formed: {error}") from error


def _examine(text: bytes, *also: str) -> _Found:
    ours = {*also} if also else _OURS
    cuts: list[tuple[int, int]] = []
    before: list[str] = []
    path: list[str] = []
    spaces: dict[str, str] = {}
    scope: list[tuple[str, str]] = []
    names: dict[str, str] = {}
    head = 0
    ends: dict[str, tuple[int, bool]] = {}
    opened: list[int] = []

    def space(prefix: str | None, uri: str) -> None:
        spaces[prefix or ""] = uri
        scope.append((prefix or "", uri))

    def start(parser: expat.XMLParserType, name: str, values: dict[str, str]) -> None:
        nonlocal head
        at = parser.CurrentByteIndex
        if name == f"{RDF} RDF" and not head and (tag := _NAME.match(text, at)):
            head = tag.end()
        path.append(name)
        opened.append(at)
        cuts.extend(_attributes(text, at, spaces, ours))
        before.extend(values[key] for key in values if key == f"{EXT} DigitalSourceType")
        if name == f"{EXT} DigitalSourceType":
            before.append(values.get(f"{RDF} resource", ""))
            parser.CharacterDataHandler = before.append

    def end(parser: expat.XMLParserType, name: str) -> None:
        at, began = parser.CurrentByteIndex, opened.pop()
        path.pop()
        parser.CharacterDataHandler = None
        if name in ours:
            cuts[:] = [cut for cut in cuts if cut[0] < began]
            cuts.append((began, _element_end(text, began, at)))
        key = name if name == f"{RDF} RDF" else ""
        if name == f"{RDF} Seq" and path and path[-1] == f"{MM} History":
            key = "history"
            names.update({uri: prefix for prefix, uri in dict(scope).items() if prefix})
        if key and key not in ends:
            empty = text[: _tag_end(text, began)].endswith(b"/>")
            ends[key] = (began if empty else at, empty)

    _parse(text, start, end, space, lambda _: scope.pop())
    if f"{RDF} RDF" not in ends:
        raise XmpError("the XMP has no rdf:RDF")
    stated = "".join(before).strip()
    rdf, history = ends[f"{RDF} RDF"], ends.get("history")
    return _Found(cuts, stated, rdf, history, names, set(spaces), head)


def _attributes(
    text: bytes, at: int, spaces: dict[str, str], ours: set[str]
) -> list[tuple[int, int]]:
    """Where the tag at this byte has attributes of these names."""
    name = _NAME.match(text, at)
    found = []
    place = name.end() if name else len(text)
    while match := _ATTRIBUTE.match(text, place):
        prefix, _, local = match[1].decode("utf-8", "replace").partition(":")
        if f"{spaces.get(prefix)} {local}" in ours:
            found.append(match.span())
        place = match.end()
    return found


def _element_end(text: bytes, began: int, at: int) -> int:
    """The byte behind an element that began there and whose end expat places here."""
    tag = _TAG.match(text, began)
    return tag.end() if tag and tag[0].endswith(b"/>") else _tag_end(text, at)


def _tag_end(text: bytes, at: int) -> int:
    """The byte behind the tag that begins here."""
    tag = _TAG.match(text, at)
    if tag is None:
        raise XmpError("the XMP has a tag without an end")
    return tag.end()


def _inside(text: bytes, where: tuple[int, bool], body: str) -> tuple[int, int, bytes]:
    """The edit that puts ``body`` at the end of an element, which may be an empty tag."""
    at, empty = where
    if not empty:
        return at, at, body.encode()
    stop = _tag_end(text, at)
    name = _NAME.match(text, at)
    closing = b"</" + (name[1] if name else b"") + b">"
    slash = text.rindex(b"/", at, stop)
    return slash, stop, b">" + body.encode() + closing


def _about(text: bytes) -> str:
    """What the descriptions say that they are about; all must say the same."""
    found: list[str] = []

    def start(_: expat.XMLParserType, name: str, values: dict[str, str]) -> None:
        if name == f"{RDF} Description":
            found.extend(values[key] for key in (f"{RDF} about", "about") if key in values)

    _parse(text, start, lambda *_: None)
    return found[0] if found else ""
