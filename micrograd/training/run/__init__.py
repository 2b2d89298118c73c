"""Steps -> a training run: when it ends, how it goes on, what it reports."""
