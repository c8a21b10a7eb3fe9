"""XMP files beside pictures: they are nothing but metadata, so what is left of one is an empty packet.

Invariant: every cleaned XMP file is the same.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata.job import Job

_EMPTY: Final = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>\n'


def clean(_source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write an empty packet."""
    job.dropped("xmp")
    target.write(_EMPTY)
