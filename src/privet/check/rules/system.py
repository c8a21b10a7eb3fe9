"""Rules for systems: systemd units, shells, proxies, certificates, package installers and Python's own variables.

Invariant: a row gives the exact words that the program named reads.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.hosts import HOSTS
from privet.check.rules.row import (
    DISK,
    DOOR,
    FETCH,
    FOREIGN,
    GAP,
    LAYER,
    LOGS,
    SAFE,
    SENT,
    WEAKER,
    env,
    flag,
    key,
    read_by,
)
from privet.check.values import (
    above,
    any_of,
    better,
    empty,
    false,
    filled,
    matches,
    never,
    only,
    open_host,
    present,
    remote,
    true,
)


def _unit(line: str) -> Example:
    return Example(
        "deploy/model.service", f"[Unit]\nDescription=model\n\n[Service]\nExecStart=/usr/local/bin/model\n{line}"
    )


def _script(line: str) -> Example:
    return Example("scripts/fetch.sh", f"#!/bin/sh\nset -eu\n{line}\n")


UNITS: Final = read_by("system", "documentation www.freedesktop.org/software/systemd/man/latest/systemd.exec.html",
    key("systemd-ip-address-deny", "systemd.Service.IPAddressDeny", better(), SENT, WEAKER, "any", "the model's server reaches every host",
        hit=_unit(""), miss=_unit("IPAddressDeny=any\n")),
    key("systemd-ip-address-allow", "systemd.Service.IPAddressAllow", matches(r"(?:^|\s)(?:any|0\.0\.0\.0/0|::/0)"), SENT, SAFE,
        "localhost", "the model's server reaches every host",
        hit=_unit("IPAddressDeny=any\nIPAddressAllow=any\n"), miss=_unit("IPAddressDeny=any\nIPAddressAllow=localhost\n")),
    key("systemd-private-network", "systemd.Service.PrivateNetwork", false(), SENT, WEAKER, "yes",
        "the model's server reaches the network", hit=_unit("PrivateNetwork=no\n"), miss=_unit("PrivateNetwork=yes\n")),
    key("systemd-address-families", "systemd.Service.RestrictAddressFamilies", any_of("", "none"), FETCH, WEAKER, "AF_UNIX",
        "the model's server may use every kind of network",
        hit=_unit("RestrictAddressFamilies=\n"), miss=_unit("RestrictAddressFamilies=AF_UNIX\n")),
    key("systemd-core-dumps", "systemd.Service.LimitCORE", matches(r"^(?!0(?::0)?$)"), DISK, WEAKER, "0",
        "a crash writes memory, with prompts, to disk", hit=_unit("LimitCORE=infinity\n"), miss=_unit("LimitCORE=0\n")),
    key("systemd-dynamic-user", "systemd.Service.User", any_of("root", "0"), LAYER, SAFE, "", "the model's server runs as root",
        hit=_unit("User=root\n"), miss=_unit("User=model\n"), remedy="name a user of its own"),
    key("systemd-protect-home", "systemd.Service.ProtectHome", false(), LAYER, WEAKER, "yes",
        "the model's server reads the homes of users", hit=_unit("ProtectHome=no\n"), miss=_unit("ProtectHome=yes\n")),
    key("systemd-protect-system", "systemd.Service.ProtectSystem", false(), DISK, WEAKER, "strict", "the model's server writes anywhere",
        hit=_unit("ProtectSystem=no\n"), miss=_unit("ProtectSystem=strict\n")),
    key("systemd-private-tmp", "systemd.Service.PrivateTmp", false(), DISK, WEAKER, "yes", "others read what the server puts in /tmp",
        hit=_unit("PrivateTmp=no\n"), miss=_unit("PrivateTmp=yes\n")),
    key("systemd-no-new-privileges", "systemd.Service.NoNewPrivileges", false(), LAYER, WEAKER, "yes", "a program inside can become root",
        hit=_unit("NoNewPrivileges=no\n"), miss=_unit("NoNewPrivileges=yes\n")),
    key("systemd-network-inside", "systemd.network.inside", better("true"), SENT, SAFE, "true",
        "the model's server reaches a host outside that it could not reach", remedy="allow addresses inside only",
        hit=_unit("IPAddressDeny=any\nIPAddressAllow=203.0.113.7\n"), miss=_unit("IPAddressDeny=any\nIPAddressAllow=localhost\n")),
    key("systemd-own-user", "systemd.Service.DynamicUser", false(), LAYER, WEAKER, "yes",
        "the model's server may run as root, or as somebody else", hit=_unit("DynamicUser=no\n"), miss=_unit("DynamicUser=yes\n")),
    key("systemd-system-calls", "systemd.Service.SystemCallFilter", better(), LAYER, WEAKER, "@system-service",
        "system calls that reach around the other locks are open", hit=_unit(""), miss=_unit("SystemCallFilter=@system-service\n")),
    key("systemd-capabilities", "systemd.Service.CapabilityBoundingSet", never(), LAYER, WEAKER, "",
        "a program inside may get every right of root", hit=_unit(""), miss=_unit("CapabilityBoundingSet=\n"),
        remedy="write CapabilityBoundingSet= with nothing after it"),
    key("systemd-read-write-paths", "systemd.Service.ReadWritePaths", matches(r"(?:^|\s)[-+]*/(?:\s|$)"), DISK, SAFE, "",
        "the model's server writes anywhere", remedy="name the folders that it needs", hit=_unit("ReadWritePaths=/\n"),
        miss=_unit("ReadWritePaths=/var/lib/model\n")),
    key("systemd-output", "systemd.Service.StandardOutput systemd.Service.StandardError", better("null"), LOGS, WEAKER, "null",
        "what the model's server prints goes to the journal, or to a file", hit=_unit("StandardOutput=journal\n"),
        miss=_unit("StandardOutput=null\n")),
    key("systemd-memory-swap", "systemd.Service.MemorySwapMax", never(), DISK, WEAKER, "0", "prompts in memory may be written to swap",
        hit=_unit(""), miss=_unit("MemorySwapMax=0\n")),
    key("systemd-socket-address", "systemd.Socket.ListenStream", matches(r"^(?:\d+|0\.0\.0\.0:\d+|\[::\]:\d+)$"), DOOR, SAFE, "",
        "the socket listens on every interface",
        hit=Example("deploy/model.socket", "[Socket]\nListenStream=8000\n"), miss=Example("deploy/model.socket",
        "[Socket]\nListenStream=127.0.0.1:8000\n"), remedy="name 127.0.0.1, or a socket file"),
)  # fmt: skip

KERNEL: Final = read_by("system", "documentation www.kernel.org/doc/html/latest/admin-guide/sysctl/kernel.html",
    key("sysctl-core-pattern", "*.kernel.core_pattern", matches(r"^\||/"), DISK, SAFE, "",
        "a crash gives memory, with prompts, to a program or a file",
        hit=Example("deploy/sysctl.conf", "kernel.core_pattern = /var/crash/core.%p\n"), miss=Example("deploy/sysctl.conf",
        "vm.max_map_count = 262144\n")),
    key("sysctl-swappiness", "*.vm.swappiness", above(1), DISK.noted, WEAKER, "0", "prompts in memory may be written to disk in clear",
        hit=Example("deploy/sysctl.conf", "vm.swappiness = 60\n"), miss=Example("deploy/sysctl.conf", "vm.swappiness = 0\n")),
)  # fmt: skip

VARIABLES: Final = (
    *read_by("system", "documentation docs.python.org/3/using/cmdline.html",
        env("python-debug-variables", "PYTHONFAULTHANDLER PYTHONASYNCIODEBUG", only("", "0"), LOGS.noted, SAFE, "",
            "stacks and slow calls are written to the log", hit="1", miss="")),
    *read_by("system", "documentation curl.se/docs/manpage.html",
        env("proxy", "HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy", remote(), FETCH, SAFE, "",
            "everything that is fetched and sent passes a third party",
            hit="http://proxy.example.com:3128", miss="http://proxy.internal:3128", remedy="name a proxy of your own, or none"),
        env("curl-ca-bundle", "CURL_CA_BUNDLE REQUESTS_CA_BUNDLE SSL_CERT_FILE", empty(), DOOR, SAFE, "", "certificates are not checked",
            remedy="leave it out", since="ignored since requests 2.28")),
    *read_by("system", "documentation docs.python.org/3/library/ssl.html",
        env("ssl-key-log-file", "SSLKEYLOGFILE", filled(), DOOR, SAFE, "", "the keys of every connection are written to a file",
            hit="/var/log/tls-keys.log")),
    *read_by("system", "documentation peps.python.org/pep-0493",
        env("python-https-verify", "PYTHONHTTPSVERIFY", any_of("0"), DOOR, SAFE, "1", "certificates are not checked", hit="0")),
    *read_by("system", "documentation nodejs.org/api/cli.html",
        env("node-tls-reject", "NODE_TLS_REJECT_UNAUTHORIZED", any_of("0"), DOOR, SAFE, "1", "certificates are not checked", hit="0")),
    *read_by("system", "documentation git-scm.com/docs/git-config",
        env("git-ssl-no-verify", "GIT_SSL_NO_VERIFY", true(), FOREIGN, SAFE, "0", "code is fetched from whoever answers", hit="1"),
        key("git-ssl-verify", "*.http.sslVerify", false(), FOREIGN, SAFE, "true", "code is fetched from whoever answers",
            hit=Example(".gitconfig", "[http]\n\tsslVerify = false\n"), miss=Example(".gitconfig", "[http]\n\tsslVerify = true\n"))),
    *read_by("pip", "python package pip 26.3: pip/_internal/cli/cmdoptions.py",
        env("pip-index-http", "PIP_INDEX_URL PIP_EXTRA_INDEX_URL UV_INDEX_URL UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL",
            matches(r"(?:^|\s)http://(?!localhost|127\.)"), FOREIGN, SAFE, "",
            "packages are fetched in clear, from whoever answers", hit="http://packages.example.com/simple",
            miss="https://packages.example.com/simple", remedy="name the index by https"),
        env("pip-trusted-host", "PIP_TRUSTED_HOST UV_INSECURE_HOST", filled(), FOREIGN, SAFE, "",
            "packages are fetched from whoever answers", hit="packages.example.com"),
        flag("pip-trusted-host-flag", "--trusted-host --allow-insecure-host", filled(), FOREIGN, SAFE, "",
            "packages are fetched from whoever answers",
            hit=_script("pip install --trusted-host packages.example.com example"), miss=_script("pip install example")),
        flag("pip-index-http-flag", "--index-url -i --extra-index-url --default-index", matches(r"^http://(?!localhost|127\.)"), FOREIGN,
            SAFE, "", "packages are fetched in clear, from whoever answers",
            hit=_script("pip install --index-url http://packages.example.com/simple example"),
            miss=_script("pip install --index-url https://packages.example.com/simple example"),
            remedy="name the index by https"),
        key("pip-trusted-host-config", "*.trusted-host *.trusted_host", filled(), FOREIGN, SAFE, "",
            "packages are fetched from whoever answers",
            hit=Example("pip.conf", "[global]\ntrusted-host = packages.example.com\n"), miss=Example("pip.conf",
            "[global]\ntimeout = 30\n"))),
    *read_by("system", "documentation docs.npmjs.com/cli/v11/using-npm/config",
        key("npm-strict-ssl", "*.strict-ssl", false(), FOREIGN, SAFE, "true", "packages are fetched from whoever answers",
            hit=Example(".npmrc", "strict-ssl=false\n"), miss=Example(".npmrc", "strict-ssl=true\n")),
        env("npm-strict-ssl-variable", "npm_config_strict_ssl NPM_CONFIG_STRICT_SSL", false(), FOREIGN, SAFE, "true",
            "packages are fetched from whoever answers", hit="false")),
)  # fmt: skip

_DATA_FILE: Final = (
    r"^(?:[\w.-]+=)?@?(?:[\w./~${}-]*/)?(?:data|datasets?|logs?|prompts|transcripts|conversations)/[\w./*-]+$"
    r"|^(?:[\w.-]+=)?@?[\w./~${}-]+\.(?:jsonl|ndjson|csv|tsv|parquet|log|sqlite3?|db|pt|ckpt|safetensors|gguf)(?:;|$)"
)
"""A file of data, as curl is given it: `@data/a.jsonl`, `file=@a.csv`. A request's own JSON is none."""

