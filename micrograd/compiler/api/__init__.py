"""The public interface: `compile`, `vectorize`, and the functions that they return."""
