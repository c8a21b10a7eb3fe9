"""No outside call unless it is named."""
