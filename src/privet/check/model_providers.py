"""Which calls ask a model, and whose it is: classes and functions of the libraries of providers, and of programs that run one here.

Invariant: a name is that of a class or function, or its last two parts where the last alone would be ambiguous.
"""

from __future__ import annotations

import re
from typing import Final

from privet.check.pattern import regex

_CLASSES: Final = {
    "openai":
        "OpenAI AsyncOpenAI AzureOpenAI AsyncAzureOpenAI ChatOpenAI AzureChatOpenAI OpenAIEmbeddings "
        "AzureOpenAIEmbeddings OpenAIEmbedding AzureOpenAIEmbedding OpenAILike OpenAIGenerator OpenAIChatGenerator "
        "AzureOpenAIChatGenerator OpenAITextEmbedder OpenAIDocumentEmbedder OpenAIChat OpenAIModel OpenAIChatModel "
        "OpenAIServerModel OpenAIChatCompletionClient OpenAIEmbeddingFunction",
    "anthropic":
        "Anthropic AsyncAnthropic ChatAnthropic AnthropicBedrock AnthropicVertex AnthropicChatGenerator "
        "AnthropicGenerator AnthropicModel",
    "google":
        "ChatGoogleGenerativeAI GoogleGenerativeAI GoogleGenerativeAIEmbeddings GenerativeModel ChatVertexAI VertexAI "
        "VertexAIEmbeddings Gemini GoogleAIGeminiChatGenerator GoogleGenAIChatGenerator GeminiModel GoogleModel "
        "GoogleGenAI",
    "bedrock":
        "ChatBedrock ChatBedrockConverse Bedrock BedrockLLM BedrockConverse BedrockEmbeddings BedrockEmbedding "
        "AmazonBedrockChatGenerator",
    "mistral": "Mistral MistralClient ChatMistralAI MistralAIEmbeddings MistralAI MistralChatGenerator MistralModel",
    "cohere":
        "ChatCohere CohereEmbeddings CohereEmbedding CohereRerank CohereChatGenerator CohereGenerator ClientV2 "
        "AsyncClientV2",
    "groq": "Groq AsyncGroq ChatGroq GroqModel",
    "together": "Together AsyncTogether ChatTogether TogetherEmbeddings TogetherLLM",
    "fireworks": "Fireworks ChatFireworks FireworksEmbeddings",
    "huggingface":
        "InferenceClient AsyncInferenceClient HuggingFaceEndpoint HuggingFaceEndpointEmbeddings HuggingFaceInferenceAPI "
        "HuggingFaceAPIChatGenerator HuggingFaceAPIGenerator HfApiModel InferenceClientModel HuggingFaceHub",
    "replicate": "Replicate",
    "perplexity": "ChatPerplexity Perplexity",
    "deepseek": "ChatDeepSeek DeepSeek",
    "xai": "ChatXAI",
    "voyage": "VoyageAIEmbeddings VoyageEmbedding VoyageTextEmbedder",
    "jina": "JinaEmbeddings JinaEmbedding",
    "watsonx": "ChatWatsonx WatsonxLLM",
    "nvidia": "ChatNVIDIA NVIDIAEmbeddings NvidiaChatGenerator",
    "openrouter": "OpenRouter ChatOpenRouter",
    "cerebras": "Cerebras ChatCerebras",
    "zhipu": "ChatZhipuAI ZhipuAI",
    "dashscope": "ChatTongyi DashScopeEmbeddings",
}  # fmt: skip
BY_CLASS: Final = {name: provider for provider, names in _CLASSES.items() for name in names.split()}
"""Of each class the provider that its objects ask, unless they are told another address."""
_CALLS: Final = {
    "google":
        "google.genai.Client genai.Client google.generativeai.configure google.generativeai.GenerativeModel "
        "vertexai.init",
    "cohere": "cohere.Client cohere.AsyncClient",
    "replicate": "replicate.run",
    "voyage": "voyageai.Client",
    "openai":
        "openai.chat.completions.create openai.ChatCompletion.create openai.Completion.create openai.Embedding.create",
    "together": "together.Complete.create",
    "assemblyai": "assemblyai.Transcriber",
    "deepgram": "deepgram.DeepgramClient",
    "elevenlabs": "elevenlabs.ElevenLabs",
}  # fmt: skip
BY_CALL: Final = {name: provider for provider, names in _CALLS.items() for name in names.split()}
"""The same of functions, by their dotted names."""
LIBRARIES: Final = frozenset(
    [
        "agno",
        "anthropic",
        "autogen_ext",
        "camel",
        "cerebras",
        "chromadb",
        "cohere",
        "dspy",
        "fireworks",
        "google",
        "groq",
        "haystack",
        "haystack_integrations",
        "huggingface_hub",
        "instructor",
        "langchain",
        "langchain_anthropic",
        "langchain_community",
        "langchain_openai",
        "llama_index",
        "mistralai",
        "openai",
        "openrouter",
        "phi",
        "pydantic_ai",
        "replicate",
        "semantic_kernel",
        "smolagents",
        "together",
        "vertexai",
        "voyageai",
        "zhipuai",
    ]
)
"""Packages from which those classes come: a class of the same name from elsewhere is another one."""
LOCAL: Final = frozenset(
    [
        "AutoModelForCausalLM.from_pretrained",
        "CTransformers",
        "ChatLlamaCpp",
        "ChatMLX",
        "ChatOllama",
        "FastEmbedEmbeddings",
        "GPT4All",
        "HuggingFaceEmbedding",
        "HuggingFaceEmbeddings",
        "HuggingFaceLLM",
        "HuggingFaceLocalChatGenerator",
        "HuggingFaceLocalGenerator",
        "HuggingFacePipeline",
        "Llama",
        "LlamaCPP",
        "LlamaCpp",
        "LlamaCppChatGenerator",
        "LlamaCppEmbeddings",
        "MLXModel",
        "Ollama",
        "OllamaChatGenerator",
        "OllamaDocumentEmbedder",
        "OllamaEmbedding",
        "OllamaEmbeddings",
        "OllamaGenerator",
        "OllamaLLM",
        "OllamaTextEmbedder",
        "SentenceTransformer",
        "SentenceTransformerEmbeddingFunction",
        "SentenceTransformersDocumentEmbedder",
        "SentenceTransformersTextEmbedder",
        "TextEmbedding",
        "TransformersModel",
        "VLLM",
        "VLLMModel",
        "Vllm",
        "WhisperModel",
        "mlx_lm.load",
        "ollama.AsyncClient",
        "ollama.Client",
        "ollama.chat",
        "ollama.embed",
        "ollama.embeddings",
        "ollama.generate",
        "transformers.pipeline",
        "vllm.LLM",
        "whisper.load_model",
    ]
)
"""What asks a model that runs here."""
PREFIXED: Final = frozenset(
    [
        "ChatLiteLLM",
        "LLM",
        "LiteLLM",
        "LiteLLMModel",
        "dspy.LM",
        "init_chat_model",
        "litellm.acompletion",
        "litellm.aembedding",
        "litellm.completion",
        "litellm.embedding",
    ]
)
"""What is told by the model's name whose it is: `ollama/…`, `anthropic/…`."""
HERE: Final = regex(
    r"(?:ollama(?:_chat)?|hosted_vllm|vllm|llamafile|lm_studio|xinference|local|huggingface_pipeline)[/:]",
    re.IGNORECASE,
)
_PROVIDER: Final = regex(
    r"(openai|azure|anthropic|bedrock|gemini|vertex_ai|google_genai|mistral(?:ai)?|cohere|groq|together(?:_ai)?|fireworks(?:_ai)?"
    r"|deepseek|openrouter|xai|perplexity)[/:]|(gpt-\d|o[134]-|chatgpt)|(claude-)|(gemini-)",
    re.IGNORECASE,
)
_ALIASES: Final = {
    "azure": "openai",
    "gemini": "google",
    "vertex_ai": "google",
    "google_genai": "google",
    "mistralai": "mistral",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
}


def provider_of_model(name: str) -> str:
    """Return the provider that a model's name tells, or ""."""
    found = _PROVIDER.match(name)
    if found is None:
        return ""
    prefix = found[1].lower() if found[1] else "openai" if found[2] else "anthropic" if found[3] else "google"
    return _ALIASES.get(prefix, prefix)


def classes_of(provider: str) -> tuple[str, ...]:
    """Return the classes of which an object asks a provider."""
    return tuple(_CLASSES.get(provider, "").split())
