"""Fitting: the unknowns of a formula, from one set of data or many; SciPy's searches, exactly derived."""
