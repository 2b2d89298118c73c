"""Arrays and a description in JSON, in one .safetensors file. No pickle."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SEAL = '{{"seal": "{:08x}", '  # how the description begins: with a checksum of all else


@dataclass(frozen=True)
class Kind:
    """A kind of file: the key of the description, its version, what people call such a file, and
    the error for one that cannot be read."""

    key: str
    version: int
    name: str
    error: type[ValueError]

    def pack(
        self, arrays: dict[str, np.ndarray], description: dict[str, Any], **options: Any
    ) -> bytes:
        """The content of a file; the options are those of `json.dumps`."""
        from safetensors.numpy import save

        described = {"version": self.version, **description}
        text = json.dumps(described, ensure_ascii=False, **options)
        return save(arrays, {self.key: sealed(arrays, text)})

    def read(self, path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The arrays and the description in a file."""
        from safetensors import SafetensorError, safe_open

        if is_special(path):
            raise self.error(f"{path} is a pipe or a device, but no {self.name}; name a file")
        try:
            with safe_open(path, "numpy") as file:
                metadata = file.metadata() or {}
                names = file.keys()
                arrays = {name: file.get_tensor(name) for name in names}
        except (SafetensorError, OSError, TypeError, ValueError) as error:
            reason = (str(error).splitlines() or ["it cannot be read"])[0]
            raise self.error(f"{path} is cut short or is no {self.name} ({reason})") from None
        if self.key not in metadata:
            raise self.error(f"{path} is a .safetensors file, but no {self.name}")
        try:
            text = metadata[self.key]
            description = json.loads(text)
            version = description.pop("version")
            description.pop("seal", None)
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
            raise self.error(f"the description of the {self.name} in {path} is damaged") from None
        if version != self.version:
            raise self.error(
                f"{path} has version {version} of its format, and this micrograd reads version "
                f"{self.version}; train again, or install the micrograd that wrote it"
            )
        if text != sealed(arrays, "{" + text[len(SEAL.format(0)) :]):
            raise self.error(f"{path} is damaged: it does not hold what was written")
        return arrays, description


def is_special(path: Path) -> bool:
    """Whether it is a pipe or a device, say: who opens it may wait for ever."""
    return path.exists() and not (path.is_file() or path.is_dir())


def sealed(arrays: dict[str, np.ndarray], text: str) -> str:
    """The description with its checksum, by which damage to it or to the arrays is noticed."""
    total = zlib.crc32(text.encode())
    for name, array in sorted(arrays.items()):
        total = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total)
        total = zlib.crc32(np.ascontiguousarray(array).data, total)
    return SEAL.format(total) + text[1:]
