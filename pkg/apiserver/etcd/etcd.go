// Package etcd is the store that the API server brings along: one etcd in its own process, on a socket that nobody else can open.
// It holds nothing that is not in a user's manifests or can be found out again, so losing it is cheap; but it is a real etcd, with
// every write on the disk before it is answered.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"k8s.io/klog/v2"
)

const (
	// quotaBytes is when etcd stops taking writes. A thousand GitRepositories with a thousand objects each take about 300 MB.
	quotaBytes = 2 << 30
	// defragThresholdMegabytes is how much must be gained for the file to be rewritten at the start.
	defragThresholdMegabytes = 32
	// startTimeout allows for the replay of a long log from a slow disk.
	startTimeout = 2 * time.Minute
	// maxSocketPath is what the address of a Unix socket holds, on the strictest of the supported systems.
	maxSocketPath = 103

	memberName = "nopea"
)

// Server is a running etcd.
type Server struct {
	etcd     *embed.Etcd
	lock     *fileutil.LockedFile
	socket   string
	stopping atomic.Bool
}

// ValidateDir says whether a data directory can be used at all.
func ValidateDir(dataDir string) error {
	if dataDir == "" {
		return errors.New("--data-dir must not be empty, unless --etcd-servers is given")
	}
	absolute, err := filepath.Abs(dataDir)
	if err != nil {
		return fmt.Errorf("--data-dir: %w", err)
	}
	if socket := socketPath(absolute); len(socket) > maxSocketPath {
		return fmt.Errorf("--data-dir is too long by %d characters for the path of a socket in it (%s)", len(socket)-maxSocketPath, socket)
	}
	return nil
}

// Start runs an etcd on the data directory and waits until it serves. It is not stopped by the context, which only bounds the
// start: Close stops it, once nobody needs it any more.
func Start(ctx context.Context, dataDir string) (*Server, error) {
	if err := ValidateDir(dataDir); err != nil {
		return nil, err
	}
	dataDir, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	dir := privateDir(dataDir)
	if err := makePrivate(dir); err != nil {
		return nil, err
	}
	lock, err := fileutil.TryLockFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, fileutil.PrivateFileMode)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, fmt.Errorf("data directory %s is in use by another nopea-apiserver: stop that one, or give this one a --data-dir of its own", dataDir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock data directory %s: %w", dataDir, err)
	}
	server := &Server{lock: lock, socket: socketPath(dataDir)}
	if server.etcd, err = startEmbedded(configuration(dir, server.socket, newLogger(klog.FromContext(ctx), &server.stopping))); err != nil {
		return nil, errors.Join(explain(dir, err), lock.Close())
	}
	if err := server.waitReady(ctx); err != nil {
		return nil, errors.Join(explain(dir, err), server.Close())
	}
	return server, nil
}

// privateDir is a folder of its own in the data directory, because that itself may be a mounted volume with modes of its own.
func privateDir(dataDir string) string { return filepath.Join(dataDir, "etcd") }

func socketPath(dataDir string) string { return filepath.Join(privateDir(dataDir), "client.sock") }

// makePrivate keeps everybody else on the machine from the data, and from the socket, which asks for no password.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, fileutil.PrivateDirMode); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	if err := os.Chmod(dir, fileutil.PrivateDirMode); err != nil {
		return fmt.Errorf("make data directory private: %w", err)
	}
	return nil
}

func configuration(dir, socket string, logger *zap.Logger) *embed.Config {
	config := embed.NewConfig()
	config.Name = memberName
	config.Dir = dir
	client := url.URL{Scheme: "unix", Path: socket}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	// There are no peers, so none are listened to; the address only gives the member its identity.
	config.ListenPeerUrls = nil
	config.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:2380"}}
	config.InitialCluster = config.InitialClusterFromName(memberName)
	config.QuotaBackendBytes = quotaBytes
	config.BootstrapDefragThresholdMegabytes = defragThresholdMegabytes
	// The API server compacts, as with any other etcd; two that do would take each other's history.
	config.AutoCompactionRetention = "0"
	config.EnableGRPCGateway = false
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)
	return config
}

// startEmbedded turns the panics by which etcd reports data that it cannot read into errors.
func startEmbedded(config *embed.Config) (started *embed.Etcd, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			started, err = nil, fmt.Errorf("start etcd: %v", reason)
		}
	}()
	if started, err = embed.StartEtcd(config); err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	return started, nil
}

func explain(dir string, err error) error {
	return fmt.Errorf("%w; if the data in %s is damaged, move that directory away, start again, and apply your GitRepositories once more: "+
		"what runs in the cluster is not touched by that (see docs/operations.md)", err, dir)
}

func (s *Server) waitReady(ctx context.Context) error {
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-s.etcd.Server.ReadyNotify():
		return nil
	case err := <-s.etcd.Err():
		return fmt.Errorf("start etcd: %w", err)
	case <-timeout.C:
		return fmt.Errorf("start etcd: not ready within %s", startTimeout)
	case <-ctx.Done():
		return fmt.Errorf("start etcd: %w", context.Cause(ctx))
	}
}

// Endpoint is the address for clients.
func (s *Server) Endpoint() string { return "unix://" + s.socket }

// Wait returns when etcd has ended: with the reason, or with none after Close.
func (s *Server) Wait() error {
	err := errors.New("it stopped by itself")
	select {
	case err = <-s.etcd.Err():
	case <-s.etcd.Server.StopNotify():
	}
	if s.stopping.Load() {
		return nil
	}
	return fmt.Errorf("etcd: %w", err)
}

// Close stops etcd, and lets go of the data directory.
func (s *Server) Close() error {
	s.stopping.Store(true)
	s.etcd.Close()
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("unlock data directory: %w", err)
	}
	return nil
}
