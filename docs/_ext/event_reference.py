"""Write the reference of the journal's events from their types, so that it cannot differ from them.

In a page, ``<!-- event reference -->`` becomes one section an event: its docstring and a table of its fields.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import inspect as types
from sphinx.application import Sphinx

from playground.journal import events

PLACE = "<!-- event reference -->"

SHARED_WORDS = "Fields of every event"


def reference() -> str:
    """Return the whole reference as Markdown."""
    meanings = field_docstrings()
    kinds = get_args(events.AnyEvent)
    nested = [kind for kind in structs_in(events) if not issubclass(kind, events.Event)]
    sections = [section(SHARED_WORDS, events.Event, meanings, own_to=object)]
    sections += [section(f"`{tag(kind)}`", kind, meanings, own_to=events.Event) for kind in kinds]
    sections += [
        section(f"Inside an event: {kind.__name__}", kind, meanings, own_to=object) for kind in nested
    ]
    return "\n\n".join(sections)


def structs_in(module: Any) -> Iterator[type[msgspec.Struct]]:
    """Find the module's own structs, in the order in which they are written."""
    for value in vars(module).values():
        if (
            inspect.isclass(value)
            and issubclass(value, msgspec.Struct)
            and value.__module__ == module.__name__
        ):
            yield value


def tag(kind: type[msgspec.Struct]) -> str:
    """Return what stands in an event's ``event`` field."""
    return str(kind.__struct_config__.tag)


def section(
    title: str, kind: type[msgspec.Struct], meanings: dict[tuple[str, str], str], own_to: type
) -> str:
    """Describe one struct, without the fields that it has from ``own_to``."""
    left_out = {field.name for field in msgspec.structs.fields(own_to)} if own_to is not object else set()
    described = types.type_info(kind)
    assert isinstance(described, types.StructType)
    rows = [
        f"| `{field.encode_name}` | {json_type(field.type)} | {if_absent(kind, field)} "
        f"| {meaning_of(kind, field.name, meanings)} |"
        for field in described.fields
        if field.name not in left_out
    ]
    table = (
        "\n".join(["| field | type | absent means | meaning |", "|---|---|---|---|", *rows]) if rows else ""
    )
    return "\n\n".join(
        part for part in (f"### {title}", as_markdown(inspect.getdoc(kind) or ""), table) if part
    )


def if_absent(kind: type[msgspec.Struct], field: types.Field) -> str:
    """Say what a missing field means, as default values are left out. ``seq`` and ``time`` are stamped."""
    if field.required or (kind is events.Event and field.name in {"seq", "time"}):
        return "never absent"
    if field.default_factory is not msgspec.NODEFAULT:
        return "empty"
    return "" if field.default is None else f"`{msgspec.json.encode(field.default).decode()}`"


def meaning_of(kind: type[msgspec.Struct], name: str, meanings: dict[tuple[str, str], str]) -> str:
    """Return a field's docstring, from the class that declares it."""
    told = (meanings[base.__name__, name] for base in kind.__mro__ if (base.__name__, name) in meanings)
    return next(told, "")


def field_docstrings() -> dict[tuple[str, str], str]:
    """Return the strings that stand under the fields: (class, field) to text."""
    tree = ast.parse(Path(inspect.getfile(events)).read_text(encoding="utf-8"))
    found = {}
    for kind in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for field, text in zip(kind.body, kind.body[1:], strict=False):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[kind.name, field.target.id] = as_markdown(" ".join(str(text.value.value).split()))
    return found


def as_markdown(docstring: str) -> str:
    """Turn the little reStructuredText of our docstrings into Markdown."""
    return (
        docstring.replace(":meth:`", "`").replace(":data:`", "`").replace(":class:`", "`").replace("``", "`")
    )


NAMES: dict[type[types.Type], str] = {
    types.AnyType: "any JSON",
    types.BoolType: "true, false",
    types.DateTimeType: "string, RFC 3339",
    types.FloatType: "number",
    types.IntType: "integer",
    types.NoneType: "null",
    types.StrType: "string",
}


def json_type(described: types.Type) -> str:
    """Say in JSON's words what a value may be."""
    match described:
        case types.UnionType():
            # null means "not there" and is never written, as null is the default.
            return " or ".join(
                json_type(one) for one in described.types if not isinstance(one, types.NoneType)
            )
        case types.LiteralType():
            return ", ".join(f"`{value}`" for value in described.values)
        case types.DictType():
            return f"object of {json_type(described.value_type)}"
        case types.ListType():
            return f"array of {json_type(described.item_type)}"
        case types.TupleType():
            return f"[{', '.join(json_type(one) for one in described.item_types)}]"
        case types.StructType():
            return described.cls.__name__
    return NAMES[type(described)]


def put_reference(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the mark in a page that has it, and rebuild that page when the types change."""
    if PLACE in source[0]:
        app.env.note_dependency(inspect.getfile(events))
        source[0] = source[0].replace(PLACE, reference())


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("source-read", put_reference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
