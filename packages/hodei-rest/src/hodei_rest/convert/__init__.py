"""From requests to what the use cases take, and from what they give to resources."""
