"""Expressions into values: Terraform's modules and plans, as far as the files alone determine them.

What the files do not determine stays in the result as ``Unresolved`` with its reason, and what another object
determines stays as ``Reference``. Nothing here executes code, calls a provider or reads beyond the given sources.
"""
