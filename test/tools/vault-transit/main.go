// Command vault-transit is the transit engine of HashiCorp Vault, in memory, behind the
// part of Vault's HTTP interface that clients of transit use: one token, one mount, the
// login of the Kubernetes auth method, and a seal that can be closed. Vault's whole
// server does not build as a module; the engine is its own code.
package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/logical"
)

const maxBody = 1 << 20

type server struct {
	backend logical.Backend
	storage logical.Storage
	mount   string
	token   string
	// The namespace that every request must name; empty for none.
	namespace string
	// What the Kubernetes auth method takes: a role, and the content of a token file.
	role, jwtFile string
	sealed        atomic.Bool
}

func main() {
	address := flag.String("address", "127.0.0.1:8200", "host and port to listen on")
	certificate := flag.String("certificate", "", "PEM file; serves https")
	key := flag.String("key", "", "PEM file of the certificate's key")
	mount := flag.String("mount", "transit", "where the engine is mounted")
	token := flag.String("token", "tests", "the only token")
	namespace := flag.String("namespace", "", "X-Vault-Namespace that requests must carry")
	role := flag.String("role", "", "role of the Kubernetes auth method")
	jwtFile := flag.String("jwt-file", "", "the token that this role logs in with")
	flag.Parse()

	storage := &logical.InmemStorage{}
	backend, err := transit.Factory(context.Background(), &logical.BackendConfig{
		StorageView: storage,
		Logger:      hclog.NewNullLogger(),
		System:      logical.TestSystemView(),
	})
	if err != nil {
		log.Fatal(err)
	}
	s := &server{backend: backend, storage: storage, mount: *mount, token: *token,
		namespace: *namespace, role: *role, jwtFile: *jwtFile}
	if *certificate != "" {
		log.Fatal(http.ListenAndServeTLS(*address, *certificate, *key, s))
	}
	log.Fatal(http.ListenAndServe(*address, s))
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	switch {
	case path == "sys/seal" || path == "sys/unseal":
		s.sealed.Store(path == "sys/seal")
		w.WriteHeader(http.StatusNoContent)
	case s.sealed.Load():
		fail(w, http.StatusServiceUnavailable, "Vault is sealed")
	case path == "sys/health":
		answer(w, map[string]any{"initialized": true, "sealed": false})
	case r.Header.Get("X-Vault-Namespace") != s.namespace:
		fail(w, http.StatusNotFound, "no handler for route \""+path+"\". route entry not found.")
	case path == "auth/kubernetes/login":
		s.login(w, r)
	case !same(r.Header.Get("X-Vault-Token"), s.token):
		fail(w, http.StatusForbidden, "permission denied")
	case strings.HasPrefix(path, s.mount+"/"):
		s.transit(w, r, strings.TrimPrefix(path, s.mount+"/"))
	default:
		fail(w, http.StatusNotFound, "no handler for route \""+path+"\". route entry not found.")
	}
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	asked := struct{ Role, JWT string }{}
	expected, err := os.ReadFile(s.jwtFile)
	if err != nil || json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&asked) != nil ||
		asked.Role != s.role || !same(asked.JWT, strings.TrimSpace(string(expected))) {
		fail(w, http.StatusForbidden, "permission denied")
		return
	}
	answer(w, map[string]any{"auth": map[string]any{"client_token": s.token, "lease_duration": 3600, "renewable": true}})
}

func (s *server) transit(w http.ResponseWriter, r *http.Request, path string) {
	request := &logical.Request{Storage: s.storage, Path: path, Data: map[string]any{}, ClientToken: s.token}
	switch r.Method {
	case http.MethodGet:
		request.Operation = logical.ReadOperation
	case http.MethodDelete:
		request.Operation = logical.DeleteOperation
	case http.MethodPost, http.MethodPut:
		request.Operation = logical.UpdateOperation
		decoder := json.NewDecoder(io.LimitReader(r.Body, maxBody))
		decoder.UseNumber()
		if err := decoder.Decode(&request.Data); err != nil && !errors.Is(err, io.EOF) {
			fail(w, http.StatusBadRequest, "error parsing JSON")
			return
		}
		if checked, exists, err := s.backend.HandleExistenceCheck(r.Context(), request); err == nil && checked && !exists {
			request.Operation = logical.CreateOperation
		}
	default:
		fail(w, http.StatusMethodNotAllowed, "unsupported operation")
		return
	}
	response, err := s.backend.HandleRequest(r.Context(), request)
	status, err := logical.RespondErrorCommon(request, response, err)
	switch {
	case err != nil:
		fail(w, status, err.Error())
	case response == nil && status == http.StatusNotFound:
		fail(w, status)
	case response == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		answer(w, logical.LogicalResponseToHTTPResponse(response))
	}
}

func same(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, messages ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string][]string{"errors": messages})
}
