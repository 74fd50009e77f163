"""Pages for browsers: rendered here, made of links and forms, in need of no script."""
