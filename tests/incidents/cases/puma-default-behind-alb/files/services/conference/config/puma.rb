threads 5, 5
port ENV.fetch("PORT", 3000)
environment ENV.fetch("RAILS_ENV", "production")

plugin :tmp_restart