COMMANDS: Final = (
    *read_by("git", "documentation git-scm.com/docs/git-config",
        flag("git-ssl-verify-flag", "-c", matches(r"(?i)^http\.(?:.*\.)?sslverify=(?:false|0|no|off)$"), FOREIGN, SAFE, "",
            "code is fetched from whoever answers", remedy="let the certificate be checked",
            hit=_script("git -c http.sslVerify=false clone https://code.example.com/model.git"),
            miss=_script("git clone https://code.example.com/model.git"))),
    *read_by("shell", "documentation pubs.opengroup.org/onlinepubs/9799919799/utilities/ulimit.html",
        flag("shell-core-dumps", "-c -Hc -Sc", matches(r"^(?!0$)"), DISK, SAFE, "0", "a crash writes memory, with prompts, to disk",
            hit=_script("ulimit -c unlimited"), miss=_script("ulimit -c 0"),
            remedy="write ulimit -c 0")),
    *read_by("curl", "documentation curl.se/docs/manpage.html",
        flag("curl-sends-file", "-T --upload-file -F --form --data-binary --data -d --post-file",
            matches(_DATA_FILE), FETCH, SAFE, "",
            "a file is sent to another host, around what guards Python's own connections",
            hit=_script("curl -F file=@data/train.jsonl https://collect.example.com/upload"),
            miss=_script("curl -fO https://models.example.com/model.gguf"), remedy="send nothing, or name the host in privet.toml")),
    *read_by("curl", "documentation curl.se/docs/manpage.html",
        flag("curl-insecure", "-k --insecure -kL -Lk -sk -ks -skL -kfsSL -fsSLk -fkSL -kO -kLO -LkO", present(), FOREIGN, SAFE, "",
            "what is fetched comes from whoever answers",
            hit=_script("curl -k -O https://models.example.com/model.gguf"),
            miss=_script("curl -fO https://models.example.com/model.gguf"), remedy="let the certificate be checked")),
    *read_by("curl", "documentation www.gnu.org/software/wget/manual/wget.html",
        flag("wget-no-check-certificate", "--no-check-certificate", present(), FOREIGN, SAFE, "",
            "what is fetched comes from whoever answers",
            hit=_script("wget --no-check-certificate https://models.example.com/model.gguf"),
            miss=_script("wget https://models.example.com/model.gguf"), remedy="let the certificate be checked")),
    *read_by("uvicorn", "python package uvicorn 0.54.0: uvicorn/main.py",
        flag("uvicorn-host", "--host", open_host(), DOOR, SAFE, "127.0.0.1", "the server listens on every interface"),
        flag("uvicorn-access-log", "--access-log", present(), LOGS, SAFE, "--no-access-log",
            "the log holds addresses of clients and what they ask for in the address",
            remedy="pass --no-access-log"),
        flag("uvicorn-no-access-log", "--no-access-log", never(), LOGS, WEAKER, "--no-access-log",
            "the log holds addresses of clients and what they ask for in the address"),
        flag("uvicorn-log-level", "--log-level", any_of("debug", "trace"), LOGS, SAFE, "info", "the log holds headers and more",
            hit="trace"),
        flag("uvicorn-forwarded-ips", "--forwarded-allow-ips", any_of("*", "'*'"), GAP, SAFE, "127.0.0.1",
            "clients can say they come from anywhere", hit="'*'")),
    *read_by("gunicorn", "python package gunicorn 27.0.1: gunicorn/config.py",
        flag("gunicorn-bind", "--bind -b", matches(r"^(?:0\.0\.0\.0|\[?::\]?)?:\d+$"), DOOR, SAFE, "127.0.0.1:8000",
            "the server listens on every interface", hit="0.0.0.0:8000"),
        flag("gunicorn-access-log", "--access-logfile", matches(r"^(?:-|/)"), LOGS, SAFE, "",
            "the log holds addresses of clients and what they ask for in the address", hit="-"),
        flag("gunicorn-log-level", "--log-level", any_of("debug"), LOGS, SAFE, "info", "the log holds headers and more", hit="debug")),
    *read_by("hypercorn", "python package hypercorn 0.18.0: hypercorn/__main__.py",
        flag("hypercorn-bind", "--bind -b", matches(r"^(?:0\.0\.0\.0|\[?::\]?)?:\d+$"), DOOR, SAFE, "127.0.0.1:8000",
            "the server listens on every interface", hit="0.0.0.0:8000")),
)  # fmt: skip

SYSTEM: Final = (*UNITS, *KERNEL, *VARIABLES, *COMMANDS, *HOSTS)
