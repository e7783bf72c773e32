"""The laboratory of the end-to-end scenes: real mail servers, name servers and a real certificate authority, in
network namespaces of their own. tests/README.md tells how to write and run a scene."""
