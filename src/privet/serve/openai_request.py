"""What an OpenAI-compatible client may send, field by field, and how each is cleaned.

Source of the fields: the OpenAI API reference for chat completions, completions and embeddings, and the sampling extensions that vLLM,
llama.cpp, Ollama, SGLang and TGI share. A field that is not here is refused.
"""

from __future__ import annotations

from typing import Any, Final

from privet.metadata.images import UnsupportedImage, strip_data_url
from privet.serve.fields import (
    DROP,
    Check,
    Context,
    Table,
    arguments,
    boolean,
    by_type,
    choices,
    clean,
    description,
    each,
    function_name,
    integer,
    json_schema,
    json_text,
    nested,
    number,
    one_of,
    opaque_id,
    person_name,
    refuse,
    require,
    strip,
    text,
)
from privet.serve.models import is_model_name
from privet.serve.refusals import Refusal

MAX_MESSAGES: Final = 4096
MAX_PARTS: Final = 1024
MAX_TOOLS: Final = 512
MAX_INPUTS: Final = 2048
_MAX_TOKENS: Final = 2**31 - 1


def model_name(value: object, context: Context, path: str) -> str:
    """Accept the name of a local model: `llama3.2:3b`, `org/model`; no path, address, hub or cloud name."""
    if not isinstance(value, str):
        raise Refusal("invalid-value", path)
    if not is_model_name(value) or context.masker.holds_identifier(value.replace("_", " ")):
        raise Refusal("model-name", path)
    return value


def _image(value: object, _context: Context, path: str) -> object:
    if isinstance(value, str):
        return _image_url(value, path)
    if isinstance(value, dict):
        for name in value:
            if name not in ("url", "detail"):
                raise Refusal("unknown-field", f"{path}.{name}")
        url = value.get("url")
        if not isinstance(url, str):
            raise Refusal("missing-field", f"{path}.url")
        cleaned = {"url": _image_url(url, f"{path}.url")}
        if value.get("detail") is not None:
            cleaned["detail"] = one_of("auto", "low", "high")(value["detail"], _context, f"{path}.detail")
        return cleaned
    raise Refusal("invalid-value", path)


def _image_url(url: str, path: str) -> str:
    if not url[:5].lower() == "data:":
        raise Refusal("remote-media", path)
    try:
        return strip_data_url(url)
    except UnsupportedImage as error:
        raise Refusal("media-format", path) from error


def _content(parts: Check) -> Check:
    """Accept a message's content: a text, or a list of parts."""
    many = each(parts, most=MAX_PARTS)

    def check(value: object, context: Context, path: str) -> object:
        return many(value, context, path) if isinstance(value, list) else text(value, context, path)

    return check


def _tool_content(value: object, context: Context, path: str) -> object:
    """Accept a tool's result, which is often JSON."""
    return _content(PART)(value, context, path) if isinstance(value, list) else json_text(value, context, path)


def _refuse_true(rule: str) -> Check:
    def check(value: object, _context: Context, path: str) -> object:
        if value is not False:
            raise Refusal(rule, path)
        return DROP

    return check


_TYPE: Final[Check] = one_of(
    "text", "image_url", "refusal", "function", "json_schema", "json_object", "content", "allowed_tools"
)
_STRIPPED: Final = (
    "metadata", "user", "safety_identifier", "service_tier", "prompt_cache_key", "prompt_cache_retention", "cache_salt",
    "cache_prompt", "keep_alive", "request_id", "session_id",
)  # fmt: skip
_STORED: Final = ("previous_response_id", "conversation", "background", "conversation_id", "thread_id", "id_slot")
_PROBABILITIES: Final = (
    "logprobs", "top_logprobs", "echo", "prompt_logprobs", "return_token_ids", "return_tokens_as_token_ids", "logit_bias", "n_probs",
    "return_logprob", "stop_token_ids", "allowed_token_ids", "bad_words_ids", "prompt_token_ids", "post_sampling_probs", "return_tokens",
)  # fmt: skip

