"""Rules for stores: vectors, documents, caches, databases and object stores that hold what people write.

Invariant: a row gives the exact words that the release named as its source honours.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import (
    CONTENT,
    DISK,
    DOOR,
    GAP,
    LOGS,
    SAFE,
    SWITCHED_ON,
    TELEMETRY,
    UNSAFE,
    WEAKER,
    YES,
    env,
    flag,
    key,
    read_by,
)
from privet.check.values import (
    any_of,
    empty,
    false,
    has,
    longer,
    matches,
    only,
    only_folded,
    open_host,
    present,
    remote,
    true,
)

_ENABLED: Final = any_of("true", "1", "on", "enabled")
"""What Weaviate takes for yes; every other word is no."""


def _qdrant(lines: str) -> Example:
    return Example("qdrant/config.yaml", f"log_level: INFO\nstorage:\n  storage_path: ./storage\n{lines}")


VECTORS: Final = (
    *read_by("qdrant", "source qdrant/qdrant: config/config.yaml",
        env("qdrant-telemetry", "QDRANT__TELEMETRY_DISABLED", YES, TELEMETRY, UNSAFE, "true",
            "usage statistics go to the makers", hit="false"),
        key("qdrant-telemetry-config", "telemetry_disabled", false(), TELEMETRY, WEAKER, "true", "usage statistics go to the makers",
            hit=_qdrant("telemetry_disabled: false\n"), miss=_qdrant("telemetry_disabled: true\n")),
        key("qdrant-host", "service.host env:QDRANT__SERVICE__HOST", open_host(), DOOR, WEAKER, "127.0.0.1",
            "the store listens on every interface",
            hit=_qdrant("service:\n  host: 0.0.0.0\n"), miss=_qdrant("service:\n  host: 127.0.0.1\n")),
        key("qdrant-api-key", "service.api_key env:QDRANT__SERVICE__API_KEY", empty(), DOOR, WEAKER, "",
            "everyone who reaches the port can read all vectors and texts",
            remedy="set QDRANT__SERVICE__API_KEY from a secret", hit=_qdrant('service:\n  api_key: ""\n'),
            miss=_qdrant("service:\n  host: 127.0.0.1\n")),
        key("qdrant-cors", "service.enable_cors env:QDRANT__SERVICE__ENABLE_CORS", true(), GAP, WEAKER, "false",
            "any web page that a user opens may read the store",
            hit=_qdrant("service:\n  enable_cors: true\n"), miss=_qdrant("service:\n  enable_cors: false\n")),
        key("qdrant-tls", "service.enable_tls env:QDRANT__SERVICE__ENABLE_TLS", false(), GAP, WEAKER, "true",
            "texts and vectors cross the network in clear",
            hit=_qdrant("service:\n  enable_tls: false\n"), miss=_qdrant("service:\n  enable_tls: true\n"))),
    *read_by("weaviate", "source weaviate/weaviate: usecases/config/environment.go",
        env("weaviate-telemetry", "DISABLE_TELEMETRY", only_folded("true", "1", "on", "enabled"), TELEMETRY, UNSAFE, "true",
            "usage statistics go to the makers", hit="false"),
        env("weaviate-anonymous-access", "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", _ENABLED, DOOR, SAFE, "false",
            "everyone who reaches the port can read and change all that is stored"),
        env("weaviate-cors", "CORS_ALLOW_ORIGIN", has("*"), GAP, WEAKER, "", "any web page that a user opens may read the store", hit="*",
            miss="https://chat.example.com",
            remedy="name the pages' own origins"),
        env("weaviate-slow-log", "QUERY_SLOW_LOG_ENABLED", _ENABLED, CONTENT, SAFE, "false", "queries are written to the log")),
    *read_by("weaviate", "source weaviate/weaviate: entities/sentry/config.go",
        env("weaviate-sentry", "SENTRY_ENABLED", _ENABLED, TELEMETRY, SAFE, "false", "errors go to a service")),
    *read_by("chroma", "python package chromadb 1.5.9: chromadb/config.py",
        env("chroma-telemetry", "ANONYMIZED_TELEMETRY", only_folded("false", "0", "no", "off", "f", "n"), TELEMETRY, WEAKER, "False",
            "usage statistics go to the makers", hit="True",
            since="does nothing since chromadb 1.0"),
        env("chroma-authentication", "CHROMA_SERVER_AUTHN_PROVIDER CHROMA_SERVER_AUTHN_CREDENTIALS CHROMA_SERVER_AUTHN_CREDENTIALS_FILE",
            empty(), DOOR, WEAKER, "", "everyone who reaches the port can read all that is stored", hit="", miss="from-a-secret",
            remedy="keep it; from 1.0 on put a proxy with a login before the store",
            since="does nothing since chromadb 1.0 (documentation docs.trychroma.com/docs/overview/migration)"),
        env("chroma-cors", "CHROMA_SERVER_CORS_ALLOW_ORIGINS", has("*"), GAP, SAFE, "",
            "any web page that a user opens may read the store", hit="[*]", miss="[https://chat.example.com]",
            remedy="name the pages' own origins"),
        env("chroma-allow-reset", "ALLOW_RESET", true(), GAP, SAFE, "FALSE", "anyone may wipe the store"),
        env("chroma-otel", "CHROMA_OTEL_COLLECTION_ENDPOINT", remote(), TELEMETRY, SAFE, "", "traces leave the network"),
        flag("chroma-host", "--host", open_host(), DOOR, SAFE, "localhost", "the store, which has no login, listens on every interface")),
    *read_by("milvus", "source milvus-io/milvus: configs/milvus.yaml",
        key("milvus-authorization", "*.security.authorizationEnabled env:COMMON_SECURITY_AUTHORIZATIONENABLED", false(), DOOR, WEAKER,
            "true",
            "everyone who reaches the port can read all that is stored", hit="false"),
        key("milvus-tls", "*.security.tlsMode", only("1", "2"), GAP, WEAKER, "1", "texts and vectors cross the network in clear",
            hit="0"),
        key("milvus-log-level", "log.level", any_of("debug"), LOGS, SAFE, "info", "the debug log holds queries",
            hit=Example("milvus.yaml", "etcd:\n  rootPath: by-dev\nproxy:\n  port: 19530\nlog:\n  level: debug\n"),
            miss=Example("milvus.yaml", "etcd:\n  rootPath: by-dev\nproxy:\n  port: 19530\nlog:\n  level: info\n"))),
)  # fmt: skip

DATABASES: Final = (
    *read_by("redis", "source redis/redis: redis.conf",
        flag("redis-protected-mode", "--protected-mode", any_of("no"), DOOR, SAFE, "yes",
            "everyone who reaches the port can read the cache without a password", hit="no"),
        flag("redis-bind", "--bind", open_host(), DOOR, SAFE, "127.0.0.1", "the cache listens on every interface"),
        flag("redis-requirepass", "--requirepass", empty(), DOOR, WEAKER, "",
            "everyone who reaches the port can read the cache without a password",
            remedy="set a password from a secret", miss="from-a-secret"),
        flag("redis-append-only", "--appendonly", any_of("yes"), DISK.noted, SAFE, "no", "everything that is cached is written to disk",
            hit="yes"),
        key("redis-protected-mode-config", "protected-mode", any_of("no"), DOOR, SAFE, "yes",
            "everyone who reaches the port can read the cache without a password",
            hit=Example("redis.conf", "port 6379\nprotected-mode no\n"), miss=Example("redis.conf", "port 6379\nprotected-mode yes\n")),
        key("redis-bind-config", "bind", matches(r"(?:^|\s)(?:0\.0\.0\.0|\*|::|-::)"), DOOR, SAFE, "127.0.0.1",
            "the cache listens on every interface",
            hit=Example("redis.conf", "port 6379\nbind 0.0.0.0\n"), miss=Example("redis.conf", "port 6379\nbind 127.0.0.1\n")),
        env("redis-empty-password", "ALLOW_EMPTY_PASSWORD", any_of("yes", "true", "1"), DOOR, SAFE, "no",
            "everyone who reaches the port can read it without a password", hit="yes")),
    *read_by("elasticsearch", "documentation www.elastic.co/docs/reference/elasticsearch/configuration-reference/security-settings",
        env("elasticsearch-security", "xpack.security.enabled XPACK_SECURITY_ENABLED", false(), DOOR, SAFE, "true",
            "everyone who reaches the port can read all that is stored",
            hit=Example("compose.yaml",
            "services:\n  search:\n    image: docker.elastic.co/elasticsearch/elasticsearch:9.2.0\n    environment:\n"
            "      - xpack.security.enabled=false\n"),
            miss=Example("compose.yaml",
            "services:\n  search:\n    image: docker.elastic.co/elasticsearch/elasticsearch:9.2.0\n    environment:\n"
            "      - xpack.security.enabled=true\n")),
        env("elasticsearch-tls", "xpack.security.http.ssl.enabled", false(), GAP, SAFE, "true", "documents cross the network in clear",
            hit=Example("compose.yaml",
            "services:\n  search:\n    image: docker.elastic.co/elasticsearch/elasticsearch:9.2.0\n    environment:\n"
            "      - xpack.security.http.ssl.enabled=false\n"),
            miss=Example("compose.yaml",
            "services:\n  search:\n    image: docker.elastic.co/elasticsearch/elasticsearch:9.2.0\n    environment:\n"
            "      - xpack.security.http.ssl.enabled=true\n"))),
    *read_by("opensearch", "documentation docs.opensearch.org/latest/security/configuration/disable-enable-security",
        env("opensearch-security", "DISABLE_SECURITY_PLUGIN plugins.security.disabled", true(), DOOR, SAFE, "false",
            "everyone who reaches the port can read all that is stored")),
    *read_by("postgres", "documentation hub.docker.com/_/postgres",
        env("postgres-trust", "POSTGRES_HOST_AUTH_METHOD", any_of("trust"), DOOR, SAFE, "scram-sha-256",
            "everyone who reaches the port is let in without a password", hit="trust"),
        flag("postgres-log-statement", "-c --log_statement --log-statement", matches(r"^(?:log_statement\s*=\s*)?(?:all|mod)$"), CONTENT,
            SAFE, "",
            "statements, with the values in them, are written to the log", remedy="leave log_statement out",
            hit=Example("compose.yaml",
            "services:\n  db:\n    image: pgvector/pgvector:pg18\n    command: postgres -c log_statement=all\n"),
            miss=Example("compose.yaml",
            "services:\n  db:\n    image: pgvector/pgvector:pg18\n    command: postgres -c log_statement=none\n"))),
    *read_by("postgres", "documentation www.postgresql.org/docs/current/runtime-config-logging.html",
        key("postgres-log-statement-config", "log_statement", any_of("all", "mod"), CONTENT, SAFE, "none",
            "statements, with the values in them, are written to the log",
            hit=Example("postgresql.conf", "max_connections = 100\nlog_statement = 'all'\n"), miss=Example("postgresql.conf",
            "max_connections = 100\nlog_statement = 'none'\n")),
        key("postgres-log-parameters", "log_parameter_max_length", matches(r"^-1|^[1-9]"), CONTENT, WEAKER, "0",
            "values given to statements are written to the log",
            hit=Example("postgresql.conf", "max_connections = 100\nlog_parameter_max_length = -1\n"), miss=Example("postgresql.conf",
            "max_connections = 100\nlog_parameter_max_length = 0\n")),
        key("postgres-log-min-duration", "log_min_duration_statement", matches(r"^0"), CONTENT, SAFE, "-1",
            "every statement, with the values in it, is written to the log",
            hit=Example("postgresql.conf", "max_connections = 100\nlog_min_duration_statement = 0\n"), miss=Example("postgresql.conf",
            "max_connections = 100\nlog_min_duration_statement = -1\n")),
        key("postgres-ssl", "ssl", any_of("off", "false", "no"), GAP, WEAKER, "on", "rows cross the network in clear",
            hit=Example("postgresql.conf", "max_connections = 100\nssl = off\n"), miss=Example("postgresql.conf",
            "max_connections = 100\nssl = on\n")),
        key("postgres-listen", "listen_addresses", matches(r"\*|0\.0\.0\.0|::"), DOOR, SAFE, "localhost",
            "the database listens on every interface",
            hit=Example("postgresql.conf", "max_connections = 100\nlisten_addresses = '*'\n"), miss=Example("postgresql.conf",
            "max_connections = 100\nlisten_addresses = 'localhost'\n"))),
    *read_by("mysql", "documentation hub.docker.com/_/mysql",
        env("mysql-empty-password", "MYSQL_ALLOW_EMPTY_PASSWORD MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", any_of("1", "yes", "true"), DOOR,
            SAFE, "no", "everyone who reaches the port is let in without a password",
            hit="yes"),
        flag("mysql-general-log", "--general-log --general_log", SWITCHED_ON, CONTENT, SAFE, "0",
            "every statement, with the values in it, is written to a file", hit="1")),
    *read_by("mongo", "documentation www.mongodb.com/docs/manual/reference/program/mongod",
        flag("mongo-noauth", "--noauth", present(), DOOR, SAFE, "", "everyone who reaches the port can read all that is stored"),
        flag("mongo-bind-all", "--bind_ip_all", present(), DOOR, SAFE, "", "the database listens on every interface")),
    *read_by("minio", "source minio/minio: internal/config/constants.go",
        env("minio-default-password", "MINIO_ROOT_PASSWORD MINIO_SECRET_KEY", any_of("minioadmin", "minio123", "password"), DOOR, SAFE,
            "", "the password is one that everybody knows",
            hit="minioadmin", remedy="set it from a secret"),
        env("minio-update", "MINIO_UPDATE", any_of("on"), TELEMETRY.noted, WEAKER, "off", "the makers are asked for news of versions",
            hit="on")),
    *read_by("minio", "documentation min.io/docs/minio/linux/reference/minio-mc/mc-anonymous-set.html",
        flag("minio-anonymous", "anonymous", present(), DOOR, SAFE, "", "everyone can read the bucket without a login",
            remedy="leave the bucket private",
            hit=Example("scripts/buckets.sh", "#!/bin/sh\nmc anonymous set download local/prompts\n"), miss=Example("scripts/buckets.sh",
            "#!/bin/sh\nmc mb local/prompts\n"))),
    *read_by("grafana", "documentation grafana.com/docs/grafana/latest/setup-grafana/configure-grafana",
        env("grafana-anonymous", "GF_AUTH_ANONYMOUS_ENABLED", true(), DOOR, SAFE, "false",
            "everyone who reaches the page sees what is measured and logged"),
        env("grafana-analytics", "GF_ANALYTICS_REPORTING_ENABLED", true(), TELEMETRY, WEAKER, "false",
            "usage statistics go to the makers"),
        env("grafana-update-check", "GF_ANALYTICS_CHECK_FOR_UPDATES", true(), TELEMETRY.noted, WEAKER, "false",
            "the makers are asked for news of versions"),
        key("grafana-anonymous-config", "*.auth.anonymous.enabled", true(), DOOR, SAFE, "false",
            "everyone who reaches the page sees what is measured and logged",
            hit=Example("grafana/grafana.ini", "[auth.anonymous]\nenabled = true\n"), miss=Example("grafana/grafana.ini",
            "[auth.anonymous]\nenabled = false\n")),
        key("grafana-analytics-config", "*.analytics.reporting_enabled", true(), TELEMETRY, WEAKER, "false",
            "usage statistics go to the makers",
            hit=Example("grafana/grafana.ini", "[analytics]\nreporting_enabled = true\n"), miss=Example("grafana/grafana.ini",
            "[analytics]\nreporting_enabled = false\n"))),
)  # fmt: skip

_LOKI: Final = (
    "schema_config:\n  configs:\n    - store: tsdb\nlimits_config:\n  retention_period: {}\n"
    "compactor:\n  retention_enabled: {}\n"
)
_TEMPO: Final = (
    "distributor:\n  receivers:\n    otlp: {{}}\nstorage:\n  trace:\n    backend: local\n"
    "compactor:\n  compaction:\n    block_retention: {}\n"
)

OBSERVED: Final = (
    *read_by("loki", "documentation grafana.com/docs/loki/latest/operations/storage/retention",
        key("loki-retention", "compactor.retention_enabled table_manager.retention_deletes_enabled", false(), DISK, WEAKER, "true",
            "logs, with what is written in them, are kept for ever whatever period is set",
            hit=Example("loki/loki.yaml", _LOKI.format("168h", "false")), miss=Example("loki/loki.yaml", _LOKI.format("168h", "true"))),
        key("loki-retention-period", "limits_config.retention_period", longer(), DISK, WEAKER, "", "logs are kept for ever or for longer",
            remedy="keep the period", hit=Example("loki/loki.yaml", _LOKI.format("2160h", "true")),
            miss=Example("loki/loki.yaml", _LOKI.format("168h", "true")))),
    *read_by("tempo", "documentation grafana.com/docs/tempo/latest/configuration",
        key("tempo-retention", "compactor.compaction.block_retention", longer(), DISK, SAFE, "", "traces are kept for longer",
            remedy="keep the period", hit=Example("tempo/tempo.yaml", _TEMPO.format("2160h")),
            miss=Example("tempo/tempo.yaml", _TEMPO.format("168h")))),
)  # fmt: skip

STORES: Final = (*VECTORS, *DATABASES, *OBSERVED)
