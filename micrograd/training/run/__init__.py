"""Steps -> a training run: when it ends, how it resumes, what it reports."""
