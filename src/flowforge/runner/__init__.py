"""The agent: claims jobs, opens rooms, runs steps, reports; decides nothing."""
