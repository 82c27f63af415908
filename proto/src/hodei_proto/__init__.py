"""Wire contract of the Hodei job platform: .proto files, messages, descriptor set."""
