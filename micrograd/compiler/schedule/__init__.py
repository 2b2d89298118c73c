"""Blocks -> loops, lanes and memory: in which order a program is computed, and where."""