PART: Final = by_type(
    {
        "text": nested({"type": _TYPE, "text": text, "cache_control": strip}, "text"),
        "image_url": nested({"type": _TYPE, "image_url": _image, "cache_control": strip}, "image_url"),
        "refusal": nested({"type": _TYPE, "refusal": text}, "refusal"),
    },
    {
        "file": "file-reference", "input_file": "file-reference", "input_audio": "media-format", "audio_url": "remote-media",
        "video_url": "remote-media", "input_image": "remote-media", "video": "media-format", "image_file": "file-reference",
    },
    "unknown-field",
)  # fmt: skip

_FUNCTION_CALL: Final = nested({"name": function_name, "arguments": arguments, "parsed_arguments": strip}, "name")
_TOOL_CALL: Final = by_type(
    {"function": nested({"id": opaque_id, "type": _TYPE, "index": integer(0, MAX_TOOLS), "function": _FUNCTION_CALL}, "function")},
    {}, "hosted-tool",
)  # fmt: skip

_MESSAGE: Final[Table] = {
    "role": one_of("system", "developer", "user", "assistant", "tool", "function"),
    "content": _content(PART),
    "name": person_name,
    "refusal": text,
    "reasoning_content": text,
    "reasoning": text,
    "tool_calls": each(_TOOL_CALL, most=MAX_TOOLS),
    "tool_call_id": opaque_id,
    "function_call": _FUNCTION_CALL,
    # What SDKs add when an answer is sent back as history.
    "annotations": strip,
    "parsed": strip,
    "audio": refuse("media-format"),
    "cache_control": strip,
}
_TOOL_MESSAGE: Final[Table] = {**_MESSAGE, "content": _tool_content, "name": function_name}


def _message(value: object, context: Context, path: str) -> dict[str, Any]:
    tool = isinstance(value, dict) and value.get("role") in ("tool", "function")
    result = clean(value, _TOOL_MESSAGE if tool else _MESSAGE, context, path + ".")
    if "role" not in result:
        raise Refusal("missing-field", f"{path}.role")
    return result


_FUNCTION: Final = nested(
    {"name": function_name, "description": description, "parameters": json_schema, "strict": boolean}, "name"
)
_TOOL: Final = by_type(
    {"function": nested({"type": _TYPE, "function": _FUNCTION, "cache_control": strip}, "function")},
    {},
    "hosted-tool",
)


def _tool_choice(value: object, context: Context, path: str) -> object:
    if isinstance(value, str):
        return one_of("none", "auto", "required")(value, context, path)
    named = nested({"name": function_name}, "name")
    return by_type({"function": nested({"type": _TYPE, "function": named}, "function")}, {}, "hosted-tool")(
        value, context, path
    )


_FORMAT: Final = by_type(
    {
        "text": nested({"type": _TYPE}),
        "json_object": nested({"type": _TYPE, "schema": json_schema}),
        "json_schema": nested(
            {
                "type": _TYPE,
                "json_schema": nested(
                    {"name": function_name, "description": description, "schema": json_schema, "strict": boolean}, "name"
                ),
            },
            "json_schema",
        ),
    },
    {}, "invalid-value",
)  # fmt: skip


def _stop(value: object, context: Context, path: str) -> object:
    return each(text, most=64)(value, context, path) if isinstance(value, list) else text(value, context, path)


def _function_choice(value: object, context: Context, path: str) -> object:
    if isinstance(value, str):
        return one_of("none", "auto")(value, context, path)
    return nested({"name": function_name}, "name")(value, context, path)


def _modalities(value: object, _context: Context, path: str) -> object:
    if value != ["text"]:
        raise Refusal("media-format", path)
    return value


