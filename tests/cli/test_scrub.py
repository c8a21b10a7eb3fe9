"""`privet scrub` as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from itertools import product
from pathlib import Path

import pytest

from privet.evidence import is_signed, merkle_root
from privet.redact import restore

EMAIL = "jane.doe@example.com"
KEY = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Here:
    """A folder with a home of its own, in which the command runs."""

    path: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.path / "home"), "XDG_STATE_HOME": str(self.path / "state")}

    def command(self, *words: object) -> list[str]:
        return [str(Path(sys.executable).with_name("privet")), "scrub", *map(str, words), "--tier", "patterns"]

    def run(self, *words: object, content: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            self.command(*words),
            input=content,
            capture_output=True,
            check=False,
            timeout=100,
            cwd=self.path,
            env=self.environment,
        )
        assert done.returncode == code, done
        return done

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def out(self, name: str) -> bytes:
        return (self.path / "out" / name).read_bytes()

    def tree(self, folder: str = "out") -> dict[str, bytes]:
        top = self.path / folder
        return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}

    def manifest(self) -> dict[str, dict[str, object]]:
        document = json.loads(self.out("privet-manifest.json"))
        return {entry["input"]: entry for entry in document["files"]}


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_clean_is_exit_0_and_the_manifest_is_what_json_prints(here: Here) -> None:
    here.file("raw/a.txt", f"to {EMAIL}\n")
    done = here.run("raw", "-o", "out", "--json")
    assert done.stdout == here.out("privet-manifest.json")
    assert done.stderr == b""
    document = json.loads(done.stdout)
    assert is_signed(document)
    assert document["merkle_root"] == merkle_root(document["files"])
    assert here.out("a.txt") == b"to [EMAIL_ADDRESS]\n"
    again = here.run("raw", "-o", "out")
    assert again.stdout.startswith(b"nothing to do")
    assert here.run("raw", "-o", "out", "--json").stdout == done.stdout


def test_what_is_set_aside_is_exit_1_and_said(here: Here) -> None:
    here.file("raw/a.txt", "words\n")
    here.file("raw/of jane.doe@example.com.bin", bytes(range(256)) * 9)
    done = here.run("raw", "-o", "out", code=1)
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "1 of 2 files clean, 1 set aside"
    assert "  set aside    of EMAIL_ADDRESS.bin: its format is not known" in lines
    assert lines[-1] == "next: privet audit dataset out"
    assert b"jane" not in done.stdout + done.stderr
    assert here.run("raw", "-o", "out", "--json", code=1).stdout == here.out("privet-manifest.json")


def test_what_is_attached_and_cannot_be_cleaned_is_exit_1_and_no_metadata(here: Here) -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a", "boats"
    mail.set_content("hello")
    mail.add_attachment(b"MZ" + bytes(300), maintype="application", subtype="x-a", filename="a.exe")
    here.file("raw/m.eml", mail.as_bytes())
    with zipfile.ZipFile(here.path / "raw" / "u.zip", "w") as archive:
        archive.writestr("../../evil.txt", "words\n")
        archive.writestr("ok.txt", "words\n")
    said = here.run("raw", "-o", "out", code=1).stdout.decode()
    assert "set aside    m.eml: 1 of its members\n" in said
    assert "set aside    u.zip: 1 of its members\n" in said
    assert "metadata" not in said
    told = {name: entry["members"] for name, entry in here.manifest().items()}
    assert told["m.eml"] == [{"name": "a.exe", "reason": "a program"}]
    assert told["u.zip"] == [{"name": "evil.txt", "reason": "its name leads out of the archive, or cannot be shown"}]


def test_it_is_said_of_which_files_rows_were_dropped(here: Here) -> None:
    words = "the old tree near the wall of the yard was cut down last week by two men with a saw and a rope"
    near = words.replace("last week", "last month")
    whole = "".join(
        f'{{"text": "{text} and {EMAIL}"}}\n' for text in (words, near, words, "nothing of the kind is said")
    )
    here.file(f"raw/of {EMAIL}.jsonl", whole)
    here.file("raw/b.jsonl", f'{{"text": "{words} and {EMAIL}"}}\n{{"text": "here is one more"}}\n')
    here.file("raw/c.jsonl", '{"text": "all of this stays"}\n')
    here.file("privet.toml", "[scrub]\nnear_similarity = 0.6\n")
    lines = here.run("raw", "-o", "out").stdout.decode().splitlines()
    assert [line for line in lines if line.startswith("  dropped")] == [
        "  dropped      of EMAIL_ADDRESS.jsonl: 2 duplicates, 1 near duplicate",
    ]
    assert "tree" not in "".join(lines)


def test_one_file_into_what_is_called_like_a_file_is_refused(here: Here) -> None:
    here.file("note.md", f"to {EMAIL}\n")
    here.file("raw.d/a.txt", "x")
    for out in ("clean.md", "deep/clean.MD"):
        done = here.run("note.md", "-o", out, code=2)
        assert b"-o names a folder" in done.stderr
        assert b"privet scrub - <" in done.stderr
        assert done.stdout == b""
    assert not (here.path / "clean.md").exists()
    assert not (here.path / "deep").exists()
    here.run("note.md", "-o", "clean")
    here.run("note.md", "-o", "clean.v2")
    here.run("raw.d", "-o", "out.d")
    here.run("note.md", "raw.d/a.txt", "-o", "both.md")
    # A folder that is there is meant as one.
    (here.path / "there.md").mkdir()
    here.run("note.md", "-o", "there.md")
    assert (here.path / "there.md" / "note.md").read_text() == "to [EMAIL_ADDRESS]\n"


def test_bad_input_is_exit_2_with_a_hint_and_nothing_is_written(here: Here) -> None:
    here.file("raw/a.txt", "x")
    here.file("full/mine.txt", "x")
    here.file("file", "x")
    for words in (
        ("raw",),
        ("nowhere", "-o", "out"),
        ("raw", "-o", "raw/out"),
        ("raw", "-o", "full"),
        ("raw", "-o", "file"),
        ("raw", "-o", "out", "--workers", "0"),
        ("raw", "-o", "out", "--workers", "-1"),
        ("raw", "-o", "out", "--key-file", "missing"),
        ("-", "raw"),
        ("-", "-o", "out"),
        ("-", "--json"),
    ):
        done = here.run(*words, code=2)
        assert done.stdout == b""
        assert done.stderr.startswith(b"privet scrub: ")
        assert done.stderr.count(b"\n") == 2
    assert not (here.path / "out").exists()
    assert here.tree("full") == {"mine.txt": b"x"}


def test_names_that_are_hard_to_write_come_through(here: Here) -> None:
    names = [
        b" a .txt",
        b"line\nend.txt",
        "überall 文件.txt".encode(),
        b"caf\xe9.txt",
        b"-o",
        b"x" * 251 + b".txt",
        b"a\x1b[31m.txt",
    ]
    (here.path / "raw").mkdir()
    for name in names:
        (here.path / "raw" / os.fsdecode(name)).write_bytes(name)
    (here.path / "raw" / ("j@x.co " * 36 + ".md")).write_text("x")
    done = here.run("raw", "-o", "out")
    assert b"\x1b" not in done.stdout
    assert len(here.tree()) == len(names) + 2
    assert here.out("überall 文件.txt") == "überall 文件.txt".encode()
    assert here.out("line_end.txt") == b"line\nend.txt"


def test_names_that_differ_in_case_get_places_of_their_own(here: Here) -> None:
    for name in ("a.txt", "A.txt", "a.TXT"):
        here.file(f"raw/{name}", name)
    here.run("raw", "-o", "out")
    assert {name.casefold(): content for name, content in here.tree().items() if "manifest" not in name} == {
        "a.txt": b"A.txt", "a-2.txt": b"a.TXT", "a-3.txt": b"a.txt",
    }  # fmt: skip


def test_links_and_loops_lead_nowhere(here: Here) -> None:
    here.file("secret/s.txt", EMAIL)
    real = here.file("raw/deep/a.txt", "words\n")
    (here.path / "raw" / "loop").symlink_to(".")
    (here.path / "raw" / "deep" / "up").symlink_to("..")
    (here.path / "raw" / "out").symlink_to("../secret/s.txt")
    (here.path / "raw" / "twin.txt").hardlink_to(real)
    here.run("raw", "-o", "out", code=1)
    assert set(here.tree()) == {"deep/a.txt", "twin.txt", "privet-manifest.json"}


POLICY = """
[scrub]
columns = ["who", "mail", "age", "zip", "visit", "note", "row"]
near_duplicates = "drop"

