"""Ask a private endpoint with the unchanged OpenAI client, and see what the model saw.

export OPENAI_BASE_URL=http://127.0.0.1:8400/v1 OPENAI_API_KEY=privet_…   # as `privet serve` printed them
python examples/chat.py "Write to jane.doe@example.com about lunch"
"""

from __future__ import annotations

import sys

from openai import OpenAI


def main() -> None:
    """Stream one answer."""
    client = OpenAI()
    model = client.models.list().data[0].id
    messages = [{"role": "user", "content": sys.argv[1]}]
    preview = client.with_options(base_url=str(client.base_url).removesuffix("v1/"))
    seen = preview.post("/privet/preview", body={"model": model, "messages": messages}, cast_to=object)
    sys.stdout.write(f"the model sees: {seen['parts'][0]['sent']}\nyou get:        ")
    for event in client.chat.completions.create(model=model, messages=messages, stream=True, max_tokens=200):
        sys.stdout.write((event.choices[0].delta.content or "") if event.choices else "")
        sys.stdout.flush()
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
