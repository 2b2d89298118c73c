"""Tables: train a model on a table and the name of its target, save it, and predict with it."""
