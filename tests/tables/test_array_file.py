"""Array files: reading returns what was written, or raises an error."""

import numpy as np
import pytest

from micrograd.files.array_file import Kind

KIND = Kind("test", 1, "thing", ValueError)
ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([1, 2], np.int32)}


def test_it_holds_what_was_written(tmp_path):
    (tmp_path / "f").write_bytes(KIND.pack(ARRAYS, {"name": "ä", "lowest": float("inf")}))
    arrays, description = KIND.read(tmp_path / "f")
    assert description == {"name": "ä", "lowest": float("inf")}
    assert {name: array.dtype for name, array in arrays.items()} == {"a": float, "b": np.int32}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)


def test_no_byte_may_change_and_none_be_missing(tmp_path):
    path, content = tmp_path / "f", KIND.pack(ARRAYS, {"name": "ä"})
    for place in range(len(content)):
        changed = bytes([content[place] ^ 1])
        path.write_bytes(content[:place] + changed + content[place + 1 :])
        with pytest.raises(ValueError, match=r"damaged|truncated|not a thing|version"):
            KIND.read(path)
        path.write_bytes(content[:place])
        with pytest.raises(ValueError, match="truncated"):
            KIND.read(path)
