"""Model, loss and optimiser -> training steps."""
