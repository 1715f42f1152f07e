// Command registry-referrers is an in-memory OCI registry that answers the
// referrers API. It forgets everything when it stops.
package main

import (
	"crypto/subtle"
	"flag"
	"io"
	"log"
	"net/http"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	address := flag.String("address", "127.0.0.1:5000", "host and port to listen on")
	certificate := flag.String("certificate", "", "PEM file; serves https")
	key := flag.String("key", "", "PEM file of the certificate's key")
	account := flag.String("account", "", "user:password that every request must carry")
	flag.Parse()

	handler := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	if *account != "" {
		handler = requireAccount(*account, handler)
	}
	if *certificate != "" {
		log.Fatal(http.ListenAndServeTLS(*address, *certificate, *key, handler))
	}
	log.Fatal(http.ListenAndServe(*address, handler))
}

func requireAccount(account string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(user+":"+password), []byte(account)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="tests"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
