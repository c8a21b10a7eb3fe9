"""Rules for Dockerfiles."""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import (
    DISK,
    DOOR,
    FETCH,
    FOREIGN,
    GAP,
    KEPT,
    LAYER,
    SAFE,
    SENT,
    UNVETTED,
    WEAKER,
    key,
    read_by,
)
from privet.check.values import added, any_of, matches, present


def _image(text: str) -> Example:
    return Example("Dockerfile", f'FROM python:3.13-slim\nWORKDIR /app\n{text}USER 1000\nCMD ["python", "serve.py"]\n')


_OFFLINE: Final = "FROM python:3.13-slim\nENV HF_HUB_OFFLINE=1\n"
_MODEL: Final = r"\b(?:hf|huggingface-cli)\s+download\b|snapshot_download|\bollama\s+pull\b|from_pretrained\("

DOCKER: Final = read_by("docker", "documentation docs.docker.com/reference/dockerfile",
    key("dockerfile-user-root", "docker.user", matches(r"^(?:root|0)(?::|$)"), LAYER, WEAKER, "", "the program runs as root",
        hit=Example("Dockerfile", 'FROM python:3.13-slim\nUSER root\nCMD ["python", "serve.py"]\n'), miss=_image(""),
        remedy="end with a USER other than root"),
    key("image-environment-dropped", "code:image-environment-dropped", added(), GAP, SAFE, "",
        "what the image sets to keep telemetry, downloads and traces off does not reach the program",
        remedy="start it with gosu or su-exec, which keep the environment",
        hit=Example("Dockerfile", f'{_OFFLINE}CMD su - app -c "python serve.py"\n'),
        miss=Example("Dockerfile", f"{_OFFLINE}CMD gosu app python serve.py\n")),
    key("dockerfile-copy-data", "docker.copy[] docker.add[]",
        matches(r"(?:^|/)(?:\.env(?:\.(?!example|sample|template|dist)[\w.]*)?|\.git|\.aws|\.ssh|\.netrc|\.huggingface|id_[rd]sa|data|"
        r"datasets?|prompts|logs|transcripts)/?$|\.(?:jsonl|parquet|csv|ndjson|arrow|sqlite3?|db|pem|key)$"),
        KEPT, SAFE, "", "data or secrets stay in a layer of the image, for whoever gets it", hit=_image("COPY data/ /app/data/\n"),
        miss=_image("COPY src/ /app/src/\n"),
        remedy="mount it when the container runs"),
    key("dockerfile-copy-all", "docker.copy[]", any_of("."), DISK.noted, SAFE, "",
        "whatever lies in the folder is in the image, unless .dockerignore keeps it out",
        hit=_image("COPY . /app\n"), miss=_image("COPY src/ /app/src/\n"), remedy="name what the image needs"),
    key("dockerfile-add-remote", "docker.add[]", matches(r"^(?:https?|git)(?:://|@)"), FETCH, SAFE, "",
        "what is fetched may be another tomorrow",
        hit=_image("ADD https://models.example.com/model.gguf /models/\n"),
        miss=_image("ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d ./model.gguf /models/\n"),
        remedy="fetch it with a checksum in a stage of its own"),
    key("dockerfile-run-pipe", "docker.run[]", matches(r"(?:curl|wget)[^|;&\n]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b"), UNVETTED, SAFE, "",
        "a script from the network runs unread",
        hit=_image("RUN curl -fsSL https://get.example.com/install.sh | sh\n"),
        miss=_image("RUN curl -fsSLO https://get.example.com/tool.tar.gz && sha256sum -c tool.sha256\n"),
        remedy="fetch it, check its sum, then run it"),
    key("dockerfile-run-insecure", "docker.run[]",
        matches(r"\bcurl\b[^|;&\n]*\s(?:-\w*k\w*|--insecure)\b|\bwget\b[^|;&\n]*--no-check-certificate|--trusted-host\b"
        r"|sslVerify\s*=?\s*false|apt-get[^|;&\n]*--allow-unauthenticated"),
        FOREIGN, SAFE, "", "what is fetched comes from whoever answers",
        hit=_image("RUN curl -k -O https://models.example.com/model.gguf\n"),
        miss=_image("RUN curl -fO https://models.example.com/model.gguf\n"), remedy="let the certificate be checked"),
    key("dockerfile-secret-argument", "code:dockerfile-secret-argument", present(), GAP, SAFE, "",
        "the secret stays in the image's history, for whoever gets the image", remedy="mount it with RUN --mount=type=secret",
        hit=_image("ARG HF_TOKEN\nRUN python fetch.py\n"),
        miss=_image("RUN --mount=type=secret,id=hf,env=HF_TOKEN python fetch.py\n")),
    key("dockerfile-secret-kept", "docker.run[]", matches(r"\bcat\s+/run/secrets/[\w.-]++\s*>{1,2}\s*(?!/dev/|/run/)[\w/~$.]"
        r"|\bcp\s+/run/secrets/[\w.-]++\s+(?!/dev/|/run/)[\w/~$.]"),
        DOOR, SAFE, "", "the secret stays in a layer of the image", remedy="use it where it is mounted",
        hit=_image("RUN --mount=type=secret,id=hf cat /run/secrets/hf > /root/token\n"),
        miss=_image("RUN --mount=type=secret,id=hf HF_TOKEN=$(cat /run/secrets/hf) python fetch.py\n")),
    key("dockerfile-healthcheck-remote", "docker.healthcheck", matches(r"https?://(?!localhost|127\.|\[::1\]|0\.0\.0\.0|\$)[\w-]+\."),
        SENT, SAFE, "", "another host is told again and again that the container runs",
        hit=_image("HEALTHCHECK CMD curl -fsS https://status.example.com/ping\n"),
        miss=_image("HEALTHCHECK CMD curl -fsS http://127.0.0.1:8000/health\n"),
        remedy="ask the container's own port"),
    key("dockerfile-from-latest", "docker.from", matches(r":latest$"), LAYER.noted, SAFE, "",
        "tomorrow the image may be built on another program",
        hit=Example("Dockerfile", "FROM vllm/vllm-openai:latest\nUSER 1000\n"), miss=_image(""),
        remedy="name a version, or better a digest"),
    key("dockerfile-model-at-build", "docker.run[]", matches(_MODEL), FETCH.noted, SAFE, "",
        "a model is fetched by name, without a digest",
        hit=_image("RUN hf download example-org/model --local-dir /models\n"),
        miss=_image("RUN pip install --no-cache-dir --require-hashes -r requirements.txt\n"),
        remedy="name the revision by its hash, or copy the files in"),
)  # fmt: skip
