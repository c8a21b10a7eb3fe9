import hmac
import os

from fastapi import HTTPException, Request


async def require_user(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    expected = os.environ["HANDBOOK_TOKEN"]
    if scheme.lower() != "bearer" or not hmac.compare_digest(token, expected):
        raise HTTPException(401, "unauthorized")
