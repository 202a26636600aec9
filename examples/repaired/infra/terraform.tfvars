vpc_id             = "vpc-0b71f2c9d3a4e5f60"
public_subnet_ids  = ["subnet-0a1f3c5e7d9b2468a", "subnet-0b2e4d6f8a1c3579b", "subnet-0c3d5e7f9b1a2468c"]
private_subnet_ids = ["subnet-0d4c6b8a9f1e3572d", "subnet-0e5b7a9c8d2f4613e", "subnet-0f6a8b9d7c3e5124f"]
certificate_arn    = "arn:aws:acm:us-west-2:417203958861:certificate/5c2b1c84-6f0d-4f5e-9d11-0d6b1a7c9e32"
