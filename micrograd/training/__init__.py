"""Training: fit, tables of data, the model file."""
