"""Loops -> C99."""