_SHARED: Final[Table] = {
    "model": model_name,
    **dict.fromkeys(_STRIPPED, strip),
    **dict.fromkeys(_STORED, refuse("stored-state")),
    **dict.fromkeys(_PROBABILITIES, refuse("token-probabilities")),
    "store": _refuse_true("stored-state"),
}
_SAMPLING: Final[Table] = {
    "frequency_penalty": number(-10, 10),
    "presence_penalty": number(-10, 10),
    "repetition_penalty": number(0, 100),
    "repeat_penalty": number(0, 100),
    "temperature": number(0, 100),
    "top_p": number(0, 1),
    "top_k": integer(-1, 2**31 - 1),
    "min_p": number(0, 1),
    "typical_p": number(0, 1),
    "seed": integer(-(2**63), 2**63 - 1),
    "max_tokens": integer(-1, _MAX_TOKENS),
    "min_tokens": integer(0, _MAX_TOKENS),
    "ignore_eos": boolean,
    "n": choices,
    "best_of": choices,
    "stop": _stop,
    "stream": boolean,
    "stream_options": nested(
        {"include_usage": boolean, "include_obfuscation": strip, "continuous_usage_stats": boolean}
    ),
}

CHAT: Final[Table] = {
    **_SHARED,
    **_SAMPLING,
    "messages": each(_message, most=MAX_MESSAGES, fewest=1),
    "max_completion_tokens": integer(1, _MAX_TOKENS),
    "response_format": _FORMAT,
    "tools": each(_TOOL, most=MAX_TOOLS),
    "tool_choice": _tool_choice,
    "parallel_tool_calls": boolean,
    "functions": each(_FUNCTION, most=MAX_TOOLS),
    "function_call": _function_choice,
    "reasoning_effort": one_of("none", "minimal", "low", "medium", "high", "xhigh"),
    "verbosity": one_of("low", "medium", "high"),
    "modalities": _modalities,
    "prediction": by_type(
        {"content": nested({"type": _TYPE, "content": _content(PART)}, "content")}, {}, "invalid-value"
    ),
    "chat_template_kwargs": nested({"enable_thinking": boolean, "thinking": boolean}),
    "audio": refuse("media-format"),
    "web_search_options": _refuse_true("hosted-tool"),
    "plugins": _refuse_true("hosted-tool"),
    "mcp_servers": _refuse_true("hosted-tool"),
    "prompt": _refuse_true("stored-state"),
}


def _prompt(value: object, context: Context, path: str) -> object:
    if isinstance(value, dict):
        raise Refusal("stored-state", path)
    return _texts(value, context, path)


def _texts(value: object, context: Context, path: str) -> object:
    """Accept a text or a list of texts; token ids cannot be read, so they cannot be protected."""
    if isinstance(value, str):
        return text(value, context, path)
    if isinstance(value, list):
        if any(isinstance(item, (int, list)) for item in value):
            raise Refusal("token-probabilities", path)
        for index, item in enumerate(value):
            if isinstance(item, dict):
                raise Refusal("media-format", f"{path}[{index}]")
    return each(text, most=MAX_INPUTS, fewest=1)(value, context, path)


COMPLETION: Final[Table] = {**_SHARED, **_SAMPLING, "prompt": _prompt, "suffix": text}
EMBEDDING: Final[Table] = {
    **_SHARED,
    "input": _texts,
    "dimensions": integer(1, 65_536),
    "encoding_format": one_of("float", "base64"),
    "truncate_prompt_tokens": integer(1, _MAX_TOKENS),
}


def clean_chat(body: object, context: Context) -> dict[str, Any]:
    """Return a chat completion request as the model may see it.

    Raises:
        Refusal: names the rule and the field.

    """
    result = clean(body, CHAT, context)
    require(result, "model", "messages")
    return result


def clean_completion(body: object, context: Context) -> dict[str, Any]:
    """Return a completion request as the model may see it."""
    result = clean(body, COMPLETION, context)
    require(result, "model", "prompt")
    return result


def clean_embedding(body: object, context: Context) -> dict[str, Any]:
    """Return an embedding request as the model may see it."""
    result = clean(body, EMBEDDING, context)
    require(result, "model", "input")
    return result
