"""Rules for compose files and for what `docker run` and `podman run` are told.

Invariant: a service that another file overrides is judged as it runs.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import (
    CONTENT,
    DISK,
    ESCAPE,
    FETCH,
    GAP,
    LAYER,
    LOGS,
    SAFE,
    SENT,
    WEAKER,
    flag,
    key,
    read_by,
)
from privet.check.values import any_of, better, false, has, lacks, matches, never, present, true

_OPEN_PORT: Final = matches(r"^(?!127\.|localhost:|\[?::1\]?:)(?!(?:[\d.]+:|\[[\da-f:]+\]:)?(?:80|443)(?::|/|$))\S")
"""A port without a loopback address before it. 80 and 443 are meant for everybody."""
_SOCKET: Final = matches(r"(?:docker|containerd|podman)\.sock(?::|$)|^/:|^/(?:etc|proc|root):")
_FORBIDDEN: Final = (
    "all",
    "sys_admin",
    "sys_ptrace",
    "net_admin",
    "net_raw",
    "sys_module",
    "dac_read_search",
    "bpf",
    "perfmon",
)
_UNCONFINED: Final = matches(
    r"(?:seccomp|apparmor)[=:]unconfined|label[=:]disable|no-new-privileges[=:]false|systempaths=unconfined"
)


def _service(text: str, more: str = "") -> Example:
    """Return a compose file with these lines in its one service, and these after it."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return Example(
        "compose.yaml", f"services:\n  model:\n    image: registry.example.com/team/model:1.4\n{lines}{more}"
    )


def _run(words: str) -> Example:
    return Example(
        "scripts/run.sh", f"#!/bin/sh\nset -eu\ndocker run --rm {words} registry.example.com/team/model:1.4\n"
    )


