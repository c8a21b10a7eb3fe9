"""XMP files beside pictures come out empty, and are XMP still."""

from __future__ import annotations

import io

from lxml import etree

from privet.metadata import xmp
from privet.metadata.job import Job


def test_nothing_is_left() -> None:
    out = io.BytesIO()
    job = Job()
    xmp.clean(io.BytesIO(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>CANARY</x:xmpmeta>"), out, job)
    root = etree.fromstring(out.getvalue())
    assert root.tag == "{adobe:ns:meta/}xmpmeta"
    assert not root[0].attrib
    assert len(root[0]) == 0
    assert job.removed["xmp"] == 1
