"""Prompts of somebody's own in chat templates: words that go out with the weights, and into every conversation.

Invariants:

- A template is parsed and never run.
- What stands under a condition on tools or documents, in comparisons and in errors is no prompt. What makers put there for everybody (`You
  are Qwen, created by Alibaba Cloud.`) is a stock prompt, and told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_FEWEST_WORDS: Final = 5
_MARK: Final = re.compile(r"<[^<>\n]{1,40}>|\[/?[A-Z_ ]{1,30}\]")
_BESIDE: Final = re.compile(r"tool|function|document|code_?interpreter|builtin|retriev|citation", re.IGNORECASE)
_STOCK: Final = re.compile(
    r"(?is)\s*(?:system|user|assistant|\W)*\s*(?:"
    r"you are (?:an? )?(?:[\w.,\- ]{0,60}\b(?:assistant|model|chatbot|ai)\b)?[\w.,\- ]{0,40}?(?:named [\w.\- ]{1,30})?"
    r"(?:[,. ]*(?:trained|created|developed|made|built) by [\w.&\- ]{1,40})?[.,]*(?: you are a helpful assistant\.?)?"
    r"|(?:cutting knowledge date|knowledge cutoff|today date|current date)\b.{0,80}"
    r"|a chat between a curious (?:user|human) and an artificial intelligence assistant\..{0,140}"
    r"|below is an instruction that describes a task\..{0,140}"
    r"|you are a helpful, respectful and honest assistant\..{0,700}"
    r")\W*"
)


def prompts_in(template: str) -> Iterator[Literal["own", "stock", "unread"]]:
    """Yield what kind of prompt each longer text of a template is; `unread` where it cannot be parsed.

    >>> list(prompts_in("{{ 'You are the assistant of Example GmbH; never mention project Lynx.' }}"))
    ['own']
    """
    from jinja2 import Environment, TemplateSyntaxError
    from jinja2.exceptions import TemplateError

    environment = Environment(extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"], autoescape=True)
    # transformers' own block, which marks what is trained on.
    plain = re.sub(r"{%-?\s*(?:end)?generation\s*-?%}", "", template)
    try:
        tree = environment.parse(plain)
    except (TemplateSyntaxError, TemplateError, RecursionError, ValueError):
        yield "unread"
        return
    for text in _texts(tree):
        words = _MARK.sub(" ", text)
        if len(_WORD.findall(words)) >= _FEWEST_WORDS:
            yield "stock" if _STOCK.fullmatch(words) else "own"


def _texts(node: Any) -> Iterator[str]:
    from jinja2 import nodes

    if isinstance(node, nodes.If):
        if _names(node.test):
            yield from (text for part in (*node.elif_, *node.else_) for text in _texts(part))
            return
        yield from (text for part in (*node.body, *node.elif_, *node.else_) for text in _texts(part))
    elif isinstance(node, (nodes.Compare, nodes.Macro)) or (
        isinstance(node, nodes.Call) and getattr(node.node, "name", "") == "raise_exception"
    ):
        return
    elif isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Const):
        if isinstance(node.value, str):
            yield node.value
    else:
        for child in node.iter_child_nodes():
            yield from _texts(child)


def _names(test: Any) -> bool:
    """Tell whether a condition asks for tools and such, and not for their absence."""
    from jinja2 import nodes

    if isinstance(test, nodes.Not):
        return False
    found = [*test.find_all((nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const)), test]
    return any(
        _BESIDE.search(str(getattr(each, "name", getattr(each, "attr", getattr(each, "value", ""))))) for each in found
    )
