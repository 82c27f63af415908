"""What goes over HTTP: requests and resources."""
