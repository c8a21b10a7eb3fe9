"""Cleans a file a line with mat2; runs in the Python of the system, where mat2 is installed."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from libmat2 import UnknownMemberPolicy, parser_factory

out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
scratch = Path(tempfile.mkdtemp(prefix="mat2-"))
for line in sys.stdin:
    question = json.loads(line)
    # mat2 writes beside the source, and leaves what it gave up.
    source = str(scratch / Path(question["source"]).name)
    if Path(question["source"]).is_file():
        shutil.copyfile(question["source"], source)
    answer = {"status": "refused"}
    try:
        parser, kind = parser_factory.get_parser(source)
        if parser is None:
            answer["reason"] = f"not supported: {kind}"
        else:
            parser.unknown_member_policy = UnknownMemberPolicy.ABORT
            if hasattr(parser, "sandbox"):
                parser.sandbox = True
            if parser.remove_all():
                shutil.move(parser.output_filename, question["target"])
                answer = {"status": "emitted"}
    except ValueError as error:
        answer["reason"] = f"ValueError: {error}"[:200]
    except Exception as error:
        answer = {"status": "crashed", "reason": f"{type(error).__name__}: {error}"[:200]}
    for path in scratch.iterdir():
        path.unlink()
    out.write(json.dumps(answer) + "\n")
    out.flush()
shutil.rmtree(scratch, ignore_errors=True)