SERVICES: Final = read_by("compose", "documentation docs.docker.com/reference/compose-file/services",
    key("compose-network-mode-host", "compose.network_mode", any_of("host"), ESCAPE, SAFE, "",
        "nothing stands between the container and the host's network",
        hit=_service("network_mode: host"), miss=_service("network_mode: none"), remedy="leave network_mode out"),
    key("compose-ports-all-interfaces", "compose.ports[]", _OPEN_PORT, GAP, SAFE, "",
        "the port is open on every interface, around the host's firewall",
        hit=_service('ports:\n  - "8000:8000"'), miss=_service('ports:\n  - "127.0.0.1:8000:8000"'),
        remedy="put 127.0.0.1: before the port"),
    key("compose-network-internal", "compose.network.internal", better("true"), SENT, WEAKER, "true", "the container reaches every host",
        hit=_service("networks: [inside]", "networks:\n  inside: {}\n"), miss=_service("networks: [inside]",
        "networks:\n  inside:\n    internal: true\n"),
        remedy="write internal: true in the network"),
    key("compose-privileged", "compose.privileged", true(), ESCAPE, SAFE, "false", "the container can do what the host can",
        hit=_service("privileged: true"), miss=_service("privileged: false")),
    key("compose-read-only", "compose.read_only", false(), DISK, WEAKER, "true", "prompts can be written anywhere in the container",
        hit=_service("read_only: false"), miss=_service("read_only: true")),
    key("compose-cap-drop", "compose.cap_drop[]", lacks("all"), LAYER, WEAKER, "ALL",
        "the container keeps rights, such as to forge packets",
        hit=_service("cap_drop: [NET_RAW]"), miss=_service("cap_drop: [ALL]")),
    key("compose-cap-add", "compose.cap_add[]", has(*_FORBIDDEN), ESCAPE, SAFE, "",
        "the container gets rights with which it can read others' memory or traffic",
        hit=_service("cap_add: [SYS_PTRACE]"), miss=_service("cap_add: [IPC_LOCK]"), remedy="take the capability out"),
    key("compose-security-opt", "compose.security_opt[]", _UNCONFINED, LAYER, WEAKER, "no-new-privileges:true",
        "the container is less confined than by default",
        hit=_service("security_opt:\n  - seccomp=unconfined"), miss=_service("security_opt:\n  - no-new-privileges:true")),
    key("compose-engine-socket", "compose.volumes[]", _SOCKET, ESCAPE, SAFE, "",
        "the container can start others with every right, and reach every host through them",
        hit=_service("volumes:\n  - /var/run/docker.sock:/var/run/docker.sock"), miss=_service("volumes:\n  - models:/models",
        "volumes:\n  models: {}\n"), remedy="take the volume out"),
    key("compose-core-dumps", "compose.ulimits.core compose.ulimits.core.hard compose.ulimits.core.soft", matches(r"^(?!0$)"), DISK,
        WEAKER, "0", "a crash writes memory, with prompts, to disk",
        hit=_service("ulimits:\n  core: -1"), miss=_service("ulimits:\n  core: 0")),
    key("compose-logging-driver", "compose.logging.driver", any_of("fluentd", "gelf", "awslogs", "gcplogs", "splunk", "syslog", "loki",
        "logentries", "etwlogs"), CONTENT, SAFE, "local",
        "what the server writes to its log is sent elsewhere", hit=_service("logging:\n  driver: awslogs"),
        miss=_service("logging:\n  driver: local")),
    key("compose-logging-bound", "compose.logging.options.max-size", never(), LOGS, WEAKER, "10m", "the log is kept without end",
        hit=_service("logging:\n  driver: json-file"), miss=_service('logging:\n  driver: json-file\n  options:\n    max-size: "10m"')),
    key("compose-swap", "compose.memswap_limit", never(), DISK, WEAKER, "", "prompts in memory may be written to swap",
        hit=_service("mem_limit: 16g"), miss=_service("mem_limit: 16g\nmemswap_limit: 16g"),
        remedy="set memswap_limit to what mem_limit is"),
    key("compose-tmpfs", "compose.tmpfs[]", never(), DISK, WEAKER, "", "what is written for a while is written to disk",
        hit=_service("init: true"), miss=_service("tmpfs:\n  - /run/model"), remedy="write tmpfs for the folder"),
    key("compose-ipc-host", "compose.ipc", any_of("host", "shareable"), ESCAPE, SAFE, "",
        "memory that the model shares can be read by others on the host",
        hit=_service("ipc: host"), miss=_service("ipc: private"), remedy="set shm_size instead"),
    key("compose-pid-host", "compose.pid", any_of("host"), ESCAPE, SAFE, "",
        "the container sees the host's processes, and can read their memory",
        hit=_service("pid: host"), miss=_service("init: true")),
    key("compose-user-root", "compose.user", matches(r"^(?:root|0)(?::|$)"), LAYER, WEAKER, "", "the container runs as root",
        hit=_service("user: root"), miss=_service('user: "1000:1000"'), remedy="name a user other than root"),
    key("compose-extra-hosts", "compose.extra_hosts[]",
        matches(r"[:=](?!host-gateway|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|::1|\[)\s*\d"), FETCH, SAFE, "",
        "a name is made to stand for a host outside", hit=_service('extra_hosts:\n  - "api.internal:192.0.2.10"'),
        miss=_service('extra_hosts:\n  - "host.docker.internal:host-gateway"')),
    key("compose-dns", "compose.dns[] compose.dns", matches(r"^(?!10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|127\.|f[cd]|::1)\S"), FETCH,
        SAFE, "",
        "names that the container asks for go to a server outside", hit=_service("dns:\n  - 192.0.2.53"),
        miss=_service("dns:\n  - 10.0.0.53"), remedy="leave dns out"),
    key("compose-image-latest", "compose.image", matches(r":latest$"), LAYER.noted, SAFE, "",
        "tomorrow another program may run under the same name",
        hit=Example("compose.yaml", "services:\n  model:\n    image: registry.example.com/team/model:latest\n"),
        miss=_service("init: true"), remedy="name a version, or better a digest"),
    key("compose-cgroup-host", "compose.cgroup compose.userns_mode compose.uts", any_of("host"), LAYER, SAFE, "",
        "the container shares a namespace with the host",
        hit=_service("userns_mode: host"), miss=_service("init: true")),
    key("compose-host-devices", "compose.devices[]", matches(r"^/dev/(?:mem|kmem|sd[a-z]|nvme\d+n\d+|disk)"), ESCAPE, SAFE, "",
        "the container reads the host's memory or disk",
        hit=_service("devices:\n  - /dev/sda:/dev/sda"), miss=_service("devices:\n  - /dev/dri:/dev/dri")),
)  # fmt: skip

