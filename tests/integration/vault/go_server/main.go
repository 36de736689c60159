// A HashiCorp Vault server for the tests: the parts of its Go module that warder speaks to, served on loopback.
//
//	vault_server --listen 127.0.0.1:8200 --cluster 127.0.0.1:8201 --data FOLDER
//	             [--certificate FILE --key FILE --authority FILE]
//
// Raft storage, a Shamir seal, audit devices of the types file and socket; KV 1 and 2, transit, pki, RabbitMQ (whose credentials have
// a lease); token, AppRole, Kubernetes, userpass and TLS certificates. Initialised, unsealed and set up over its API like any other. It
// ends on SIGTERM, or when killed.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	log "github.com/hashicorp/go-hclog"
	kubernetes "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/credential/cert"
	"github.com/hashicorp/vault/builtin/credential/userpass"
	"github.com/hashicorp/vault/builtin/logical/aws"
	"github.com/hashicorp/vault/builtin/logical/pki"
	"github.com/hashicorp/vault/builtin/logical/rabbitmq"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/command/server"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/physical/raft"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/vault"
)

var secrets = map[string]logical.Factory{
	"aws": aws.Factory, "kv": kv.Factory, "pki": pki.Factory, "rabbitmq": rabbitmq.Factory, "transit": transit.Factory}

var logins = map[string]logical.Factory{
	"approle": approle.Factory, "cert": cert.Factory, "kubernetes": kubernetes.Factory, "userpass": userpass.Factory}

// builtins tells the core what stands in the two tables above.
type builtins struct{}

func table(kind consts.PluginType) map[string]logical.Factory {
	switch kind {
	case consts.PluginTypeCredential:
		return logins
	case consts.PluginTypeSecrets:
		return secrets
	}
	return nil
}

func (builtins) Contains(name string, kind consts.PluginType) bool {
	_, found := table(kind)[name]
	return found
}

func (builtins) Get(name string, kind consts.PluginType) (func() (interface{}, error), bool) {
	factory, found := table(kind)[name]
	return func() (interface{}, error) { return factory, nil }, found
}

func (builtins) Keys(kind consts.PluginType) []string {
	var names []string
	for name := range table(kind) {
		names = append(names, name)
	}
	return names
}

func (b builtins) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, b.Contains(name, kind)
}

func (builtins) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "vault_server:", err)
		os.Exit(1)
	}
}

func serve() error {
	listen := flag.String("listen", "127.0.0.1:0", "address of the API")
	cluster := flag.String("cluster", "127.0.0.1:0", "address of the cluster's port")
	data := flag.String("data", "", "folder of the raft storage")
	certificate := flag.String("certificate", "", "server certificate; without one plain HTTP")
	key := flag.String("key", "", "its key")
	authority := flag.String("authority", "", "authority of client certificates")
	flag.Parse()

	api, err := net.Listen("tcp4", *listen)
	if err != nil {
		return err
	}
	clusterAddress, err := net.ResolveTCPAddr("tcp4", *cluster)
	if err != nil {
		return err
	}
	scheme := "http"
	if *certificate != "" {
		scheme = "https"
		if api, err = withTLS(api, *certificate, *key, *authority); err != nil {
			return err
		}
	}

	logger := log.New(&log.LoggerOptions{Name: "vault", Level: log.Info, Output: os.Stderr})
	storage, err := raft.NewRaftBackend(map[string]string{"path": *data, "node_id": "one"}, logger.Named("raft"))
	if err != nil {
		return err
	}
	here := scheme + "://" + api.Addr().String()
	core, err := vault.NewCore(&vault.CoreConfig{
		RawConfig:              &server.Config{SharedConfig: &configutil.SharedConfig{}},
		Physical:               storage,
		StorageType:            "raft",
		HAPhysical:             storage.(physical.HABackend),
		RedirectAddr:           here,
		ClusterAddr:            "https://" + *cluster,
		ClusterName:            "test",
		AuditBackends:          map[string]audit.Factory{"file": audit.NewFileBackend, "socket": audit.NewSocketBackend},
		CredentialBackends:     logins,
		LogicalBackends:        secrets,
		BuiltinRegistry:        builtins{},
		Logger:                 logger,
		DisableMlock:           true,
		AllowAuditLogPrefixing: true,
	})
	if err != nil {
		return err
	}

	core.SetClusterListenerAddrs([]*net.TCPAddr{clusterAddress})
	core.SetClusterHandler(vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{}}))
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core: core, ListenerConfig: &configutil.Listener{Address: api.Addr().String()}})

	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	answers := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-asked
		_ = core.Shutdown()
		_ = answers.Close()
	}()
	fmt.Println(here)
	if err := answers.Serve(api); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func withTLS(inner net.Listener, certificate, key, authority string) (net.Listener, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	settings := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert,
		NextProtos: []string{"h2", "http/1.1"}}
	if authority != "" {
		text, err := os.ReadFile(authority)
		if err != nil {
			return nil, err
		}
		settings.ClientCAs = x509.NewCertPool()
		settings.ClientCAs.AppendCertsFromPEM(text)
		settings.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return tls.NewListener(inner, settings), nil
}
