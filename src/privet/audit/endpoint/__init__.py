"""Does an endpoint leak? Fourteen tests from outside, each with a verdict, an exact interval and the power behind it."""
