"""Tables of what servers, proxies and load balancers do, one file a product, and what turns settings into hops."""
