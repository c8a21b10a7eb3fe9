"""Metadata that is left in files: own minimal readers, which look for tags and take nothing over from a cleaner.

Invariants:

- A tag is told by its rule and never by its value.
- `personal` is what says or may say who somebody is, where they were or with which device: names, places, serial numbers, comments,
  paths. Technical fields and names of programs are told as notes.
- A file whose tags cannot be read, or whose form is not known, is said to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from privet.audit import (
    tags_boxes,
    tags_documents,
    tags_film,
    tags_image,
    tags_layers,
    tags_models,
    tags_ole,
    tags_packed,
    tags_pictures,
    tags_sound,
    tags_tables,
)
from privet.audit.tag import Tag
from privet.audit.unpacking import Entry, Unread, guarded


def tags_of(entry: Entry) -> Iterator[Tag]:
    """Yield the tags of a file.

    Raises:
        Unread: the file is damaged or encrypted, or nobody knows where its form keeps them.

    """
    if entry.form.name == "gzip":
        yield from guarded(lambda stream, each: tags_packed.gzip_head(stream, each.name), entry, _FAILING)
    elif (read := _READERS.get(entry.form.name)) is not None:
        yield from guarded(lambda stream, _entry: read(stream), entry, _FAILING)
    if not entry.form.is_known and entry.form.name != "ole":
        raise Unread("unknown format")


_FAILING: Final = "metadata cannot be read"
_READERS: Final[dict[str, Callable[[BinaryIO], Iterator[Tag]]]] = {
    "image": tags_image.image,
    "heif": tags_boxes.heif,
    "jpeg2000": tags_boxes.jpeg2000,
    "jpeg-xl": tags_boxes.jpeg_xl,
    "mp4": tags_boxes.mp4,
    "bmp": tags_pictures.bmp,
    "icons": tags_pictures.icons,
    "apple-icons": tags_pictures.apple_icons,
    "animated": tags_pictures.animated,
    "targa": tags_pictures.targa,
    "pcx": tags_pictures.pcx,
    "dcx": tags_pictures.dcx,
    "sgi": tags_pictures.sgi,
    "dds": tags_pictures.dds,
    "qoi": tags_pictures.qoi,
    "netpbm": tags_pictures.netpbm,
    "radiance": tags_pictures.radiance,
    "dpx": tags_pictures.dpx,
    "fits": tags_pictures.fits,
    "psd": tags_layers.psd,
    "xcf": tags_layers.xcf,
    "openexr": tags_layers.openexr,
    "flif": tags_layers.flif,
    "bpg": tags_layers.bpg,
    "djvu": tags_layers.djvu,
    "emf": tags_layers.emf,
    "wmf": tags_layers.wmf,
    "xml": tags_layers.flat,
    "mp3": tags_sound.mp3,
    "tagged": tags_sound.tagged,
    "flac": tags_sound.flac,
    "ogg": tags_sound.ogg,
    "riff": tags_sound.riff,
    "aiff": tags_sound.aiff,
    "au": tags_sound.au,
    "caf": tags_sound.caf,
    "dsf": tags_sound.dsf,
    "dff": tags_sound.dff,
    "midi": tags_sound.midi,
    "matroska": tags_film.matroska,
    "asf": tags_film.asf,
    "flash": tags_film.flash,
    "real-media": tags_film.real_media,
    "transport": tags_film.transport,
    "program-stream": tags_film.program,
    "pdf": tags_documents.pdf,
    "office": tags_documents.office,
    "rtf": tags_documents.rtf,
    "ole": tags_ole.properties,
    "notebook": tags_documents.notebook,
    "mail": tags_documents.mail,
    "mailbox": tags_documents.mailbox,
    "postscript": tags_models.postscript,
    "font": tags_models.font,
    "parquet": tags_tables.parquet,
    "arrow": tags_tables.arrow,
    "orc": tags_tables.orc,
    "sqlite": tags_tables.sqlite,
    "safetensors": tags_models.safetensors,
    "onnx": tags_models.onnx,
    "gguf": tags_models.gguf,
    "torrent": tags_models.torrent,
    "tar": tags_packed.tar,
    "zip": tags_packed.zip_comments,
}
