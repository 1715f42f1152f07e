// Command timestamp-server is Sigstore's timestamp authority with a key and a
// certificate chain of its own, made anew at each start. The project's own command
// serves metrics on one fixed port, so two could not run on one machine.
package main

import (
	"flag"
	"log"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/server"
	"github.com/spf13/viper"
)

// policy is the OID that Sigstore's timestamps carry.
const policy = "1.3.6.1.4.1.57264.2"

func main() {
	host := flag.String("host", "127.0.0.1", "address to listen on")
	port := flag.Int("port", 3000, "port to listen on")
	flag.Parse()

	viper.Set("timestamp-signer", "memory")
	viper.Set("timestamp-signer-hash", "sha256")
	viper.Set("default-policy-oid", policy)
	viper.Set("accepted-policy-oids", []string{policy})
	viper.Set("max-request-body-size", 1<<20)

	authority := server.NewRestAPIServer(*host, *port, []string{"http"}, false, time.Minute, time.Minute)
	authority.CleanupTimeout = time.Second
	log.Fatal(authority.Serve())
}
