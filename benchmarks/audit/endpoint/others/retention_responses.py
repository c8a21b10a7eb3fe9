"""A response that was deleted can be read again: deletion only says that it was done.

must fail: retention
may fail: unsafe-features
needs: nothing
"""

import plain
from unsafe_responses import Responses


class Deleted(Responses):
    def other(self, handler, key):
        if key is not None and handler.command == "DELETE" and handler.path.startswith("/v1/responses/"):
            handler.send(200, {"id": handler.path.rpartition("/")[2], "object": "response", "deleted": True})
            return True
        return super().other(handler, key)


if __name__ == "__main__":
    plain.main(Deleted)
