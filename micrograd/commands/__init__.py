"""The commands: each parses its arguments, makes one library call, and prints.

Each imports what it needs when it runs, so that `--help` is instant: training needs NumPy.
"""
