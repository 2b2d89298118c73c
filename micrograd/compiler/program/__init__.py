"""A graph -> blocks of alike scalars, and their gradients: what is computed."""
