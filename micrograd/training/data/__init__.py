"""The arguments of `fit` -> examples, their splits and their batches."""
