"""Arrays of scalars: NumPy's functions, as formulas of the table."""
