"""A Python function -> a graph of symbols."""
