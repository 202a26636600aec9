"""How things find each other. The only code that knows what Kubernetes, Terraform and AWS objects mean."""
