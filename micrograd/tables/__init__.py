"""Tables: from a table, and the name of its target, to a model in a file that predicts it."""
