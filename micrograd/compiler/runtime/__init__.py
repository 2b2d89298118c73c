"""LLVM IR -> machine code; its buffers, threads and calls."""
