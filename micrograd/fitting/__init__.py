"""Fitting: the unknowns of a formula, found from data; SciPy's searches with exact derivatives."""
