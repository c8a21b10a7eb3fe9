"""A body that is no JSON brings up where in the program it was read.

must fail: disclosure
needs: nothing
"""

import json
import traceback

import plain


class Trace(plain.Service):
    def other(self, handler, key):
        if key is not None and handler.command == "POST":
            try:
                json.loads(handler.data)
            except ValueError:
                handler.send(500, traceback.format_exc().encode(), kind="text/plain")
                return True
        return False


if __name__ == "__main__":
    plain.main(Trace)
