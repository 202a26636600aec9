variable "cluster_name" {
  type    = string
  default = "parcels"
}

variable "subnet_ids" {
  description = "Private subnets, one per availability zone."
  type        = list(string)
}

variable "node_security_group_id" {
  description = "Security group of the nodes."
  type        = string
}

variable "cluster_role_arn" {
  description = "IAM role of the control plane."
  type        = string
}

variable "node_role_arn" {
  description = "IAM role of the nodes of managed groups."
  type        = string
}

variable "node_instance_profile" {
  description = "Instance profile of the nodes of workers."
  type        = string
}

variable "handler_role_arn" {
  description = "IAM role of the termination handler."
  type        = string
}
