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

resource "aws_security_group" "inference" {
  name   = "inference"
  vpc_id = var.vpc

  ingress {
    description = "office"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.20.0.0/16"]
  }
}

resource "aws_s3_bucket" "datasets" {
  bucket = "example-training-sets"
}

resource "aws_s3_bucket_public_access_block" "datasets" {
  bucket                  = aws_s3_bucket.datasets.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
