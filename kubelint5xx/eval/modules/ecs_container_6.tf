# terraform-aws-modules/ecs 6 and 7, its submodule container-definition: one container in the API's words, which the
# arguments have, too. It is killed 120 s after SIGTERM unless the call says otherwise.
variable "name" { default = null }
variable "image" { default = null }
variable "command" { default = null }
variable "entrypoint" { default = null }
variable "environment" { default = null }
variable "environmentFiles" { default = null }
variable "secrets" { default = null }
variable "essential" { default = null }
variable "portMappings" { default = null }
variable "linuxParameters" { default = {} }
variable "stopTimeout" { default = 120 }

locals {
  definition = {
    name             = var.name
    image            = var.image
    command          = var.command
    entrypoint       = var.entrypoint
    environment      = var.environment
    environmentFiles = var.environmentFiles
    secrets          = var.secrets
    essential        = var.essential
    portMappings     = var.portMappings
    linuxParameters  = var.linuxParameters
    stopTimeout      = var.stopTimeout
  }
}

output "container_definition" { value = local.definition }
