"""Rules, the facts that they compute with, and what runs them over a model."""
