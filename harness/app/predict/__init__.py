"""Pictures of digits from any source, brought to MNIST's form and classified."""
