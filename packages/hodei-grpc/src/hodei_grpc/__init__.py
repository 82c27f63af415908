"""The control plane of the Hodei job platform over gRPC."""
