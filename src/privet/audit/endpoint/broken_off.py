"""Why an audit ends early, and what to do then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STOPPED: Final = "the target stopped answering"
SILENT: Final = "nothing answered"
KEY_REFUSED: Final = "the key was refused"
NO_KEY: Final = "it takes a key, and none was given"
NO_API: Final = "it is not an OpenAI-compatible endpoint"
NEXT: Final[Mapping[str, str]] = {
    STOPPED: "see that the target runs; the same command goes on within an hour",
    SILENT: "see that the server runs, and that host and port are right: nothing was tested",
    KEY_REFUSED: "give a key in --key-file that the endpoint accepts, and audit again",
    NO_KEY: "give a key of the endpoint with --key-file, and audit again",
    NO_API: "give the URL where the API begins, such as http://127.0.0.1:8000/v1, and audit again",
}
