"""A model, a loss and an optimiser -> training steps."""
