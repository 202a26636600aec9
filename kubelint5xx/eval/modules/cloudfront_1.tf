# terraform-aws-modules/cloudfront 1 to 4: a distribution and its origins.
variable "create_distribution" { default = true }
variable "origin" { default = {} }

resource "aws_cloudfront_distribution" "this" {
  count = var.create_distribution ? 1 : 0

  dynamic "origin" {
    for_each = try(coalesce(var.origin), {})
    content {
      domain_name        = origin.value.domain_name
      connection_timeout = try(origin.value.connection_timeout, null)

      dynamic "custom_origin_config" {
        for_each = try(length(origin.value.custom_origin_config), 0) > 0 ? [origin.value.custom_origin_config] : []
        content {
          origin_keepalive_timeout = try(custom_origin_config.value.origin_keepalive_timeout, null)
          origin_read_timeout      = try(custom_origin_config.value.origin_read_timeout, null)
        }
      }
    }
  }
}

output "cloudfront_distribution_id" { value = try(aws_cloudfront_distribution.this[0].id, "") }
output "cloudfront_distribution_arn" { value = try(aws_cloudfront_distribution.this[0].arn, "") }
output "cloudfront_distribution_domain_name" { value = try(aws_cloudfront_distribution.this[0].domain_name, "") }
