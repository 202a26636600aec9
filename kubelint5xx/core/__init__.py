"""Texts, places, trees of values and findings. Knows nothing of Kubernetes or HTTP."""
