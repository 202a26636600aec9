"""Find the causes of HTTP 502, 503 and 504 errors in configuration, before it is deployed."""

__version__ = "0.1.0"
