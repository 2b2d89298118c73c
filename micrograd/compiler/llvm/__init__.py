"""Loops -> LLVM IR."""
