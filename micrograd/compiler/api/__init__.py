"""What users hold: `compile`, `vectorize`, and what they return."""
