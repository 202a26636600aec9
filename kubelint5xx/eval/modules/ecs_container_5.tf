# terraform-aws-modules/ecs 5, its submodule container-definition: one container in the API's words, of which those
# that say nothing are left out. It is killed 120 s after SIGTERM unless the call says otherwise.
variable "name" { default = null }
variable "image" { default = null }
variable "command" { default = [] }
variable "entrypoint" { default = [] }
variable "environment" { default = [] }
variable "environment_files" { default = [] }
variable "secrets" { default = [] }
variable "essential" { default = null }
variable "port_mappings" { default = [] }
variable "linux_parameters" { default = {} }
variable "stop_timeout" { default = 120 }

locals {
  definition = {
    name             = var.name
    image            = var.image
    command          = length(var.command) > 0 ? var.command : null
    entrypoint       = length(var.entrypoint) > 0 ? var.entrypoint : null
    environment      = var.environment
    environmentFiles = length(var.environment_files) > 0 ? var.environment_files : null
    secrets          = length(var.secrets) > 0 ? var.secrets : null
    essential        = var.essential
    portMappings     = var.port_mappings
    linuxParameters  = var.linux_parameters
    stopTimeout      = var.stop_timeout
  }
}

output "container_definition" { value = local.definition }
