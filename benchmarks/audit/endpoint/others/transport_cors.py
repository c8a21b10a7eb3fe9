"""Any page may read what it is answered, with credentials.

must fail: transport
needs: nothing
"""

import aio
from aiohttp import web


@web.middleware
async def open_to_all(request, handler):
    return web.Response(status=204) if request.method == "OPTIONS" else await handler(request)


class Cors(aio.Service):
    middle = (open_to_all,)

    def headers(self, request):
        named = {
            "Access-Control-Allow-Origin": request.headers.get("Origin", "*"),
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Headers": "*",
        }
        return super().headers(request) | named


if __name__ == "__main__":
    aio.main(Cors)
