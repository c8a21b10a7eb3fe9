terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.76"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

resource "aws_instance" "inference" {
  ami                         = var.ami
  instance_type               = "g5.2xlarge"
  subnet_id                   = var.private_subnet
  associate_public_ip_address = false
  vpc_security_group_ids      = [aws_security_group.inference.id]
  user_data                   = file("${path.module}/cloud-init.sh")

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    encrypted   = true
    volume_size = 200
  }
}
