"""Text and JSON from strangers' files: what is no text, or says a thing twice, is refused with its place and how to
mend it.

- A file that is packed, a table or a workbook is recognised by its first bytes, and named, whatever its name ends in.
- JSON in which one object has a name twice is refused: readers take the last of the two in silence, and nobody knows
  which one was meant.

What this module does not do: it knows no format above these. The sources of the first bytes: RFC 1952 (gzip), RFC 8878
(zstd), PKWARE APPNOTE 4.3.7 (zip), the xz file format 1.2.1, apache/parquet-format, [MS-CFB] 2.2 (old Excel),
sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from commonweal.errors import CommonwealError, DataFileError
from commonweal.files.foreign_text import SPELLED_HALF, each_text

PACKED = ((b"\x1f\x8b", "gzip", "gunzip"), (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"), (b"\xfd7zXZ\x00", "xz", "unxz"))
BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")
ZIPPED = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
WORKBOOK = "save the sheet that is meant as 'CSV UTF-8'"
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?|[{}]')


class _Repeated(Exception):
    """An object of JSON has a name twice."""


def text_of(path: Path) -> str:
    """The text of a file in UTF-8, without a byte order mark; DataFileError where it cannot be read or is no text."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    return decoded(raw, path)


def decoded(raw: bytes, path: Path | str, fault: type[CommonwealError] = DataFileError) -> str:
    """The bytes of a file as text, with plain line ends; `fault` says what they are where they are none."""
    if (other := other_format(raw)) is not None:
        what, mend = other
        raise fault(f"{path}: is {what}, not a text in UTF-8; {mend}")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        at = error.start + len(raw) - len(error.object)
        line = raw.count(b"\n", 0, at) + 1
        raise fault(
            f"{path}:{line} byte {at} is 0x{raw[at]:02x}, which is not UTF-8; expected a text in UTF-8; save the file "
            "again with the encoding UTF-8"
        ) from None


def other_format(raw: bytes) -> tuple[str, str] | None:
    """What a file is by its first bytes, and how to make text of it; None: nothing that is known here.

    >>> other_format(b"PAR1\\x15\\x00 ... PAR1")[0], other_format(b"PARITY,score"), other_format(b"BZh: a name")
    ('a Parquet table', None, None)
    """
    for start, name, unpack in PACKED:
        if raw.startswith(start):
            return f"packed with {name}", f"unpack it ({unpack}) and give the file that comes out"
    if BZIP2.match(raw):
        return "packed with bzip2", "unpack it (bunzip2) and give the file that comes out"
    if raw.startswith(ZIPPED):
        return _zipped(raw)
    if raw.startswith(b"PAR1") and b"\x00" in raw:
        return "a Parquet table", "save it as JSON lines or CSV (with polars: read_parquet(…).write_ndjson(…))"
    if raw.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "an old Office file, such as .xls", WORKBOOK
    if raw.startswith(b"SQLite format 3\x00"):
        return "a SQLite database", "save the table that is meant as CSV or JSON lines"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "a text in UTF-16", "save it with the encoding UTF-8"
    return None


def _zipped(raw: bytes) -> tuple[str, str]:
    if b"xl/workbook" in raw:
        return "an Excel workbook (.xlsx)", WORKBOOK
    if b"opendocument.spreadsheet" in raw[:200]:
        return "an OpenDocument workbook (.ods)", WORKBOOK
    return "packed with zip", "unpack it (unzip) and give the file that comes out"


def json_of(text: str, path: Path | str, line: int = 1, fault: type[CommonwealError] = DataFileError) -> Any:
    """The value of a text of JSON that begins in this line; `fault` names the line where it is none, or a name is there
    twice.

    All texts in it are valid Unicode (foreign_text.py).

    >>> json_of('{"a": "\\\\ud83d"}', "f.jsonl")
    {'a': '�'}
    """
    value = json_as_written(text, path, line, fault)
    if not SPELLED_HALF.search(text):
        return value
    try:
        return each_text(value)
    except (ValueError, RecursionError) as error:
        raise fault(f"{path}:{line} cannot be read ({error})") from error


def json_as_written(text: str, path: Path | str, line: int = 1, fault: type[CommonwealError] = DataFileError) -> Any:
    """The same with halves of surrogate pairs as they stand there, for a reader that refuses them under the name of
    their field.
    """
    try:
        return DECODER.decode(text)
    except _Repeated:
        refuse_repeated(text, path, line, fault)
        raise
    except json.JSONDecodeError as error:
        raise fault(f"{path}:{line + error.lineno - 1} is not JSON ({error.msg}, column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise fault(f"{path}:{line} is not JSON ({error})") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Repeated
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_once)  # made once: json.loads makes one for each line


def refuse_repeated(text: str, path: Path | str, line: int = 1, fault: type[CommonwealError] = DataFileError) -> None:
    """`fault` with the first name that stands twice in one object, and the line of the second one; the text may be
    cut short.
    """
    within: list[set[str]] = []
    for token in TOKEN.finditer(text):
        if token[0] == "{":
            within.append(set())
        elif token[0] == "}":
            del within[-1:]
        elif token[1] and within:
            name = json.loads(token[0].removesuffix(token[1]), strict=False)
            if name in within[-1]:
                where = f"{path}:{line + text.count(chr(10), 0, token.start())}"
                raise fault(
                    f"{where} '{name}' is there twice in one object; expected each name once; remove or rename one"
                )
            within[-1].add(name)
