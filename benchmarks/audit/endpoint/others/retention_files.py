"""A deleted file is gone from the list; its content is still there for whoever kept the name.

must fail: retention
needs: nothing
"""

import secrets

import aio
from aiohttp import web


class Files(aio.Service):
    def __init__(self, watch):
        super().__init__(watch)
        self.files, self.gone = {}, set()

    def about(self, name):
        return {
            "id": name,
            "object": "file",
            "bytes": len(self.files[name][1]),
            "purpose": "assistants",
            "filename": "upload",
        }

    async def upload(self, request):
        form = await request.post()
        held = form.get("file")
        content = held.file.read() if hasattr(held, "file") else str(held or "").encode()
        name = f"file-{secrets.token_hex(8)}"
        self.files[name] = (request["key"], content)
        return web.json_response(self.about(name))

    async def listed(self, request):
        names = [name for name, (key, _) in self.files.items() if key == request["key"] and name not in self.gone]
        return web.json_response({"object": "list", "data": [self.about(name) for name in names]})

    async def one(self, request):
        name = request.match_info["name"]
        if self.files.get(name, ("",))[0] != request["key"] or name in self.gone:
            raise web.HTTPNotFound
        if request.method == "DELETE":
            self.gone.add(name)
            return web.json_response({"id": name, "object": "file", "deleted": True})
        return web.json_response(self.about(name))

    async def content(self, request):
        key, content = self.files.get(request.match_info["name"], ("", b""))
        if key != request["key"]:
            raise web.HTTPNotFound
        return web.Response(body=content)

    def routes(self):
        return [
            web.post("/v1/files", self.upload),
            web.get("/v1/files", self.listed),
            web.get("/v1/files/{name}", self.one),
            web.delete("/v1/files/{name}", self.one),
            web.get("/v1/files/{name}/content", self.content),
        ]


if __name__ == "__main__":
    aio.main(Files)
