"""Training: `fit`, on arrays and on files, in native code or on Values."""
