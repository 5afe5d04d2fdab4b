"""Commits as git itself judges them: every pack passes ``git fsck --strict``."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.gitkit.commits import CopyBlob, Delete, DeleteTree, Put, PutPointer, Span, squash_commit, write_commit
from freehold.gitkit.errors import PathConflict, PathMissing
from freehold.gitkit.objects import Person
from tests.gitkit.conftest import ALICE, Shelf

SHA = "ab" * 32


def test_a_first_commit_is_what_git_sees(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("README.md", b"# Hi\n"), Put("a/b/c.txt", b"deep\n"), message="first\n\nwhy")
    assert head
    shelf.git(head, "fsck", "--strict", "--no-dangling")
    assert shelf.git(head, "ls-tree", "-r", "--name-only", "main") == "README.md\na/b/c.txt\n"
    assert shelf.git(head, "log", "--format=%an <%ae> %ct %s|%b") == (
        f"alice <alice@users.example> {int(ALICE.when.timestamp())} first|why\n\n"
    )


def test_only_touched_trees_are_written(shelf: Shelf) -> None:
    files = [Put(f"d{i:02}/f{j}", f"{i} {j}".encode()) for i in range(20) for j in range(20)]
    first = shelf.commit(None, *files)
    new = write_commit(shelf.objects, first, [Put("d07/new", b"new")], ALICE, "one", shelf.scratch())
    assert new is not None and new.pack is not None
    assert new.pack.objects == 4  # blob, d07, root, commit
    head = shelf.publish(new)
    shelf.git(head, "fsck", "--strict", "--no-dangling")
    assert len(shelf.paths(head)) == 401


def test_git_orders_directories_as_if_they_ended_in_a_slash(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("a/x", b"1"), Put("a.b", b"2"), Put("a0", b"3"), Put("a-", b"4"), Put("aa", b"5"))
    assert head
    shelf.git(head, "fsck", "--strict")
    assert shelf.paths(head) == ["a-", "a.b", "a/x", "a0", "aa"]


def test_changing_nothing_is_told(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("a", b"1"))
    assert shelf.commit(head, Put("a", b"1")) is None
    assert shelf.commit(head) is None
    assert shelf.commit(head, Put("b", b"2"), Delete("b")) is None


def test_delete_file_directory_and_the_emptied_ones_above(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("a/b/c", b"1"), Put("a/b/d", b"2"), Put("x/y/z", b"3"), Put("k", b"4"))
    head = shelf.commit(head, Delete("x/y/z"), Delete("a/b/c"))
    assert head and shelf.paths(head) == ["a/b/d", "k"]
    assert [e.path for e in shelf.objects.walk(head)] == ["a", "a/b", "a/b/d", "k"]
    head = shelf.commit(head, DeleteTree("a"))
    assert head and shelf.paths(head) == ["k"]
    head = shelf.commit(head, Delete("k"))
    assert head and shelf.paths(head) == []
    shelf.git(head, "fsck", "--strict", "--no-dangling")


def test_delete_takes_a_directory_too(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("a/b/c", b"1"), Put("k", b"2"))
    head = shelf.commit(head, Delete("a"))
    assert head and shelf.paths(head) == ["k"]


@pytest.mark.parametrize(
    "change",
    [Delete("nope"), Delete("k/inside"), Delete("a/nope"), Delete("no/where"), DeleteTree("k"), DeleteTree("q")],
)
def test_removing_what_is_not_there(shelf: Shelf, change: Delete | DeleteTree) -> None:
    head = shelf.commit(None, Put("a/b", b"1"), Put("k", b"2"))
    with pytest.raises(PathMissing, match="A file with this name doesn't exist"):
        shelf.commit(head, change)


def test_a_name_is_a_file_or_a_directory(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("a/b", b"1"), Put("k", b"2"))
    with pytest.raises(PathConflict, match="'a' is a directory"):
        shelf.commit(head, Put("a", b"x"))
    with pytest.raises(PathConflict, match="'k' is a file, so 'k/l/m' cannot be inside it"):
        shelf.commit(head, Put("k/l/m", b"x"))
    with pytest.raises(PathConflict):
        shelf.commit(head, Put("n", b"x"), Put("n/o", b"x"))
    with pytest.raises(PathConflict):
        shelf.commit(head, Put("n/o", b"x"), Put("n", b"x"))
    swapped = shelf.commit(head, Delete("a/b"), Put("a", b"now a file"), Delete("k"), Put("k/l", b"now a directory"))
    assert swapped and shelf.paths(swapped) == ["a", "k/l"]


def test_the_executable_bit_stays(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("run.sh", b"1"))
    blob = shelf.objects.entry(str(head), "run.sh")
    assert blob
    head = shelf.commit(head, CopyBlob("tool", blob.oid, 0o100755))
    head = shelf.commit(head, Put("tool", b"changed"), Put("run.sh", b"changed"))
    assert head
    assert shelf.git(head, "ls-tree", "main", "tool", "run.sh").split()[0::4] == ["100644", "100755"]


def test_copy_needs_a_blob_that_is_there(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("a", b"1"))
    with pytest.raises(PathMissing):
        shelf.commit(head, CopyBlob("b", "1" * 40))


def test_a_pointer_is_the_canonical_text(shelf: Shelf) -> None:
    head = shelf.commit(None, PutPointer("model.bin", SHA, 12345))
    assert head
    assert shelf.git(head, "cat-file", "blob", "main:model.bin") == (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA}\nsize 12345\n"
    )
    entry = shelf.objects.entry(head, "model.bin")
    assert entry and entry.pointer and (entry.pointer.sha256, entry.true_size_bytes) == (SHA, 12345)


def test_bytes_may_come_from_a_file_or_a_part_of_one(shelf: Shelf, tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    whole = tmp_path / "whole"
    whole.write_bytes(data)
    head = shelf.commit(
        None, Put("whole", whole), Put("part", Span(whole, 1000, 2 << 20)), Put("none", Span(whole, 5, 0))
    )
    assert head
    read = {
        name: shelf.objects.blob(entry.oid)
        for name in ("whole", "part", "none")
        if (entry := shelf.objects.entry(head, name))
    }
    assert read == {"whole": data, "part": data[1000 : 1000 + (2 << 20)], "none": b""}
    shelf.git(head, "fsck", "--strict")


def test_equal_bytes_are_kept_once(shelf: Shelf, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"same")
    new = write_commit(None, None, [Put("a", b"same"), Put("b", file), Put("c", b"same")], ALICE, "m", shelf.scratch())
    assert new and new.pack and new.pack.objects == 3
    head = shelf.publish(new)
    again = write_commit(shelf.objects, head, [Put("d", file)], ALICE, "m", shelf.scratch())
    assert again and again.pack and again.pack.objects == 2
    shelf.git(shelf.publish(again), "fsck", "--strict")


def test_the_same_commit_twice_needs_no_pack(shelf: Shelf) -> None:
    first = shelf.commit(None, Put("a", b"1"))
    second = shelf.commit(first, Put("a", b"2"))
    again = write_commit(shelf.objects, first, [Put("a", b"2")], ALICE, "a change", shelf.scratch())
    assert again and again.commit == second and again.pack is None


def test_squash_keeps_the_tree_and_drops_the_history(shelf: Shelf) -> None:
    head = shelf.commit(None, Put("a", b"1"))
    head = str(shelf.commit(head, Put("b", b"2")))
    squashed = shelf.publish(squash_commit(shelf.objects, head, ALICE, "all of it", shelf.scratch()))
    assert shelf.paths(squashed) == ["a", "b"]
    assert [(c.title, c.parents) for c in shelf.objects.log(squashed)] == [("all of it", ())]
    shelf.git(squashed, "fsck", "--strict", "--no-dangling")


def test_hostile_signatures_and_messages_make_a_sound_commit(shelf: Shelf) -> None:
    odd = Person("Eve <root>\nparent 123", "", ALICE.when)
    head = shelf.commit(None, Put("a", b"1"), message="title\0\nauthor x\n\n\ud800", by=odd)
    assert head
    shelf.git(head, "fsck", "--strict")
    assert shelf.objects.commit(head).author.name == "Eve  root parent 123"


SEGMENT = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="/\\\x7f"), min_size=1, max_size=6
)
PATH = st.lists(SEGMENT.filter(lambda s: s not in (".", "..") and s.lower() != ".git"), min_size=1, max_size=4).map(
    "/".join
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(PATH, st.binary(max_size=20), min_size=1, max_size=8), min_size=1, max_size=4))
def test_any_series_of_puts_reads_back_as_a_dictionary(shelf: Shelf, series: list[dict[str, bytes]]) -> None:
    head: str | None = None
    model: dict[str, bytes] = {}
    for files in series:
        wanted = {**model, **files}
        clash = any(other.startswith(path + "/") for path in wanted for other in wanted)
        changes = [Put(path, data) for path, data in files.items()]
        if clash:
            with pytest.raises(PathConflict):
                shelf.commit(head, *changes)
            continue
        head = shelf.commit(head, *changes) or head
        model = wanted
    if head is not None:
        read = {e.path: shelf.objects.blob(e.oid) for e in shelf.objects.walk(head) if e.kind == "file"}
        assert read == model
