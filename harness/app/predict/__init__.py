"""Pictures of digits that anybody may have made, brought to MNIST's form and read."""
