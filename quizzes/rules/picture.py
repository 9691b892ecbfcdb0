"""What a picture's own bytes say: its kind and its size in points. The name and the type that a file claims count for nothing."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

MAX_BYTES = 4 * 1024 * 1024
MAX_SIDE = 8_000
MAX_POINTS = 24_000_000
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})


class NoPicture(ValueError):
    """Refused. `reason`: kind (not PNG, JPEG, GIF or WebP), damaged, bytes (over 4 MB), points (over 24 million, or a side over 8,000)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Measured:
    media_type: str
    width: int
    height: int

    @property
    def ending(self) -> str:
        return ENDINGS[self.media_type]


def measure(content: bytes) -> Measured:
    """Kind and size of a picture, read from its bytes. Raises NoPicture for everything else, SVG and HTML under any name included."""
    if len(content) > MAX_BYTES:
        raise NoPicture("bytes")
    try:
        found = _png(content) or _jpeg(content) or _gif(content) or _webp(content)
    except (struct.error, IndexError):
        raise NoPicture("damaged") from None
    if found is None:
        raise NoPicture("kind")
    if found.width < 1 or found.height < 1:
        raise NoPicture("damaged")
    if max(found.width, found.height) > MAX_SIDE or found.width * found.height > MAX_POINTS:
        raise NoPicture("points")
    return found


def _png(content: bytes) -> Measured | None:
    """Every chunk is walked over with its checksum, and nothing may follow the last: a page hidden behind a picture is refused."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    at, size = 8, None
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content) or zlib.crc32(content[at + 4:end - 4]) != struct.unpack_from(">I", content, end - 4)[0]:
            raise NoPicture("damaged")
        if size is None:
            if kind != b"IHDR" or length != 13:
                raise NoPicture("damaged")
            size = struct.unpack_from(">II", content, at + 8)
        at = end
        if kind == b"IEND":
            break
    if at != len(content):
        raise NoPicture("damaged")
    return Measured("image/png", *size)


def _jpeg(content: bytes) -> Measured | None:
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while True:
        if content[at] != 0xFF:
            raise NoPicture("damaged")
        while content[at] == 0xFF:
            at += 1
        marker = content[at]
        at += 1
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 3)
            break
        if marker in (0xD9, 0xDA):
            raise NoPicture("damaged")
        if not 0xD0 <= marker <= 0xD7 and marker != 0x01:
            at += struct.unpack_from(">H", content, at)[0]
    if not content.rstrip(b"\x00").endswith(b"\xff\xd9"):
        raise NoPicture("damaged")
    return Measured("image/jpeg", width, height)


def _gif(content: bytes) -> Measured | None:
    if content[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    if not content.rstrip(b"\x00").endswith(b";"):
        raise NoPicture("damaged")
    return Measured("image/gif", *struct.unpack_from("<HH", content, 6))


def _webp(content: bytes) -> Measured | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return None
    if struct.unpack_from("<I", content, 4)[0] + 8 not in (len(content), len(content) + 1):
        raise NoPicture("damaged")
    kind = content[12:16]
    if kind == b"VP8X":
        return Measured("image/webp", int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1)
    if kind == b"VP8L" and content[20] == 0x2F:
        bits = struct.unpack_from("<I", content, 21)[0]
        return Measured("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return Measured("image/webp", width & 0x3FFF, height & 0x3FFF)
    raise NoPicture("damaged")
