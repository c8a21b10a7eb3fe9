"""The files of both sides, as git and the file system have them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from privet.check import git
from privet.check.tree import Tree, before, decode, root_of, working_tree
from privet.errors import BadInput


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

    def called(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@example.com", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    called("init", "--quiet", "--initial-branch", "main")
    return called


def commit(run: Callable[..., str], root: Path, files: dict[str, str]) -> git.Base:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    run("add", "--all", "--force")
    run("commit", "--quiet", "--allow-empty", "--message", "x")
    return git.base_of(root, "HEAD")


def texts(tree: Tree) -> dict[str, str | None]:
    return {path: tree.text(path) for path in tree.entries}


def test_the_side_before_is_what_the_commit_has(run: Callable[..., str], tmp_path: Path) -> None:
    files = {"same.txt": "same", "changed.txt": "old", "gone/a.txt": "gone", "moved.txt": "moved", "untracked.txt": "u"}
    base = commit(run, tmp_path, files)
    (tmp_path / "link").symlink_to("same.txt")
    run("add", "link")
    (tmp_path / "changed.txt").write_text("new and longer")
    (tmp_path / "gone/a.txt").unlink()
    run("mv", "moved.txt", "elsewhere.txt")
    run("rm", "--cached", "--quiet", "untracked.txt")
    (tmp_path / "new.txt").write_text("new")
    head = working_tree(tmp_path)
    old, changed = before(tmp_path, base, head)
    assert texts(old) == files
    assert {path: entry.size for path, entry in old.entries.items()} == {
        path: len(text) for path, text in files.items()
    }
    assert set(head.entries) == {"same.txt", "changed.txt", "elsewhere.txt", "new.txt", "untracked.txt"}
    assert changed == set(files) - {"same.txt"} | {"link", "elsewhere.txt", "new.txt"}


def test_what_was_a_link_before_was_no_file(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    base = commit(run, tmp_path, {"b": "b"})
    (tmp_path / "a").unlink()
    (tmp_path / "a").write_text("file")
    old, changed = before(tmp_path, base, working_tree(tmp_path))
    assert set(old.entries) == {"b"}
    assert changed == {"a"}


def test_nothing_of_the_index_is_written(run: Callable[..., str], tmp_path: Path) -> None:
    base = commit(run, tmp_path, {"a.txt": "a", "b.txt": "b"})
    os.utime(tmp_path / "a.txt", (1, 1))
    index = (tmp_path / ".git" / "index").read_bytes()
    before(tmp_path, base, working_tree(tmp_path))
    assert (tmp_path / ".git" / "index").read_bytes() == index


def test_no_program_of_the_repository_runs(run: Callable[..., str], tmp_path: Path) -> None:
    base = commit(run, tmp_path, {"a.txt": "a", ".gitattributes": "*.txt diff=x\n"})
    for key in ("core.fsmonitor", "diff.external", "diff.x.command", "diff.x.textconv", "core.pager"):
        run("config", key, f"touch {tmp_path / 'ran'};")
    (tmp_path / "a.txt").write_text("b")
    _, changed = before(tmp_path, base, working_tree(tmp_path))
    assert changed == {"a.txt"}
    assert not (tmp_path / "ran").exists()


def test_content_that_git_does_not_have_cannot_be_read(run: Callable[..., str], tmp_path: Path) -> None:
    base = commit(run, tmp_path, {"a.txt": "a"})
    blob = run("rev-parse", "HEAD:a.txt").strip()
    (tmp_path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (tmp_path / "a.txt").write_text("b")
    old, _ = before(tmp_path, base, working_tree(tmp_path))
    with pytest.raises(OSError, match="does not have"):
        old.read("a.txt")
    assert old.text("a.txt") is None


def test_long_contents_are_cut_and_the_next_one_is_whole(run: Callable[..., str], tmp_path: Path) -> None:
    base = commit(run, tmp_path, {"a.txt": "a" * 3_000_000, "b.txt": "b"})
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).unlink()
    old, _ = before(tmp_path, base, working_tree(tmp_path))
    assert old.read("a.txt", 10) == b"a" * 10
    assert old.read("b.txt") == b"b"


def test_a_part_still_gives_the_text_of_others(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    seen: list[int] = []
    part = working_tree(tmp_path).part(lambda path: path == "a.txt").watched(seen.append)
    assert list(part.entries) == ["a.txt"]
    assert part.text("b.txt") == "b"
    assert seen == [1]


def test_the_root_is_that_of_a_path_that_is_gone(run: Callable[..., str], tmp_path: Path) -> None:
    commit(run, tmp_path, {"a/b.txt": "b"})
    assert root_of(tmp_path / "a" / "none" / "c.txt") == root_of(tmp_path / "a" / "b.txt") == tmp_path.resolve()


def test_a_folder_whose_name_ends_in_a_space(tmp_path: Path) -> None:
    root = tmp_path / "here \n"
    root.mkdir()
    subprocess.run(["git", "-C", root, "init", "--quiet"], check=True)
    assert root_of(root) == root.resolve()


def test_loops_of_links_are_no_files(run: Callable[..., str], tmp_path: Path) -> None:
    commit(run, tmp_path, {"a/b.txt": "b", "c.txt": "c"})
    (tmp_path / "a" / "b.txt").unlink()
    (tmp_path / "a").rmdir()
    (tmp_path / "a").symlink_to("a")
    assert set(working_tree(tmp_path).entries) == {"c.txt"}


def test_a_reference_is_no_option(run: Callable[..., str], tmp_path: Path) -> None:
    commit(run, tmp_path, {"a.txt": "a"})
    for reference in ("--all", "-h", "", "HEAD^{tree}", "main..main"):
        with pytest.raises(BadInput, match="there is no commit"):
            git.base_of(tmp_path, reference)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xef\xbb\xbfa\r\n", "\ufeffa\r\n"),
        ("ä".encode("utf-16"), "ä"),
        (b"\xff\xfea", None),
        (b"a\0", None),
        (b"\xe4", None),
        (b"", ""),
    ],
)
def test_what_is_text(raw: bytes, text: str | None) -> None:
    assert decode(raw) == text
