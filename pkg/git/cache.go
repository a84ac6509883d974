package git

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

// CacheOptions configure a Cache. Only Dir is required.
type CacheOptions struct {
	// Dir is where objects are kept, so that a restart transfers nothing again. One process per folder.
	Dir string
	// Limits apply to each source.
	Limits Limits
	// Transport is used for all requests; nil means one of its own, with the proxy settings of the environment.
	Transport http.RoundTripper
	// UserAgent is told to servers; default "nopea".
	UserAgent string
	// IdleTTL is how long Prune leaves a source that nobody asks for; default one hour.
	IdleTTL time.Duration
}

const (
	defaultUserAgent = "nopea"
	defaultIdleTTL   = time.Hour

	saltName   = "salt"
	saltSize   = 32
	trashMark  = ".trash"
	sourceMark = "s-"
)

// Cache hands out Sources and owns what they share: connections, and a folder on disk. It is safe for concurrent use.
type Cache struct {
	opts          CacheOptions
	salt          []byte
	created       time.Time
	hosts         hosts
	clients       *httpClients
	ssh           *sshPool
	installations *installations

	mu      sync.Mutex
	sources map[string]*sourceState
}

// NewCache prepares the folder. It transfers nothing.
func NewCache(o CacheOptions) (*Cache, error) {
	o.Limits = o.Limits.withDefaults()
	if o.UserAgent == "" {
		o.UserAgent = defaultUserAgent
	}
	if o.IdleTTL <= 0 {
		o.IdleTTL = defaultIdleTTL
	}
	if o.Dir == "" {
		return nil, failf(Storage, "no cache folder is given")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, storageError(err)
	}
	salt, err := readSalt(filepath.Join(o.Dir, saltName))
	if err != nil {
		return nil, err
	}
	if err := clearKnownHosts(o.Dir); err != nil {
		return nil, err
	}
	return &Cache{
		opts: o, salt: salt, created: time.Now(), sources: map[string]*sourceState{},
		clients: newHTTPClients(o.Transport), ssh: newSSHPool(), installations: &installations{},
	}, nil
}

// readSalt keeps the names of folders from telling anything about the credentials they depend on.
func readSalt(path string) ([]byte, error) {
	salt, err := os.ReadFile(path)
	if err == nil && len(salt) == saltSize {
		return salt, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, storageError(err)
	}
	salt = make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails, by its documentation
	if err := os.WriteFile(path+tempSuffix, salt, 0o600); err != nil {
		return nil, storageError(err)
	}
	if err := os.Rename(path+tempSuffix, path); err != nil {
		return nil, storageError(err)
	}
	return salt, nil
}

// Close closes connections. What is on disk stays.
func (c *Cache) Close() {
	c.clients.close()
	c.ssh.close()
}

// Source gives access to the repository at url. It costs nothing and asks nobody; whether URL and credential are any good shows at the
// first request. Sources with the same URL and credential share requests, results and disk; with another credential they share
// nothing, so that nobody is given what was fetched with a credential that they do not have. Errors: InvalidURL, InvalidCredentials.
func (c *Cache) Source(url string, cred Credentials) (*Source, error) {
	at, err := parseURL(url)
	if err != nil {
		return nil, describe("use URL", "", "", err)
	}
	if err := cred.validate(at); err != nil {
		return nil, describe("use credentials", at.String(), "", err)
	}
	return &Source{cache: c, key: sourceMark + c.digest(at.String(), cred.content()...), at: at, cred: &cred}, nil
}

// sshKey stands for all that a connection of SSH depends on.
func (c *Cache) sshKey(at place, cred *Credentials) string {
	return c.digest(at.User.Username()+"@"+at.address(), cred.SSHKey, cred.SSHPassphrase, cred.KnownHosts,
		cred.Proxy.Address, cred.Proxy.Username, cred.Proxy.Password)
}

func (c *Cache) digest(first string, rest ...string) string {
	h := hmac.New(sha256.New, c.salt)
	for _, part := range append([]string{first}, rest...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// acquire gives the state that all Sources of that key share. The caller calls release when its operation is over.
func (c *Cache) acquire(s *Source) *sourceState {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.sources[s.key]
	if st == nil {
		st = newSourceState(c, s)
		c.sources[s.key] = st
	}
	st.users++
	return st
}

func (c *Cache) release(st *sourceState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st.users--
	st.lastUsed = time.Now()
}

// Prune removes what nobody asked for in the last IdleTTL, from memory and disk. Call it now and then, as often as IdleTTL. A Source that
// is used again later fetches afresh.
func (c *Cache) Prune(ctx context.Context, now time.Time) error {
	c.clients.prune(now.Add(-c.opts.IdleTTL))
	doomed, err := c.bury(now)
	for _, dir := range doomed {
		if removeErr := os.RemoveAll(dir); removeErr != nil {
			err = errors.Join(err, storageError(removeErr))
		}
	}
	if len(doomed) > 0 {
		klog.FromContext(ctx).V(2).Info("Removed idle Git sources", "count", len(doomed))
	}
	return err
}

// bury moves the folders of idle sources out of the way, while nobody can begin to use them.
func (c *Cache) bury(now time.Time) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, st := range c.sources {
		if st.users == 0 && now.Sub(st.lastUsed) > c.opts.IdleTTL {
			delete(c.sources, key)
		}
	}
	entries, err := os.ReadDir(c.opts.Dir)
	if err != nil {
		return nil, storageError(err)
	}
	var doomed []string
	for _, e := range entries {
		path := filepath.Join(c.opts.Dir, e.Name())
		switch {
		case !strings.HasPrefix(e.Name(), sourceMark) || c.sources[e.Name()] != nil:
		case strings.HasSuffix(e.Name(), trashMark):
			doomed = append(doomed, path)
		case c.idleOnDisk(e, now):
			if err := os.Rename(path, path+trashMark); err != nil {
				return doomed, storageError(err)
			}
			doomed = append(doomed, path+trashMark)
		}
	}
	return doomed, nil
}

// idleOnDisk judges a folder that no source in memory belongs to. After a restart each gets a whole IdleTTL to be asked for.
func (c *Cache) idleOnDisk(e fs.DirEntry, now time.Time) bool {
	info, err := e.Info()
	return err == nil && now.Sub(c.created) > c.opts.IdleTTL && now.Sub(info.ModTime()) > c.opts.IdleTTL
}
