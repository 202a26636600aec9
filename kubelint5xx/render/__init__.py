"""Charts and overlays, made into objects by the tools that their users have. The only code that starts programs."""
