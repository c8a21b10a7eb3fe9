"""Rules for what stands before and around models: proxies, and the cloud that Terraform makes.

What a reader finds by more than a name and a value: `proxy-auth-removed`, a guard for what asks for a password or keeps addresses out.

Invariant: a row gives the exact words that the release named as its source honours.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import CONTENT, DISK, DOOR, GAP, LOGS, SAFE, SENT, WEAKER, key, read_by
from privet.check.rules.sites import SITES
from privet.check.values import any_of, better, false, has, matches, never, present, true


def _nginx(lines: str, before: str = "") -> Example:
    text = f"{before}server {{\n    listen 443 ssl;\n    server_name chat.example.com;\n{lines}    location / {{\n"
    return Example("nginx/chat.conf", f"{text}        proxy_pass http://127.0.0.1:8080;\n    }}\n}}\n")


def _caddy(lines: str) -> Example:
    return Example("Caddyfile", f"chat.example.com {{\n{lines}\treverse_proxy 127.0.0.1:8080\n}}\n")


def _made(kind: str, lines: str) -> Example:
    return Example("infra/main.tf", f'resource "{kind}" "model" {{\n{lines}}}\n')


_CERTIFICATE: Final = "    ssl_certificate /etc/nginx/certs/chat.pem;\n"
_FORMAT: Final = "log_format main '$remote_addr {}';\n"

PROXIES: Final = (
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_auth_basic_module.html",
        key("proxy-auth-removed", "code:proxy-auth-removed", present(), DOOR, WEAKER, "", "the proxy no longer asks who is calling",
            remedy="keep what asks for a password, or keeps addresses out",
            hit=_nginx(""), miss=_nginx('    auth_basic "model";\n    auth_basic_user_file /etc/nginx/users;\n'))),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_log_module.html",
        key("nginx-log-body", "log_format", matches(r"\$(?:request_body|resp_body|response_body|http_authorization|http_cookie)\b"),
            CONTENT, SAFE, "", "the access log holds what people write, or their keys", remedy="log no bodies and no credentials",
            hit=_nginx("", _FORMAT.format("$request_body")), miss=_nginx("", _FORMAT.format("$status"))),
        key("nginx-error-log", "error_log", has("debug"), LOGS, SAFE, "", "the debug log holds headers and more",
            hit=_nginx("    error_log /dev/stderr debug;\n"), miss=_nginx("    error_log /dev/stderr warn;\n"))),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_core_module.html",
        key("nginx-body-in-file", "client_body_in_file_only", any_of("on", "clean"), DISK, SAFE, "off",
            "what people write is kept in files", hit=_nginx("    client_body_in_file_only on;\n"),
            miss=_nginx("    client_body_in_file_only off;\n"))),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_ssl_module.html",
        key("nginx-tls", "ssl_certificate", never(), GAP, WEAKER, "", "prompts and answers cross the network in clear",
            remedy="keep the certificate", hit=_nginx(""), miss=_nginx(_CERTIFICATE)),
        key("nginx-tls-protocols", "ssl_protocols", matches(r"\bSSLv[23]\b|\bTLSv1(?:\.1)?(?=\s|$)"), GAP, SAFE, "TLSv1.3",
            "encryption that can be broken is offered", hit=_nginx("    ssl_protocols TLSv1 TLSv1.2;\n"),
            miss=_nginx("    ssl_protocols TLSv1.2 TLSv1.3;\n"))),
    *read_by("nginx", "documentation nginx.org/en/docs/http/ngx_http_autoindex_module.html",
        key("nginx-autoindex", "autoindex", any_of("on"), GAP, SAFE, "off", "whoever asks sees the names of all files",
            hit=_nginx("    autoindex on;\n"), miss=_nginx("    autoindex off;\n"))),
    *read_by("caddy", "documentation caddyserver.com/docs/caddyfile/directives/reverse_proxy",
        key("caddy-upstream-verify", "tls_insecure_skip_verify", present(), DOOR, SAFE, "", "prompts go to whoever answers",
            remedy="leave it out", hit=_caddy("\ttls_insecure_skip_verify\n"), miss=_caddy(""))),
    *read_by("caddy", "documentation caddyserver.com/docs/caddyfile/options",
        key("caddy-auto-https", "auto_https", has("off", "disable_certs"), GAP, SAFE, "",
            "no certificate is fetched and renewed any more, and with off nobody is sent on to TLS",
            remedy="leave it out", hit=Example("Caddyfile", "{\n\tauto_https off\n}\n:8080 {\n\treverse_proxy 127.0.0.1:8000\n}\n"),
            miss=_caddy("")),
        key("caddy-log-credentials", "log_credentials", present(), CONTENT, SAFE, "", "the log holds keys and cookies",
            remedy="leave it out", hit=Example("Caddyfile", "{\n\tservers {\n\t\tlog_credentials\n\t}\n}\n"), miss=_caddy(""))),
)  # fmt: skip

CLOUD: Final = (
    *read_by("any", "documentation registry.terraform.io/providers/hashicorp/aws/latest/docs",
        key("terraform-ingress-everywhere", "*.ingress.cidr_blocks[] *.ingress.ipv6_cidr_blocks[] *.source_ranges[]",
            any_of("0.0.0.0/0", "::/0"), DOOR, SAFE, "", "the whole internet reaches the host", remedy="name the networks that may call",
            hit=_made("aws_security_group", '  ingress {\n    cidr_blocks = ["0.0.0.0/0"]\n  }\n'),
            miss=_made("aws_security_group", '  ingress {\n    cidr_blocks = ["10.0.0.0/8"]\n  }\n')),
        key("terraform-public-access", "*.publicly_accessible *.public_network_access_enabled *.associate_public_ip_address "
            "*.ip_configuration.ipv4_enabled", true(), GAP, WEAKER, "false", "the store or host can be reached from the internet",
            hit=_made("aws_db_instance", "  publicly_accessible = true\n"),
            miss=_made("aws_db_instance", "  publicly_accessible = false\n")),
        key("terraform-public-bucket",
            "*.block_public_acls *.block_public_policy *.ignore_public_acls *.restrict_public_buckets", false(), DOOR, WEAKER, "true",
            "the bucket can be made public", hit=_made("aws_s3_bucket_public_access_block", "  block_public_acls = false\n"),
            miss=_made("aws_s3_bucket_public_access_block", "  block_public_acls = true\n")),
        key("terraform-bucket-acl", "*.acl", any_of("public-read", "public-read-write", "authenticated-read"), DOOR, SAFE, "private",
            "everybody can read the bucket", hit=_made("aws_s3_bucket_acl", '  acl = "public-read"\n'),
            miss=_made("aws_s3_bucket_acl", '  acl = "private"\n')),
        key("terraform-encryption", "*.root_block_device.encrypted *.ebs_block_device.encrypted *.ebs.encrypted *.storage_encrypted "
            "*.at_rest_encryption_enabled *.transit_encryption_enabled *.encrypt_at_rest.enabled *.aws_ebs_volume.encrypted "
            "*.aws_efs_file_system.encrypted *.aws_redshift_cluster.encrypted", false(), DISK, WEAKER,
            "true", "what is stored lies in clear on the disk",
            hit=_made("aws_ebs_volume", "  root_block_device {\n    encrypted = false\n  }\n"),
            miss=_made("aws_ebs_volume", "  root_block_device {\n    encrypted = true\n  }\n"))),
)  # fmt: skip

MODELS: Final = (
    *read_by("any", "documentation registry.terraform.io/providers/hashicorp/aws/latest/docs",
        key("terraform-network-isolation", "*.enable_network_isolation *.isolate_network", false(), SENT, WEAKER, "true",
            "the model's container reaches every host",
            hit=_made("aws_sagemaker_model", "  enable_network_isolation = false\n"),
            miss=_made("aws_sagemaker_model", "  enable_network_isolation = true\n")),
        key("terraform-data-capture", "*.data_capture_config.enable_capture", true(), CONTENT, SAFE, "false",
            "what people write, and what the model answers, is kept in a bucket",
            hit=_made("aws_sagemaker_endpoint_configuration", "  data_capture_config {\n    enable_capture = true\n  }\n"),
            miss=_made("aws_sagemaker_endpoint_configuration", "  data_capture_config {\n    enable_capture = false\n  }\n")),
        key("terraform-invocation-logging", "*.aws_bedrock_model_invocation_logging_configuration", present(), CONTENT, SAFE, "",
            "what people write, and what the models answer, is logged", remedy="leave it out",
            hit=_made("aws_bedrock_model_invocation_logging_configuration", "  logging_config {\n    video_enabled = true\n  }\n"),
            miss=_made("aws_bedrock_guardrail", '  name = "model"\n')),
        key("terraform-kms-key", "tf.kms", never(), DISK, WEAKER, "", "what is stored is not encrypted with a key of your own",
            remedy="name the key", hit=_made("aws_cloudwatch_log_group", '  name = "model"\n'),
            miss=_made("aws_cloudwatch_log_group", '  name = "model"\n  kms_key_id = aws_kms_key.model.arn\n')),
        key("terraform-egress", "tf.egress.limited", better("true"), SENT, SAFE, "true", "the host reaches every other",
            remedy="name the networks that are needed",
            hit=_made("aws_security_group", '  egress {\n    cidr_blocks = ["0.0.0.0/0"]\n  }\n'),
            miss=_made("aws_security_group", '  egress {\n    cidr_blocks = ["10.0.0.0/8"]\n  }\n')),
        key("terraform-listener-tls", "*.aws_lb_listener.protocol *.aws_alb_listener.protocol", better("https", "tls"), GAP, SAFE, "HTTPS",
            "prompts and answers cross the network in clear", hit=_made("aws_lb_listener", '  protocol = "HTTP"\n'),
            miss=_made("aws_lb_listener", '  protocol = "HTTPS"\n')),
        key("terraform-protection-removed", "code:terraform-protection-removed", present(), DOOR, WEAKER, "",
            "nothing keeps the store closed or encrypted, or what is in it from staying for ever, any more", remedy="keep the resource",
            hit=_made("aws_s3_bucket", '  bucket = "model"\n'),
            miss=Example("infra/main.tf", 'resource "aws_s3_bucket" "model" {\n  bucket = "model"\n}\n'
            'resource "aws_s3_bucket_public_access_block" "model" {\n  bucket = aws_s3_bucket.model.id\n  block_public_acls = true\n}\n'))),
    *read_by("any", "documentation registry.terraform.io/providers/hashicorp/google/latest/docs",
        key("terraform-private-service-connect", "*.enable_private_service_connect *.enable_private_nodes "
            "*.enable_private_endpoint", false(), GAP, WEAKER, "true", "what runs the model can be reached from outside",
            hit=_made("google_vertex_ai_endpoint",
            "  private_service_connect_config {\n    enable_private_service_connect = false\n  }\n"),
            miss=_made("google_vertex_ai_endpoint",
            "  private_service_connect_config {\n    enable_private_service_connect = true\n  }\n"))),
)  # fmt: skip

HOSTS: Final = (*PROXIES, *SITES, *CLOUD, *MODELS)
