import logging

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from server.routes import router
from server.telemetry import configure

configure()
logger = logging.getLogger("server")
app = FastAPI(docs_url=None, openapi_url=None)
app.include_router(router)


@app.exception_handler(Exception)
async def failed(request: Request, error: Exception) -> JSONResponse:
    logger.error("request failed: %s", type(error).__name__)
    return JSONResponse({"error": "internal error"}, status_code=500)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8000, access_log=False)
