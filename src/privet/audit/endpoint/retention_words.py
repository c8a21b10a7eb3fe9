"""Names of sessions, of what ends them, and of headers that let others keep answers: facts of servers, no code.

Sources: RFC 9111 (HTTP caching), draft-ietf-httpapi-idempotency-key-header-07
(section 2.7: a key that is used again with another payload is refused), the OpenAI API reference.
"""

from __future__ import annotations

from typing import Final

SESSION_HEADERS: Final = ("x-session-id", "x-conversation-id", "x-chat-id", "x-thread-id", "session-id")
SESSION_FIELDS: Final = ("session_id", "conversation_id", "chat_id", "thread_id")
ENDS: Final = (
    ("DELETE", "{base}/sessions/{id}"), ("DELETE", "{base}/conversations/{id}"), ("DELETE", "{base}/chats/{id}"),
    ("DELETE", "{base}/threads/{id}"), ("DELETE", "{base}/history/{id}"), ("DELETE", "{base}/memory/{id}"),
    ("DELETE", "/sessions/{id}"), ("DELETE", "/session/{id}"), ("DELETE", "/conversations/{id}"), ("DELETE", "/chats/{id}"),
    ("DELETE", "/history/{id}"), ("DELETE", "/api/sessions/{id}"), ("DELETE", "/api/conversations/{id}"), ("DELETE", "/api/chats/{id}"),
    ("POST", "{base}/sessions/{id}/delete"), ("POST", "{base}/sessions/{id}/end"), ("POST", "/sessions/{id}/delete"),
    ("POST", "{base}/logout"), ("POST", "/logout"), ("POST", "/api/logout"), ("POST", "/auth/logout"),
)  # fmt: skip
"""What ends one session: it is named in the path, or in the headers and the body of the request."""
READS: Final = (
    "{base}/sessions/{id}", "{base}/conversations/{id}", "{base}/chats/{id}", "{base}/history/{id}", "/sessions/{id}",
    "/conversations/{id}", "/chats/{id}", "/history/{id}", "/api/sessions/{id}", "/api/conversations/{id}", "/api/chats/{id}",
    "{base}/sessions/{id}/messages", "/sessions/{id}/messages", "/sessions/{id}/history",
)  # fmt: skip
"""Where one session can be read."""
REPLAY_HEADERS: Final = ("idempotency-key", "x-idempotency-key", "x-request-id")
LIFE_FIELDS: Final = (
    "ttl", "ttl_seconds", "expires_in", "expires_in_seconds", "expires_after_seconds", "max_age", "session_ttl", "lifetime",
)  # fmt: skip
"""How one asks a server to keep something for so many seconds."""
EXPIRY_FIELDS: Final = ("expires_at", "expiresAt", "expires", "expiry", "expire_at", "valid_until")
"""How a server says when it will be gone: seconds of the epoch, or an ISO 8601 time."""
