"""Privacy by default for open-source models.

>>> from privet import redact
>>> redact("write to jane@example.com")
'write to [EMAIL_ADDRESS]'
"""

# These names are functions here and modules below (`privet.detect.detect`): binding them after the modules are loaded makes
# `from privet import detect` the function everywhere. The modules load their rules and libraries on first use.
from privet.detect import detect, detect_all
from privet.errors import PrivetError
from privet.records import Span
from privet.redact import RedactStream, redact, redact_all, restore

__version__ = "0.1.0"
__all__ = [
    "PrivetError",
    "RedactStream",
    "Span",
    "__version__",
    "detect",
    "detect_all",
    "redact",
    "redact_all",
    "restore",
]
