"""`make bench`: what FlowForge costs on this machine, beside what it is compared with, measured in the same run.

Each figure is a module of `bench.figures`. What is compared is interleaved round by round, so that ratios hold on a
machine that others use too. Everything listens on loopback, lives in a temporary folder and is bounded.
"""
