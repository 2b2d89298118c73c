"""Blocks -> loops, lanes and memory: in which order a program runs, and where its values lie."""
