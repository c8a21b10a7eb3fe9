"""Loads what Arrow tables need, once for all processes of a run: importing this is all there is to do."""

from __future__ import annotations

import pyarrow.parquet  # noqa: F401

import privet.ingest.arrow  # noqa: F401
from privet.ingest.memory import hold_little

hold_little()
