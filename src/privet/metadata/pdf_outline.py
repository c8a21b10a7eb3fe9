"""What of a PDF stands beside its pages: named places, bookmarks, page labels, attached files.

Invariants: bookmarks, labels and the list of files are written anew; a file is kept as cleaned by `Job.nested`, without its description
and dates.
"""

from __future__ import annotations

from collections.abc import Mapping

from pikepdf import Array, Dictionary, Name, Object, Stream, String

from privet.metadata.job import CannotClean
from privet.metadata.pdf_streams import decoded
from privet.metadata.pdf_tree import Rule, Tree, named_tree, plain, simple, text
from privet.metadata.pdf_values import integer, written


def destinations(root: Object, limit: int) -> dict[str, object]:
    """Return the named places of a document."""
    out: dict[str, object] = {}
    old = root.get("/Dests")
    if isinstance(old, Dictionary):
        out |= {name[1:]: place for name, place in old.items()}
    names = root.get("/Names")
    found = names.get("/Dests") if isinstance(names, Dictionary) else None
    out |= {written(name): place for name, place in named_tree(found, "/Names", limit) if isinstance(name, String)}
    return out


def rebuild_outline(tree: Tree, old_root: Object, root: Object, places: Mapping[str, Rule]) -> None:
    """Write the bookmarks anew: title, place, colour, open or closed."""
    old = old_root.get("/Outlines")
    if not isinstance(old, Dictionary):
        return
    new = tree.pdf.make_indirect(Dictionary(Type=Name.Outlines))
    todo: list[tuple[object, Object]] = [(old.get("/First"), new)]
    seen: set[tuple[int, int]] = set()
    while todo:
        item: object
        item, parent = todo.pop()
        last: Object | None = None
        count = 0
        while isinstance(item, Dictionary) and item.objgen not in seen:
            seen.add(item.objgen)
            entry = _bookmark(tree, item, parent, places)
            if last is None:
                parent.First = entry
            else:
                last.Next, entry.Prev = entry, last
            parent.Last = last = entry
            count += 1
            todo.append((item.get("/First"), entry))
            item = item.get("/Next")
        if count:
            parent.Count = count if parent is new or parent.get("/Count", -1) > 0 else -count
    root.Outlines = new


def _bookmark(tree: Tree, item: Object, parent: Object, places: Mapping[str, Rule]) -> Object:
    title = item.get("/Title")
    entry = tree.pdf.make_indirect(
        Dictionary(Title=String(written(title) if isinstance(title, String) else ""), Parent=parent)
    )
    text("bookmark")(tree, entry, "/Title", entry.Title)
    for key, rule in (*places.items(), ("/C", plain), ("/F", plain)):
        kept = rule(tree, entry, key, item[key]) if key in item else None
        if kept is not None:
            entry[key] = kept
    if count := integer(item.get("/Count", 0)):
        entry.Count = count
    return entry


def rebuild_labels(tree: Tree, old_root: Object, root: Object) -> None:
    """Write the page labels anew."""
    items: list[object] = []
    for number, label in named_tree(old_root.get("/PageLabels"), "/Nums", 1_000_000):
        if isinstance(number, int) and isinstance(label, Dictionary):
            new = Dictionary({key: label[key] for key in ("/S", "/St") if key in label and simple(label[key])})
            prefix = label.get("/P")
            if isinstance(prefix, String):
                new.P = String(written(prefix))
                text("label")(tree, new, "/P", new.P)
            items += (number, new)
    if items:
        root.PageLabels = Dictionary(Nums=Array(items))


def attachments(tree: Tree, root: Object) -> Object | None:
    """Return the tree of attached files, each cleaned as a file of its own; None where there are none left."""
    names = root.get("/Names")
    found = named_tree(
        names.get("/EmbeddedFiles") if isinstance(names, Dictionary) else None, "/Names", tree.job.limits.max_members
    )
    kept: list[tuple[str, Object]] = []
    associated = root.get("/AF")
    more = [*associated] if isinstance(associated, Array) else []
    seen: set[tuple[int, int]] = set()
    for specification in (*(entry for _name, entry in found), *tree.files, *more):
        stream = _embedded(specification)
        if stream is None:
            tree.job.dropped("link")  # to a file that is not in the document
        elif stream.objgen not in seen:
            # Pages, annotations and the list of attachments may refer to one file.
            seen.add(stream.objgen)
            member = _attached(tree, specification, stream)
            kept += [member] if member is not None else []
    if not kept:
        return None
    items: list[object] = []
    for index, (name, file) in enumerate(sorted(kept, key=lambda entry: entry[0])):
        items += (String(f"{index:04d} {name}"), file)
    return Dictionary(EmbeddedFiles=Dictionary(Names=Array(items)))


def _embedded(specification: object) -> Stream | None:
    """Return the file that a specification refers to, where it is in the document."""
    files = specification.get("/EF") if isinstance(specification, Dictionary) else None
    if not isinstance(files, Dictionary):
        return None
    stream = next((files[key] for key in ("/UF", "/F") if key in files), None)
    return stream if isinstance(stream, Stream) else None


def _attached(tree: Tree, specification: Object, stream: Stream) -> tuple[str, Object] | None:
    given = specification.get("/UF", specification.get("/F"))
    name = written(given) if isinstance(given, String) else "attachment"
    try:
        content = decoded(stream, tree.job.limits.max_file_bytes)
    except CannotClean as error:
        tree.job.leave_out(name, error.reason)
        return None
    member = tree.job.member(name, content) if content else None
    if member is None:
        return None
    new = tree.pdf.make_stream(member.content, {"/Type": Name.EmbeddedFile})
    file = Dictionary(Type=Name.Filespec, F=String(member.name), UF=String(member.name), EF=Dictionary(F=new))
    return member.name, tree.pdf.make_indirect(file)
