"""What a run says of itself."""

from __future__ import annotations

from pathlib import Path

from privet.evidence import Signer, is_signed, merkle_root
from privet.ingest.manifest import FORMAT, entry, manifest, names_digest, table_entry
from privet.ingest.plan import Item
from privet.ingest.repeats import Kept
from privet.ingest.worker import Done, UnitDone
from privet.metadata.job import SetAside

SPEC = Path(__file__).parents[2] / "docs" / "formats" / "manifest.md"
PLAN = {"policy_sha256": "p", "tier": "names", "privet": "0", "key": "secret"}
DONE = Done(
    "key", 10, 1, "a.txt", status="cleaned", form="text", input_hmac="h", sha256="s", bytes=9, removed={"exif": 1}
)


def test_an_entry_without_an_output_claims_none() -> None:
    aside = entry(Done("key", 10, 1, "a.txt", reason="encrypted", sha256="left over", bytes=3), None)
    assert (aside["status"], aside["reason"], aside["output"]) == ("set-aside", "encrypted", None)
    assert (aside["output_sha256"], aside["output_bytes"], aside["input_hmac_sha256"]) == (None, None, None)
    assert entry(DONE, "b.txt") == {
        "input": "a.txt", "output": "b.txt", "status": "cleaned", "reason": None, "format": "text", "input_bytes": 10,
        "input_hmac_sha256": "h", "output_sha256": "s", "output_bytes": 9, "removed": {"exif": 1}, "found": {},
    }  # fmt: skip


def test_members_that_were_left_out_are_named() -> None:
    done = Done("key", 10, 1, "a.zip", status="cleaned", members=[SetAside("b/c.exe", "a program")])
    assert entry(done, "a.zip")["members"] == [{"name": "b/c.exe", "reason": "a program"}]
    assert "`members`" in SPEC.read_text()


def test_a_table_is_the_sum_of_its_units() -> None:
    units = [
        UnitDone(rows=5, found={"b": {"URL": 1}, "a": {"PERSON": 2}}, dropped={"x": 5}, removed={"statistics": 1}),
        UnitDone(rows=3, found={"a": {"PERSON": 1, "AGE": 1}}, dropped={"x": 3}),
    ]
    made = table_entry(DONE, "b", units, [Kept(None, 1), Kept(None, 0, 2, 1)])
    assert made["found"] == {"a": {"AGE": 1, "PERSON": 3}, "b": {"URL": 1}}
    assert made["dropped_columns"] == {"x": 8}
    assert made["removed"] == {"exif": 1, "statistics": 1}
    assert made["rows"] == {"read": 8, "written": 4, "duplicates": 1, "near_duplicates": 2, "suppressed": 1}


def test_a_manifest_is_signed_and_the_same_each_time() -> None:
    signer = Signer(bytes(32))
    files = [entry(DONE, "b.txt")]
    document = manifest(files, PLAN, signer, "names")
    assert document == manifest(files, PLAN, signer, "names")
    assert (document["format"], document["merkle_root"]) == (FORMAT, merkle_root(files))
    assert is_signed(document)
    assert not is_signed(document | {"tier": "deep"})
    assert "secret" not in str(document)


def test_every_member_is_in_the_specification() -> None:
    document = manifest([table_entry(DONE, "b", [], [])], PLAN, Signer(bytes(32)), "names")
    text = SPEC.read_text()
    for name in [*document, *document["files"][0], *document["files"][0]["rows"]]:
        assert f"`{name}`" in text, name


def test_names_are_told_apart_and_not_told() -> None:
    def of(*names: str, seed: int = 0) -> str:
        return names_digest([Item(name, "", 0, 0) for name in names], Signer(bytes([seed]) * 32))

    assert of("a", "b") == of("a", "b")
    assert len({of("a", "b"), of("b", "a"), of("ab"), of("a"), of("a", "b", seed=1), of("a\udce9", "b")}) == 6
