bind = "0.0.0.0:6012"
workers = 5
worker_class = "eventlet"
worker_connections = 256
