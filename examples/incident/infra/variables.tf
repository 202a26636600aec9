variable "region" {
  type    = string
  default = "us-west-2"
}

variable "cluster_name" {
  type    = string
  default = "harbor"
}

variable "vpc_id" {
  description = "VPC of the cluster and of the load balancer."
  type        = string
}

variable "public_subnet_ids" {
  description = "Subnets of the load balancer, one per availability zone."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "Subnets of the nodes, one per availability zone."
  type        = list(string)
}

variable "certificate_arn" {
  description = "ACM certificate of catalog.harborlane.io."
  type        = string
}

variable "artifact_bucket" {
  description = "Bucket with the packages of Lambda functions."
  type        = string
  default     = "harborlane-artifacts"
}
