#!/bin/bash
exec gunicorn --bind 0.0.0.0:5000 --keep-alive 5 atlas.server:app
