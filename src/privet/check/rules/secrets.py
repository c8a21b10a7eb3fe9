"""Rules about what a project writes into its own files: secrets, and switches of programs that no other rule knows.

What has to trigger them:

- `data-secret`: a secret of a known shape in any file, or one that its name tells, in settings and code; with `--base` also a reference
  (`${DB_PASSWORD}`) that gave way to a word that everybody knows. Another value of what was written out already is no weakening.
- `own-protection-off`, `own-content-kept`: a switch whose name says what it does, turned over or brought in; only where sides are compared.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import CONTENT, DOOR, SAFE, UPLOAD, WEAKER, key, read_by
from privet.check.secret_shapes import LITERAL, REFERENCE, STAND_IN
from privet.check.values import switched, written

SECRETS: Final = read_by("any", "documentation docs/check.md",
    key("data-secret", "code:data-secret", written(REFERENCE, STAND_IN, LITERAL), DOOR, SAFE, "",
        "a secret is written out in the repository, and in its history", remedy="take it out, and change it where it is used",
        hit=Example("deploy/app.env", "OPENAI_API_KEY=sk-proj-Zx3Kq9Lw2Pv7Rt5Yb8Nm4Hc6Jd1Fg0SaUi5Tq7Bv2Wk9Ro4Lp\n"),
        miss=Example("deploy/app.env", "OPENAI_API_KEY=${OPENAI_API_KEY}\n")),
    key("own-protection-off", "code:own-protection-off", switched("safe", "weak"), UPLOAD, WEAKER, "",
        "the project's own settings switch a protection off", remedy="keep it on",
        hit=Example("deploy/app.env", "CHAT_REDACT_EMAILS=false\n"), miss=Example("deploy/app.env", "CHAT_REDACT_EMAILS=true\n")),
    key("own-content-kept", "code:own-content-kept", switched("safe", "weak"), CONTENT, SAFE, "",
        "the project's own settings let what people write be logged, kept or sent", remedy="keep it off",
        hit=Example("deploy/app.env", "CHAT_LOG_PROMPTS=true\n"),
        miss=Example("deploy/app.env", "CHAT_LOG_PROMPTS=false\n")),
)  # fmt: skip
