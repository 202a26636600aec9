// Package auth lets nobody in: the lab has no logins.
package auth

import "net/http"

type SecretProvider func(user, realm string) string

type BasicAuth struct {
	Realm   string
	Secrets SecretProvider
}

func CheckSecret(password, secret string) bool { return false }

func (*BasicAuth) RequireAuth(w http.ResponseWriter, r *http.Request) { refuse(w) }

type DigestAuth struct{}

func NewDigestAuthenticator(realm string, secrets SecretProvider) *DigestAuth { return &DigestAuth{} }

func DigestAuthParams(header string) map[string]string { return nil }

func (*DigestAuth) CheckAuth(r *http.Request) (string, *string) { return "", nil }

func (*DigestAuth) RequireAuth(w http.ResponseWriter, r *http.Request) { refuse(w) }

func (*DigestAuth) RequireAuthStale(w http.ResponseWriter, r *http.Request) { refuse(w) }

func refuse(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }
