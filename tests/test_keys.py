"""Keys: what is on disk, what opens, what is refused, and what a crash leaves."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import BadInput, Unprotected
from privet.keys import FORMAT, IssuedKey, KeyRing, derive, state_folder

# The search for secrets in every encoding is shared with the promises.
sys.path.append(str(Path(__file__).parent / "promises"))

import leaks

SECRET_BYTES = 32


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_state_folder_and_the_key_file_are_the_owners_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        folder = state_folder({"XDG_STATE_HOME": str(tmp_path)})
        KeyRing.load(folder / "keys.json").issue()
    finally:
        os.umask(old)
    assert folder == tmp_path / "privet"
    assert mode(folder) == 0o700
    assert mode(folder / "keys.json") == 0o600
    assert [path.name for path in folder.iterdir()] == ["keys.json"]


def test_an_open_state_folder_is_closed(tmp_path: Path) -> None:
    (tmp_path / "privet").mkdir(mode=0o755)
    assert mode(state_folder({"XDG_STATE_HOME": str(tmp_path)})) == 0o700


@pytest.mark.parametrize("relative", ["", "state", "./state"])
def test_without_an_absolute_state_home_the_home_is_used(tmp_path: Path, relative: str) -> None:
    folder = state_folder({"XDG_STATE_HOME": relative, "HOME": str(tmp_path)})
    assert folder == tmp_path / ".local" / "state" / "privet"
    assert folder.is_dir()


def test_a_state_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "privet").write_text("in the way", encoding="utf-8")
    with pytest.raises(Unprotected, match="cannot be made"):
        state_folder({"XDG_STATE_HOME": str(tmp_path)})
    with pytest.raises(Unprotected, match="cannot be made"):
        state_folder({"HOME": "~nobody-of-this-name"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_state_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "privet").mkdir()
    os.chown(tmp_path / "privet", 65534, 65534)
    with pytest.raises(Unprotected, match="belongs to another user"):
        state_folder({"XDG_STATE_HOME": str(tmp_path)})


def test_only_the_hash_of_a_key_is_on_disk(tmp_path: Path) -> None:
    issued = KeyRing.load(tmp_path / "keys.json").issue()
    random = issued.secret.removeprefix("privet_")
    raw = base64.urlsafe_b64decode(random + "=")
    assert len(raw) == SECRET_BYTES
    files = leaks.files_under(tmp_path)
    assert leaks.find([leaks.Canary("key", issued.secret, random.lower())], files) == []
    for content in files.values():
        assert raw not in content
        assert raw.hex().encode() not in content.lower()
    document = json.loads((tmp_path / "keys.json").read_bytes())
    assert document["format"] == FORMAT
    (entry,) = document["keys"]
    assert set(entry) == {"id", "sha256", "created"}
    assert entry["id"] == issued.key_id
    assert entry["sha256"] == hashlib.sha256(issued.secret.encode()).hexdigest()


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    ring = KeyRing.load(tmp_path / "keys.json")
    issued = ring.issue()
    assert issued.secret.startswith("privet_")
    for shown in (repr(issued), str(issued), f"{issued}", repr(ring), repr([issued])):
        assert issued.secret not in shown
        assert issued.secret[7:] not in shown
    assert issued.key_id in repr(issued)


def test_a_key_opens_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    issued = KeyRing.load(path).issue()
    ring = KeyRing.load(path)
    assert len(ring) == 1
    assert ring.folder == tmp_path
    assert ring.find(issued.secret) == issued.key_id
    assert ring.find(issued.secret.encode()) == issued.key_id


def test_a_new_key_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = KeyRing.load(path)
    old, new = ring.issue(), ring.issue()
    assert old.secret != new.secret
    for each in (ring, KeyRing.load(path)):
        assert len(each) == 1
        assert each.find(old.secret) is None
        assert each.find(new.secret) == new.key_id


def test_nothing_opens_an_empty_ring(tmp_path: Path) -> None:
    ring = KeyRing.load(tmp_path / "keys.json")
    assert len(ring) == 0
    assert ring.find("") is None
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda _: "",
        lambda _: b"",
        lambda _: "privet_",
        lambda _: "\ud800",
        lambda _: "\0" * 100_000,
        lambda _: b"\xff\xfe",
        lambda key: key.secret[:-1],
        lambda key: key.secret + " ",
        lambda key: key.secret.swapcase(),
        lambda key: key.secret + "\ud800",
        lambda key: key.key_id,
        lambda key: hashlib.sha256(key.secret.encode()).digest(),
        lambda key: hashlib.sha256(key.secret.encode()).hexdigest(),
    ],
)
def test_nothing_but_the_key_opens(tmp_path: Path, wrong: Callable[[IssuedKey], str | bytes]) -> None:
    ring = KeyRing.load(tmp_path / "keys.json")
    assert ring.find(wrong(ring.issue())) is None


@given(st.text(st.characters(), max_size=60) | st.binary(max_size=60))
def test_no_guess_opens_or_raises(guess: str | bytes) -> None:
    ring, _ = KeyRing.temporary()
    assert ring.find(guess) is None


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601, 0o602])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "keys.json"
    KeyRing.load(path).issue()
    path.chmod(bits)
    with pytest.raises(Unprotected, match="read by others") as caught:
        KeyRing.load(path)
    assert "chmod 600" in caught.value.hint


ENTRY = {"id": "key_1", "sha256": "00" * 32, "created": "2026-01-01"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"format": "privet-keys/1"',
        json.dumps({"format": "privet-keys/2", "keys": [ENTRY]}).encode(),
        json.dumps({"keys": [ENTRY]}).encode(),
        json.dumps({"format": FORMAT}).encode(),
        json.dumps({"format": FORMAT, "keys": "key_1"}).encode(),
        json.dumps({"format": FORMAT, "keys": ENTRY}).encode(),
        json.dumps({"format": FORMAT, "keys": [None]}).encode(),
        json.dumps({"format": FORMAT, "keys": [{"id": "key_1"}]}).encode(),
        json.dumps({"format": FORMAT, "keys": [{**ENTRY, "id": 1}]}).encode(),
        json.dumps({"format": FORMAT, "keys": [{**ENTRY, "id": []}]}).encode(),
        json.dumps({"format": FORMAT, "keys": [{**ENTRY, "sha256": ""}]}).encode(),
        json.dumps({"format": FORMAT, "keys": [{**ENTRY, "sha256": "zz"}]}).encode(),
        json.dumps({"format": FORMAT, "keys": [{**ENTRY, "sha256": None}]}).encode(),
        json.dumps({"format": FORMAT, "keys": [{**ENTRY, "sha256": "00" * 31}]}).encode(),
    ],
)
def test_a_broken_file_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadInput, match="not readable as privet-keys/1") as caught:
        KeyRing.load(path)
    assert "remove it" in caught.value.hint
    assert path.read_bytes() == content


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failing_disk_leaves_the_old_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "keys.json"
    ring = KeyRing.load(path)
    issued, before = ring.issue(), path.read_bytes()

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(Unprotected, match="cannot be written"):
        ring.issue()
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]
    assert ring.find(issued.secret) == issued.key_id


def test_a_crash_before_the_rename_leaves_the_old_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    issued = KeyRing.load(path).issue()
    before = path.read_bytes()
    code = (
        "import os, sys, pathlib, privet.keys as keys\n"
        "ring = keys.KeyRing.load(pathlib.Path(sys.argv[1]))\n"
        "os.replace = os.rename = lambda *_: os._exit(42)\n"
        "ring.issue()\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 42
    assert path.read_bytes() == before
    assert {mode(each) for each in tmp_path.iterdir()} == {0o600}
    assert KeyRing.load(path).find(issued.secret) == issued.key_id


def test_a_folder_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unprotected, match="cannot be written"):
        KeyRing.load(tmp_path / "gone" / "keys.json").issue()


def test_a_temporary_ring_is_never_written() -> None:
    ring, issued = KeyRing.temporary()
    assert ring.find(issued.secret) == issued.key_id
    # A second key would replace /dev/null by a file if it were written.
    second = ring.issue()
    assert Path(os.devnull).is_char_device()
    assert ring.find(issued.secret) is None
    assert ring.find(second.secret) == second.key_id


def test_every_key_is_new() -> None:
    issued = [KeyRing.temporary()[1] for _ in range(50)]
    assert len({key.secret for key in issued}) == len({key.key_id for key in issued}) == 50


def test_derived_bytes_are_the_documented_hmac() -> None:
    # RFC 2104 over 4-byte lengths and parts, computed with another tool:
    # printf '\0\0\0\5cache\0\0\0\1a' | openssl dgst -sha256 -hmac secret
    expected = "b4b223b40c64ad1423348a9ce6d21fd4e23d558bdf5e4a7990b490035586326a"
    assert derive(b"secret", "cache", "a").hex() == expected


def test_derived_bytes_differ_by_secret_purpose_and_split() -> None:
    results = [
        derive(b"secret", "cache", "a"),
        derive(b"other", "cache", "a"),
        derive(b"secret", "caller", "a"),
        derive(b"secret", "cache", "ab"),
        derive(b"secret", "cache", "a", "b"),
        derive(b"secret", "cachea"),
        derive(b"secret", "cache", "a", ""),
    ]
    assert len(set(results)) == len(results)
    assert {len(result) for result in results} == {32}


def test_a_running_ring_takes_over_a_new_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    old = KeyRing.load(path).issue()
    running = KeyRing.load(path)
    new = KeyRing.load(path).issue()
    running.refresh()
    assert running.find(new.secret) == new.key_id
    assert running.find(old.secret) is None


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("{"), lambda path: path.chmod(0o644)])
def test_a_key_file_that_is_gone_or_spoilt_lets_nobody_in(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    path = tmp_path / "keys.json"
    issued = KeyRing.load(path).issue()
    running = KeyRing.load(path)
    running.refresh()
    assert running.find(issued.secret) == issued.key_id
    spoil(path)
    os.utime(path, ns=(1, 1)) if path.exists() else None
    running.refresh()
    assert running.find(issued.secret) is None
