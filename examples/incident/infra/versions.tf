terraform {
  required_version = ">= 0.13"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 3.20"
    }
  }

  backend "s3" {
    bucket = "harborlane-terraform"
    key    = "catalog/terraform.tfstate"
    region = "us-west-2"
  }
}

provider "aws" {
  region = var.region
}
