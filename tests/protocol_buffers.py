"""Protocol buffers written field by field: what OpenStreetMap extracts are made of."""

from __future__ import annotations

import struct
import zlib


def blob(kind: bytes, content: bytes) -> bytes:
    """Return a block of a file, packed, with its head."""
    body = field(2, len(content)) + field(3, zlib.compress(content))
    head = field(1, kind) + field(3, len(body))
    return struct.pack(">I", len(head)) + head + body


def field(number: int, value: int | bytes) -> bytes:
    """Return a field with its number: a whole number, or bytes of any kind."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def packed(values: list[int]) -> bytes:
    """Return whole numbers one after the other, as a field of many holds them."""
    return b"".join(varint(value) for value in values)


def zigzag(value: int) -> int:
    """Return a number that may be negative as one that is not."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
