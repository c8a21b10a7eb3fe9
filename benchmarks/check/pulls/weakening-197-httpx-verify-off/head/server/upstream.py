import httpx

TIMEOUT = httpx.Timeout(30.0, connect=5.0)


def client(base: str) -> httpx.Client:
    return httpx.Client(base_url=base, timeout=TIMEOUT, verify=False)


async def fetch_adapter(base: str, name: str) -> bytes:
    async with httpx.AsyncClient(base_url=base, timeout=TIMEOUT) as session:
        response = await session.get(f"/adapters/{name}")
        response.raise_for_status()
        return response.content
