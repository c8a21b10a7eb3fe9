"""What a model is called: by its card, never by where it lies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from privet.card.page import page_of
from privet.card.problems import CARD
from privet.card.write import read_card

_TITLE: Final = re.compile(r"^# +(?P<title>[^\r\n]+)", re.MULTILINE)
_UNNAMED: Final = "model"


def name_of(folder: Path) -> str:
    """Return `model_name` of the front matter, else the first title, else `model`."""
    import yaml

    page = page_of(read_card(folder / CARD) or "")
    if isinstance(page.root, yaml.MappingNode):
        for key, value in page.root.value:
            if key.value == "model_name" and isinstance(value, yaml.ScalarNode) and value.value.strip():
                return str(value.value).strip()
    title = _TITLE.search(page.text, page.front.end if page.front else 0)
    return title["title"].strip() if title else _UNNAMED
