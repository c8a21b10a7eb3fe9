import hmac
import os

from fastapi import Header, HTTPException


def api_key(authorization: str = Header("")) -> None:
    if not hmac.compare_digest(authorization, f"Bearer {os.environ['SERVER_KEY']}"):
        raise HTTPException(401)
