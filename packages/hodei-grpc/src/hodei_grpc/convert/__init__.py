"""Between messages and domain values, without I/O; a module per room."""