[[scrub.transform]]
column = "who"
how = "pseudonym"
[[scrub.transform]]
column = "mail"
how = "token"
[[scrub.transform]]
column = "age"
how = "generalise"
step = 10
[[scrub.transform]]
column = "zip"
how = "generalise"
keep_chars = 2
[[scrub.transform]]
column = "visit"
how = "shift"
subject = "who"
[[scrub.transform]]
column = "row"
how = "remove"
[[scrub.transform]]
kind = "IP_ADDRESS"
how = "pseudonym"
"""


def test_columns_and_kinds_become_what_the_policy_says(here: Here) -> None:
    here.file("privet.toml", POLICY)
    here.file("key", KEY)
    people = [("Ada", 34, "10115"), ("Bob", 67, "20095")]
    words = [f"word{number}" for number in range(400)]
    rows = [
        {
            "who": who, "mail": f"{who.lower()}@example.com", "age": age, "zip": code, "visit": day, "row": number,
            "note": f"{' '.join(words[number * 40 : number * 40 + 40])} 192.0.2.{age}", "secret": "x",
        }
        for number, ((who, age, code), day) in enumerate(product(people * 2, ("2020-01-01", "2020-03-01")))
    ]  # fmt: skip
    here.file("raw/a.jsonl", "".join(json.dumps(row) + "\n" for row in rows[:4]))
    table = io.StringIO()
    writer = csv.DictWriter(table, rows[0])
    writer.writeheader()
    writer.writerows(rows[4:])
    here.file("raw/b/b.csv", table.getvalue())
    done = here.run("raw", "-o", "out", "--key-file", "key")
    lines = [json.loads(line) for line in here.out("a.jsonl").splitlines()]
    cells = list(csv.DictReader(io.StringIO(here.out("b/b.csv").decode())))
    assert [row["who"] for row in lines] == [row["who"] for row in cells]
    assert [row["note"].split()[-1] for row in lines] == [row["note"].split()[-1] for row in cells]
    assert lines[0]["note"].split()[-1].startswith("[IP_ADDRESS_")
    assert lines[0]["note"].split()[:-1] == words[:40]
    assert lines[0]["who"] == lines[1]["who"] != lines[2]["who"] == lines[3]["who"]
    assert lines[0]["who"].startswith("[PERSON_") or lines[0]["who"].startswith("[ID_NUMBER_")
    assert "secret" not in lines[0]
    assert [row["row"] for row in lines] == [None] * 4
    assert [row["age"] for row in lines] == [30, 30, 60, 60]
    assert [row["zip"] for row in cells] == ["10***", "10***", "20***", "20***"]
    days = [date.fromisoformat(row["visit"]) for row in lines]
    assert (days[1] - days[0]).days == (days[3] - days[2]).days == 60
    assert days[0] != date(2020, 1, 1)
    assert days[0] != days[2]
    assert restore(lines[0]["mail"], key=KEY) == "ada@example.com"
    entry = here.manifest()["a.jsonl"]
    assert entry["dropped_columns"] == {"secret": 4}
    assert b"example.com" not in b"".join(here.tree().values()) + done.stdout


def test_a_transform_that_needs_a_key_is_refused_without_one(here: Here) -> None:
    here.file("privet.toml", POLICY)
    here.file("raw/a.txt", "x")
    for words in (("raw", "-o", "out"), ("-",)):
        assert b"needs a key" in here.run(*words, code=2).stderr
    assert not (here.path / "out").exists()


def test_small_groups_go(here: Here) -> None:
    here.file(
        "privet.toml", '[scrub]\nquasi_identifiers = ["age", "city"]\nsensitive = ["ill"]\nnear_duplicates = "drop"\n'
    )
    rows = [{"age": 30, "city": "Ulm", "ill": "flu" if n % 2 else "gout", "n": n} for n in range(6)]
    rows += [{"age": 40, "city": "Ulm", "ill": "flu", "n": n} for n in range(6)]
    rows += [{"age": 50, "city": "Ulm", "ill": f"{n}", "n": n} for n in range(4)]
    here.file("raw/a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    here.run("raw", "-o", "out")
    left = [json.loads(line) for line in here.out("a.jsonl").splitlines()]
    assert {row["age"] for row in left} == {30}
    assert here.manifest()["a.jsonl"]["rows"] == {
        "read": 16, "written": 6, "duplicates": 0, "near_duplicates": 0, "suppressed": 10,
    }  # fmt: skip


def test_an_exception_that_is_over_keeps_no_duplicates(here: Here) -> None:
    here.file(
        "privet.toml",
        '[[exception]]\nrule = "scrub.duplicates"\nvalue = "keep"\nreason = "counts matter here"\n'
        'owner = "data@example.com"\nexpires = 2020-01-01\n',
    )
    here.file("raw/a.jsonl", '{"a": 1}\n' * 3)
    done = here.run("raw", "-o", "out", "--json")
    assert here.out("a.jsonl") == b'{"a": 1}\n'
    assert json.loads(done.stdout)["files"][0]["rows"]["duplicates"] == 2


FILTERED = [
    (f"to {EMAIL}\n".encode(), b"to [EMAIL_ADDRESS]\n"),
    (f'{{"m": "{EMAIL}"}}\n{{"m": 1}}\n'.encode(), b'{"m": "[EMAIL_ADDRESS]"}\n{"m": 1}\n'),
    (f"m,n\n{EMAIL},1\n".encode(), b"m,n\n[EMAIL_ADDRESS],1\n"),
]


@pytest.mark.parametrize(("content", "expected"), FILTERED)
def test_a_dash_is_a_filter(here: Here, content: bytes, expected: bytes) -> None:
    done = here.run("-", content=content)
    assert (done.stdout, done.stderr) == (expected, b"")


def test_a_filter_takes_pictures_and_documents(here: Here) -> None:
    from docx import Document
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Author", EMAIL)
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG", pnginfo=told)
    cleaned = here.run("-", content=picture.getvalue()).stdout
    assert EMAIL.encode() not in cleaned
    with Image.open(io.BytesIO(cleaned)) as image:
        assert image.getpixel((3, 3)) == (255, 0, 0)
    document = Document()
    document.add_paragraph(f"to {EMAIL} today")
    document.core_properties.author = EMAIL
    written = io.BytesIO()
    document.save(written)
    cleaned = here.run("-", content=written.getvalue()).stdout
    assert [paragraph.text for paragraph in Document(io.BytesIO(cleaned)).paragraphs] == ["to [EMAIL_ADDRESS] today"]
    with zipfile.ZipFile(io.BytesIO(cleaned)) as archive:
        assert all(EMAIL.encode() not in archive.read(name) for name in archive.namelist())


def test_what_a_filter_cannot_clean_is_exit_3(here: Here) -> None:
    for content in (bytes(range(256)) * 9, b"\x7fELF" + bytes(99), zlib.compress(b"x")):
        done = here.run("-", content=content, code=3)
        assert done.stdout == b""
        assert done.stderr.startswith(b"privet scrub: the input cannot be cleaned: ")


def test_a_filter_whose_output_goes_away_or_is_full(here: Here) -> None:
    text = f"to {EMAIL} and on\n\n".encode() * 20_000
    for output, code in (("| head -c 5", 0), ("> /dev/full", 2)):
        done = subprocess.run(
            ["/bin/bash", "-c", f'set -o pipefail; "$@" {output}', "bash", *here.command("-")],
            input=text, capture_output=True, check=False, cwd=here.path, env=here.environment,
        )  # fmt: skip
        assert done.returncode == code, done
        assert (done.stderr == b"") == (code == 0)
        assert b"Traceback" not in done.stderr
    done = subprocess.run(
        ["/bin/bash", "-c", '"$@" <&-', "bash", *here.command("-")],
        capture_output=True,
        check=False,
        cwd=here.path,
        env=here.environment,
    )
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 2)


def many(here: Here) -> None:
    for number in range(160):
        here.file(f"raw/{number % 5}/{number}.txt", f"number {number} to {EMAIL}\n" * 200)
    here.file("raw/rows.jsonl", "".join(f'{{"n": {n}, "m": "words {n} to {EMAIL}"}}\n' for n in range(4000)))


@contextmanager
def started(here: Here, *words: object) -> Iterator[subprocess.Popen[bytes]]:
    command = here.command(*words)
    with subprocess.Popen(
        command,
        cwd=here.path,
        env=here.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as run:
        yield run


def records(here: Here) -> int:
    folder = here.path / "out" / ".privet-work" / "state"
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def is_caught(run: subprocess.Popen[bytes], how: signal.Signals) -> bool:
    """Tell whether a program is far enough to do something about a signal, if anything can be done."""
    with suppress(OSError):
        said = Path(f"/proc/{run.pid}/status").read_text()
        return how is signal.SIGKILL or bool(int(said.partition("SigCgt:")[2].split()[0], 16) >> (how - 1) & 1)
    return False


def test_a_run_that_is_stopped_again_and_again_goes_on_to_the_same_bytes(here: Here) -> None:
    many(here)
    for how, after in ((signal.SIGINT, 1), (signal.SIGKILL, 2), (signal.SIGHUP, 3), (signal.SIGTERM, 4)):
        for _attempt in range(5):
            with started(here, "raw", "-o", "out", "--workers", "2") as run:
                while (records(here) < after or not is_caught(run, how)) and run.poll() is None:
                    os.sched_yield()
                # A terminal sends it to all processes of the command.
                with suppress(ProcessLookupError):
                    (os.killpg if how in (signal.SIGINT, signal.SIGHUP) else os.kill)(run.pid, how)
                _, errors = run.communicate(timeout=60)
            if run.returncode:
                break
            shutil.rmtree(here.path / "out")  # on a busy machine it was done before it could be stopped
        assert run.returncode == (-how if how is signal.SIGKILL else 128 + how)
        if how is not signal.SIGKILL:
            assert errors == b"privet scrub: stopped; the same command goes on where it was\n"
        assert [path.name for path in (here.path / "out").iterdir()] == [".privet-work"]
        assert records(here) >= after
    here.run("raw", "-o", "out")
    here.run("raw", "-o", "whole")
    assert here.tree() == here.tree("whole")
    assert not list(here.path.glob("out/**/.privet*"))


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str, str], Path]]:
    """Return a function that mounts a small file system; skips where that is not allowed."""
    places: list[Path] = []

    def mount(name: str, options: str) -> Path:
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        done = subprocess.run(
            ["/usr/bin/env", "mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("mounting takes rights that this user does not have")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["/usr/bin/env", "umount", "-l", place], check=True)


def test_a_full_disk_is_said_and_the_rerun_completes(here: Here, mounted: Callable[[str, str], Path]) -> None:
    many(here)
    mounted("out", "size=2m")
    done = here.run("raw", "-o", "out", code=2)
    assert b"No space left" in done.stderr
    assert b"same command again" in done.stderr
    assert [path.name for path in (here.path / "out").iterdir()] == [".privet-work"]
    subprocess.run(["/usr/bin/env", "mount", "-o", "remount,size=100m", here.path / "out"], check=True)
    here.run("raw", "-o", "out")
    here.run("raw", "-o", "whole")
    assert here.tree() == here.tree("whole")


def test_an_output_that_cannot_be_written_is_said(here: Here, mounted: Callable[[str, str], Path]) -> None:
    here.file("raw/a.txt", "x")
    mounted("fixed", "size=1m,ro")
    for place in ("fixed", "fixed/below"):
        done = here.run("raw", "-o", place, code=2)
        assert b"cannot be written (Read-only file system)" in done.stderr


def test_three_thousand_small_files_and_a_deep_folder(here: Here) -> None:
    for number in range(50):
        (here.path / "raw" / str(number)).mkdir(parents=True)
    for number in range(3000):
        (here.path / "raw" / str(number % 50) / f"{number}.txt").write_text(str(number))
    here.file("raw/" + "/".join(["deep"] * 150) + "/a.txt", EMAIL)
    here.run("raw", "-o", "out")
    found = here.tree()
    assert len(found) == 3002
    assert found["49/2999.txt"] == b"2999"
    assert found["/".join(["deep"] * 150) + "/a.txt"] == b"[EMAIL_ADDRESS]"


def test_bombs_are_set_aside_within_bounds(here: Here) -> None:
    here.file("privet.toml", "[scrub]\nmax_unpacked_bytes = 16777216\nmax_seconds = 30\n")
    zeros = bytes(96 << 20)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", zeros)
    here.file("raw/a.zip", bomb.getvalue())
    here.file("raw/pages.pdf", bomb_pdf(zlib.compress(b" " * len(zeros), 9)))
    here.file("raw/fine.txt", "words\n")
    del zeros
    # A small process starts the run: one that this large one starts counts its parent's memory as its own.
    code = "import resource as r, subprocess as s, sys; c = s.run(sys.argv[1:], stdout=s.DEVNULL).returncode; "
    code += "print(c, r.getrusage(r.RUSAGE_CHILDREN).ru_maxrss)"
    command = [sys.executable, "-c", code, *here.command("raw", "-o", "out", "--workers", "1")]
    done = subprocess.run(command, cwd=here.path, env=here.environment, capture_output=True, check=True)
    status, most = map(int, done.stdout.split())
    assert status == 1
    assert here.manifest()["a.zip"]["status"] == "set-aside"
    assert here.out("fine.txt") == b"words\n"
    assert most < 400_000


def bomb_pdf(packed: bytes) -> bytes:
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), packed),
    ]
    out = b"%PDF-1.7\n"
    places = []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 5\n0000000000 65535 f \n%strailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        len(out),
    )


def test_archives_lead_nowhere_outside(here: Here) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("../up.txt", "/tmp/privet-escaped.txt", "a/../../../up.txt", "ok.txt"):
            file.writestr(name, "words\n")
    here.file("raw/a.zip", archive.getvalue())
    here.run("raw", "-o", "out", code=1)
    with zipfile.ZipFile(here.path / "out" / "a.zip") as file:
        assert file.namelist() == ["ok.txt"]
    assert not Path("/tmp/privet-escaped.txt").exists()
    assert not list(here.path.rglob("up.txt"))
