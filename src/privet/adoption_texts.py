"""The texts that `privet init` writes, `{version}` standing for the version of Privet.

Invariants: each section begins with a mark, by which a second run finds it. The workflow has no permission that it does not use, every
action is pinned by its commit, and nothing of a pull request is put into a command line.
"""

from __future__ import annotations

from typing import Final

_CHECKOUT: Final = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
_PYTHON: Final = "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0"

POLICY: Final = """\
# Privet's policy for this repository. Every default is on without a line here; `privet policy show` prints them with reasons.
# A table can only tighten. What has to be weaker takes an exception: `privet check` and the other commands read it from here.
#
# [[exception]]
# rule = "compose-ports-all-interfaces"     # a rule of `privet check`, or a setting of `privet policy show`
# path = "deploy/compose.demo.yaml"
# reason = "the demo machine stands in a closed network"
# owner = "ml-platform@example.com"
# expires = 2027-03-31
"""
WORKFLOW: Final = f"""\
# Fails a pull request that weakens privacy. Exceptions are read from the base branch: a change cannot approve itself.
name: privacy
on:
  pull_request:
permissions: {{}}
concurrency:
  group: privacy-${{{{ github.ref }}}}
  cancel-in-progress: true
jobs:
  privet:
    name: privet check
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
    steps:
      - uses: {_CHECKOUT}
        with:
          fetch-depth: 0
          persist-credentials: false
      - uses: {_PYTHON}
        with:
          python-version: "3.12"
      - run: pip install --disable-pip-version-check "privet=={{version}}"
      - run: privet check --base "origin/$GITHUB_BASE_REF" --format github
"""
HOOK: Final = """\
- repo: local # privet: what is about to be committed must not weaken privacy
  hooks:
    - id: privet-check
      name: privet check
      entry: privet check --base HEAD
      language: python
      additional_dependencies: ["privet=={version}"]
      require_serial: true
"""
CONTRIBUTING: Final = """\
<!-- privet: data handling -->
## Data handling

- No personal data and no secrets in this repository: not in data files, fixtures, prompts, logs, notebook outputs or screenshots.
  Use made-up people at `example.com`. `privet scrub raw/ -o clean/` cleans a dataset; `privet audit dataset clean/` proves it.
- Every pull request is compared with its base by `privet check --base origin/main`: telemetry, content logging, open ports,
  unsafe loading, dropped network policies and removed scrubbing fail it.
- What has to be weaker takes an `[[exception]]` in `privet.toml` with a reason, an owner and an end. It counts once it is on the
  base branch, so somebody else has read it.
"""
REQUEST: Final = """\
<!-- privet: privacy questions -->
## Privacy

- [ ] No personal data, secret or real prompt is in this change, its tests, its notebooks or its pictures
- [ ] Nothing new is logged, traced, uploaded or kept; or it is listed here, with how long and who can read it
- [ ] No new address is contacted; or it is an `[[exception]]` in `privet.toml`
- [ ] `privet check --base origin/main` passes
"""
CARD: Final = """\
<!-- privet: privacy section -->
## Privacy

State here what was measured, with the command and its result; leave out what was not.

| question | measured | command |
|---|---|---|
| Is raw personal data left in the training data? | not measured | `privet audit dataset DATA --raw RAW` |
| Does a change weaken the defaults? | checked on every pull request | `privet check --base origin/main` |

Personal data in training, how people can have theirs removed, and whom to write to: not stated.
"""
