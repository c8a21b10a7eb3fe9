"""One environment variable that a known program reads, and the value with which it keeps data at home.

No enumeration and no named tuple: `privet run` reads the catalogue at every start, and their modules take longer to load than it does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

TELEMETRY: Final = "telemetry"
OFFLINE: Final = "offline"
CONTENT: Final = "content capture"
HISTORY: Final = "history"
UPDATE: Final = "update check"
CRASH: Final = "crash report"
KINDS: Final = (TELEMETRY, OFFLINE, CONTENT, HISTORY, UPDATE, CRASH)
"""What a variable switches off."""

ANY: Final = ("any value",)
"""For `as_safe`: the program looks only whether the variable is there and not empty."""
TRUE: Final = ("true", "True", "TRUE")
TRUTHY: Final = ("1", *TRUE)
TRUTHY_WORDS: Final = (*TRUTHY, "yes", "Yes", "YES", "on", "On", "ON")
FALSE: Final = ("false", "False", "FALSE")
FALSY: Final = ("0", *FALSE)
FALSY_WORDS: Final = (*FALSY, "no", "No", "NO", "off", "Off", "OFF")
_PAGE: Final = "documentation "


class Setting:
    """A variable with the value that its programs honour.

    `value` is None where only absence is safe. `as_safe` are other values with the same effect on every one of the programs, so a
    user's own spelling is kept. `hosts` are the addresses that the setting makes a program do without: where an exception
    opens one of them, the setting does not apply. `source` is the file of the release in which the reading was seen, or the page
    that promises it.
    """

    __slots__ = ("as_safe", "hosts", "kind", "name", "programs", "source", "stops", "value")

    def __init__(
        self,
        name: str,
        value: str | None,
        kind: str,
        programs: tuple[str, ...],
        stops: str,
        source: str,
        as_safe: tuple[str, ...] = (),
        hosts: tuple[str, ...] = (),
    ) -> None:
        self.name, self.value, self.kind = name, value, kind
        self.programs, self.stops, self.source = programs, stops, source
        self.as_safe, self.hosts = as_safe, hosts

    @property
    def seen_in_source(self) -> bool:
        """Tell whether the reading was seen in the program itself, not only in its documentation."""
        return not self.source.startswith(_PAGE)

    def holds(self, value: str | None) -> bool:
        """Tell whether a value, or None for absence, is as safe as this setting's own."""
        if value == self.value or value in self.as_safe:
            return True
        return bool(value) and self.as_safe is ANY


Row = (
    tuple[str, str | None, str, str]
    | tuple[str, str | None, str, str, tuple[str, ...]]
    | tuple[str, str | None, str, str, tuple[str, ...], tuple[str, ...]]
)
"""A setting without its programs and source: name, value, kind, what it stops, then `as_safe` and `hosts` where there are any."""


def read_by(programs: str, source: str, *rows: Row) -> tuple[Setting, ...]:
    """Return the settings that the named programs, apart by commas, read at one place."""
    names = tuple(programs.split(", "))
    settings = []
    for name, value, kind, stops, *more in rows:
        settings.append(Setting(name, value, kind, names, stops, source, *more))
    return tuple(settings)
