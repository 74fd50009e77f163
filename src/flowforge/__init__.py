"""FlowForge: run pipelines, unify CI systems, ship applications."""
