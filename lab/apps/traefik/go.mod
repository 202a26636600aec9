module lab

go 1.26.0

require github.com/traefik/traefik/v3 v3.7.13

// What only certificates and logins need, and what cannot be had without being Traefik's own module, is left out.
replace (
	github.com/abbot/go-http-auth => ./auth
	github.com/go-acme/lego/v5 => ./lego
	github.com/gorilla/mux => github.com/containous/mux v0.0.0-20250523120546-41b6ec3aed59
	github.com/traefik/traefik/dynamic/ext => ./ext
)

exclude github.com/tencentcloud/tencentcloud-sdk-go v3.0.83+incompatible
