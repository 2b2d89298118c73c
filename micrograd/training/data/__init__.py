"""What `fit` is given -> examples, in parts and batches."""
