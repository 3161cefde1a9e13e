"""What each section of the report says, in the order of the page."""
