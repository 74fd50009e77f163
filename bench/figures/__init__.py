"""The figures: each module has `measure(rounds, results)`."""
