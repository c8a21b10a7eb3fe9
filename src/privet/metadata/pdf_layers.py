"""Optional content: which layers a reader does not see when the file is opened.

Invariants: hidden is what the default configuration hides on screen; what cannot be read as a rule is visible, and so is checked as text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pikepdf import Array, Dictionary, Name, Object

from privet.metadata.pdf_values import spelled

_MARK = "/Hidden"


@dataclass(slots=True)
class Layers:
    """The layers of a document."""

    off: set[tuple[int, int]] = field(default_factory=set)

    def hidden(self, content: object, depth: int = 8) -> bool:
        """Whether a layer, or a rule over layers, hides what belongs to it."""
        if not isinstance(content, Dictionary) or depth == 0:
            return False
        if content.get("/Type") == Name.OCG:
            return content.objgen in self.off
        if content.get("/Type") != Name.OCMD:
            return False
        expression = content.get("/VE")
        if isinstance(expression, Array) and len(expression):
            return not self._visible(expression, depth)
        groups = content.get("/OCGs")
        members = list(groups) if isinstance(groups, Array) else [groups]
        states = [not self.hidden(group, depth - 1) for group in members if isinstance(group, Dictionary)]
        if not states:
            return False
        return not {
            "/AllOn": all(states), "/AnyOff": not all(states), "/AllOff": not any(states),
        }.get(spelled(content.get("/P", "/AnyOn")), any(states))  # fmt: skip

    def _visible(self, expression: object, depth: int) -> bool:
        if not isinstance(expression, Array) or depth == 0:
            return not self.hidden(expression, depth)
        items = list(expression)
        states = [self._visible(item, depth - 1) for item in items[1:]]
        name = spelled(items[0]) if items else ""
        if name == "/Not":
            return not any(states)
        return all(states) if name == "/And" else any(states)


def read_layers(root: Object) -> Layers:
    """Return the layers of a document as its default configuration has them."""
    properties = root.get("/OCProperties")
    if not isinstance(properties, Dictionary):
        return Layers()
    default = properties.get("/D")
    default = default if isinstance(default, Dictionary) else Dictionary()
    groups = _groups(properties.get("/OCGs"))
    off = {group.objgen for group in groups} if default.get("/BaseState") == Name.OFF else set()
    off -= {group.objgen for group in _groups(default.get("/ON"))}
    off |= {group.objgen for group in _groups(default.get("/OFF"))}
    return Layers(_by_usage(default, off))


def _groups(found: object) -> list[Object]:
    items = list(found) if isinstance(found, Array) else []
    return [item for item in items if isinstance(item, Dictionary)]


def _by_usage(default: Object, off: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Apply the automatic states that hold while a file is viewed (ISO 32000-1, 8.11.4.4)."""
    for rule in _groups(default.get("/AS")):
        if rule.get("/Event") != Name.View:
            continue
        for group in _groups(rule.get("/OCGs")):
            usage = group.get("/Usage")
            view = usage.get("/View") if isinstance(usage, Dictionary) else None
            state = view.get("/ViewState") if isinstance(view, Dictionary) else None
            if state == Name.OFF:
                off = off | {group.objgen}
            elif state == Name.ON:
                off = off - {group.objgen}
    return off


def marked(hidden: bool) -> Dictionary:
    """Return what stands for a layer in a resource dictionary from now on."""
    return Dictionary({"/Type": Name.OCG, _MARK: True}) if hidden else Dictionary({"/Type": Name.OCG})


def is_marked(properties: object) -> bool:
    """Whether a property list is one that `marked` made for a hidden layer."""
    return isinstance(properties, Dictionary) and _MARK in properties and properties.get("/Type") == Name.OCG
