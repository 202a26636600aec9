#!/bin/bash
set -e

python manage.py migrate --noinput
gunicorn --bind 0.0.0.0:8000 --worker-class gthread --keep-alive 75 --graceful-timeout 15 stage.wsgi:app
