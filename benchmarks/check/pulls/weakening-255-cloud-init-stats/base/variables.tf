variable "ami" {
  type = string
}

variable "private_subnet" {
  type = string
}

variable "vpc" {
  type = string
}
