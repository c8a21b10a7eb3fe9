"""The reference server, each request of which takes so many seconds; it adds up how long it was busy, side by side ones once."""

import asyncio
import json
import sys
import threading
import time

from privet.audit.endpoint import reference, reference_door
from privet.audit.endpoint.reference_http import Request, Response


def main(seconds: float) -> None:
    """Serve until the process is ended. `GET /busy` tells the seconds in which at least one request was under way."""
    real = reference_door.Door.answer
    state = {"under_way": 0, "since": 0.0, "busy": 0.0, "requests": 0}

    async def slow(door: reference_door.Door, request: Request) -> Response:
        if request.path == "/busy":
            return Response.of(state)
        if not state["under_way"]:
            state["since"] = time.monotonic()
        state["under_way"] += 1
        state["requests"] += 1
        await asyncio.sleep(seconds)
        try:
            return await real(door, request)
        finally:
            state["under_way"] -= 1
            if not state["under_way"]:
                state["busy"] += time.monotonic() - state["since"]

    reference_door.Door.answer = slow
    with reference.serve(token_seconds=0) as running:
        print(json.dumps(running.told()), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(float(sys.argv[1]))
