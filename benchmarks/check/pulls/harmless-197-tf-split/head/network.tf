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
