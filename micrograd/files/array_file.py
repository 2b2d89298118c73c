"""Array files: arrays and a JSON description in one .safetensors file, without pickle."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SEAL = '{{"seal": "{:08x}", '  # the start of the description: a checksum of everything else


@dataclass(frozen=True)
class Kind:
    """A kind of file: the description's metadata key and version, the kind's name in messages, and
    the error for a file that cannot be read."""

    key: str
    version: int
    name: str
    error: type[ValueError]

    def pack(
        self, arrays: dict[str, np.ndarray], description: dict[str, Any], **options: Any
    ) -> bytes:
        """The bytes of a file; `options` are passed to `json.dumps`."""
        from safetensors.numpy import save

        described = {"version": self.version, **description}
        text = json.dumps(described, ensure_ascii=False, **options)
        return save(arrays, {self.key: sealed(arrays, text)})

    def read(self, path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The arrays and the description in a file."""
        from safetensors import SafetensorError, safe_open

        if is_special(path):
            raise self.error(f"{path} is a pipe or a device, not a {self.name}; name a file")
        try:
            with safe_open(path, "numpy") as file:
                metadata = file.metadata() or {}
                names = file.keys()
                arrays = {name: file.get_tensor(name) for name in names}
        except (SafetensorError, OSError, TypeError, ValueError) as error:
            reason = (str(error).splitlines() or ["it cannot be read"])[0]
            raise self.error(f"{path} is truncated or is not a {self.name} ({reason})") from None
        if self.key not in metadata:
            raise self.error(f"{path} is a .safetensors file, but not a {self.name}")
        try:
            text = metadata[self.key]
            description = json.loads(text)
            version = description.pop("version")
            description.pop("seal", None)
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
            raise self.error(f"the description of the {self.name} in {path} is damaged") from None
        if version != self.version:
            raise self.error(
                f"{path} has format version {version}, but this micrograd reads version "
                f"{self.version}; train again, or install the micrograd that wrote it"
            )
        if text != sealed(arrays, "{" + text[len(SEAL.format(0)) :]):
            raise self.error(f"{path} is damaged: its checksum does not match")
        return arrays, description


def is_special(path: Path) -> bool:
    """Whether `path` is a pipe, a device or the like, which may block for ever when opened."""
    return path.exists() and not (path.is_file() or path.is_dir())


def sealed(arrays: dict[str, np.ndarray], text: str) -> str:
    """The description with a checksum of itself and the arrays, to detect damage."""
    total = zlib.crc32(text.encode())
    for name, array in sorted(arrays.items()):
        total = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total)
        total = zlib.crc32(np.ascontiguousarray(array).data, total)
    return SEAL.format(total) + text[1:]
