"""Every answer says that caches on the way may keep it for a day.

must fail: retention
needs: nothing
"""

import fast


class Cacheable(fast.Service):
    def headers(self):
        return {"cache-control": "public, max-age=86400"}


if __name__ == "__main__":
    fast.main(Cacheable)
