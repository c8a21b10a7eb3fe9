"""The words of names and of values that tell a secret from what only speaks of one.

Invariant: all are in lower case; names of programs are here because their defaults are made of them.
"""

from __future__ import annotations

from typing import Final

_ENDS_TEXT: Final = """
    current default dev literal new old plain plaintext primary prod production secondary staging value
"""
ENDS: Final = frozenset(_ENDS_TEXT.split())
"""What may follow the word that says it is a secret."""

_KEY_OF_TEXT: Final = """
    access account admin aes anthropic api auth bearer cipher cookie crypto database db deploy encryption fernet hmac ingest integration
    jwt master openai private role secret session shared sign signing storage subscription webhook
"""
KEY_OF: Final = frozenset(_KEY_OF_TEXT.split())
"""Words before `key` where it is a secret."""

_OF_TEXTS_TEXT: Final = """
    assistant audio begin blank bos boundary box call cancel cancellation close cls continuation csrf current decoder delimiter encoder
    end eos extra fim first forced func function id-token image img input last mask max media middle min new newline next null num
    number observation one open other output pad padding page per placeholder prefix prev prompt quad reasoning ref reserved response
    role sep separator space special start stop string sub suffix sync system text think tool total turn unk user video word xsrf
"""
OF_TEXTS: Final = frozenset(_OF_TEXTS_TEXT.split())
"""Words before `token` where it is one of a text, or of a parser."""

_ABOUT_TEXT: Final = """
    allow bad cert change check column confirm count create csrf description disable disabled dummy enable enabled encrypted error
    example existing fake field forget forgot generate generated get has hash hashed header help hide hint incorrect input invalid is
    kind label length lost masked max message min missing mock no not num placeholder prompt public pull require required reset sample
    sealed set show skip supported supports test testing tests text title tls type update use uses validate verify with without wrong
"""
ABOUT: Final = frozenset(_ABOUT_TEXT.split())
"""Words beside which a name speaks of a secret and holds none."""

_MADE_UP_TEXT: Final = """
    anonymous any anything bad bar baz bool changeit demo dummy dummykey empty enter example examples fake fakekey fill fixme foo foobar
    foobaz generate generated goes here hidden ignore ignored insert int invalid lmstudio masked mock mocked mykey mytoken needed nil
    noauth nokey none noop nope notneeded null paste placeholder put random redacted replace replaceme sample secretsanta somesecret
    something str string supersecret test tester testing testkey testpass testpassword tests testtoken todo undefined unused whatever
    wrong your yours
"""
MADE_UP: Final = frozenset(_MADE_UP_TEXT.split())
"""Words of what is no secret at all."""

_KNOWN_TEXT: Final = """
    a abc abcd access account acme admin administrator adminpassword agent airflow an and anthropic api apikey app apps auth aws azure b
    backend base basic be bearer bedrock bootstrap bot broker build c cache change changed changeme changethis chat chroma ci claude
    clickhouse client cluster code cohere comet common company config cookie corp d dagster data database db dbpass dbpassword deepseek
    def default deploy dev develop development discord do e easy elastic elasticsearch email embed embedding encryption env external f
    false field file first for from frontend g gateway gcp gemini ghi github gitlab google gpt grafana groq guest h hash header hello
    hex hf hmac host huggingface i id in input insecure internal is it j jkl join jupyter jwt k key keycloak keys kibana kind kube l
    label langflow langfuse ldap let letmein litellm llama llamacpp llm local localhost login long m mail main mariadb master md me
    milvus minio minioadmin miniosecret mistral mlflow model models mongo mongodb my mypassword mysecret mysecretpassword mysql n name
    neo neo4j new nn no node non none not notebook o oauth of off oidc old ollama on only open openai openrouter opensearch or org
    output p param params pass passcode passphrase passw passwd password path pg pgvector pin plain please port postgres postgresql
    prefect private prod production project prometheus psql public pwd q qa qdrant query queue qwen qwerty r rabbit rabbitmq ray really
    redis refresh replicate root rootpassword router rsa runner s safe salt saml second secret secretkey secretpassword secrets secure
    sendgrid server service session settings sglang sha shared sign signing simple site sk slack smtp sso stage staging stg storage
    store stripe strong studio super superset svc t team telegram temp temporary text tgi that the this tmp to together token tokens
    true twilio type u ui unsafe uri url use user userpassword users using uuid v valkey value var variable vault ver version vertex
    very vllm vv w wandb weaviate web webhook webui welcome with word worker world x xxx xyz y yes z zenml
"""
KNOWN: Final = frozenset(_KNOWN_TEXT.split())
"""Words of defaults, of names, and of what a program calls itself."""
