bind = "0.0.0.0:8000"
workers = 4
worker_class = "gthread"
worker_tmp_dir = "/dev/shm"

# Longer than the idle timeout of the load balancer (60 s).
keepalive = 75
timeout = 60
graceful_timeout = 30

accesslog = "-"