RUN: Final = read_by("docker", "documentation docs.docker.com/reference/cli/docker/container/run",
    flag("docker-run-network-host", "--network --net", any_of("host"), ESCAPE, SAFE, "none",
        "nothing stands between the container and the host's network",
        hit=_run("--network host"), miss=_run("--network none"), remedy="leave --network host out"),
    flag("docker-run-publish", "-p --publish", _OPEN_PORT, GAP, SAFE, "",
        "the port is open on every interface, around the host's firewall",
        hit=_run("-p 8000:8000"), miss=_run("-p 127.0.0.1:8000:8000"), remedy="put 127.0.0.1: before the port"),
    flag("docker-run-privileged", "--privileged", present(), ESCAPE, SAFE, "", "the container can do what the host can",
        hit=_run("--privileged"), miss=_run("--init")),
    flag("docker-run-ipc-host", "--ipc", any_of("host"), ESCAPE, SAFE, "",
        "memory that the model shares can be read by others on the host",
        hit=_run("--ipc=host"), miss=_run("--shm-size=1g"), remedy="pass --shm-size instead"),
    flag("docker-run-pid-host", "--pid", any_of("host"), ESCAPE, SAFE, "",
        "the container sees the host's processes, and can read their memory", hit=_run("--pid=host"), miss=_run("--init")),
    flag("docker-run-cap-add", "--cap-add", has(*_FORBIDDEN), ESCAPE, SAFE, "",
        "the container gets rights with which it can read others' memory or traffic",
        hit=_run("--cap-add SYS_PTRACE"), miss=_run("--cap-add IPC_LOCK"), remedy="take the capability out"),
    flag("docker-run-security-opt", "--security-opt", _UNCONFINED, LAYER, SAFE, "no-new-privileges",
        "the container is less confined than by default",
        hit=_run("--security-opt seccomp=unconfined"), miss=_run("--security-opt no-new-privileges")),
    flag("docker-run-engine-socket", "-v --volume", _SOCKET, ESCAPE, SAFE, "",
        "the container can start others with every right, and reach every host through them",
        hit=_run("-v /var/run/docker.sock:/var/run/docker.sock"), miss=_run("-v models:/models"), remedy="take the volume out"),
    flag("docker-run-cap-drop", "--cap-drop", lacks("all"), LAYER, WEAKER, "ALL", "the container keeps rights, such as to forge packets",
        hit=_run("--cap-drop NET_RAW"), miss=_run("--cap-drop ALL")),
    flag("docker-run-read-only", "--read-only", never(), DISK, WEAKER, "--read-only", "prompts can be written anywhere in the container",
        hit=_run("--init"), miss=_run("--read-only")),
    flag("docker-run-log-driver", "--log-driver", any_of("fluentd", "gelf", "awslogs", "gcplogs", "splunk", "syslog"), CONTENT, SAFE,
        "local", "what the server writes to its log is sent elsewhere",
        hit=_run("--log-driver awslogs"), miss=_run("--log-driver local")),
)  # fmt: skip

COMPOSE: Final = (*SERVICES, *RUN)
