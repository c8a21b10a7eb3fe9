"""Cleans a PDF a line with the few lines of pikepdf that people write by hand."""

import json
import sys
from pathlib import Path

import pikepdf

for line in sys.stdin:
    question = json.loads(line)
    answer = {"status": "emitted"}
    try:
        with pikepdf.open(question["source"]) as pdf:
            if "/Info" in pdf.trailer:
                del pdf.trailer["/Info"]
            for key in ("/Metadata", "/PieceInfo", "/OpenAction", "/AA", "/Collection"):
                if key in pdf.Root:
                    del pdf.Root[key]
            if "/Names" in pdf.Root:
                for key in ("/EmbeddedFiles", "/JavaScript"):
                    if key in pdf.Root.Names:
                        del pdf.Root.Names[key]
            for thing in pdf.objects:
                if isinstance(thing, pikepdf.Dictionary | pikepdf.Stream):
                    for key in ("/Metadata", "/PieceInfo", "/LastModified", "/Thumb", "/CreationDate", "/M", "/NM"):
                        if key in thing:
                            del thing[key]
                    if thing.get("/Subtype") in ("/Text", "/FreeText", "/Popup", "/FileAttachment") and "/T" in thing:
                        del thing["/T"]
            pdf.remove_unreferenced_resources()
            pdf.save(question["target"], deterministic_id=True)
    except Exception as error:
        Path(question["target"]).unlink(missing_ok=True)
        answer = {"status": "refused", "reason": type(error).__name__}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
