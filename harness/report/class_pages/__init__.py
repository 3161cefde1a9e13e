"""The pages of submissions and the page of a class."""
