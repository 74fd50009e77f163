"""FlowForge's own dialect."""
