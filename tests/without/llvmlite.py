"""Hides llvmlite: with PYTHONPATH=tests/without every process is as where it is not installed."""

raise ModuleNotFoundError("No module named 'llvmlite' (hidden by tests/without)", name="llvmlite")
