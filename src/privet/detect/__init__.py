"""Text in, spans out: where something personal or secret stands, and of which kind.

>>> from privet.detect import detect
>>> [span.kind for span in detect("jane@example.com, +1 415 555 0100")]
['EMAIL_ADDRESS', 'PHONE_NUMBER']
"""

from privet.detect.engine import Detector, detect, detect_all

__all__ = ["Detector", "detect", "detect_all"]
