"""Does what the rules accuse make 5xx, and does the fix end them? Real servers behind real balancers, counted."""
