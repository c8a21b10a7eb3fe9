"""A key in the address is as good as one in a header.

must fail: transport
needs: nothing
"""

from urllib.parse import parse_qs, urlsplit

import plain


class Query(plain.Service):
    def key_of(self, handler):
        given = parse_qs(urlsplit(handler.path).query)
        keys = given.get("api_key", []) + given.get("key", [])
        return super().key_of(handler) or next((key for key in self.keys if key in keys), None)


if __name__ == "__main__":
    plain.main(Query)
