"""Real servers, started on loopback and measured: what the hop tables say has to hold for them."""
