"""Pairs of sides of what runs around a program: builds, clouds, proxies, clusters; what is weaker, and what only looks like it."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, tree_of

Files = dict[str, str]

IGNORES = ".env\ndata/\n"
BUILD = "services:\n  bot:\n    build:\n      context: .\n"
NESTED = BUILD + "      dockerfile: docker/Dockerfile\n"
IMAGE = "FROM python:3.12-slim\nCOPY src /app\n"
BUCKETS = 'resource "aws_s3_bucket" "a" {\n  bucket = "a"\n}\nresource "aws_s3_bucket" "b" {\n  bucket = "b"\n}\n'
SWITCHES = "  block_public_acls = true\n  block_public_policy = true\n}\n"
SEPARATE = "".join(
    f'resource "aws_s3_bucket_public_access_block" "{name}" {{\n  bucket = aws_s3_bucket.{name}.id\n{SWITCHES}'
    for name in "ab"
)
EACH = (
    'resource "aws_s3_bucket_public_access_block" "all" {{\n  for_each = {}\n  bucket = each.value\n'
    + SWITCHES.replace("}", "}}")
)
LISTED = EACH.format("{\n    a = aws_s3_bucket.a.id # one\n    b = aws_s3_bucket.b.id\n  }")
GROUP = 'resource "aws_security_group" "llm" {{\n  ingress {{\n    cidr_blocks = [{}]\n  }}\n}}\n'
INLINE = "{}.example.com {{\n\tbasicauth {{\n\t\tlab {{$HASH}}\n\t}}\n\treverse_proxy {}:80\n}}\n"
SITES = INLINE.format("a", "a") + INLINE.format("b", "b")
SNIPPET = "(auth) {\n\tbasic_auth {\n\t\tlab {$HASH}\n\t}\n}\n"
IMPORTING = SNIPPET + "".join(f"{name}.example.com {{\n\timport auth\n\treverse_proxy {name}:80\n}}\n" for name in "ab")
NGINX = (
    "server {\n  server_name chat.example.com;\n  listen 443 ssl;\n%s"
    "  location / {\n%s    proxy_pass http://127.0.0.1:3000;\n  }\n"
    "  location /v1/ {\n%s    proxy_pass http://127.0.0.1:8000;\n  }\n%s}\n"
)
ASKS = "    auth_request /login;\n"
MODELS = "  location /models/ {\n    proxy_pass http://127.0.0.1:9000;\n  }\n"
ALLOW = (
    "server {\n  server_name llm.example.com;\n  listen 443 ssl;\n"
    "  location / {\n%s    deny all;\n    proxy_pass http://127.0.0.1:8;\n  }\n}\n"
)
ROUTER = "    {}:\n      rule: {}\n      entryPoints: [websecure]\n      service: llm\n      tls: {{}}\n{}"
ROUTERS = "http:\n  routers:\n" + ROUTER.format("llm", "Host(`llm.example.com`)", "      middlewares: [sso]\n")
LABELS = (
    "services:\n  llm:\n    image: registry.example.com/llm:1\n    labels:\n"
    "      - traefik.http.middlewares.office.ipallowlist.sourcerange={}\n"
)
LOGIN = "{nginx.ingress.kubernetes.io/auth-url: http://login.internal/}"
INGRESS = (
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {}\n  annotations: "
    + LOGIN.replace("{", "{{").replace("}", "}}")
    + "\nspec:\n  tls: [{{hosts: [a.example.com]}}]\n  rules:\n"
    "    - host: a.example.com\n      http: {{paths: [{{path: {}, pathType: Prefix}}]}}\n"
)
ROUTES = (
    "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: a}\nspec:\n  tls: {}\n  routes:\n"
    "    - match: Host(`a.example.com`)\n      middlewares: [{name: sso}]\n"
)
POLICY = (
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: store}\nspec:\n"
    "  podSelector: {matchLabels: {app: store}}\n  policyTypes: [Ingress]\n  ingress:\n"
)
AND = "    - from:\n        - namespaceSelector: {matchLabels: {team: chat}}\n          podSelector: {matchLabels: {role: api}}\n"
OR = AND.replace("          podSelector", "        - podSelector")
CILIUM = (
    "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: store}\nspec:\n"
    "  endpointSelector: {matchLabels: {app: store}}\n  ingress:\n    - fromEndpoints:\n%s"
)
MESH = (
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: llm}\nspec:\n"
    "  selector: {matchLabels: {app: llm}}\n  mtls: {mode: STRICT}\n"
)
ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: agent}\nrules:\n"
ONE_SECRET = '  - {apiGroups: [""], resources: [secrets], resourceNames: [token], verbs: [get]}\n'
MAPS = '  - {apiGroups: [""], resources: [configmaps], verbs: [get]}\n'
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: store\nversion: 1.0.0\n",
    "chart/values.yaml": "telemetry: {}\nreset: false\n",
    "chart/templates/store.yaml": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: store}}\nspec:\n  template:\n    spec:\n      containers:\n"
        '        - name: chroma\n          image: "chromadb/chroma:0.5.23"\n          env:\n'
        "            - name: ANONYMIZED_TELEMETRY\n              value: {{{{ {} }}}}\n"
    ),
}
OFFLINE = (
    "FROM python:3.12-slim AS base\nENV HF_HUB_OFFLINE=1\nFROM base\nCOPY run.sh /usr/local/bin/\n"
    'ENTRYPOINT ["/usr/local/bin/run.sh"]\n'
)


def chart(said: str, value: str = "false") -> Files:
    files = dict(CHART)
    files["chart/values.yaml"] = files["chart/values.yaml"].format(value)
    files["chart/templates/store.yaml"] = files["chart/templates/store.yaml"].format(said)
    return files


def starting(command: str, image: str = OFFLINE) -> Files:
    return {"Dockerfile": image, "run.sh": f"#!/bin/sh\nset -e\nchown -R app /data\nexec {command}\n"}


HARMLESS: dict[str, tuple[Files, Files]] = {
    "ignore-file-of-the-dockerfile": (
        {".dockerignore": IGNORES, "Dockerfile": IMAGE, "compose.yaml": BUILD},
        {"docker/Dockerfile.dockerignore": IGNORES, "docker/Dockerfile": IMAGE, "compose.yaml": NESTED},
    ),
    "ignore-file-with-its-context": (
        {".dockerignore": IGNORES, "Dockerfile": IMAGE, "compose.yaml": BUILD},
        {"bot/.dockerignore": IGNORES, "bot/Dockerfile": IMAGE, "compose.yaml": BUILD.replace(": .", ": bot")},
    ),
    "one-block-for-all": ({"main.tf": BUCKETS + SEPARATE}, {"main.tf": BUCKETS + LISTED}),
    "one-block-for-a-local": (
        {"main.tf": BUCKETS, "access.tf": SEPARATE},
        {
            "main.tf": BUCKETS,
            "access.tf": EACH.format("local.private"),
            "locals.tf": "locals {\n  private = {\n    a = aws_s3_bucket.a.id\n    b = aws_s3_bucket.b.id\n  }\n}\n",
        },
    ),
    "networks-split": ({"a.tf": GROUP.format('"10.0.0.0/8"')}, {"a.tf": GROUP.format('"10.0.0.0/9", "10.128.0.0/9"')}),
    "caddy-renamed": ({"Caddyfile": SITES}, {"Caddyfile": SITES.replace("basicauth", "basic_auth")}),
    "caddy-snippet": ({"Caddyfile": SITES}, {"Caddyfile": IMPORTING}),
    "nginx-each-place-asks": (
        {"nginx/a.conf": NGINX % ("  auth_request /login;\n", "", "", "")},
        {"nginx/a.conf": NGINX % ("", ASKS, ASKS, "")},
    ),
    "nginx-one-place-more-asks": (
        {"nginx/a.conf": NGINX % ("", "", "", "")},
        {"nginx/a.conf": NGINX % ("", "", ASKS, "")},
    ),
    "traefik-new-place-that-asks": (
        {"traefik/a.yml": ROUTERS},
        {
            "traefik/a.yml": ROUTERS
            + ROUTER.format("v1", "Host(`llm.example.com`) && PathPrefix(`/v1`)", "      middlewares: [sso]\n")
        },
    ),
    "traefik-health": (
        {"traefik/a.yml": ROUTERS},
        {"traefik/a.yml": ROUTERS + ROUTER.format("up", "Host(`llm.example.com`) && Path(`/healthz`)", "")},
    ),
    "peer-narrower": ({"p.yaml": POLICY + OR}, {"p.yaml": POLICY + AND}),
    "peer-of-another-port": (
        {"p.yaml": POLICY + AND + "      ports: [{port: 6333}]\n"},
        {
            "p.yaml": POLICY + AND + "      ports: [{port: 6333}]\n"
            "    - from:\n        - namespaceSelector: {matchLabels: {team: chat}}\n      ports: [{port: 9090}]\n"
        },
    ),
    "mesh-port-strict": ({"m.yaml": MESH}, {"m.yaml": MESH + "  portLevelMtls: {8000: {mode: STRICT}}\n"}),
    "role-split": (
        {"r.yaml": ROLE + '  - {apiGroups: [""], resources: [secrets, configmaps], verbs: [get]}\n'},
        {"r.yaml": ROLE + MAPS + '  - {apiGroups: [""], resources: [secrets], verbs: [get]}\n'},
    ),
    "role-second-map": ({"r.yaml": ROLE + ONE_SECRET}, {"r.yaml": ROLE + ONE_SECRET + MAPS}),
    "helm-default-false": (chart(".Values.telemetry | quote"), chart(".Values.telemetry | default false | quote")),
    "helm-text-is-not-empty": (
        chart(".Values.telemetry | quote"),
        chart(".Values.telemetry | toString | default true | quote"),
    ),
    "helm-quoted-is-not-empty": (
        chart(".Values.telemetry", '"false"'),
        chart(".Values.telemetry | default true", '"false"'),
    ),
    "start-by-su-exec": (starting("gosu app python serve.py"), starting("su-exec app python serve.py")),
    "start-with-the-variable": (
        starting("gosu app python serve.py"),
        starting("env -i HF_HUB_OFFLINE=1 python serve.py"),
    ),
    "start-without-settings": (
        starting("gosu app python serve.py", IMAGE + 'ENTRYPOINT ["run.sh"]\n'),
        starting("su - app -c 'python serve.py'", IMAGE + 'ENTRYPOINT ["run.sh"]\n'),
    ),
}

WEAKER: dict[str, tuple[Files, Files, str]] = {
    "ignore-file-out-of-the-context": (
        {".dockerignore": IGNORES, "Dockerfile": IMAGE, "compose.yaml": BUILD},
        {"docker/.dockerignore": IGNORES, "docker/Dockerfile": IMAGE, "compose.yaml": NESTED},
        "ignore-line-removed",
    ),
    "ignore-file-left-by-its-context": (
        {"bot/.dockerignore": IGNORES, "bot/Dockerfile": IMAGE, "compose.yaml": BUILD.replace(": .", ": bot")},
        {"bot/.dockerignore": IGNORES, "bot/Dockerfile": IMAGE, "compose.yaml": NESTED.replace("docker/", "bot/")},
        "ignore-line-removed",
    ),
    "one-bucket-forgotten": (
        {"main.tf": BUCKETS + SEPARATE},
        {"main.tf": BUCKETS + EACH.format("{\n    a = aws_s3_bucket.a.id\n  }")},
        "terraform-protection-removed",
    ),
    "two-halves": (
        {"a.tf": GROUP.format('"10.0.0.0/8"')},
        {"a.tf": GROUP.format('"10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"')},
        "terraform-ingress-everywhere",
    ),
    "four-quarters": (
        {"a.tfvars": 'allowed_cidrs = ["10.0.0.0/8"]\n'},
        {"a.tfvars": 'allowed_cidrs = ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"]\n'},
        "terraform-ingress-everywhere",
    ),
    "default-of-a-variable": (
        {"v.tf": 'variable "trusted_ranges" {\n  default = ["fd00::/8"]\n}\n'},
        {"v.tf": 'variable "trusted_ranges" {\n  default = ["::/1", "8000::/1"]\n}\n'},
        "terraform-ingress-everywhere",
    ),
    "nginx-many-networks": (
        {"nginx/a.conf": ALLOW % "    allow 10.0.0.0/8;\n"},
        {"nginx/a.conf": ALLOW % "".join(f"    allow {number}.0.0.0/8;\n" for number in range(256))},
        "proxy-auth-removed",
    ),
    "caddy-import-gone": (
        {"Caddyfile": IMPORTING},
        {"Caddyfile": IMPORTING.replace("\timport auth\n\treverse_proxy b", "\treverse_proxy b")},
        "proxy-auth-removed",
    ),
    "nginx-moved-into-one-place": (
        {"nginx/a.conf": NGINX % ("  auth_basic staff;\n", "", "", "")},
        {"nginx/a.conf": NGINX % ("", "    auth_basic staff;\n", "", "")},
        "proxy-auth-place",
    ),
    "nginx-new-place": (
        {"nginx/a.conf": NGINX % ("", ASKS, ASKS, "")},
        {"nginx/a.conf": NGINX % ("", ASKS, ASKS, MODELS)},
        "proxy-auth-place",
    ),
    "traefik-new-place": (
        {"traefik/a.yml": ROUTERS},
        {"traefik/a.yml": ROUTERS + ROUTER.format("v1", "Host(`llm.example.com`) && PathPrefix(`/v1`)", "")},
        "traefik-router-auth",
    ),
    "traefik-longer-path": (
        {"traefik/a.yml": ROUTERS.replace(".com`)", ".com`) && PathPrefix(`/v1`)")},
        {
            "traefik/a.yml": ROUTERS.replace(".com`)", ".com`) && PathPrefix(`/v1`)")
            + ROUTER.format("chat", "Host(`llm.example.com`) && PathPrefix(`/v1/chat`)", "")
        },
        "traefik-router-auth",
    ),
    "ingress-longer-path": (
        {"i.yaml": INGRESS.format("chat", "/")},
        {"i.yaml": INGRESS.format("chat", "/") + "---\n" + INGRESS.format("api", "/api").replace(LOGIN, "{}")},
        "proxy-auth-place",
    ),
    "route-longer-path": (
        {"i.yaml": ROUTES},
        {"i.yaml": ROUTES + "    - match: Host(`a.example.com`) && PathPrefix(`/v1`)\n"},
        "proxy-auth-place",
    ),
    "traefik-addresses": (
        {"compose.yaml": LABELS.format("10.0.0.0/8")},
        {"compose.yaml": LABELS.format("0.0.0.0/1, 128.0.0.0/1")},
        "proxy-auth-place",
    ),
    "peer-split": ({"p.yaml": POLICY + AND}, {"p.yaml": POLICY + OR}, "k8s-peer-wider"),
    "peer-everybody": (
        {"p.yaml": POLICY + AND},
        {"p.yaml": POLICY + AND + "        - namespaceSelector: {}\n"},
        "k8s-peer-wider",
    ),
    "cilium-peer-split": (
        {"p.yaml": CILIUM % "        - matchLabels: {k8s:io.kubernetes.pod.namespace: chat, role: api}\n"},
        {
            "p.yaml": CILIUM % "        - matchLabels: {k8s:io.kubernetes.pod.namespace: chat}\n"
            "        - matchLabels: {role: api}\n"
        },
        "k8s-peer-wider",
    ),
    "mesh-port-open": (
        {"m.yaml": MESH},
        {"m.yaml": MESH + "  portLevelMtls: {8000: {mode: PERMISSIVE}}\n"},
        "k8s-istio-mtls",
    ),
    "mesh-second-port-open": (
        {"m.yaml": MESH + "  portLevelMtls: {9090: {mode: DISABLE}}\n"},
        {"m.yaml": MESH + "  portLevelMtls: {9090: {mode: DISABLE}, 8000: {mode: DISABLE}}\n"},
        "k8s-istio-mtls",
    ),
    "role-without-names": (
        {"r.yaml": ROLE + ONE_SECRET},
        {"r.yaml": ROLE + ONE_SECRET.replace("resourceNames: [token], ", "")},
        "k8s-rbac-every",
    ),
    "role-of-everything": (
        {"r.yaml": ROLE + ONE_SECRET},
        {"r.yaml": ROLE + ONE_SECRET + '  - {apiGroups: ["*"], resources: ["*"], verbs: [get]}\n'},
        "k8s-rbac-every",
    ),
    "role-that-writes": (
        {"r.yaml": ROLE + ONE_SECRET},
        {"r.yaml": ROLE + ONE_SECRET.replace("[get]", '["*"]')},
        "k8s-rbac-verbs",
    ),
    "helm-default-swallows-false": (
        chart(".Values.telemetry | quote"),
        chart("default true .Values.telemetry | quote"),
        "chroma-telemetry",
    ),
    "start-by-login-shell": (
        starting("gosu app python serve.py"),
        starting('su - app -c "python serve.py"'),
        "image-environment-dropped",
    ),
    "start-by-sudo": (
        starting("gosu app python serve.py"),
        starting("sudo -iu app python serve.py"),
        "image-environment-dropped",
    ),
    "start-with-nothing": (
        starting("python serve.py"),
        starting("env -i python serve.py"),
        "image-environment-dropped",
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_weaker_is_not_told(name: str) -> None:
    base, head = (tree_of(files) for files in HARMLESS[name])
    assert [item.rule for item in compare(base, head).findings] == []


@pytest.mark.parametrize("name", WEAKER)
def test_what_is_weaker_is_told_and_the_way_back_is_not(name: str) -> None:
    before, after, rule = WEAKER[name]
    base, head = tree_of(before), tree_of(after)
    assert {item.rule for item in compare(base, head).findings} == {rule}
    assert rule not in {item.rule for item in compare(head, base).findings}
    assert compare(head, head).findings == ()


@pytest.mark.parametrize("name", WEAKER)
def test_files_that_changed_are_enough_to_tell(name: str) -> None:
    before, after, rule = WEAKER[name]
    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    assert rule in {item.rule for item in compare(tree_of(before), tree_of(after), changed=changed).findings}
