"""Training: `fit`, on arrays or files, with native code or with Values."""
